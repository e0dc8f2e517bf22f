//! The ManageSieve protocol with a server, up to the login (RFC 5804).

use sekisho_net::client::TlsMode;

use crate::call::Call;
use crate::dial;
use crate::error::Fault;
use crate::proof::{ACKNOWLEDGED, Proof};
use crate::wire::{PATIENCE, Wire};

/// Capabilities that say what scripts can do. They are the same before and after a login.
const KEPT: [&str; 5] = ["SIEVE", "NOTIFY", "MAXREDIRECTS", "EXTLISTS", "LANGUAGE"];

/// Starts the connection up to where a login can be sent. Returns the connection and the lines of the server's
/// capabilities.
pub(crate) async fn begin(mut wire: Wire, call: &Call<'_>) -> Result<(Wire, Vec<String>), Fault> {
    let mut offered = capabilities(&mut wire).await?;
    if call.tls == TlsMode::StartTls {
        wire.say(b"STARTTLS\r\n").await?;
        if outcome(&wire.line().await?) != Some(Outcome::Ok) {
            return Err(Fault::Away("the server starts no TLS".to_owned()));
        }
        wire = dial::start_tls(wire, call.server, call.connector).await?;
        offered = capabilities(&mut wire).await?;
    }
    Ok((wire, offered))
}

/// Logs in after [`begin`].
pub(crate) async fn log_in(
    wire: &mut Wire,
    offered: &[String],
    proof: &Proof,
) -> Result<(), Fault> {
    let mechanism = proof.mechanism.name();
    let mechanisms = offered.iter().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        name.eq_ignore_ascii_case("\"SASL\"").then_some(value)
    });
    if !mechanisms.is_some_and(|all| all.split(' ').any(|word| word == mechanism)) {
        return Err(Fault::NoWay("the server offers no such mechanism"));
    }
    let message = proof.message();
    let command = format!(
        "AUTHENTICATE \"{mechanism}\" {{{}+}}\r\n{message}\r\n",
        message.len()
    );
    wire.say(command.as_bytes()).await?;
    for _ in 0..PATIENCE {
        let line = wire.line().await?;
        match outcome(&line) {
            Some(Outcome::Ok) => return Ok(()),
            Some(Outcome::No) => return Err(Fault::Refused),
            Some(Outcome::Later) => {
                return Err(Fault::Away("the server asks to come later".to_owned()));
            }
            // A challenge, which says why the token will be refused. If it is a literal, its content is on the next
            // line.
            None if line.starts_with(b"\"") => {
                wire.say(format!("\"{ACKNOWLEDGED}\"\r\n").as_bytes())
                    .await?;
            }
            None => {}
        }
    }
    Err(Fault::Away("the server talks without end".to_owned()))
}

/// The result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    No,
    Later,
}

/// The result of a command, if the line is its final response.
fn outcome(line: &[u8]) -> Option<Outcome> {
    let text = String::from_utf8_lossy(line).to_ascii_uppercase();
    let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
    match word {
        "OK" => Some(Outcome::Ok),
        "NO" if rest.starts_with("(TRYLATER") => Some(Outcome::Later),
        "NO" => Some(Outcome::No),
        "BYE" => Some(Outcome::Later),
        _ => None,
    }
}

/// Reads capabilities up to the final OK.
async fn capabilities(wire: &mut Wire) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    for _ in 0..PATIENCE {
        let line = wire.line().await?;
        match outcome(&line) {
            Some(Outcome::Ok) => return Ok(lines),
            Some(_) => return Err(Fault::Away("the server turns everybody away".to_owned())),
            None => lines.push(String::from_utf8_lossy(&line).into_owned()),
        }
    }
    Err(Fault::Away("the server talks without end".to_owned()))
}

/// The capabilities of an upstream that clients are told before the login.
pub(crate) fn kept(offered: &[String]) -> Vec<String> {
    let kept = offered.iter().filter(|line| {
        let name = line.split(' ').next().unwrap_or_default().trim_matches('"');
        let known = KEPT.iter().any(|known| known.eq_ignore_ascii_case(name));
        known && line.starts_with('"') && !line.contains(char::is_control)
    });
    kept.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Callable, proof, server};

    const GREETING: &str =
        "\"IMPLEMENTATION\" \"x\"\r\n\"SIEVE\" \"fileinto\"\r\n\"SASL\" \"PLAIN\"\r\nOK \"hi\"\r\n";

    #[tokio::test]
    async fn the_password_goes_as_one_literal_of_base64() {
        let (wire, heard) = server(&[GREETING, "", "OK\r\n"]);
        let called = Callable::new(TlsMode::None);
        let (mut wire, offered) = begin(wire, &called.call()).await.expect("greeted");
        assert_eq!(kept(&offered), ["\"SIEVE\" \"fileinto\""]);
        let proof = proof("hanako", "x\"\r\nLOGOUT").expect("no NUL");
        log_in(&mut wire, &offered, &proof).await.expect("let in");
        drop(wire);
        let heard = String::from_utf8(heard.await.expect("heard")).expect("ASCII");
        assert_eq!(
            heard,
            format!("AUTHENTICATE \"PLAIN\" {{24+}}\r\n{}\r\n", proof.message())
        );
    }

    #[tokio::test]
    async fn without_tls_nothing_is_said() {
        let (wire, heard) = server(&[GREETING, "NO \"no TLS\"\r\n"]);
        let called = Callable::new(TlsMode::StartTls);
        let begun = begin(wire, &called.call()).await;
        assert!(matches!(begun, Err(Fault::Away(_))));
        drop(begun);
        assert_eq!(heard.await.expect("heard"), b"STARTTLS\r\n");
    }

    #[tokio::test]
    async fn a_refusal_is_told_from_a_server_that_can_not() {
        for (answer, refused) in [
            ("NO \"wrong\"\r\n", true),
            ("NO (TRYLATER) \"later\"\r\n", false),
            ("BYE \"going\"\r\n", false),
        ] {
            let (mut wire, _) = server(&["", "", answer]);
            let proof = proof("hanako", "pw").expect("no NUL");
            let offered = ["\"SASL\" \"PLAIN\"".to_owned()];
            let outcome = log_in(&mut wire, &offered, &proof).await;
            let is_refusal = matches!(outcome, Err(Fault::Refused));
            assert!(outcome.is_err() && is_refusal == refused, "{answer}");
        }
    }
}
