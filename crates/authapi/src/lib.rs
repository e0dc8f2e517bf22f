//! Doors for mail servers that stay in front of Sekisho: they accept the connections, and ask the checkpoint who may
//! come in. Each server asks in its own protocol, and each can express less than Sekisho's own doors:
//! `docs/operating.md` has a table. [`Api::router`] answers nginx (`ngx_mail_auth_http_module`) and Dovecot's auth
//! policy over HTTP, but only to peers that send the secret; [`run_sasl`] speaks Dovecot's SASL protocol, for Postfix
//! and Exim. A peer's report of the client's address is believed: whoever has the secret, or can reach the socket,
//! could as well open the mailboxes. The crate decides nothing and has no mail. If Dovecot can be given commands,
//! [`DoveadmClient`] makes it close connections whose admission has ended.

mod doveadm;
mod nginx;
mod policy;
mod sasl;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::ports::Clock;
use sekisho_checkpoint::sasl::Credentials;
use sekisho_checkpoint::{Admitted, Attempt, Attested, Checkpoint, NotAdmitted, Password};
use sekisho_net::{Finisher, Panicked};
use sekisho_source::{KeyLength, Source};
use subtle::ConstantTimeEq as _;

use crate::doveadm::UserConnections;

pub use doveadm::DoveadmClient;
pub use nginx::Backends;
pub use sasl::{SaslListener, run_sasl};

/// The header field in which a peer sends the secret.
pub const SECRET_HEADER: &str = "x-sekisho-secret";

/// The largest request body, in bytes. Dovecot's have a few hundred.
const LARGEST_BODY: usize = 64 * 1024;

/// The answer if an attempt can't be judged.
const OUT_OF_ORDER: &str = "Logins are temporarily out of order, try again later";

/// The checkpoint, as the servers in front ask it.
pub struct Api {
    /// The checkpoint.
    pub checkpoint: Arc<Checkpoint>,
    /// The clock that times refusals.
    pub clock: Arc<dyn Clock>,
    /// The IPv6 prefix length of source keys.
    pub key_length: KeyLength,
    /// The secret that a peer must send over HTTP.
    pub secret: Password,
    /// The servers to which nginx passes connections.
    pub backends: Backends,
    /// The user name at the servers behind; `{login}` and `{address}` stand for those of the account.
    pub user: String,
    /// Closes connections in Dovecot, if it can be given commands.
    pub doveadm: Option<DoveadmClient>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// The HTTP routes: `GET /auth/nginx` and `POST /auth/dovecot`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/auth/nginx", axum::routing::get(nginx::answer))
            .route("/auth/dovecot", axum::routing::post(policy::answer))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(Arc::clone(self), shows_the_secret))
            .with_state(Arc::clone(self))
    }

    /// Takes over the connections that Dovecot accepted before this process started: those that would not be admitted
    /// now are closed, the others are watched. Returns when that is done, or when a shutdown is asked for.
    pub async fn catch_up(&self) {
        let Some(doveadm) = &self.doveadm else { return };
        for once_more in [false, true] {
            if once_more {
                // A login that the previous process answered last may have become a connection only now.
                doveadm.wait_for_latecomers().await;
            }
            for whose in doveadm.connections().await {
                self.catch_up_with(&whose, doveadm).await;
            }
        }
    }

    async fn catch_up_with(&self, whose: &UserConnections, doveadm: &DoveadmClient) {
        let attested = Attested {
            name: whose.user.clone(),
            source: reported(Some(whose.address), self.key_length),
            client: "Dovecot".to_owned(),
        };
        loop {
            match self.checkpoint.still_admitted(&attested).await {
                Ok(Some(admitted)) => return doveadm.watch(&admitted, &whose.user),
                Ok(None) => return doveadm.kick(whose).await,
                Err(_) => {
                    if !doveadm.wait_to_retry().await {
                        return;
                    }
                }
            }
        }
    }

    /// Judges a name and a password, and returns the user name for the servers behind. Returns a refusal only when it
    /// is due.
    async fn judge(
        &self,
        credentials: Credentials,
        source: Source,
        client: String,
        finisher: &Finisher,
    ) -> Result<String, NotAdmitted> {
        let attempt = Attempt {
            door: Door::AuthApi,
            name: credentials.name,
            authorization: credentials.authorization,
            password: credentials.password,
            source,
            client,
        };
        let checkpoint = Arc::clone(&self.checkpoint);
        let admit = async move { checkpoint.admit(attempt).await };
        let judged = finished(finisher, &source, admit).await;
        let admitted = self.in_time(judged).await?;
        let Some(user) = admitted.account().name_elsewhere(&self.user) else {
            tracing::error!("an account has no address to be known by");
            return Err(NotAdmitted::Unavailable);
        };
        self.hold(&admitted, &user);
        Ok(user)
    }

    /// Waits until a refusal is due.
    async fn in_time(
        &self,
        judged: Result<Admitted, NotAdmitted>,
    ) -> Result<Admitted, NotAdmitted> {
        if let Err(NotAdmitted::Refused(refusal)) = &judged {
            self.clock.sleep_until(refusal.answer_at).await;
        }
        judged
    }

    /// Watches over an admission of `user`, if there is a way to close its connections.
    fn hold(&self, admitted: &Admitted, user: &str) {
        if let Some(doveadm) = &self.doveadm {
            doveadm.watch(admitted, user);
        }
    }

    /// The source for the client's address that a peer reports as text.
    fn source(&self, address: Option<&str>) -> Source {
        let address = address.and_then(|text| text.parse().ok());
        reported(address, self.key_length)
    }
}

/// The source for the client's address that a server in front reports. Here alone, besides the listener, a source is
/// assured: that server accepted the connection, so it is the one that knows, and whoever may report could as well open
/// the mailboxes. What it can't know is obscured, so that it lies in no trusted network and can't use a grant: no
/// address, or the unspecified one, which is reported where there was none.
fn reported(address: Option<IpAddr>, length: KeyLength) -> Source {
    match address.filter(|address| !address.to_canonical().is_unspecified()) {
        Some(address) => Source::assured(address, length),
        None => Source::obscured(IpAddr::from([0, 0, 0, 0]), length),
    }
}

/// The checkpoint's judgement, which runs to its end even if the peer hangs up: nginx hangs up when its client does,
/// but a guess must count.
async fn finished<T: Send + 'static>(
    finisher: &Finisher,
    source: &Source,
    judging: impl Future<Output = Result<T, NotAdmitted>> + Send + 'static,
) -> Result<T, NotAdmitted> {
    let Ok(permit) = finisher.permit(source).await else {
        return Err(NotAdmitted::Unavailable);
    };
    let judged = finisher.finish(permit, judging).await;
    judged.unwrap_or_else(|Panicked| Err(NotAdmitted::Unavailable))
}

/// Lets only requests with the secret through.
async fn shows_the_secret(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(SECRET_HEADER);
    let shown = shown.map(axum::http::HeaderValue::as_bytes);
    let secret = api.secret.expose().as_bytes();
    if !shown.is_some_and(|shown| shown.ct_eq(secret).into()) {
        tracing::warn!("somebody asked the auth API without its secret");
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_nobodys_is_no_source() {
        for text in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
            let address = text.parse().expect("an address");
            let source = reported(Some(address), KeyLength::default());
            assert!(source.is_obscured(), "{text}");
        }
        assert!(reported(None, KeyLength::default()).is_obscured());
        let address = "2001:db8::1".parse().expect("an address");
        assert!(!reported(Some(address), KeyLength::default()).is_obscured());
    }
}
