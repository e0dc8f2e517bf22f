//! A server that follows a script: it expects certain bytes, and says certain bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

/// A line of a script: what is said, or what the client has to say next.
pub enum Line {
    /// The server says this.
    Say(Vec<u8>),
    /// The client has to say exactly this.
    Hear(Vec<u8>),
}

/// `S: ...` is said and `C: ...` heard, each with a CRLF behind it. `\n` within a line, written
/// out, is a CRLF as well.
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

/// Starts a server that follows a script over a pipe of `size` bytes, then closes it. Its end is
/// awaited to see whether the client said what it should.
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
