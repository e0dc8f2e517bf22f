//! Doors for servers that stay in front: they take the connections, and ask the checkpoint who may come in.
//!
//! Each is asked in its own way, and each can say less than a door of ours: `docs/operating.md` has a table of what.
//! [`Api::router`] answers nginx (`ngx_mail_auth_http_module`) and Dovecot's auth policy over HTTP, to those alone who
//! show the secret; [`run_sasl`] speaks Dovecot's SASL protocol, for Postfix and Exim. What a peer says of a client's
//! address is believed: whoever holds the secret, or reaches the socket, could as well open the mailboxes.
//!
//! The crate decides nothing and holds no mail. Where Dovecot can be told to, [`Cutter`] has it close the connections
//! of those whose admission ended.

mod cutter;
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

use crate::cutter::Whose;

pub use cutter::Cutter;
pub use nginx::Backends;
pub use sasl::{SaslListener, run_sasl};

/// The header field in which a peer shows the secret.
pub const SECRET_HEADER: &str = "x-sekisho-secret";

/// The most bytes of a request's body. Dovecot's are a few hundred.
const LARGEST_BODY: usize = 64 * 1024;

/// What is said to whom can't be judged.
const OUT_OF_ORDER: &str = "Logins are temporarily out of order, try again later";

/// The checkpoint, as peers ask it.
pub struct Api {
    /// The checkpoint.
    pub checkpoint: Arc<Checkpoint>,
    /// The clock by which refusals leave.
    pub clock: Arc<dyn Clock>,
    /// What makes a source.
    pub key_length: KeyLength,
    /// What a peer shows over HTTP.
    pub secret: Password,
    /// Where nginx passes people on to.
    pub backends: Backends,
    /// The name under which the servers behind know an account: `{login}` and `{address}` stand for the account's own.
    pub user: String,
    /// Closes connections in Dovecot, if it can be told to.
    pub cutter: Option<Cutter>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// What is asked over HTTP: `GET /auth/nginx` and `POST /auth/dovecot`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/auth/nginx", axum::routing::get(nginx::answer))
            .route("/auth/dovecot", axum::routing::post(policy::answer))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(Arc::clone(self), shows_the_secret))
            .with_state(Arc::clone(self))
    }

    /// Takes over whom Dovecot let in before this process began: who would not be let in now is cut off, the others are
    /// watched. Tries until it is done, or the end is asked for.
    pub async fn catch_up(&self) {
        let Some(cutter) = &self.cutter else { return };
        for once_more in [false, true] {
            if once_more {
                // A login that the former process answered last may have become a connection only now.
                cutter.lets_latecomers_in().await;
            }
            for whose in cutter.present().await {
                self.catch_up_with(&whose, cutter).await;
            }
        }
    }

    async fn catch_up_with(&self, whose: &Whose, cutter: &Cutter) {
        let attested = Attested {
            name: whose.user.clone(),
            source: Source::assured(whose.address, self.key_length),
            client: "Dovecot".to_owned(),
        };
        loop {
            match self.checkpoint.still_admitted(&attested).await {
                Ok(Some(admitted)) => return cutter.hold(&admitted, &whose.user),
                Ok(None) => return cutter.cut_now(whose).await,
                Err(_) => {
                    if !cutter.rests().await {
                        return;
                    }
                }
            }
        }
    }

    /// Judges a name and a password; a refusal is returned when it is to be said. Whom it lets in, it lets in under the
    /// name that is returned.
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
        let Some(user) = admitted.details().name_elsewhere(&self.user) else {
            tracing::error!("an account has no address to be known by");
            return Err(NotAdmitted::Unavailable);
        };
        self.hold(&admitted, &user);
        Ok(user)
    }

    /// Waits until a refusal may be said.
    async fn in_time(
        &self,
        judged: Result<Admitted, NotAdmitted>,
    ) -> Result<Admitted, NotAdmitted> {
        if let Err(NotAdmitted::Refused(refusal)) = &judged {
            self.clock.sleep_until(refusal.answer_at).await;
        }
        judged
    }

    /// Watches over somebody who was let in as `user`, if there is a way to cut him off.
    fn hold(&self, admitted: &Admitted, user: &str) {
        if let Some(cutter) = &self.cutter {
            cutter.hold(admitted, user);
        }
    }

    /// Where a peer says that a client is. Who gives no address is nowhere that is trusted, and is worth no grant.
    fn source(&self, address: Option<&str>) -> Source {
        match address.and_then(|text| text.parse::<IpAddr>().ok()) {
            Some(address) => Source::assured(address, self.key_length),
            None => Source::obscured(IpAddr::from([0, 0, 0, 0]), self.key_length),
        }
    }
}

/// What the checkpoint says, which it says to its end though the peer hangs up: nginx does when its client does, and a
/// guess counts.
async fn finished<T: Send + 'static>(
    finisher: &Finisher,
    source: &Source,
    judging: impl Future<Output = Result<T, NotAdmitted>> + Send + 'static,
) -> Result<T, NotAdmitted> {
    finisher.room_for(source).await;
    let judged = finisher.finish(source, |_| judging).await;
    judged.unwrap_or_else(|Panicked| Err(NotAdmitted::Unavailable))
}

/// Lets those alone ask who show the secret.
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
