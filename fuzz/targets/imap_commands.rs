//! The bytes of an IMAP client: they are split into the same commands however they are cut, and each command is parsed
//! or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_imap::command::{Command, MailboxEncoding};
use sekisho_imap::framing::{CommandReader, Event, Frame, Limits};

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let limits = Limits::after_login(10_000);
    let whole = cut(limits, bytes, bytes.len().max(1));
    let pieces = cut(limits, bytes, usize::from(step).max(1));
    assert_eq!(whole, pieces);
    cut(Limits::BEFORE_LOGIN, bytes, bytes.len().max(1));
    for frame in whole {
        for names in [MailboxEncoding::Utf7, MailboxEncoding::Utf8] {
            if let Err(error) = Command::parse_with(Frame::new(frame.clone()), names) {
                assert!(error.at <= frame.len());
                assert!(error.to_string().is_ascii());
            }
        }
    }
});

fn cut(limits: Limits, bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
    let mut reader = CommandReader::new(limits);
    let mut frames = Vec::new();
    for piece in bytes.chunks(step) {
        reader.push(piece);
        loop {
            match reader.next_event() {
                Ok(Some(Event::Command(frame))) => frames.push(frame.into_bytes()),
                Ok(Some(Event::Continue)) => {}
                Ok(None) => break,
                Err(error) if error.is_fatal() => return frames,
                Err(_) => {}
            }
        }
    }
    frames
}
