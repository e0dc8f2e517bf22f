//! The bytes of an IMAP server, which may be hostile: they are read the same however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_imap::framing::{Limits, ResponseReader};
use sekisho_imap::response;

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(whole, read(bytes, usize::from(step).max(1)));
});

fn read(bytes: &[u8], step: usize) -> Vec<String> {
    let mut reader = ResponseReader::new(Limits::after_login(10_000));
    let mut heard = Vec::new();
    for piece in bytes.chunks(step) {
        reader.push(piece);
        loop {
            match reader.next_response() {
                Ok(Some(frame)) => heard.push(format!("{:?}", response::parse(&frame))),
                Ok(None) => break,
                Err(_) => return heard,
            }
        }
    }
    heard
}
