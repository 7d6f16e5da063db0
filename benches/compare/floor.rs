//! The floor: rustls on a bare blocking socket, a request built beforehand, the response read and
//! not parsed. No client can do less.
//!
//! It runs in this very executable, started anew as a worker; the loop is the C workers'.

use std::error::Error;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

const BODY: &str =
    r#"{"callee":"4915112345678","displayNum":"4915187654321","account":"1001","appId":"4"}"#;

/// `struct contender` of worker.h.
#[repr(C)]
struct Contender {
    version: extern "C" fn() -> *const c_char,
    set_up: unsafe extern "C" fn(*const c_char, *const c_char) -> c_int,
    open: extern "C" fn() -> *mut c_void,
    call: unsafe extern "C" fn(*mut c_void) -> c_int,
}

/// Runs the loop in `library`, the compiled worker.c, with the floor as its contender.
///
/// # Errors
///
/// Where the library cannot be loaded.
pub fn work(library: &OsStr, base_url: &OsStr, ca_file: &OsStr) -> Result<c_int, Box<dyn Error>> {
    type WorkerMain = unsafe extern "C" fn(*const Contender, *const c_char, *const c_char) -> c_int;
    let base_url = CString::new(base_url.as_bytes())?;
    let ca_file = CString::new(ca_file.as_bytes())?;
    let contender = Contender {
        version,
        set_up,
        open,
        call,
    };
    // SAFETY: worker.c has no initialisers, and `worker_main` is of this type.
    unsafe {
        let library = libloading::Library::new(library)?;
        let worker_main = library.get::<WorkerMain>(b"worker_main")?;
        Ok(worker_main(
            &raw const contender,
            base_url.as_ptr(),
            ca_file.as_ptr(),
        ))
    }
}

struct Target {
    address: String,
    request: String,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
}

static TARGET: OnceLock<Target> = OnceLock::new();

impl Target {
    fn new(base_url: &str, ca_file: &Path) -> Result<Target, Box<dyn Error>> {
        let (address, path) = base_url
            .strip_prefix("https://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or("no URL of this benchmark")?;
        let (host, _) = address.split_once(':').ok_or("no port")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca_file)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Target {
            address: address.to_owned(),
            request: format!(
                "POST /{path}/sendSip HTTP/1.1\r\n\
                 host: {address}\r\n\
                 content-type: application/json;charset=UTF-8\r\n\
                 sign: 05d7a50893e22a5c4bb3216ae3396c7c\r\n\
                 timestamp: 1630468800\r\n\
                 api-key: bDqJFiq9\r\n\
                 content-length: {}\r\n\r\n{BODY}",
                BODY.len()
            ),
            tls: Arc::new(tls),
            name: ServerName::try_from(host.to_owned())?,
        })
    }
}

/// A connection, and how long a response on it is.
struct Connection {
    socket: TcpStream,
    tls: ClientConnection,
    response_length: Option<usize>,
}

impl Connection {
    fn open(target: &Target) -> Result<Connection, Box<dyn Error>> {
        let socket = TcpStream::connect(&target.address)?;
        socket.set_nodelay(true)?;
        Ok(Connection {
            socket,
            tls: ClientConnection::new(Arc::clone(&target.tls), target.name.clone())?,
            response_length: None,
        })
    }

    fn call(&mut self, target: &Target) -> io::Result<()> {
        if self.tls.is_handshaking() {
            self.tls.complete_io(&mut self.socket)?;
        }
        self.tls.writer().write_all(target.request.as_bytes())?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        let mut response = [0; 1024];
        let mut length = 0;
        loop {
            match self.tls.reader().read(&mut response[length..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.tls.read_tls(&mut self.socket)?;
                    self.tls.process_new_packets().map_err(io::Error::other)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            // All responses have one length. The first one's end tells it: a slow one comes in pieces.
            let is_whole = match self.response_length {
                Some(whole) => length >= whole,
                None => response[..length].ends_with(b"}"),
            };
            if is_whole && response.starts_with(b"HTTP/1.1 200 ") {
                self.response_length = Some(length);
                return Ok(());
            }
            if is_whole {
                return Err(io::Error::other("not the response"));
            }
        }
    }
}

extern "C" fn version() -> *const c_char {
    c"rustls".as_ptr()
}

unsafe extern "C" fn set_up(base_url: *const c_char, ca_file: *const c_char) -> c_int {
    // SAFETY: worker.c passes on the strings of `work`.
    let (base_url, ca_file) = unsafe { (CStr::from_ptr(base_url), CStr::from_ptr(ca_file)) };
    let ca_file = Path::new(OsStr::from_bytes(ca_file.to_bytes()));
    status(
        Target::new(&base_url.to_string_lossy(), ca_file).map(|target| {
            TARGET.get_or_init(|| target);
        }),
    )
}

extern "C" fn open() -> *mut c_void {
    let opened = TARGET
        .get()
        .ok_or("not set up".into())
        .and_then(Connection::open);
    match opened {
        Ok(connection) => Box::into_raw(Box::new(connection)).cast(),
        Err(error) => {
            eprintln!("floor: {error}");
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn call(handle: *mut c_void) -> c_int {
    // SAFETY: `open` made it, it is never freed, and one thread at a time has it.
    let connection = unsafe { &mut *handle.cast::<Connection>() };
    status(
        TARGET
            .get()
            .ok_or("not set up".into())
            .and_then(|target| Ok(connection.call(target)?)),
    )
}

fn status(result: Result<(), Box<dyn Error>>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("floor: {error}");
            1
        }
    }
}
