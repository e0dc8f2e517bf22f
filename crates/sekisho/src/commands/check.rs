//! `sekisho config check`: what is wrong with the file, and whether the servers that it names are as it says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use sekisho_checkpoint::ports::Clock as _;
use sekisho_net::Shutdown;
use sekisho_net::client::TlsMode;
use sekisho_upstream::{AddressForwarding, Server, Upstream};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::argument::ConfigArgument;
use crate::clock::WallClock;
use crate::config::{Doors, upstream};
use crate::terminal::say;

/// How long to wait for a server's greeting. A server that is not supposed to answer strangers sends none.
const GREETING: Duration = Duration::from_secs(2);

/// Checks the file, and asks the upstreams unless `offline`.
pub(super) async fn check(config: &ConfigArgument, offline: bool) -> anyhow::Result<ExitCode> {
    let place = config.file.display();
    let plan = match config.load() {
        Ok(plan) => plan,
        Err(error) => {
            say(&format!("{place}:\n{error}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    for warning in &plan.warnings {
        say(&format!("warning: {warning}"));
    }
    // The files that it names have to be there, too.
    let upstreams = upstream::open(&plan.upstreams, &plan.site);
    let doveadm = plan.authapi.doveadm.as_ref();
    let client = doveadm.map(|doveadm| doveadm.open(&Shutdown::new()));
    let (upstreams, client) = match (upstreams, client.transpose()) {
        (Ok(upstreams), Ok(client)) => (upstreams, client),
        (upstreams, client) => {
            let errors = [upstreams.err(), client.err()];
            for error in errors.into_iter().flatten() {
                say(&format!("{place}:\nerror: {error:#}"));
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    say(&format!("{place}: no errors"));
    if offline {
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for upstream in upstreams.iter().flat_map(|all| all.iter()) {
        if !ask(&plan.doors, upstream).await {
            code = ExitCode::FAILURE;
        }
    }
    if let (Some(client), Some(doveadm)) = (client, doveadm) {
        let server = doveadm.place();
        say(&match client.try_out().await {
            Ok(()) => format!("[authapi] doveadm at {server} answers"),
            Err(why) => format!(
                "warning: [authapi] doveadm at {server} can't be given orders, so that connections would outlive \
                 their grants: {why}"
            ),
        });
    }
    Ok(code)
}

/// Asks the servers of an upstream; says whether the doors may lead there.
async fn ask(doors: &Doors, upstream: &Upstream) -> bool {
    let name = &upstream.name;
    let mut is_right = true;
    for probed in upstream.probe(WallClock.now()).await {
        let (protocol, server) = (probed.protocol, probed.server);
        let at = format!("{}:{}", server.host(), server.port());
        if let Some(own) = own_door(doors, server).await {
            say(&format!(
                "error: the upstream {name:?} is Sekisho's own door at {own}: it would ask itself for ever"
            ));
            is_right = false;
            continue;
        }
        match probed.answer {
            Ok(()) => {
                say(&format!("upstream {name:?}: {protocol} at {at} answers"));
                for words in passes_by(upstream, protocol, server).await {
                    say(&format!("warning: the upstream {name:?}: {words}"));
                }
            }
            Err(why) => say(&format!(
                "warning: the upstream {name:?}: {protocol} at {at} does not answer: {why}"
            )),
        }
    }
    is_right
}

/// The listener of Sekisho that a server is, if it is one.
async fn own_door(doors: &Doors, server: &Server) -> Option<SocketAddr> {
    let all = doors
        .all()
        .into_iter()
        .flat_map(|door| door.listen.iter().chain(&door.listen_tls));
    let same_port: Vec<_> = all.filter(|own| own.port() == server.port()).collect();
    if same_port.is_empty() {
        return None;
    }
    let addresses = addresses(server).await;
    let is_it = |own: &&SocketAddr| {
        addresses
            .iter()
            .any(|&ip| ip == own.ip() || (own.ip().is_unspecified() && is_here(ip)))
    };
    same_port.into_iter().find(is_it).copied()
}

/// By which ways people may come to a server past Sekisho, in words.
async fn passes_by(upstream: &Upstream, protocol: &str, server: &Server) -> Vec<String> {
    let mut words = Vec::new();
    let port = server.port();
    let addresses = addresses(server).await;
    match upstream.address_forwarding {
        AddressForwarding::ProxyHeader if greets(server.host(), port).await => words.push(format!(
            "{}:{port} greets who sends no header of the PROXY protocol: let it demand one",
            server.host()
        )),
        AddressForwarding::InProtocol
            if protocol == "POP3" && upstream.tls != TlsMode::Implicit =>
        {
            let greeting = greeting(server.host(), port).await;
            if greeting.is_some_and(|line| !line.contains("[XCLIENT]")) {
                words.push(format!(
                    "POP3 at {}:{port} takes no client's address in the dialogue. Of Dovecot that means that \
                     `login_trusted_networks` does not name this machine, and then it believes none by IMAP either",
                    server.host()
                ));
            }
        }
        _ => {}
    }
    if addresses.iter().all(IpAddr::is_loopback) {
        for outside in outside().into_iter().flatten() {
            if greets(&outside.to_string(), port).await {
                words.push(format!(
                    "it answers at {} as well, without Sekisho: whoever reaches it there needs no second factor; let \
                     it listen at the loopback address alone",
                    SocketAddr::new(outside, port)
                ));
            }
        }
    } else {
        words.push(format!(
            "whoever reaches {}:{port} without Sekisho needs no second factor: let a firewall keep all others away",
            server.host()
        ));
    }
    words
}

async fn addresses(server: &Server) -> Vec<IpAddr> {
    let found = lookup_host((server.host(), server.port())).await;
    found.map_or_else(
        |_| Vec::new(),
        |all| all.map(|address| address.ip()).collect(),
    )
}

/// Whether an address is this machine's.
fn is_here(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// From where this machine reaches others, by each family; nothing is sent to find out.
fn outside() -> [Option<IpAddr>; 2] {
    // Addresses for documentation (RFC 5737, RFC 3849): nobody has them.
    let v4 = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let v6 = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    let route = |own: IpAddr, far: IpAddr| {
        let socket = UdpSocket::bind((own, 0)).ok()?;
        socket.connect((far, 9)).ok()?;
        let own = socket.local_addr().ok()?.ip();
        (!own.is_loopback()).then_some(own)
    };
    [
        route(Ipv4Addr::UNSPECIFIED.into(), v4),
        route(Ipv6Addr::UNSPECIFIED.into(), v6),
    ]
}

/// Whether somebody there speaks first, as mail servers do.
async fn greets(host: &str, port: u16) -> bool {
    greeting(host, port).await.is_some()
}

/// What somebody there says first, as much as comes at once.
async fn greeting(host: &str, port: u16) -> Option<String> {
    let greeting = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        let mut words = [0; 512];
        let count = stream.read(&mut words).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&words[..count]).into_owned())
    };
    let words = timeout(GREETING, greeting).await.ok()?.ok()?;
    (!words.is_empty()).then_some(words)
}
