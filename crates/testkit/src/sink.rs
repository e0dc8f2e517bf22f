//! A mail server that accepts everything and remembers it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A running sink.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Its port on 127.0.0.1.
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    /// Starts a sink, which runs as long as the test's runtime.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let sink = Self {
            port: listener.local_addr()?.port(),
            heard: Arc::default(),
        };
        let heard = Arc::clone(&sink.heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, Arc::clone(&heard)));
            }
        });
        Ok(sink)
    }

    /// All lines that clients have sent, commands and messages.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn talk(stream: TcpStream, heard: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink ESMTP\r\n").await.ok()?;
    let mut in_message = false;
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.clone());
        let answer: &[u8] = if in_message {
            if line != "." {
                continue;
            }
            in_message = false;
            b"250 2.0.0 taken\r\n"
        } else {
            match verb.as_str() {
                "EHLO" => b"250-sink\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n",
                "DATA" => {
                    in_message = true;
                    b"354 go on\r\n"
                }
                "QUIT" => {
                    stream.write_all(b"221 2.0.0 bye\r\n").await.ok()?;
                    return None;
                }
                _ => b"250 2.0.0 fine\r\n",
            }
        };
        stream.write_all(answer).await.ok()?;
    }
}
