//! A client that speaks in lines, as SMTP, LMTP and POP3 do.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

/// A client that says lines and hears replies. A broken connection fails the test.
#[derive(Debug)]
pub struct LineClient<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LineClient<S> {
    /// Speaks over this stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The next reply, its lines joined; empty at the end of the stream.
    pub async fn hear(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let count = self.stream.read_line(&mut line).await.expect("reply");
            reply += line.trim_end();
            if count == 0 || line.as_bytes().get(3) == Some(&b' ') {
                return reply;
            }
            reply.push('|');
        }
    }

    /// The next line.
    pub async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("line");
        line.trim_end().to_owned()
    }

    /// The stream, for TLS.
    pub fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("write");
    }

    /// Says a line and hears the reply.
    pub async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.hear().await
    }

    /// Says a line and wants a code.
    pub async fn expect(&mut self, line: &str, code: &str) {
        let reply = self.say(line).await;
        assert!(reply.starts_with(code), "{line} -> {reply}, not {code}");
    }

    /// Sends a message behind `DATA`.
    pub async fn data(&mut self, message: &str) -> String {
        self.expect("DATA", "354").await;
        self.say(&format!("{message}\r\n.")).await
    }
}
