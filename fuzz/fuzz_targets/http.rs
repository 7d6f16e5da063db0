//! Any bytes as an HTTP response, in pieces of any size: no panic, the same response however it comes in,
//! and nothing in it that was not received.
#![no_main]

use itnio::http::parser::{HttpResponse, MAX_RESPONSE_SIZE, ParseError, ResponseParser};
use libfuzzer_sys::fuzz_target;

/// The response, how much had come in when it was whole, and whether that needed the connection's end.
fn read(bytes: &[u8], size: usize) -> Result<Option<(HttpResponse, usize, bool)>, ParseError> {
    let mut parser = ResponseParser::new(MAX_RESPONSE_SIZE);
    let mut received = 0;
    for piece in bytes.chunks(size).chain([&[][..]]) {
        received += piece.len();
        if let Some(reply) = parser.push(piece)? {
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
            assert_eq!(once.head.status, pieced.head.status);
            assert_eq!(once.body(), pieced.body());
            assert_eq!(once.head.date, pieced.head.date);
            assert_eq!(once.head.has_age, pieced.head.has_age);
            assert_eq!(once.head.keep_alive, pieced.head.keep_alive);
            // What follows it may not have come yet.
            assert!(pieced.head.is_persistent || !once.head.is_persistent);
            assert!(!(ended && pieced.head.is_persistent));
            assert!((101..=999).contains(&once.head.status));
            assert!(once.body().len() <= MAX_RESPONSE_SIZE.min(received));
            // A body is what was sent, in order; between chunks, something is left out.
            let mut sent = bytes.iter();
            assert!(once.body().iter().all(|byte| sent.any(|it| it == byte)));
        }
        (Err(_), Err(_)) => {}
        (once, pieced) => panic!("at once {once:?}, in pieces {pieced:?}"),
    }
});
