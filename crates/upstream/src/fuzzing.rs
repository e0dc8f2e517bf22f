//! For `fuzz/`: what an upstream is sent, with servers that record it.

use jiff::Timestamp;
use sekisho_checkpoint::Password;
use sekisho_imap::command::{Body, Command, MailboxEncoding};
use sekisho_imap::framing::{CommandReader, Event, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use crate::imap;
use crate::learned::Learned;
use crate::proof::LoginMethod;
use crate::relay::lenient;
use crate::wire::Wire;

/// The relay in front of a server that accepts any line end.
pub fn submission(step: u8, bytes: &[u8]) {
    lenient::no_other_command_gets_through(bytes, step.into());
}

/// A login by IMAP's LOGIN: the upstream receives LOGIN with exactly this name and password, and CAPABILITY, and
/// nothing else.
pub async fn imap_login(name: &str, password: &str) {
    let given = Password::new(password.to_owned());
    let Some(proof) = LoginMethod::SamePassword.proof(name, Some(&given), Timestamp::UNIX_EPOCH)
    else {
        return;
    };
    let (near, far) = duplex(1 << 20);
    let logging_in = async {
        let mut wire = Wire::new(Box::new(near));
        imap::log_in(&mut wire, &[], &proof, &Learned::default()).await
    };
    let (logged_in, heard) = tokio::join!(logging_in, hear(far));
    match heard.as_slice() {
        // A name or password that LOGIN can't contain is not sent at all.
        [] => assert!(logged_in.is_err()),
        [
            Body::Login {
                name: heard_name,
                password: heard_password,
            },
            rest @ ..,
        ] => {
            assert_eq!(heard_name, name.as_bytes());
            assert_eq!(heard_password.expose(), password.as_bytes());
            assert!(matches!(rest, [] | [Body::Capability]), "{rest:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// A server that agrees to everything; returns the commands that it received.
async fn hear(mut stream: DuplexStream) -> Vec<Body> {
    let mut reader = CommandReader::new(Limits::after_login(1 << 20));
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        reader.push(&piece[..count]);
        loop {
            let answer = match reader.next_event() {
                Ok(Some(Event::Command(frame))) => {
                    let command = Command::parse_with(frame, MailboxEncoding::Utf7);
                    heard.push(command.expect("a command").body);
                    "* CAPABILITY IMAP4rev1\r\ns OK done\r\n"
                }
                Ok(Some(Event::Continue)) => "+ go on\r\n",
                Ok(None) => break,
                Err(error) => panic!("{error:?}"),
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return heard;
            }
        }
    }
    heard
}
