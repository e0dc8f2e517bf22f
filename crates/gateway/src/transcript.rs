//! Transcripts of dialogues for tests: what the door does, in order.

use crate::NotOpened;
use crate::dialogue::{Action, Channel, Dialogue, LoginFailure};

/// The checkpoint's answer to an attempt.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    Admitted,
    Refused,
    Unavailable,
    NotOpened(NotOpened),
}

pub(crate) const PLAIN: Channel = Channel {
    encrypted: false,
    tls_at_hand: true,
    plaintext_login: false,
};

pub(crate) const ENCRYPTED: Channel = Channel {
    encrypted: true,
    tls_at_hand: false,
    plaintext_login: false,
};

/// What the door does when the client sends `input` in pieces of `step` bytes: what it sends is written as it is, other
/// actions in angle brackets. TLS starts when asked for, and each attempt gets the next verdict. Unused bytes are
/// written at the end, after `rest:`.
pub(crate) fn of<D: Dialogue>(
    mut dialogue: D,
    input: &[u8],
    step: usize,
    verdicts: &[Verdict],
) -> String {
    let mut said = String::new();
    let mut verdicts = verdicts.iter();
    for piece in input.chunks(step) {
        dialogue.push(piece);
        while let Some(action) = dialogue.next() {
            match action {
                Action::Send(bytes) => said += &String::from_utf8_lossy(&bytes),
                Action::StartTls => {
                    said += "<TLS>\r\n";
                    dialogue.tls_started();
                }
                Action::Close => return said + "<close>\r\n",
                Action::Attempt(credentials) => {
                    let as_whom = credentials.authorization.map(|a| format!(" as {a:?}"));
                    let (name, password) = (&credentials.name, credentials.password.expose());
                    said += &format!("<{name:?} {password:?}{}", as_whom.unwrap_or_default());
                    if !dialogue.client().is_empty() {
                        said += &format!(" by {:?}", dialogue.client());
                    }
                    said += ">\r\n";
                    match verdicts.next() {
                        Some(Verdict::Refused) => dialogue.refused("Ask the desk. Ref 7K"),
                        Some(Verdict::Unavailable) => dialogue.failed(LoginFailure::NotJudged),
                        Some(Verdict::NotOpened(why)) => {
                            dialogue.failed(LoginFailure::NotOpened(*why));
                        }
                        Some(Verdict::Admitted) => {
                            said += &String::from_utf8_lossy(&dialogue.admitted(None));
                        }
                        None => return said,
                    }
                }
            }
        }
    }
    let rest = dialogue.into_rest();
    if !rest.is_empty() {
        said += &format!("rest: {}", rest.escape_ascii());
    }
    said
}
