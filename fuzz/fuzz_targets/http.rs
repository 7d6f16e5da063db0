//! Any bytes as an HTTP answer, in pieces of any size: no panic, the same answer however it comes in,
//! and nothing in it that was not received.
#![no_main]

use itnio::http::{ANSWER_LIMIT, Incoming, Malformed, Reply};
use libfuzzer_sys::fuzz_target;

/// The answer, how much had come in when it was whole, and whether it took the end for that.
fn read(bytes: &[u8], size: usize) -> Result<Option<(Reply, usize, bool)>, Malformed> {
    let mut incoming = Incoming::default();
    let mut received = 0;
    for piece in bytes.chunks(size).chain([&[][..]]) {
        received += piece.len();
        if let Some(reply) = incoming.take(piece)? {
            return Ok(Some((reply, received, piece.is_empty())));
        }
    }
    Ok(None)
}

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let at_once = read(bytes, bytes.len().max(1));
    let in_pieces = read(bytes, usize::from(*size) + 1);
    match (at_once, in_pieces) {
        (Ok(None), Ok(None)) => {}
        (Ok(Some((once, ..))), Ok(Some((pieced, received, ended)))) => {
            assert_eq!(once.http_status, pieced.http_status);
            assert_eq!(once.body(), pieced.body());
            assert_eq!(once.date, pieced.date);
            assert_eq!(once.has_age, pieced.has_age);
            assert_eq!(once.keep_alive, pieced.keep_alive);
            // What follows it may not have come yet.
            assert!(pieced.persists || !once.persists);
            assert!(!(ended && pieced.persists));
            assert!((101..=999).contains(&once.http_status));
            assert!(once.body().len() <= ANSWER_LIMIT.min(received));
            // A body is what was sent, in order; between chunks, something is left out.
            let mut sent = bytes.iter();
            assert!(once.body().iter().all(|byte| sent.any(|it| it == byte)));
        }
        (Err(_), Err(_)) => {}
        (once, pieced) => panic!("at once {once:?}, in pieces {pieced:?}"),
    }
});
