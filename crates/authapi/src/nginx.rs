//! Answers nginx's mail proxy, which asks who may come in and to which server to pass them
//! (`ngx_mail_auth_http_module`).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode;
use sekisho_checkpoint::sasl::{Credentials, as_typed};
use sekisho_checkpoint::{NotAdmitted, Password};
use sekisho_net::Finisher;

use crate::{Api, OUT_OF_ORDER};

/// The servers to which nginx passes connections, by protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backends {
    /// The IMAP server.
    pub imap: Option<SocketAddr>,
    /// The POP3 server.
    pub pop3: Option<SocketAddr>,
    /// The submission server.
    pub submission: Option<SocketAddr>,
}

#[derive(Clone, Copy)]
enum Protocol {
    Imap,
    Pop3,
    Smtp,
}

impl Protocol {
    fn parse(word: &[u8]) -> Option<Self> {
        match word {
            b"imap" => Some(Self::Imap),
            b"pop3" => Some(Self::Pop3),
            b"smtp" => Some(Self::Smtp),
            _ => None,
        }
    }

    fn backend(self, backends: &Backends) -> Option<SocketAddr> {
        match self {
            Self::Imap => backends.imap,
            Self::Pop3 => backends.pop3,
            Self::Smtp => backends.submission,
        }
    }

    /// A refusal. nginx puts the text after `NO`, `-ERR` or the SMTP code, which the answer names as well.
    fn refused(self, sentence: &str) -> Answer {
        match self {
            Self::Imap => Answer::new(&format!("[AUTHENTICATIONFAILED] {sentence}")),
            Self::Pop3 => Answer::new(&format!("[AUTH] {sentence}")),
            Self::Smtp => Answer::new(sentence).with(ERROR_CODE, "535 5.7.8"),
        }
    }

    fn unavailable(self) -> Answer {
        match self {
            Self::Imap => Answer::new(&format!("[UNAVAILABLE] {OUT_OF_ORDER}")),
            Self::Pop3 => Answer::new(&format!("[SYS/TEMP] {OUT_OF_ORDER}")),
            Self::Smtp => Answer::new(OUT_OF_ORDER).with(ERROR_CODE, "454 4.7.0"),
        }
    }
}

const STATUS: HeaderName = HeaderName::from_static("auth-status");
const SERVER: HeaderName = HeaderName::from_static("auth-server");
const PORT: HeaderName = HeaderName::from_static("auth-port");
const USER: HeaderName = HeaderName::from_static("auth-user");
const ERROR_CODE: HeaderName = HeaderName::from_static("auth-error-code");

/// An answer, which consists of header fields only; `None` after an error.
struct Answer(Option<HeaderMap>);

impl Answer {
    fn new(status: &str) -> Self {
        Self(Some(HeaderMap::new())).with(STATUS, status)
    }

    /// Adds a field. A value that a header field can't contain makes the whole answer an error.
    fn with(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_bytes(value.as_bytes()) {
            Ok(value) => {
                if let Some(fields) = &mut self.0 {
                    fields.insert(name, value);
                }
            }
            Err(_) => self.0 = None,
        }
        self
    }

    fn into_response(self) -> Response {
        match self.0 {
            Some(fields) => fields.into_response(),
            None => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// Answers a request of nginx. On anything that is not such a request, nginx reports an internal error to its client.
pub(crate) async fn answer(
    State(api): State<Arc<Api>>,
    Extension(finisher): Extension<Finisher>,
    fields: HeaderMap,
) -> Response {
    let field = |name: &str| fields.get(name).map(HeaderValue::as_bytes);
    let Some(protocol) = field("auth-protocol").and_then(Protocol::parse) else {
        return axum::http::StatusCode::BAD_REQUEST.into_response();
    };
    let (Some(b"plain"), Some(name), Some(password)) =
        (field("auth-method"), field("auth-user"), field("auth-pass"))
    else {
        tracing::warn!(
            "nginx asked about something other than a name and a password: let it offer `plain` and `login` alone"
        );
        return protocol.unavailable().into_response();
    };
    let Some(backend) = protocol.backend(&api.backends) else {
        tracing::error!("nginx serves a protocol for which [authapi] names no server");
        return protocol.unavailable().into_response();
    };
    // nginx percent-encodes characters that a header field can't contain.
    let decoded = |bytes| as_typed(&percent_decode(bytes).collect::<Vec<_>>());
    let credentials = Credentials {
        name: decoded(name),
        authorization: None,
        password: Password::new(decoded(password)),
    };
    let address = field("client-ip").and_then(|bytes| std::str::from_utf8(bytes).ok());
    let judged = api
        .judge(
            credentials,
            api.source(address),
            "nginx".to_owned(),
            &finisher,
        )
        .await;
    let answer = match judged {
        Ok(user) => Answer::new("OK")
            .with(SERVER, &backend.ip().to_string())
            .with(PORT, &backend.port().to_string())
            .with(USER, &user),
        Err(NotAdmitted::Refused(refusal)) => protocol.refused(&refusal.sentence),
        Err(NotAdmitted::Unavailable) => protocol.unavailable(),
    };
    answer.into_response()
}
