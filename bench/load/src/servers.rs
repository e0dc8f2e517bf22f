//! Servers to compare with: upstreams that let everybody in and cost almost nothing, the endpoint that nginx's mail
//! proxy asks, and a proxy that only copies bytes, which is as little as a gateway can do.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional_with_sizes,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::arguments::Arguments;
use crate::wire::literal;

const IMAP_CAPABILITIES: &str = "IMAP4rev1 SASL-IR LITERAL+ ID IDLE AUTH=PLAIN";
const SMTP_EHLO: &str = "250-fake\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN\r\n";
/// How many messages the mailbox of the IMAP server has, and how large each is: the mean of real mail.
const MESSAGES: usize = 1000;
const MESSAGE_BYTES: usize = 17_000;
/// The copier's buffers.
const BUFFER: usize = 64 << 10;

/// Serves until the process is killed.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(arguments.address("listen"))?;
    let listener = socket.listen(4096)?;
    match arguments.command.as_str() {
        "fake-imap" => {
            let mail = Arc::new(fetch_responses());
            each(listener, move |client| fake_imap(client, Arc::clone(&mail))).await
        }
        "fake-pop3" => each(listener, |client| fake_lines(client, "+OK ready\r\n", pop3)).await,
        "fake-smtp" => {
            each(listener, |client| {
                fake_lines(client, "220 fake ESMTP\r\n", smtp)
            })
            .await
        }
        "auth-http" => {
            let imap = arguments.address("imap");
            each(listener, move |client| auth_http(client, imap)).await
        }
        _ => {
            let to = arguments.address("to");
            let tls = acceptor(arguments).map_err(io::Error::other)?;
            each(listener, move |client| copy(client, to, tls.clone())).await
        }
    }
}

async fn each<F, Served>(listener: TcpListener, serve: F) -> io::Result<()>
where
    F: Fn(TcpStream) -> Served,
    Served: Future<Output = io::Result<()>> + Send + 'static,
{
    loop {
        // A client that is gone already is none of the others' business.
        if let Ok((client, _)) = listener.accept().await {
            client.set_nodelay(true)?;
            tokio::spawn(serve(client));
        }
    }
}

fn fetch_responses() -> Vec<u8> {
    let line = b"The quick brown fox jumps over the lazy dog, and then does it once more.\r\n";
    let body: Vec<u8> = line.iter().copied().cycle().take(MESSAGE_BYTES).collect();
    let mut responses = Vec::new();
    for number in 1..=MESSAGES {
        let head = format!("* {number} FETCH (BODY[] {{{MESSAGE_BYTES}}}\r\n");
        responses.extend_from_slice(head.as_bytes());
        responses.extend_from_slice(&body);
        responses.extend_from_slice(b")\r\n");
    }
    responses
}

async fn fake_imap(client: TcpStream, mail: Arc<Vec<u8>>) -> io::Result<()> {
    let mut client = BufReader::with_capacity(1024, client);
    let greeting = format!("* OK [CAPABILITY {IMAP_CAPABILITIES}] fake ready\r\n");
    client.write_all(greeting.as_bytes()).await?;
    let mut line = Vec::new();
    let mut idling: Option<String> = None;
    loop {
        line.clear();
        if client.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        // nginx sends names and passwords as literals.
        while let Some(length) = literal(line.trim_ascii_end()) {
            if !line.trim_ascii_end().ends_with(b"+}") {
                client.write_all(b"+ go on\r\n").await?;
            }
            let mut bytes = vec![0; length];
            client.read_exact(&mut bytes).await?;
            line.extend_from_slice(&bytes);
            client.read_until(b'\n', &mut line).await?;
        }
        if let Some(tag) = idling.take() {
            client
                .write_all(format!("{tag} OK idled\r\n").as_bytes())
                .await?;
            continue;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        let mut words = text.split_whitespace();
        let tag = words.next().unwrap_or("*").to_owned();
        let command = words.next().unwrap_or_default().to_ascii_uppercase();
        let answer = match command.as_str() {
            "CAPABILITY" => format!("* CAPABILITY {IMAP_CAPABILITIES}\r\n{tag} OK done\r\n"),
            "ID" => format!("* ID NIL\r\n{tag} OK done\r\n"),
            "AUTHENTICATE" if words.nth(1).is_none() => {
                client.write_all(b"+ \r\n").await?;
                line.clear();
                client.read_until(b'\n', &mut line).await?;
                format!("{tag} OK [CAPABILITY {IMAP_CAPABILITIES}] logged in\r\n")
            }
            "LOGIN" | "AUTHENTICATE" => {
                format!("{tag} OK [CAPABILITY {IMAP_CAPABILITIES}] logged in\r\n")
            }
            "SELECT" | "EXAMINE" => format!(
                "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* {MESSAGES} EXISTS\r\n\
                 * 0 RECENT\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT {}] ok\r\n\
                 {tag} OK [READ-WRITE] selected\r\n",
                MESSAGES + 1
            ),
            "IDLE" => {
                idling = Some(tag);
                "+ idling\r\n".to_owned()
            }
            "FETCH" => {
                client.write_all(&mail).await?;
                format!("{tag} OK fetched\r\n")
            }
            "LOGOUT" => {
                let bye = format!("* BYE bye\r\n{tag} OK logged out\r\n");
                client.write_all(bye.as_bytes()).await?;
                return client.shutdown().await;
            }
            _ => format!("{tag} OK done\r\n"),
        };
        client.write_all(answer.as_bytes()).await?;
    }
}

fn pop3(command: &str) -> &'static str {
    match command {
        "CAPA" => "+OK\r\nUSER\r\nUIDL\r\nSASL PLAIN\r\n.\r\n",
        "STAT" => "+OK 0 0\r\n",
        _ => "+OK fine\r\n",
    }
}

fn smtp(command: &str) -> &'static str {
    match command {
        "EHLO" => SMTP_EHLO,
        "AUTH" => "235 2.7.0 logged in\r\n",
        "DATA" => "354 go on\r\n",
        "QUIT" => "221 2.0.0 bye\r\n",
        _ => "250 2.0.0 fine\r\n",
    }
}

async fn fake_lines(
    client: TcpStream,
    greeting: &'static str,
    answer: fn(&str) -> &'static str,
) -> io::Result<()> {
    let mut client = BufReader::with_capacity(4096, client);
    client.write_all(greeting.as_bytes()).await?;
    let mut line = String::new();
    let mut is_message = false;
    loop {
        line.clear();
        if client.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if is_message && line != ".\r\n" {
            continue;
        }
        let command = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer = answer(&command);
        is_message = answer.starts_with("354");
        client.write_all(answer.as_bytes()).await?;
        if command == "QUIT" {
            return client.shutdown().await;
        }
    }
}

/// Says yes to everybody, and names the upstream.
async fn auth_http(client: TcpStream, imap: SocketAddr) -> io::Result<()> {
    let mut client = BufReader::with_capacity(2048, client);
    let mut line = String::new();
    while client.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let (address, port) = (imap.ip(), imap.port());
    let answer = format!(
        "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: {address}\r\nAuth-Port: {port}\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

fn acceptor(
    arguments: &Arguments,
) -> Result<Option<TlsAcceptor>, Box<dyn std::error::Error + Send + Sync>> {
    let (Some(certificate), Some(key)) = (arguments.get("certificate"), arguments.get("key"))
    else {
        return Ok(None);
    };
    let certificates = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

async fn copy(mut client: TcpStream, to: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<()> {
    match tls {
        Some(acceptor) => {
            let mut client = acceptor.accept(client).await?;
            let mut upstream = connect(to).await?;
            copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER).await?;
        }
        None => {
            let mut upstream = connect(to).await?;
            copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER).await?;
        }
    }
    Ok(())
}

async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let upstream = TcpStream::connect(to).await?;
    upstream.set_nodelay(true)?;
    Ok(upstream)
}
