//! An account on another IMAP server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use sekisho_mailclient::{Access, Error, Identity, Imap, ImapLogin, SpecialUse as Use};
use sekisho_net::client::{Connector, Roots};
use sekisho_store::{FolderName, SpecialUse};

use super::super::super::prompt;
use super::source::{MessageKey, Source, SourceFolder, SourceMessage};

/// How long connecting and the TLS handshake may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(300);

/// Where the server is, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Server {
    host: String,
    port: u16,
    tls_at_once: bool,
    user: Option<String>,
    roots: Roots,
}

impl Server {
    /// Reads `imaps://HOST[:PORT]` or `imap://HOST[:PORT]`.
    pub(super) fn parse(
        text: &str,
        user: Option<&str>,
        ca: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let tls_at_once = text.starts_with("imaps://");
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let place = rest.trim_end_matches('/');
        if place.contains('/') {
            bail!("{text}: give the server alone; all folders are imported");
        }
        if place.contains('@') {
            bail!("{text}: give the user name with --user; the password is asked for");
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, Some(port)),
            _ => (place, None),
        };
        let usual = if tls_at_once { 993 } else { 143 };
        let port = port.map_or(Ok(usual), str::parse);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            bail!("{text} names no server");
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.with_context(|| format!("{text}: the port is no number"))?,
            tls_at_once,
            user: user.map(str::to_owned),
            roots: ca.map_or(Roots::System, Roots::File),
        })
    }

    /// Connects, and encrypts. Only this machine is spoken to in the clear.
    async fn connect(&self) -> anyhow::Result<ImapLogin> {
        let connector = Connector::new(&self.roots, PATIENCE)?;
        let Self { host, port, .. } = self;
        if self.tls_at_once {
            return Ok(ImapLogin::greeted(connector.connect_tls(host, *port).await?).await?);
        }
        let plain = ImapLogin::greeted(connector.connect_plain(host, *port).await?).await?;
        let local = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if local {
            return Ok(plain);
        }
        let stream = plain.start_tls().await;
        let stream = stream.context("the server does no STARTTLS; try imaps://")?;
        let stream = connector.start_tls(Box::new(stream), host, &[]).await?;
        Ok(ImapLogin::encrypted(stream).await?)
    }
}

/// The account, logged in.
pub(super) struct Account {
    imap: Imap,
    folders: Vec<(sekisho_mailclient::Folder, SourceFolder)>,
    /// The folder that was listed last, and its messages.
    open: usize,
    messages: Vec<Identity>,
}

pub(super) async fn open(server: Server, login: &str) -> anyhow::Result<Account> {
    let user = server.user.as_deref().unwrap_or(login);
    let (host, port) = (&server.host, server.port);
    let connection = server.connect().await;
    let connection = connection.with_context(|| format!("connecting to {host}, port {port}"))?;
    let password = prompt::password(&format!("Password of {user} at {host}: "))?;
    let imap = within(connection.log_in(user, password.expose())).await;
    let mut imap = imap.with_context(|| format!("logging in as {user} at {host}"))?;
    let folders = within(imap.folders()).await?;
    // Where everything lies below the INBOX, that is how the server names things, not how people do.
    let below = folders
        .iter()
        .filter(|folder| !folder.name.is_inbox())
        .all(|folder| {
            folder
                .path()
                .first()
                .is_some_and(|first| first.eq_ignore_ascii_case("INBOX"))
        });
    let mut chosen = Vec::new();
    for folder in folders {
        // Views of messages that are in other folders.
        let view = matches!(folder.special_use, Some(Use::All | Use::Flagged));
        if !folder.selectable || view {
            continue;
        }
        let mut path = folder.path();
        if below && path.len() > 1 {
            path.remove(0);
        }
        let levels: Vec<String> = path.iter().map(|level| level.replace('/', "-")).collect();
        let name = levels.join("/");
        let name = FolderName::parse(&name)
            .with_context(|| format!("the folder {:?} can't be called so", folder.name.as_str()))?;
        let special = folder.special_use.and_then(SpecialUse::of);
        chosen.push((folder, SourceFolder { name, special }));
    }
    Ok(Account {
        imap,
        folders: chosen,
        open: 0,
        messages: Vec::new(),
    })
}

#[async_trait]
impl Source for Account {
    fn folders(&self) -> Vec<SourceFolder> {
        self.folders
            .iter()
            .map(|(_, folder)| folder.clone())
            .collect()
    }

    async fn list(&mut self, folder: usize) -> anyhow::Result<Vec<SourceMessage>> {
        self.open = folder;
        let name = &self.folders[folder].0.name;
        let mut open = within(self.imap.open(name, Access::Read)).await?;
        // Many answers, each of which takes its time.
        self.messages = open.identities().await?;
        let listed = self.messages.iter();
        Ok(listed
            .map(|message| SourceMessage {
                key: MessageKey::new(message.arrived, &message.header),
                flags: message.flags.iter().cloned().collect(),
                size: message.size,
            })
            .collect())
    }

    async fn read(&mut self, wanted: &[usize]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let uids: Vec<_> = wanted.iter().map(|&at| self.messages[at].uid).collect();
        let name = &self.folders[self.open].0.name;
        let mut open = within(self.imap.open(name, Access::Read)).await?;
        let mut read: std::collections::HashMap<_, _> =
            within(open.contents(&uids)).await?.into_iter().collect();
        Ok(uids.iter().map(|uid| read.remove(uid)).collect())
    }
}

/// Waits no longer than the server may be silent.
async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> anyhow::Result<T> {
    match tokio::time::timeout(SILENCE, work).await {
        Ok(done) => Ok(done?),
        Err(_) => bail!(
            "the server has been silent for {} seconds",
            SILENCE.as_secs()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_server_and_nothing_else() {
        let server = |text| Server::parse(text, None, None);
        let place = |text| server(text).map(|s| (s.host, s.port)).unwrap();
        assert_eq!(place("imaps://old.example"), ("old.example".into(), 993));
        assert_eq!(place("imap://old.example/"), ("old.example".into(), 143));
        assert_eq!(place("imap://127.0.0.1:1143"), ("127.0.0.1".into(), 1143));
        assert_eq!(place("imap://[::1]:1143"), ("::1".into(), 1143));
        for (text, words) in [
            ("imaps://a:b@old.example", "--user"),
            ("imaps://old.example/INBOX", "all folders"),
            ("imaps://old.example:x", "no number"),
            ("imaps://", "no server"),
        ] {
            let error = server(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}, not {words}");
        }
    }
}
