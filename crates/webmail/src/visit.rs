//! What a handler learns of a request: the visit, and how far its session may go.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request};
use jiff::Timestamp;
use sekisho_checkpoint::Account;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::rule::Reason;
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::web::{FactorOwed, NoSession, Person, Seat, WebStanding};
use sekisho_source::Source;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::config::Context;
use crate::cookie::Cookie;
use crate::csrf::{Csrf, unhex};
use crate::error::WebError;
use crate::lang::Lang;

/// The longest local path that is remembered to return to, in bytes.
const LONGEST_PATH: usize = 2000;

/// A request, before anybody asked who it is.
#[derive(Clone)]
pub struct Visit {
    /// What every handler can reach.
    pub context: Arc<Context>,
    /// The language to answer in.
    pub lang: Lang,
    /// From where, as the listener found it.
    pub source: Source,
    /// The browser's name for itself, as it gave it.
    pub client: String,
    /// Path and query of the request.
    pub path: String,
    /// When the grant ends that the session lives by, if it lives by one.
    pub grant_ends_at: Option<Timestamp>,
    /// Whether the person is to set a new password.
    pub password_wanted: bool,
    /// The local page that sent a POST, if the browser said.
    sent_by: Option<String>,
    /// Whether this is a GET, which can be repeated.
    is_get: bool,
    token: Option<SessionToken>,
    csrf: Option<Csrf>,
}

impl Visit {
    /// Reads the head of a request.
    pub(crate) fn of(context: &Arc<Context>, source: Source, head: &request::Parts) -> Self {
        let config = &context.config;
        let text = |name| head.headers.get(name).and_then(|v| v.to_str().ok());
        let token = Cookie::Session
            .read(config, &head.headers)
            .and_then(SessionToken::parse);
        let csrf = match &token {
            Some(token) => Some(Csrf::of(token.expose_bytes())),
            None => Cookie::Before
                .read(config, &head.headers)
                .and_then(unhex)
                .map(|secret| Csrf::of(&secret)),
        };
        Self {
            lang: language(context, &head.headers),
            source,
            client: text(header::USER_AGENT).unwrap_or_default().to_owned(),
            path: head
                .uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            grant_ends_at: None,
            password_wanted: false,
            sent_by: text(header::REFERER)
                .and_then(|referer| local_part(&config.base_url, referer)),
            is_get: head.method == axum::http::Method::GET,
            token,
            csrf,
            context: Arc::clone(context),
        }
    }

    /// This visit as one who may open mail makes it.
    fn seated(mut self, seat: &Seat) -> Self {
        if let Reason::Grant(_, ends_at) = seat.admitted().reason() {
            self.grant_ends_at = Some(ends_at);
        }
        self.password_wanted = seat.standing().password_wanted;
        self
    }

    /// Whether it only asks for a page.
    pub(crate) fn is_get(&self) -> bool {
        self.is_get
    }

    /// A token for a form of this session; empty before there is a secret to make it from.
    #[must_use]
    pub fn csrf_token(&self) -> String {
        self.csrf.as_ref().map(Csrf::token).unwrap_or_default()
    }

    /// Whether a form's token is one of ours.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        self.csrf.as_ref().is_some_and(|csrf| csrf.accepts(token))
    }

    /// Whether the browser holds a secret already, of a session or of before one.
    pub(crate) fn has_secret(&self) -> bool {
        self.csrf.is_some()
    }

    /// This visit with a secret that its answer will set as cookie.
    pub(crate) fn with_secret(mut self, secret: &[u8; 32]) -> Self {
        self.csrf = Some(Csrf::of(secret));
        self
    }

    /// Where to return after a detour: the page itself, or for a POST the page that sent it.
    #[must_use]
    pub fn way_back(&self) -> String {
        let path = if self.is_get {
            Some(self.path.as_str())
        } else {
            self.sent_by.as_deref()
        };
        path.and_then(local_path).unwrap_or_else(|| "/".to_owned())
    }

    /// `page?to=...`, so that the detour ends where it began.
    pub(crate) fn detour(&self, page: &str) -> String {
        detour(page, &self.way_back())
    }

    async fn standing(&self) -> Result<(SessionToken, WebStanding), WebError> {
        let Some(token) = self.token.clone() else {
            return Err(WebError::SeeOther(self.detour("/login")));
        };
        match self.context.checkpoint.resume(&token, self.source).await {
            Ok(standing) => Ok((token, standing)),
            Err(NoSession::Gone) => Err(WebError::SeeOther(self.detour("/login"))),
            Err(NoSession::Unavailable) => Err(WebError::Unavailable),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, WebError> {
        // `guard` put it there; a router without its guard serves nothing.
        head.extensions
            .get::<Self>()
            .cloned()
            .ok_or(WebError::Unavailable)
    }
}

/// A session that may open mail, for this request. Everybody else is led to where that is mended.
pub struct Seated {
    /// The request.
    pub visit: Visit,
    /// What the browser holds.
    pub token: SessionToken,
    /// The seat.
    pub seat: Seat,
}

impl Seated {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        self.seat.account()
    }

    /// Asks the checkpoint once more, for whoever needs a second admission within one request.
    ///
    /// # Errors
    /// The session has ended meanwhile, or owes a factor.
    pub async fn again(&self) -> Result<Seat, WebError> {
        match self.visit.standing().await? {
            (_, WebStanding::Admitted(seat)) => Ok(seat),
            (_, WebStanding::Owed(_)) => Err(WebError::SeeOther(self.visit.detour("/mfa-step"))),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Seated {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let Signed {
            visit,
            token,
            standing,
        } = Signed::from_request_parts(head, state).await?;
        match standing {
            WebStanding::Admitted(seat) => Ok(Self {
                visit: visit.seated(&seat),
                token,
                seat,
            }),
            WebStanding::Owed(_) => Err(WebError::SeeOther(visit.detour("/mfa-step"))),
        }
    }
}

/// A session that owes a factor. Who owes nothing is sent to the mail.
pub struct Owing {
    /// The request.
    pub visit: Visit,
    /// What the browser holds.
    pub token: SessionToken,
    /// What is owed.
    pub owed: FactorOwed,
}

impl<S: Sync> FromRequestParts<S> for Owing {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let Signed {
            visit,
            token,
            standing,
        } = Signed::from_request_parts(head, state).await?;
        match standing {
            WebStanding::Owed(owed) => Ok(Self { visit, token, owed }),
            WebStanding::Admitted(_) => {
                let to = query_value(&visit.path, "to").and_then(|to| local_path(&to));
                Err(WebError::SeeOther(to.unwrap_or_else(|| "/".to_owned())))
            }
        }
    }
}

/// Anyone who proved a password, whichever standing.
pub struct Signed {
    /// The request.
    pub visit: Visit,
    /// What the browser holds.
    pub token: SessionToken,
    /// How far the session may go.
    pub standing: WebStanding,
}

impl Signed {
    /// As the checkpoint takes it where both standings may.
    #[must_use]
    pub fn person(&self) -> Person<'_> {
        match &self.standing {
            WebStanding::Admitted(seat) => seat.into(),
            WebStanding::Owed(owed) => owed.into(),
        }
    }

    /// The session.
    #[must_use]
    pub fn record(&self) -> &Session {
        match &self.standing {
            WebStanding::Admitted(seat) => seat.record(),
            WebStanding::Owed(owed) => owed.record(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let visit = Visit::from_request_parts(head, state).await?;
        let (token, standing) = visit.standing().await?;
        Ok(Self {
            visit,
            token,
            standing,
        })
    }
}

/// A path of this webmail and nothing else: no other host, no scheme, nothing that a browser would read as one.
#[must_use]
pub fn local_path(path: &str) -> Option<String> {
    let origin = Url::parse("http://here.invalid/").ok()?;
    if !path.starts_with('/') || path.len() > LONGEST_PATH {
        return None;
    }
    let url = origin.join(path).ok()?;
    (url.origin() == origin.origin())
        .then(|| url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
        // What the parser made of it can differ from what was typed (`/\`, `/./`): only its form is passed on, and it must be local again.
        .filter(|clean| !clean.starts_with("//"))
}

/// The value of a query's parameter.
#[must_use]
pub fn query_value(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .find_map(|(n, value)| (n == name).then(|| value.into_owned()))
}

/// `page?to=...`; the front page needs no mention.
pub(crate) fn detour(page: &str, to: &str) -> String {
    if to == "/" {
        return page.to_owned();
    }
    format!(
        "{page}?to={}",
        byte_serialize(to.as_bytes()).collect::<String>()
    )
}

fn language(context: &Context, headers: &HeaderMap) -> Lang {
    Cookie::Language
        .read(&context.config, headers)
        .and_then(Lang::parse)
        .or_else(|| Lang::accepted(headers))
        .unwrap_or(context.config.default_language)
}

/// The path of a full URL, if it is one of ours.
fn local_part(base: &Url, url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    (url.origin() == base.origin())
        .then(|| url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_returned_to() {
        for path in ["/", "/mail/inbox?page=2", "/mail/%E5%8F%97"] {
            assert_eq!(local_path(path).as_deref(), Some(path));
        }
        for path in [
            "",
            "mail",
            "//evil.example/",
            "/\\evil.example/",
            "/\t/evil.example/",
            "/.//evil.example/",
            "https://evil.example/",
            "javascript:alert(1)",
        ] {
            let clean = local_path(path);
            assert!(
                clean.as_deref().is_none_or(|c| !c.contains("evil")),
                "{path:?} became {clean:?}"
            );
        }
    }

    #[test]
    fn a_detour_ends_where_it_began() {
        let detour = detour("/login", "/mail/a b?x=1&y=2");
        assert_eq!(
            query_value(&detour, "to").as_deref(),
            Some("/mail/a b?x=1&y=2")
        );
    }
}
