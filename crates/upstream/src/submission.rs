//! The submission protocol with a server, up to the login (RFC 6409; STARTTLS, RFC 3207; AUTH, RFC 4954; XCLIENT, as
//! Postfix documents it).

use std::net::IpAddr;

use sekisho_net::client::TlsMode;
use sekisho_smtp::{Extensions, Reply, ReplyReader, xtext};

use crate::call::Call;
use crate::dial;
use crate::error::Fault;
use crate::proof::{ACKNOWLEDGED, Proof};
use crate::wire::{PATIENCE, Wire};

/// Extensions that still work when commands are relayed one by one. CHUNKING doesn't: where its data ends, only the
/// server would know.
const KEPT: [&str; 9] = [
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "PIPELINING",
    "DELIVERBY",
    "FUTURERELEASE",
    "MT-PRIORITY",
];

/// Starts the connection up to where a login can be sent. `client` is the address to report by XCLIENT, and what the
/// client called itself in EHLO. Returns the connection and the server's extensions.
pub(crate) async fn begin(
    mut wire: Wire,
    call: &Call<'_>,
    client: Option<(IpAddr, &str)>,
) -> Result<(Wire, Extensions), Fault> {
    expect(&mut wire, 220).await?;
    let mut offered = hello(&mut wire, call.host).await?;
    if call.tls == TlsMode::StartTls {
        wire.say(b"STARTTLS\r\n").await?;
        expect(&mut wire, 220).await?;
        wire = dial::start_tls(wire, call.server, call.connector).await?;
        offered = hello(&mut wire, call.host).await?;
    }
    if let Some((address, name)) = client
        && offered.has("XCLIENT")
    {
        let command = xclient(&offered, address, name);
        wire.say(command.as_bytes()).await?;
        expect(&mut wire, 220).await?;
        offered = hello(&mut wire, call.host).await?;
    }
    Ok((wire, offered))
}

/// Logs in after [`begin`].
pub(crate) async fn log_in(
    wire: &mut Wire,
    offered: &Extensions,
    proof: &Proof,
) -> Result<(), Fault> {
    let mechanism = proof.mechanism.name();
    if !offered.lists("AUTH", mechanism) {
        return Err(Fault::NoWay("the server offers no such mechanism"));
    }
    let command = format!("AUTH {mechanism} {}\r\n", proof.message());
    wire.say(command.as_bytes()).await?;
    for _ in 0..PATIENCE {
        let answer = reply(wire).await?;
        match answer.code() {
            235 => return Ok(()),
            334 => wire.say(format!("{ACKNOWLEDGED}\r\n").as_bytes()).await?,
            _ if answer.is_permanent() => return Err(Fault::Refused),
            _ => return Err(Fault::Away(answer.in_one_line())),
        }
    }
    Err(Fault::Away("the server talks without end".to_owned()))
}

async fn hello(wire: &mut Wire, host: &str) -> Result<Extensions, Fault> {
    wire.say(format!("EHLO {host}\r\n").as_bytes()).await?;
    let answer = expect(wire, 250).await?;
    Ok(Extensions::offered(&answer))
}

async fn expect(wire: &mut Wire, code: u16) -> Result<Reply, Fault> {
    let answer = reply(wire).await?;
    if answer.code() == code {
        Ok(answer)
    } else {
        Err(Fault::Away(answer.in_one_line()))
    }
}

async fn reply(wire: &mut Wire) -> Result<Reply, Fault> {
    let mut reader = ReplyReader::default();
    loop {
        let line = wire.line().await?;
        match reader.line(&line) {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => {}
            Err(error) => return Err(Fault::Away(error.to_string())),
        }
    }
}

/// The XCLIENT command with those attributes that the server accepts.
fn xclient(offered: &Extensions, address: IpAddr, name: &str) -> String {
    let address = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("IPV6:{address}"),
    };
    let mut command = "XCLIENT".to_owned();
    let values = [
        ("ADDR", address.as_str()),
        ("HELO", name),
        ("PROTO", "ESMTP"),
    ];
    for (attribute, value) in values {
        if offered.lists("XCLIENT", attribute) && !value.is_empty() {
            command += &format!(" {attribute}={}", xtext(value));
        }
    }
    command + "\r\n"
}

/// The extensions of an upstream that clients are told, as lines of the response to EHLO.
pub(crate) fn kept(offered: &Extensions) -> Vec<String> {
    offered.only(&KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Callable, server};

    #[tokio::test]
    async fn without_tls_nothing_is_said() {
        let greeting = "220 hi\r\n";
        let (wire, heard) = server(&[greeting, "250-x\r\n250 AUTH PLAIN\r\n", "454 no TLS\r\n"]);
        let called = Callable::new(TlsMode::StartTls);
        let begun = begin(wire, &called.call(), None).await;
        assert!(matches!(begun, Err(Fault::Away(_))));
        drop(begun);
        let heard = heard.await.expect("heard");
        assert_eq!(heard, b"EHLO mail.kit.example\r\nSTARTTLS\r\n");
    }

    #[test]
    fn the_client_is_named_by_what_the_server_takes_and_adds_no_command() {
        let taking = |attributes| Extensions::from_lines(vec![format!("XCLIENT {attributes}")]);
        let address = IpAddr::from([203, 0, 113, 7]);
        assert_eq!(
            xclient(&taking("NAME ADDR PROTO HELO"), address, "[192.168.0.2]"),
            "XCLIENT ADDR=203.0.113.7 HELO=[192.168.0.2] PROTO=ESMTP\r\n"
        );
        assert_eq!(
            xclient(&taking("ADDR HELO"), address, "x LOGIN=ken\r\nRSET"),
            "XCLIENT ADDR=203.0.113.7 HELO=x+20LOGIN+3Dken+0D+0ARSET\r\n"
        );
        let v6 = "2001:db8::7".parse().expect("an address");
        assert_eq!(
            xclient(&taking("ADDR"), v6, ""),
            "XCLIENT ADDR=IPV6:2001:db8::7\r\n"
        );
    }
}
