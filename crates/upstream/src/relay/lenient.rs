//! An upstream that accepts too much, and a check of what must never reach it.

use super::Relay;

/// A server that accepts any line as a command and records it, so that the test can see what got through.
#[derive(Default)]
struct Lenient {
    bytes: Vec<u8>,
    commands: Vec<String>,
    message: bool,
}

impl Lenient {
    /// Accepts any line end, and takes a dot between any two line ends for the end of a message.
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

/// A client sends these bytes, `step` at a time. Only commands of a mail transaction may reach the upstream, wherever
/// it thinks that a message ends.
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
