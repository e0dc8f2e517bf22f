//! A scripted server that records what it receives, for tests.

use std::time::Duration;

use jiff::Timestamp;
use sekisho_checkpoint::Password;
use sekisho_net::client::{Connector, Roots, TlsMode};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, duplex};

use crate::call::Call;
use crate::proof::{LoginMethod, Proof};
use crate::servers::Server;
use crate::wire::Wire;

/// A person's proof with their own password.
pub(crate) fn proof(user: &str, password: &str) -> Option<Proof> {
    let password = Password::new(password.to_owned());
    LoginMethod::SamePassword.proof(user, Some(&password), Timestamp::UNIX_EPOCH)
}

/// A server that sends the first of `answers` as its greeting, then the next after each line that it receives, and then
/// only reads. The handle returns all that it received.
pub(crate) fn server(answers: &[&str]) -> (Wire, tokio::task::JoinHandle<Vec<u8>>) {
    let (near, far) = duplex(64 * 1024);
    let answers: Vec<_> = answers.iter().map(|a| (*a).to_owned()).collect();
    let hearing = tokio::spawn(async move {
        let mut stream = BufReader::new(far);
        let mut heard = Vec::new();
        for answer in answers {
            if stream.write_all(answer.as_bytes()).await.is_err()
                || stream.read_until(b'\n', &mut heard).await.is_err()
            {
                break;
            }
        }
        // The end of the stream makes a client that waits for another answer fail instead of hang.
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut heard).await;
        heard
    });
    (Wire::new(Box::new(near)), hearing)
}

/// The parts of a [`Call`] to a server.
pub(crate) struct Callable {
    server: Server,
    connector: Connector,
    tls: TlsMode,
}

impl Callable {
    pub(crate) fn new(tls: TlsMode) -> Self {
        Self {
            tls,
            server: Server::new("localhost".to_owned(), 143),
            connector: Connector::new(&Roots::Anybody, Duration::from_secs(1)).expect("no roots"),
        }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call {
            server: &self.server,
            tls: self.tls,
            connector: &self.connector,
            host: "mail.kit.example",
        }
    }
}
