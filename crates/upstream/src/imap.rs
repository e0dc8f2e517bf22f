//! The IMAP protocol with a server, up to the login (RFC 3501, section 6.2; SASL-IR, RFC 4959; ID, RFC 2971).

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_imap::Tag;
use sekisho_imap::encode::{CommandEncoder, Literals};
use sekisho_imap::framing::Frame;
use sekisho_imap::response::{self, Code, Data, Response, Status, StatusKind};
use sekisho_net::client::TlsMode;

use crate::call::Call;
use crate::dial;
use crate::error::Fault;
use crate::learned::{Heard, Learned};
use crate::proof::{ACKNOWLEDGED, Proof};
use crate::wire::{PATIENCE, Wire};

/// Starts the connection up to where a login can be sent; `client` is the address to report. Returns the connection and
/// the server's capabilities, in upper case.
pub(crate) async fn begin(
    mut wire: Wire,
    call: &Call<'_>,
    client: Option<IpAddr>,
    learned: &Learned,
) -> Result<(Wire, Arc<[String]>), Fault> {
    let mut offered = greeting(&mut wire, &learned.greeting).await?;
    if call.tls == TlsMode::StartTls {
        let answer = ask(&mut wire, "STARTTLS").await?;
        if answer.status.kind != StatusKind::Ok {
            return Err(Fault::Away("the server starts no TLS".to_owned()));
        }
        wire = dial::start_tls(wire, call.server, call.connector).await?;
        offered = None;
    }
    if let Some(client) = client {
        // The server's configuration decides whether it believes the address; its response doesn't tell.
        let id = format!("s ID (\"x-originating-ip\" \"{client}\")\r\n");
        wire.say(id.as_bytes()).await?;
        answer(&mut wire).await?;
    }
    let offered = match offered {
        Some(offered) => offered,
        None => capabilities(&mut wire).await?.into(),
    };
    Ok((wire, offered))
}

/// Logs in after [`begin`]. Returns the server's capabilities after the login, in upper case.
pub(crate) async fn log_in(
    wire: &mut Wire,
    offered: &[String],
    proof: &Proof,
    learned: &Learned,
) -> Result<Arc<[String]>, Fault> {
    match authenticate(wire, offered, proof, &learned.welcome).await? {
        Some(after) => Ok(after),
        None => Ok(capabilities(wire).await?.into()),
    }
}

/// The response to a command.
struct Answer {
    status: Status,
    capabilities: Option<Vec<String>>,
}

fn tag() -> Result<Tag, Fault> {
    Tag::new(b"s").ok_or(Fault::NoWay("a tag that is none"))
}

async fn greeting(wire: &mut Wire, heard: &Heard) -> Result<Option<Arc<[String]>>, Fault> {
    let frame = wire.response().await?;
    if let Some(offered) = heard.again(frame.bytes()) {
        return Ok(Some(offered));
    }
    let said = match parsed(&frame) {
        Ok(said) => said,
        Err(_) => return Err(Fault::greeting(frame.bytes())),
    };
    match said {
        Response::UntaggedStatus(status) if status.kind == StatusKind::Ok => {
            Ok(capabilities_in(status.code).map(|words| heard.note(frame.bytes(), words)))
        }
        Response::UntaggedStatus(status) if status.kind == StatusKind::Bye => {
            Err(Fault::Away(format!("the server says {}", status.text)))
        }
        // PREAUTH is wrong, too: the connection is logged in already, but not as our person.
        _ => Err(Fault::greeting(frame.bytes())),
    }
}

async fn capabilities(wire: &mut Wire) -> Result<Vec<String>, Fault> {
    let answer = ask(wire, "CAPABILITY").await?;
    answer
        .capabilities
        .ok_or_else(|| Fault::Away("the server does not say what it can".to_owned()))
}

/// Logs in by the shortest exchange that the server offers. Returns the capabilities after the login, if the server
/// sends them.
async fn authenticate(
    wire: &mut Wire,
    offered: &[String],
    proof: &Proof,
    heard: &Heard,
) -> Result<Option<Arc<[String]>>, Fault> {
    let offers = |word: &str| offered.iter().any(|known| known == word);
    let mechanism = proof.mechanism.name();
    if !offers(&format!("AUTH={mechanism}")) {
        return match proof.login() {
            Some(_) if offers("LOGINDISABLED") => {
                Err(Fault::NoWay("the server takes no password without TLS"))
            }
            Some((user, password)) => {
                let command = CommandEncoder::new(&tag()?, "LOGIN", Literals::Synchronizing)
                    .string(user.as_bytes())
                    .and_then(|c| c.string(password.expose().as_bytes()))
                    .map_err(|_| Fault::Refused)?;
                let mut chunks = command.finish().into_iter();
                let first = chunks.next().unwrap_or_default();
                exchange(wire, &first, chunks, heard).await
            }
            None => Err(Fault::NoWay("the server offers no such mechanism")),
        };
    }
    // A server that explains why it will refuse (RFC 7628, section 3.2.3) waits for one more message.
    let messages = [proof.message(), ACKNOWLEDGED].map(|text| format!("{text}\r\n").into_bytes());
    let mut messages = messages.into_iter();
    let command = if offers("SASL-IR") {
        messages.next();
        format!("s AUTHENTICATE {mechanism} {}\r\n", proof.message())
    } else {
        format!("s AUTHENTICATE {mechanism}\r\n")
    };
    exchange(wire, command.as_bytes(), messages, heard).await
}

/// Sends a login command, and the next of `more` whenever the server asks to continue. Returns the capabilities after
/// the login, if the server sends them.
async fn exchange(
    wire: &mut Wire,
    command: &[u8],
    mut more: impl Iterator<Item = Vec<u8>>,
    heard: &Heard,
) -> Result<Option<Arc<[String]>>, Fault> {
    wire.say(command).await?;
    let mut capabilities = None;
    for _ in 0..PATIENCE {
        let frame = wire.response().await?;
        if let Some(offered) = heard.again(frame.bytes()) {
            return Ok(Some(offered));
        }
        match parsed(&frame)? {
            Response::Continue => match more.next() {
                Some(message) => wire.say(&message).await?,
                None => return Err(Fault::Away("the server waits for nothing".to_owned())),
            },
            Response::Data(Data::Capability(words)) => capabilities = Some(words),
            Response::Done(_, status) => {
                let announced = outcome(status)?.map(|words| heard.note(frame.bytes(), words));
                return Ok(announced.or_else(|| capabilities.map(Arc::from)));
            }
            Response::UntaggedStatus(status) if status.kind == StatusKind::Bye => {
                return Err(Fault::Away(format!("the server says {}", status.text)));
            }
            Response::UntaggedStatus(_) | Response::Data(_) => {}
        }
    }
    Err(endless())
}

/// The result of a login, with the capabilities in the response. Not every NO is a refusal: some response codes mean a
/// temporary problem (RFC 5530, section 3).
fn outcome(status: Status) -> Result<Option<Vec<String>>, Fault> {
    match (status.kind, &status.code) {
        (StatusKind::Ok, _) => Ok(capabilities_in(status.code)),
        (StatusKind::No, Some(Code::Unavailable | Code::InUse | Code::Limit)) => {
            Err(Fault::Away(status.text))
        }
        (StatusKind::No, _) => Err(Fault::Refused),
        _ => Err(Fault::Away(format!("the server says {}", status.text))),
    }
}

/// Sends a command of one word and reads its response.
async fn ask(wire: &mut Wire, command: &'static str) -> Result<Answer, Fault> {
    wire.say(format!("s {command}\r\n").as_bytes()).await?;
    answer(wire).await
}

async fn answer(wire: &mut Wire) -> Result<Answer, Fault> {
    let mut capabilities = None;
    for _ in 0..PATIENCE {
        match read(wire).await? {
            Response::Done(_, status) => {
                return Ok(Answer {
                    status,
                    capabilities,
                });
            }
            Response::Data(Data::Capability(words)) => capabilities = Some(words),
            Response::UntaggedStatus(_) | Response::Data(_) | Response::Continue => {}
        }
    }
    Err(endless())
}

async fn read(wire: &mut Wire) -> Result<Response, Fault> {
    parsed(&wire.response().await?)
}

fn parsed(frame: &Frame) -> Result<Response, Fault> {
    response::parse(frame).map_err(|error| Fault::Away(error.to_string()))
}

fn capabilities_in(code: Option<Code>) -> Option<Vec<String>> {
    match code {
        Some(Code::Capability(words)) => Some(words),
        _ => None,
    }
}

fn endless() -> Fault {
    Fault::Away("the server talks without end".to_owned())
}

#[cfg(test)]
mod tests;
