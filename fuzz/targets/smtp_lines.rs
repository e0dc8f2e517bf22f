//! Lines of SMTP and LMTP, from clients and from servers: the same however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_smtp::{COMMAND_LINE, Command, Inbound, Path, ReplyReader};

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let whole = lines(bytes, bytes.len().max(1));
    assert_eq!(whole, lines(bytes, usize::from(step).max(1)));
    let mut replies = ReplyReader::default();
    for line in whole {
        match Command::parse(&line) {
            Ok(_) => {}
            Err(error) => assert!(!error.reply().is_success()),
        }
        if let Ok(Some(reply)) = replies.line(&line) {
            assert!((200..600).contains(&reply.code()));
            assert!(!reply.words().contains(|c: char| c.is_control() && c != '\n'));
        }
        if let Some(path) = std::str::from_utf8(&line).ok().and_then(Path::parse) {
            assert!(!path.as_str().contains(['\r', '\n', '<', '>', '\0']));
        }
    }
});

fn lines(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
    let mut inbound = Inbound::default();
    let mut lines = Vec::new();
    for piece in bytes.chunks(step) {
        inbound.push(piece);
        loop {
            match inbound.line(COMMAND_LINE) {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(_) => return lines,
            }
        }
    }
    lines
}
