//! A client of Dovecot's doveadm HTTP API, which closes ("kicks") connections in Dovecot whose admission has ended.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use sekisho_checkpoint::lease::Lease;
use sekisho_checkpoint::{Admitted, Password};
use sekisho_net::Shutdown;
use sekisho_net::client::Connector;
use tokio::time::{Instant, sleep, timeout};

/// How long Dovecot may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before each new attempt, if Dovecot did not do what it was told.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// How long to wait before closing connections a second time: a login that was answered just before the end may have
/// become a connection after the first time.
const LATECOMERS: Duration = Duration::from_secs(3);

/// How long a lease is kept after the last login. By then mail programs have logged in again, and the list must not
/// grow for ever.
const UNSEEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long to wait before Dovecot is asked for its connections again after a failure.
const AFTER_A_FAILURE: Duration = Duration::from_secs(10);

/// The largest answer, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// The largest list of connections, in bytes: each takes a hundred or two.
const LARGEST_LIST: usize = 64 * 1024 * 1024;

/// A user's connections from one address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct UserConnections {
    /// The user name in Dovecot.
    pub(crate) user: String,
    /// The client's address.
    pub(crate) address: IpAddr,
}

/// Makes Dovecot close the connections of admissions that have ended. Clones share one state.
#[derive(Clone)]
pub struct DoveadmClient(Arc<Parts>);

struct Parts {
    connector: Connector,
    host: String,
    port: u16,
    tls: bool,
    key: Password,
    shutdown: Shutdown,
    held: Mutex<HashMap<UserConnections, Held>>,
}

/// A lease, and the time of the last login under it.
struct Held {
    lease: Lease,
    seen: Instant,
}

impl std::fmt::Debug for DoveadmClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DoveadmClient").finish_non_exhaustive()
    }
}

impl DoveadmClient {
    /// Uses the Dovecot at `host` and `port`, with its `doveadm_api_key`.
    #[must_use]
    pub fn new(
        connector: Connector,
        (host, port): (String, u16),
        tls: bool,
        key: Password,
        shutdown: Shutdown,
    ) -> Self {
        Self(Arc::new(Parts {
            connector,
            host,
            port,
            tls,
            key,
            shutdown,
            held: Mutex::default(),
        }))
    }

    /// Keeps the lease of an admission, and closes the connections when it ends. All connections of a user from one
    /// address share a lease, since they end together.
    pub(crate) fn watch(&self, admitted: &Admitted, user: &str) {
        let whose = UserConnections {
            user: user.to_owned(),
            address: admitted.source().shown_address(),
        };
        let lease = {
            let mut held = self.held();
            let seen = Instant::now();
            if let Some(held) = held.get_mut(&whose)
                && !held.lease.is_over()
            {
                held.seen = seen;
                return;
            }
            let lease = admitted.lease().clone();
            let entry = Held {
                lease: lease.clone(),
                seen,
            };
            held.insert(whose.clone(), entry);
            lease
        };
        let client = self.clone();
        self.0.shutdown.spawn(async move {
            loop {
                tokio::select! {
                    _ = lease.ended() => return client.kick_ended(&whose).await,
                    () = client.0.shutdown.asked() => return,
                    () = sleep(UNSEEN) => if client.forget_if_unseen(&whose) { return },
                }
            }
        });
    }

    /// Drops the lease of a user who has not logged in for a long time. Returns whether it did.
    fn forget_if_unseen(&self, whose: &UserConnections) -> bool {
        let mut held = self.held();
        let unseen = held
            .get(whose)
            .is_none_or(|held| held.seen.elapsed() >= UNSEEN);
        if unseen {
            held.remove(whose);
        }
        unseen
    }

    /// Whether a lease is kept that has not ended.
    fn is_in(&self, whose: &UserConnections) -> bool {
        let held = self.held();
        held.get(whose).is_some_and(|held| !held.lease.is_over())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<UserConnections, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connections that Dovecot has now, whoever admitted them. Asks until Dovecot answers; an empty set if a
    /// shutdown is asked for.
    pub(crate) async fn connections(&self) -> HashSet<UserConnections> {
        loop {
            let asked = tokio::select! {
                asked = self.who() => asked,
                () = self.0.shutdown.asked() => return HashSet::new(),
            };
            let error = match asked {
                Ok(present) => return present,
                Err(error) => error,
            };
            tracing::warn!(%error, "Dovecot does not say who is in");
            if !self.wait_to_retry().await {
                return HashSet::new();
            }
        }
    }

    /// Waits before another attempt. Returns whether to continue; `false` if a shutdown is asked for.
    pub(crate) async fn wait_to_retry(&self) -> bool {
        tokio::select! {
            () = sleep(AFTER_A_FAILURE) => true,
            () = self.0.shutdown.asked() => false,
        }
    }

    /// Sends Dovecot a command that changes nothing.
    ///
    /// # Errors
    /// Why Dovecot can't be given commands, in words for people.
    pub async fn try_out(&self) -> Result<(), String> {
        self.who().await.map(drop)
    }

    async fn who(&self) -> Result<HashSet<UserConnections>, String> {
        let parameters = serde_json::json!({ "separateConnections": true });
        match timeout(PATIENCE, self.command("who", parameters, LARGEST_LIST)).await {
            Ok(answer) => listed(&answer?),
            Err(_) => Err("it takes too long".to_owned()),
        }
    }

    /// Waits until a login that has been answered by now has become a connection.
    pub(crate) async fn wait_for_latecomers(&self) {
        tokio::select! {
            () = sleep(LATECOMERS) => {}
            () = self.0.shutdown.asked() => {}
        }
    }

    async fn kick_ended(&self, whose: &UserConnections) {
        self.kick(whose).await;
        sleep(LATECOMERS).await;
        // If the person has proved a factor in the meantime, the connections are allowed.
        if !self.is_in(whose) {
            self.kick(whose).await;
        }
        let mut held = self.held();
        if held.get(whose).is_some_and(|held| held.lease.is_over()) {
            held.remove(whose);
        }
    }

    /// Makes Dovecot close the connections of a user from an address.
    pub(crate) async fn kick(&self, whose: &UserConnections) {
        let mut waits = AGAIN.into_iter();
        loop {
            let told = match timeout(PATIENCE, self.try_kick(whose)).await {
                Ok(told) => told,
                Err(_) => Err("it takes too long".to_owned()),
            };
            let Err(error) = told else {
                return;
            };
            let Some(wait) = waits.next() else {
                tracing::error!(
                    %error,
                    "Dovecot does not close the connections of an admission that ended; \
                     it is told again when Sekisho starts"
                );
                return;
            };
            tracing::warn!(
                %error,
                "Dovecot does not close the connections of an admission that ended; it is told again soon"
            );
            tokio::select! {
                () = sleep(wait) => {}
                // The next process asks Dovecot for its connections.
                () = self.0.shutdown.asked() => return,
            }
        }
    }

    /// Makes Dovecot kick the user's connections from the address. It is no error if there are none.
    async fn try_kick(&self, whose: &UserConnections) -> Result<(), String> {
        let masks = [whose.user.as_str(), &whose.address.to_string()];
        let parameters = serde_json::json!({ "mask": masks });
        was_done(&self.command("kick", parameters, LARGEST_ANSWER).await?)
    }

    /// Sends Dovecot a command and returns the answer, which may have `largest` bytes.
    async fn command(
        &self,
        verb: &str,
        parameters: serde_json::Value,
        largest: usize,
    ) -> Result<Bytes, String> {
        let Parts {
            connector,
            host,
            port,
            key,
            ..
        } = &*self.0;
        let stream = if self.0.tls {
            connector.connect_tls(host, *port).await
        } else {
            connector.connect_plain(host, *port).await
        };
        let stream = TokioIo::new(stream.map_err(|error| error.to_string())?);
        let (mut client, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(|error| error.to_string())?;
        let talking = tokio::spawn(connection);
        let command = serde_json::json!([[verb, parameters, "sekisho"]]);
        let request = Request::post("/doveadm/v1")
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .header(
                "authorization",
                format!("X-Dovecot-API {}", BASE64_STANDARD.encode(key.expose())),
            )
            .body(Full::new(Bytes::from(command.to_string())))
            .map_err(|error| error.to_string())?;
        let answer = client
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), largest).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        talking.abort();
        if status == StatusCode::UNAUTHORIZED {
            return Err(
                "it does not take the key: is `doveadm_key_file` its `doveadm_api_key`?".to_owned(),
            );
        }
        if status != StatusCode::OK {
            return Err(format!("it answers {status}"));
        }
        Ok(body)
    }
}

/// Dovecot's exit code for a user without connections.
const NOBODY_THERE: u64 = 68;

fn was_done(answer: &[u8]) -> Result<(), String> {
    let answer: serde_json::Value =
        serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let word = answer.pointer("/0/0").and_then(serde_json::Value::as_str);
    let code = answer.pointer("/0/1/exitCode");
    let code = code.and_then(serde_json::Value::as_u64);
    match (word, code) {
        (Some("doveadmResponse"), _) | (Some("error"), Some(NOBODY_THERE)) => Ok(()),
        _ => Err(format!("it answers {answer}")),
    }
}

/// Parses Dovecot's list of connections. A connection without an address does not come from a client and is left out.
fn listed(answer: &[u8]) -> Result<HashSet<UserConnections>, String> {
    let answer: serde_json::Value =
        serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let word = answer.pointer("/0/0").and_then(serde_json::Value::as_str);
    let list = answer.pointer("/0/1").and_then(serde_json::Value::as_array);
    let (Some("doveadmResponse"), Some(list)) = (word, list) else {
        return Err(format!("it answers {answer}"));
    };
    let whose = |connection: &serde_json::Value| {
        let field = |name| connection.get(name).and_then(serde_json::Value::as_str);
        Some(UserConnections {
            user: field("username")?.to_owned(),
            address: field("ip")?.parse().ok()?,
        })
    };
    Ok(list.iter().filter_map(whose).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_is_told_once_for_all_connections_from_an_address() {
        let list = br#"[["doveadmResponse",[
            {"username":"hanako","service":"imap","pid":"7","ip":"203.0.113.7"},
            {"username":"hanako","service":"imap","pid":"8","ip":"203.0.113.7"},
            {"username":"ken","service":"pop3","pid":"9","ip":"2001:db8::7"},
            {"username":"ken","service":"lmtp","pid":"9","ip":""}
        ],"sekisho"]]"#;
        let whose = |user: &str, address: &str| UserConnections {
            user: user.to_owned(),
            address: address.parse().expect("an address"),
        };
        let present = [whose("hanako", "203.0.113.7"), whose("ken", "2001:db8::7")];
        assert_eq!(listed(list), Ok(HashSet::from(present)));
        assert_eq!(
            listed(br#"[["doveadmResponse",[],"sekisho"]]"#),
            Ok(HashSet::new())
        );
        assert!(listed(br#"[["error",{"type":"exitCode"},"sekisho"]]"#).is_err());
    }

    #[test]
    fn nobody_to_kick_is_no_error_and_anything_odd_is_one() {
        let kicked = br#"[["doveadmResponse",[{"result":"hanako "}],"sekisho"]]"#;
        assert_eq!(was_done(kicked), Ok(()));
        let nobody = br#"[["error",{"type":"exitCode","exitCode":68},"sekisho"]]"#;
        assert_eq!(was_done(nobody), Ok(()));
        for odd in [
            &br#"[["error",{"type":"unknownMethod"},"sekisho"]]"#[..],
            br#"[["error",{"type":"exitCode","exitCode":75},"sekisho"]]"#,
            b"[]",
            b"<html>",
        ] {
            assert!(was_done(odd).is_err());
        }
    }
}
