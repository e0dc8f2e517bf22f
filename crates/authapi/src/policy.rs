//! Dovecot's auth policy server: after a right password, Dovecot asks whether the person may come in; wrong passwords
//! are reported.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use sekisho_checkpoint::{Attested, NotAdmitted, Password};
use sekisho_net::Finisher;
use serde::{Deserialize, Serialize};

use crate::{Api, OUT_OF_ORDER, finished};

/// The query of the request.
#[derive(Deserialize)]
pub(crate) struct Question {
    command: Command,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    /// Asks whether the person may come in.
    Allow,
    /// Reports how an attempt ended.
    Report,
}

/// What Dovecot says about an attempt: the attributes of `auth_policy_request_attributes`, as `docs/operating.md`
/// configures them.
#[derive(Deserialize)]
pub(crate) struct PolicyRequest {
    /// The user name in Dovecot.
    #[serde(default)]
    login: String,
    /// The client's address.
    #[serde(default)]
    remote: String,
    /// The client's protocol.
    #[serde(default)]
    protocol: String,
    /// A short hash of the password.
    #[serde(default)]
    pwhash: String,
    /// In reports, whether the person was let in.
    #[serde(default)]
    success: bool,
    /// In reports, whether this server had refused.
    #[serde(default)]
    policy_reject: bool,
}

/// The answer to Dovecot.
#[derive(Serialize)]
struct Verdict {
    /// Negative: refused. 0: continue.
    status: i32,
    /// The reason, for Dovecot's log.
    msg: String,
}

impl Verdict {
    fn go_on() -> Json<Self> {
        Json(Self {
            status: 0,
            msg: String::new(),
        })
    }

    fn refused(why: &str) -> Json<Self> {
        Json(Self {
            status: -1,
            msg: why.to_owned(),
        })
    }
}

/// Answers Dovecot. If an attempt can't be judged, the answer is an error, upon which Dovecot lets nobody in
/// (`auth_policy_reject_on_fail`).
pub(crate) async fn answer(
    State(api): State<Arc<Api>>,
    Extension(finisher): Extension<Finisher>,
    Query(question): Query<Question>,
    Json(request): Json<PolicyRequest>,
) -> Response {
    let attested = Attested {
        source: api.source(Some(&request.remote)),
        client: format!("Dovecot {}", request.protocol),
        name: request.login,
    };
    match question.command {
        Command::Allow => allow(&api, attested, &finisher).await,
        Command::Report if request.success || request.policy_reject => {
            Verdict::go_on().into_response()
        }
        Command::Report => {
            let password = Password::new(request.pwhash);
            let (source, checkpoint) = (attested.source, Arc::clone(&api.checkpoint));
            let counting = async move { checkpoint.wrong_elsewhere(&attested, &password).await };
            match finished(&finisher, &source, counting).await {
                Ok(()) => Verdict::go_on().into_response(),
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    }
}

async fn allow(api: &Api, attested: Attested, finisher: &Finisher) -> Response {
    let (user, source) = (attested.name.clone(), attested.source);
    let checkpoint = Arc::clone(&api.checkpoint);
    let admit = async move { checkpoint.admit_attested(attested).await };
    let judged = finished(finisher, &source, admit).await;
    match api.in_time(judged).await {
        Ok(admitted) => {
            api.hold(&admitted, &user);
            Verdict::go_on().into_response()
        }
        Err(NotAdmitted::Refused(refusal)) => Verdict::refused(&refusal.sentence).into_response(),
        Err(NotAdmitted::Unavailable) => Verdict::refused(OUT_OF_ORDER).into_response(),
    }
}
