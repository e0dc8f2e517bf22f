//! The POP3 protocol with a server, up to the login (RFC 1939; STLS, RFC 2595; CAPA, RFC 2449; AUTH, RFC 5034; response
//! codes, RFC 3206; XCLIENT, as Dovecot implements it).

use sekisho_net::client::TlsMode;

use std::net::IpAddr;
use std::sync::Arc;

use crate::call::Call;
use crate::dial;
use crate::error::Fault;
use crate::proof::{ACKNOWLEDGED, Proof};
use crate::wire::{PATIENCE, Wire};

/// The longest command line, in bytes with its CRLF (RFC 2449, section 4).
const COMMAND: usize = 255;

/// In its greeting, Dovecot offers XCLIENT to peers whose report of the client's address it believes. There is no
/// standard for it.
const BELIEVES: &[u8] = b"[XCLIENT]";

/// Starts the connection up to where a login can be sent; `client` is the address to report. `known` are the
/// capabilities from an earlier login, so that they need not be asked for. Returns the connection and the server's
/// capabilities.
pub(crate) async fn begin(
    mut wire: Wire,
    call: &Call<'_>,
    client: Option<IpAddr>,
    known: Option<Arc<[String]>>,
) -> Result<(Wire, Arc<[String]>), Fault> {
    let greeting = wire.line().await?;
    positive(&greeting).map_err(|_| Fault::greeting(&greeting))?;
    if call.tls == TlsMode::StartTls {
        wire.say(b"STLS\r\n").await?;
        positive(&wire.line().await?)
            .map_err(|_| Fault::Away("the server starts no TLS".to_owned()))?;
        wire = dial::start_tls(wire, call.server, call.connector).await?;
    }
    let believes = greeting.windows(BELIEVES.len()).any(|w| w == BELIEVES);
    if let Some(client) = client.filter(|_| believes) {
        let command = format!("XCLIENT ADDR={client}\r\n");
        wire.say(command.as_bytes()).await?;
        positive(&wire.line().await?)
            .map_err(|_| Fault::Away("the server does not take the client's address".to_owned()))?;
    }
    let offered = match known {
        Some(known) => known,
        None => capabilities(&mut wire).await?.into(),
    };
    Ok((wire, offered))
}

/// Logs in after [`begin`].
pub(crate) async fn log_in(
    wire: &mut Wire,
    offered: &[String],
    proof: &Proof,
) -> Result<(), Fault> {
    if offers(offered, proof.mechanism.name()) {
        return authenticate(wire, proof).await;
    }
    let (user, password) = proof
        .login()
        .ok_or(Fault::NoWay("the server offers no such mechanism"))?;
    say_word(wire, "USER", user).await?;
    positive(&wire.line().await?)?;
    say_word(wire, "PASS", password.expose()).await?;
    positive(&wire.line().await?)
}

/// Sends a command with one argument, which extends to the end of the line.
async fn say_word(wire: &mut Wire, verb: &'static str, argument: &str) -> Result<(), Fault> {
    if argument.contains(char::is_control) || verb.len() + argument.len() + 3 > COMMAND {
        // The argument doesn't fit into a command line.
        return Err(Fault::Refused);
    }
    wire.say(format!("{verb} {argument}\r\n").as_bytes()).await
}

async fn authenticate(wire: &mut Wire, proof: &Proof) -> Result<(), Fault> {
    let mechanism = proof.mechanism.name();
    let mut command = format!("AUTH {mechanism} {}\r\n", proof.message());
    let initial = command.len() <= COMMAND;
    if !initial {
        command = format!("AUTH {mechanism}\r\n");
    }
    wire.say(command.as_bytes()).await?;
    let mut proven = initial;
    for _ in 0..PATIENCE {
        let line = wire.line().await?;
        if line != b"+" && !line.starts_with(b"+ ") {
            return positive(&line);
        }
        let message = if proven {
            ACKNOWLEDGED
        } else {
            proof.message()
        };
        wire.say(format!("{message}\r\n").as_bytes()).await?;
        proven = true;
    }
    Err(Fault::Away("the server talks without end".to_owned()))
}

/// The server's capabilities, as lines of its response to CAPA; none if it doesn't know that command.
async fn capabilities(wire: &mut Wire) -> Result<Vec<String>, Fault> {
    wire.say(b"CAPA\r\n").await?;
    let mut lines = Vec::new();
    if positive(&wire.line().await?).is_err() {
        return Ok(lines);
    }
    for _ in 0..PATIENCE {
        let line = wire.line().await?;
        if line == b"." {
            return Ok(lines);
        }
        lines.push(String::from_utf8_lossy(&line).into_owned());
    }
    Err(Fault::Away("the server talks without end".to_owned()))
}

fn offers(offered: &[String], mechanism: &str) -> bool {
    offered
        .iter()
        .filter_map(|line| line.strip_prefix("SASL "))
        .any(|mechanisms| mechanisms.split(' ').any(|word| word == mechanism))
}

/// Checks that a response is positive. Some response codes mean a temporary problem rather than a refusal.
fn positive(line: &[u8]) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(line).to_ascii_uppercase();
    if text == "+OK" || text.starts_with("+OK ") {
        return Ok(());
    }
    let passes = ["-ERR [SYS/TEMP]", "-ERR [IN-USE]", "-ERR [LOGIN-DELAY]"];
    if text.starts_with("-ERR") && !passes.iter().any(|code| text.starts_with(code)) {
        return Err(Fault::Refused);
    }
    Err(Fault::Away(
        "the server can't open the mailbox now".to_owned(),
    ))
}

/// The capabilities of an upstream that clients are told before the login: the lines except those that the POP3 door
/// writes itself.
pub(crate) fn kept(offered: &[String]) -> Vec<String> {
    let own = ["USER", "SASL", "STLS", "XCLIENT", "IMPLEMENTATION"];
    let kept = offered.iter().filter(|line| {
        let word = line.split(' ').next().unwrap_or_default();
        !own.contains(&word) && !line.contains(char::is_control)
    });
    kept.cloned().collect()
}

#[cfg(test)]
mod tests;
