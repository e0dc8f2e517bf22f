//! Listeners, TLS and shutdown over real sockets.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use sekisho_net::client::{Connector, Roots};
use sekisho_net::{
    Accepted, Alpn, BoxedStream, Certificate, ConnectionSlots, GivenSource, Listener, NetError,
    Peers, Shutdown, SourceFrom, TlsKeeper, serve,
};
use sekisho_source::KeyLength;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn listen(from: SourceFrom) -> (Listener, SocketAddr) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any, from, KeyLength::default())
        .await
        .expect("a free port");
    let address = listener.local_address().expect("an address");
    (listener, address)
}

/// A server that tells each client where it comes from.
async fn telling(from: SourceFrom) -> (SocketAddr, Shutdown) {
    let (listener, address) = listen(from).await;
    let shutdown = Shutdown::new();
    let server = serve(listener, ConnectionSlots::default(), shutdown.clone(), tell);
    shutdown.spawn(server);
    (address, shutdown)
}

async fn tell(mut accepted: Accepted) {
    let obscured = if accepted.source.is_obscured() {
        "?"
    } else {
        ""
    };
    let line = format!("{}{obscured}\n", accepted.source.shown_address());
    let _ = accepted.stream.write_all(line.as_bytes()).await;
    let _ = accepted.stream.shutdown().await;
}

/// Everything that the server answers to a client that sends `first`.
async fn told(server: SocketAddr, first: &[u8]) -> String {
    let mut client = TcpStream::connect(server).await.expect("a server");
    let mut answer = String::new();
    // The server may hang up while this is being sent.
    let _ = client.write_all(first).await;
    let _ = client.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_direct_connection_comes_from_its_peer() {
    let (server, shutdown) = telling(SourceFrom::Connection).await;
    assert_eq!(told(server, b"").await, "127.0.0.1\n");
    assert!(shutdown.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_socket_for_both_families_shows_an_ipv4_peer_as_such() {
    let any = "[::]:0".parse().expect("an address");
    let listener = Listener::bind(any, SourceFrom::Connection, KeyLength::default())
        .await
        .expect("IPv6");
    let port = listener.local_address().expect("an address").port();
    let (_client, arrival) =
        tokio::join!(TcpStream::connect(("127.0.0.1", port)), listener.accept());
    let identified = arrival.expect("a client").identify().await.expect("direct");
    assert_eq!(identified.source.shown_address().to_string(), "127.0.0.1");
    assert!(identified.stays_here);
}

#[tokio::test]
async fn a_configured_proxy_says_for_whom_it_speaks_and_must() {
    let proxies = Peers::new(vec!["127.0.0.1/32".parse().expect("a prefix")]);
    let (server, _shutdown) = telling(SourceFrom::Proxies(proxies)).await;
    let header = b"PROXY TCP4 203.0.113.7 192.0.2.1 5 993\r\n";
    assert_eq!(told(server, header).await, "203.0.113.7\n");
    assert_eq!(told(server, b"PROXY UNKNOWN\r\n").await, "127.0.0.1?\n");
    assert_eq!(told(server, b"a1 LOGIN alice secret\r\n").await, "");
}

#[tokio::test]
async fn nobody_else_may_use_the_proxies_listener() {
    let proxies = Peers::new(vec!["192.0.2.1/32".parse().expect("a prefix")]);
    let (server, _shutdown) = telling(SourceFrom::Proxies(proxies)).await;
    let header = b"PROXY TCP4 203.0.113.7 192.0.2.1 5 993\r\n";
    assert_eq!(told(server, header).await, "");
}

#[tokio::test]
async fn a_given_source_can_move_while_the_listener_runs() {
    let given = GivenSource::new(IpAddr::from([198, 51, 100, 7]));
    let (server, _shutdown) = telling(SourceFrom::Given(given.clone())).await;
    assert_eq!(told(server, b"").await, "198.51.100.7\n");
    given.set(IpAddr::from([203, 0, 113, 9]));
    assert_eq!(told(server, b"").await, "203.0.113.9\n");
}

#[tokio::test]
async fn a_drain_cuts_off_what_does_not_end() {
    let (listener, server) = listen(SourceFrom::Connection).await;
    let shutdown = Shutdown::new();
    shutdown.spawn(serve(
        listener,
        ConnectionSlots::default(),
        shutdown.clone(),
        |mut accepted: Accepted| async move {
            let _ = accepted.stream.write_all(b"!").await;
            std::future::pending::<()>().await;
        },
    ));
    let mut client = TcpStream::connect(server).await.expect("a server");
    assert_eq!(client.read_u8().await.ok(), Some(b'!'));
    assert!(!shutdown.drain(Duration::ZERO).await);
    assert_eq!(client.read(&mut [0]).await.ok(), Some(0));
    assert!(TcpStream::connect(server).await.is_err());
}

fn self_signed(folder: &Path) -> Certificate {
    Certificate::SelfSigned {
        folder: folder.to_owned(),
        names: vec!["localhost".to_owned()],
    }
}

/// Connects in TLS to a server that has this certificate, and says hello.
async fn hello(keeper: &TlsKeeper, trusted: &Path) -> Result<String, NetError> {
    let (listener, address) = listen(SourceFrom::Connection).await;
    let connector = Connector::new(&Roots::File(trusted.to_owned()), Duration::from_secs(10))?;
    let serving = async {
        let stream = listener.accept().await?.identify().await?.stream;
        let mut stream = stream.start_tls(keeper, b"").await?;
        stream.write_all(b"hello").await?;
        stream.shutdown().await?;
        Ok::<_, NetError>(stream.is_encrypted())
    };
    let asking = async {
        let mut stream = connector.connect_tls("localhost", address.port()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok::<_, NetError>(text)
    };
    let (served, text) = tokio::join!(serving, asking);
    let text = text?;
    assert!(served?);
    Ok(text)
}

#[tokio::test]
async fn a_certificate_is_made_once_for_its_owner_alone_and_recognised_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = self_signed(&folder.path().join("tls"));
    let first = TlsKeeper::open(certificate.clone(), Alpn::None).expect("made");
    let file = folder.path().join("tls/self-signed.pem");
    let before = std::fs::read(&file).expect("a file");
    let mode = file.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(hello(&first, &file).await.expect("trusted"), "hello");

    let again = TlsKeeper::open(certificate, Alpn::None).expect("read");
    assert_eq!(before, std::fs::read(&file).expect("a file"));
    assert_eq!(hello(&again, &file).await.expect("trusted"), "hello");
}

#[tokio::test]
async fn a_server_that_holds_another_certificate_is_not_talked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let [mine, other] = ["mine", "other"].map(|name| folder.path().join(name));
    let keeper = TlsKeeper::open(self_signed(&mine), Alpn::None).expect("made");
    TlsKeeper::open(self_signed(&other), Alpn::None).expect("made");
    let refused = hello(&keeper, &other.join("self-signed.pem")).await;
    let Err(NetError::Unproven(words)) = refused else {
        panic!("{refused:?}")
    };
    assert!(words.contains("`ca_file`"), "{words}");
}

#[tokio::test]
async fn a_reload_takes_the_new_certificate_and_keeps_the_old_if_the_new_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let [old, new] = ["old", "new"].map(|name| {
        let folder = folder.path().join(name);
        TlsKeeper::open(self_signed(&folder), Alpn::None).expect("made");
        folder.join("self-signed.pem")
    });
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let put = |from: &Path, to: &Path| std::fs::copy(from, to).expect("copied");
    put(&old, &chain);
    put(&old, &key);
    let files = Certificate::Files {
        chain: chain.clone(),
        key: key.clone(),
    };
    let keeper = TlsKeeper::open(files, Alpn::Web).expect("read");

    put(&new, &chain);
    assert!(keeper.reload().is_err(), "the key is another's");
    std::fs::write(&chain, "nothing").expect("written");
    assert!(keeper.reload().is_err(), "no certificate");
    assert!(hello(&keeper, &old).await.is_ok());

    put(&new, &chain);
    put(&new, &key);
    keeper.reload().expect("they belong together");
    assert!(hello(&keeper, &old).await.is_err());
    assert!(hello(&keeper, &new).await.is_ok());
}

#[tokio::test]
async fn plaintext_behind_starttls_ends_the_connection_on_both_sides() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = TlsKeeper::open(self_signed(folder.path()), Alpn::None).expect("made");
    let (listener, address) = listen(SourceFrom::Connection).await;
    let (client, arrival) = tokio::join!(TcpStream::connect(address), listener.accept());
    let identified = arrival.expect("a client").identify().await.expect("direct");
    assert!(identified.stays_here);
    let refused = identified.stream.start_tls(&keeper, b"a NOOP\r\n").await;
    assert!(matches!(refused, Err(NetError::Injected)));

    let connector = Connector::new(&Roots::System, Duration::from_secs(10)).expect("roots");
    let stream: BoxedStream = Box::new(client.expect("a server"));
    let refused = connector
        .start_tls(stream, "localhost", b"250 go on\r\n")
        .await;
    assert!(matches!(refused, Err(NetError::Injected)));
}

/// A sender chooses the recipient's domain and so, by its MX records, the server to which Sekisho connects.
#[tokio::test]
async fn what_is_for_the_internet_does_not_reach_a_neighbour() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let anywhere = Connector::new(&Roots::Anybody, Duration::from_secs(10)).expect("no roots");
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"] {
        let refused = anywhere.clone().to_the_internet_alone();
        let error = refused.connect_plain(host, port).await.err();
        let words = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            words.contains("no address on the internet"),
            "{host}: {words}"
        );
    }
    assert!(anywhere.connect_plain("127.0.0.1", port).await.is_ok());
}
