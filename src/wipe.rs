//! Wiping what work on the secret leaves behind.
//!
//! Code that reads, copies, compares or hashes the secret leaves parts of it in registers and on the
//! stack below its caller. Nobody clears them, and code that runs later may store them where nothing
//! wipes them: whoever copies an enum may fill the bytes that its variant does not use from a vector
//! register, whatever is in it.

use std::hint::black_box;
use std::mem::MaybeUninit;

/// How much of the stack is wiped. The work's own frames take less than 1 KiB. The rest is for registers
/// that are saved below them: by the kernel for a signal handler (3.5 KiB with AVX-512), or by the
/// dynamic loader, where it binds a function at its first call.
pub const STACK: usize = 6 * 1024;

/// More than what the frame of [`wipe_stack`] has above its array: the return address, saved registers,
/// what aligns the array.
const MARGIN: usize = 256;

/// Does `work`, and then wipes the stack that it has run on and the registers that it may have used:
/// general and vector registers on x86-64 and aarch64, and on other processors only the stack.
///
/// Neither what `work` gives is wiped nor what it captures.
#[inline(always)]
pub fn after<T>(work: impl FnOnce() -> T) -> T {
    // Dropped also where `work` panics.
    let _wiped = Wiped;
    below_margin(work)
}

struct Wiped;

impl Drop for Wiped {
    fn drop(&mut self) {
        // Miri has no assembly.
        if !cfg!(miri) {
            wipe_registers();
        }
        wipe_stack();
    }
}

/// Keeps the frames of `work` where the array of [`wipe_stack`] will be.
#[inline(never)]
fn below_margin<T>(work: impl FnOnce() -> T) -> T {
    let mut margin = MaybeUninit::<[u8; MARGIN]>::uninit();
    black_box(&mut margin);
    let given = in_own_frame(work);
    // In use until here, so that its place is not reused for the next frame.
    black_box(&mut margin);
    given
}

#[inline(never)]
fn in_own_frame<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe_stack() {
    let mut stack = [const { MaybeUninit::<[u8; 256]>::uninit() }; STACK / 256];
    // How many there are is hidden, so that this stays a small loop.
    for piece in black_box(stack.as_mut_slice()) {
        black_box(piece.write([0; 256]));
    }
}

/// Instructions that set registers to zero, for one register after the other.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! clear {
    ($instruction:literal, $registers:literal) => {
        std::arch::asm!(
            concat!(".irp reg, ", $registers),
            $instruction,
            ".endr",
            clobber_abi("C"),
            options(nostack),
        )
    };
}

#[cfg(target_arch = "x86_64")]
fn wipe_registers() {
    use std::arch::{asm, is_x86_feature_detected};

    // SAFETY: each block only clears registers, all of them ones that a function of C may change, and
    // says so. An extension is used where the processor and the system have it.
    unsafe {
        if is_x86_feature_detected!("avx512f") {
            if is_x86_feature_detected!("avx512vl") {
                // In their whole width. By their names of 512 bits it would slow some processors down.
                clear!(
                    "vpxord xmm\\reg, xmm\\reg, xmm\\reg",
                    "16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
                );
            } else {
                clear!(
                    "vpxord zmm\\reg, zmm\\reg, zmm\\reg",
                    "16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
                );
            }
            clear!("kxorw k\\reg, k\\reg, k\\reg", "0,1,2,3,4,5,6,7");
        }
        if is_x86_feature_detected!("avx") {
            // Registers 0 to 15, in their whole width, too.
            asm!("vzeroall", clobber_abi("C"), options(nostack));
        } else {
            clear!(
                "pxor xmm\\reg, xmm\\reg",
                "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
            );
        }
        clear!("xor \\reg, \\reg", "eax,ecx,edx,esi,edi,r8d,r9d,r10d,r11d");
    }
}

#[cfg(target_arch = "aarch64")]
fn wipe_registers() {
    // SAFETY: each block only clears registers, all of them ones that a function of C may change, and
    // says so; the compiler keeps the halves of v8 to v15 that such a function has to keep.
    unsafe {
        // In their whole width, also with SVE.
        clear!(
            "movi v\\reg\\().2d, #0",
            "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
        );
        clear!(
            "movi v\\reg\\().2d, #0",
            "16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
        );
        clear!(
            "mov x\\reg, xzr",
            "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"
        );
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn wipe_registers() {}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What is on the stack below the caller.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(never)]
    pub fn left_below(kept: &mut [u8; STACK]) {
        // In one instruction: whatever is called would write there.
        // SAFETY: as many bytes are written as `kept` has. Those that are read are this thread's, written to
        // before: nobody else has them, and they are no more than numbers.
        unsafe {
            std::arch::asm!(
                "mov rsi, rsp",
                "sub rsi, rcx",
                "rep movsb",
                inout("rcx") kept.len() => _,
                inout("rdi") kept.as_mut_ptr() => _,
                out("rsi") _,
            );
        }
    }

    #[test]
    fn what_the_work_gives_comes_back() {
        assert_eq!(after(|| 7), 7);
        assert_eq!(after(|| "given".to_owned()), "given");
        assert_eq!(after(|| [1_u64; 100]), [1; 100]);
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn work_leaves_nothing_on_the_stack() {
        let mut kept = [0; STACK];
        let work = || {
            let mut local = [0xa5_u8; STACK - 1024];
            black_box(&mut local);
        };
        in_own_frame(work);
        left_below(&mut kept);
        assert!(
            kept.iter().filter(|byte| **byte == 0xa5).count() > STACK / 2,
            "it looks elsewhere"
        );
        after(work);
        left_below(&mut kept);
        assert!(!kept.windows(4).any(|bytes| bytes == [0xa5; 4]));
        let panicking = || {
            work();
            panic!("in the middle of it");
        };
        assert!(std::panic::catch_unwind(|| after(panicking)).is_err());
        left_below(&mut kept);
        assert!(!kept.windows(4).any(|bytes| bytes == [0xa5; 4]));
    }
}
