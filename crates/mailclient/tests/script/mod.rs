//! A server that follows a script: it expects exact bytes and sends exact bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

/// A line of a script.
pub enum Line {
    /// The server sends this.
    Say(Vec<u8>),
    /// The client must send exactly this.
    Hear(Vec<u8>),
}

/// Reads a script. `S: ...` is sent by the server and `C: ...` expected from the client, each with CRLF at the end. The
/// two characters `\n` within a line stand for CRLF.
pub fn lines(script: &str) -> Vec<Line> {
    let wire = |text: &str| format!("{}\r\n", text.replace("\\n", "\r\n")).into_bytes();
    script
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_at(3) {
            ("S: ", text) => Line::Say(wire(text)),
            ("C: ", text) => Line::Hear(wire(text)),
            _ => panic!("{line:?} is no line of a script"),
        })
        .collect()
}

/// Starts a server that follows a script over a pipe of `size` bytes and then closes it. Await its task to check that
/// the client sent what it should.
pub fn follow(size: usize, script: Vec<Line>) -> (DuplexStream, JoinHandle<()>) {
    let (client, mut server) = duplex(size);
    let playing = tokio::spawn(async move {
        for line in script {
            match line {
                Line::Say(bytes) => server.write_all(&bytes).await.unwrap(),
                Line::Hear(wanted) => {
                    let mut heard = vec![0; wanted.len()];
                    let mut length = 0;
                    while length < wanted.len() && wanted.starts_with(&heard[..length]) {
                        match server.read(&mut heard[length..]).await.unwrap() {
                            0 => break,
                            more => length += more,
                        }
                    }
                    assert_eq!(
                        heard[..length].escape_ascii().to_string(),
                        wanted.escape_ascii().to_string()
                    );
                }
            }
        }
        server.shutdown().await.unwrap();
    });
    (client, playing)
}
