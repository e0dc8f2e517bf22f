//! An upstream that understands too much, and what must never come to it all the same.

use super::Relay;

/// A server that does all that it understands, so that the test sees what was done.
#[derive(Default)]
struct Lenient {
    bytes: Vec<u8>,
    commands: Vec<String>,
    message: bool,
}

impl Lenient {
    /// Takes any line end, and any of them around a dot for the end of a message.
    fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.bytes.extend_from_slice(bytes);
        let mut replies = Vec::new();
        while let Some(end) = self.bytes.iter().position(|b| *b == b'\n' || *b == b'\r') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = &line[..line.len() - 1];
            if self.bytes.first() == Some(&b'\n') {
                self.bytes.remove(0);
            }
            if self.message {
                if line == b"." {
                    self.message = false;
                    replies.extend_from_slice(b"250 taken\r\n");
                }
                continue;
            }
            let line = String::from_utf8_lossy(line).to_ascii_uppercase();
            if line.starts_with("DATA") {
                self.message = true;
                replies.extend_from_slice(b"354 go\r\n");
            } else {
                replies.extend_from_slice(b"250 ok\r\n");
            }
            self.commands.push(line);
        }
        replies
    }
}

/// A client says these bytes, so many at a time: nothing comes to the upstream but commands of a mail transaction, wherever it thinks that a message ends.
pub(crate) fn no_other_command_gets_through(bytes: &[u8], step: usize) {
    let mut relay = Relay::new("h".to_owned(), Vec::new());
    let mut server = Lenient::default();
    for piece in bytes.chunks(step.max(1)) {
        if !relay.listens() {
            break;
        }
        relay.client_says(piece);
        loop {
            let sent = relay.for_upstream();
            if sent.is_empty() {
                break;
            }
            let replies = server.hear(&sent);
            assert!(relay.upstream_says(&replies).is_ok());
        }
    }
    for command in &server.commands {
        let verb = command.split(' ').next().unwrap_or_default();
        assert!(
            [
                "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY", "HELP"
            ]
            .contains(&verb),
            "{command:?}"
        );
    }
}
