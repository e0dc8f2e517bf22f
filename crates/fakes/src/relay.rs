//! A mail relay that does as the test tells it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A relay on a socket. It answers 250 (or what else is proper), unless the script has an answer for a command that
/// begins so; each answer is used once.
#[derive(Debug)]
pub struct TestRelay {
    /// Its port on loopback.
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Vec<(String, String)>>>,
}

impl TestRelay {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let relay = Self {
            port: listener.local_addr().expect("address").port(),
            heard: Arc::default(),
            script: Arc::default(),
        };
        let (heard, script) = (Arc::clone(&relay.heard), Arc::clone(&relay.script));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                tokio::spawn(converse(stream, Arc::clone(&heard), Arc::clone(&script)));
            }
        });
        relay
    }

    /// Answers the next command that begins so with this; `hang up` closes the connection instead.
    pub fn answer(&self, command: &str, reply: &str) {
        let entry = (command.to_owned(), reply.to_owned());
        self.script.lock().expect("script").push(entry);
    }

    /// Every line it heard, the message's too.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("heard").clone()
    }

    /// How often it heard exactly this line.
    pub fn count(&self, line: &str) -> usize {
        self.heard().iter().filter(|l| *l == line).count()
    }
}

async fn converse(
    stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Vec<(String, String)>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut in_data = false;
    let mut reply = scripted(&script, "CONNECT").unwrap_or("220 relay.example".to_owned());
    loop {
        if reply == "hang up" {
            return;
        }
        if !reply.is_empty()
            && stream
                .write_all(format!("{reply}\r\n").as_bytes())
                .await
                .is_err()
        {
            return;
        }
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = String::from_utf8(line)
            .expect("utf-8")
            .trim_end()
            .to_owned();
        heard.lock().expect("heard").push(line.clone());
        if in_data && line != "." {
            reply = String::new();
            continue;
        }
        in_data = false;
        let usual = match line.as_str() {
            "DATA" => "354 go on",
            l if l.starts_with("EHLO") => "250-relay.example\r\n250-8BITMIME\r\n250 SIZE 100000",
            _ => "250 2.0.0 ok",
        };
        reply = scripted(&script, &line).unwrap_or(usual.to_owned());
        in_data |= reply.starts_with("354");
    }
}

fn scripted(script: &Mutex<Vec<(String, String)>>, line: &str) -> Option<String> {
    let mut script = script.lock().expect("script");
    let at = script
        .iter()
        .position(|(begin, _)| line.starts_with(begin.as_str()))?;
    Some(script.remove(at).1)
}
