//! What handlers receive of a request: the visit itself, and what its session may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request};
use jiff::Timestamp;
use sekisho_checkpoint::Account;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::rule::Reason;
use sekisho_checkpoint::session::{Session, SessionKey};
use sekisho_checkpoint::web::{AdmittedSession, FactorOwed, NoSession, Person, WebStanding};
use sekisho_source::Source;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::config::Context;
use crate::cookie::Cookie;
use crate::csrf::{Csrf, unhex};
use crate::error::WebError;
use crate::lang::Lang;

/// The longest local path that we return to, in bytes.
const LONGEST_PATH: usize = 2000;

/// A request, before its session is looked up.
#[derive(Clone)]
pub struct Visit {
    /// What every handler can reach.
    pub context: Arc<Context>,
    /// The language to answer in.
    pub lang: Lang,
    /// Where the request comes from, as the listener found it.
    pub source: Source,
    /// The `User-Agent` header, as the browser sent it.
    pub client: String,
    /// Path and query of the request's URL.
    pub path: String,
    /// When the grant ends that admits the session; `None` if no grant does, or before the session is looked up.
    pub grant_ends_at: Option<Timestamp>,
    /// Whether the person has to set a new password; `false` before the session is looked up.
    pub password_wanted: bool,
    /// The local page that sent the request, if the browser named it (`Referer`).
    sent_by: Option<String>,
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

    /// Adds what is known once the session may open mail.
    fn with_admission(mut self, session: &AdmittedSession) -> Self {
        if let Reason::Grant(_, ends_at) = session.admitted().reason() {
            self.grant_ends_at = Some(ends_at);
        }
        self.password_wanted = session.standing().password_wanted;
        self
    }

    /// Whether the request is a GET, which can be repeated without harm.
    pub(crate) fn is_get(&self) -> bool {
        self.is_get
    }

    /// A CSRF token for a form; empty if the browser holds no secret to derive it from.
    #[must_use]
    pub fn csrf_token(&self) -> String {
        self.csrf.as_ref().map(Csrf::token).unwrap_or_default()
    }

    /// Whether a form's CSRF token belongs to this browser.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        self.csrf.as_ref().is_some_and(|csrf| csrf.accepts(token))
    }

    /// Whether the browser already holds a secret for CSRF tokens.
    pub(crate) fn has_secret(&self) -> bool {
        self.csrf.is_some()
    }

    /// The same visit with a fresh secret, which the answer has to set as a cookie.
    pub(crate) fn with_secret(mut self, secret: &[u8; 32]) -> Self {
        self.csrf = Some(Csrf::of(secret));
        self
    }

    /// Where to return after a detour: the page itself, or for a POST the page that sent it. A local path.
    #[must_use]
    pub fn way_back(&self) -> String {
        let path = if self.is_get {
            Some(self.path.as_str())
        } else {
            self.sent_by.as_deref()
        };
        path.and_then(local_path).unwrap_or_else(|| "/".to_owned())
    }

    /// `page?to=...`, so that the page can lead back to this one.
    pub(crate) fn detour(&self, page: &str) -> String {
        detour(page, &self.way_back())
    }

    /// The token of the session cookie, whatever it is worth.
    pub(crate) fn token(&self) -> Option<&SessionToken> {
        self.token.as_ref()
    }

    /// What the session may do, or why there is none.
    pub(crate) async fn session(&self) -> Result<WebStanding, NoSession> {
        match &self.token {
            Some(token) => self.context.checkpoint.resume(token, self.source).await,
            None => Err(NoSession::Gone),
        }
    }

    async fn standing(&self) -> Result<WebStanding, WebError> {
        self.session().await.map_err(|none| match none {
            NoSession::Unavailable => WebError::Unavailable,
            // Which of the two it is, the login page finds out once more, and says it.
            NoSession::Gone | NoSession::Superseded { .. } => {
                WebError::SeeOther(self.detour("/login"))
            }
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, WebError> {
        // `guard` inserted it. A router without the guard must not serve anything.
        head.extensions
            .get::<Self>()
            .cloned()
            .ok_or(WebError::Unavailable)
    }
}

/// A session that may open mail, for this request. All others are redirected to the login or to the proof of a factor.
pub struct AdmittedVisit {
    /// The request.
    pub visit: Visit,
    /// The checkpoint's admission of the session.
    pub session: AdmittedSession,
}

impl AdmittedVisit {
    /// The account of the session.
    #[must_use]
    pub fn account(&self) -> &Account {
        self.session.account()
    }

    /// Asks the checkpoint once more, for handlers that need a second admission within one request.
    ///
    /// # Errors
    /// A redirect if the session has ended meanwhile or owes a factor; [`WebError::Unavailable`].
    pub async fn again(&self) -> Result<AdmittedSession, WebError> {
        match self.visit.standing().await? {
            WebStanding::Admitted(session) => Ok(session),
            WebStanding::Owed(_) => Err(WebError::SeeOther(self.visit.detour("/mfa-step"))),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for AdmittedVisit {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let Signed { visit, standing } = Signed::from_request_parts(head, state).await?;
        match standing {
            WebStanding::Admitted(session) => Ok(Self {
                visit: visit.with_admission(&session),
                session,
            }),
            WebStanding::Owed(_) => Err(WebError::SeeOther(visit.detour("/mfa-step"))),
        }
    }
}

/// A session that owes a factor. A session that owes none is redirected to where it was going.
pub struct Owing {
    /// The request.
    pub visit: Visit,
    /// The factor that is owed.
    pub owed: FactorOwed,
}

impl<S: Sync> FromRequestParts<S> for Owing {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let Signed { visit, standing } = Signed::from_request_parts(head, state).await?;
        match standing {
            WebStanding::Owed(owed) => Ok(Self { visit, owed }),
            WebStanding::Admitted(_) => {
                let to = query_value(&visit.path, "to").and_then(|to| local_path(&to));
                Err(WebError::SeeOther(to.unwrap_or_else(|| "/".to_owned())))
            }
        }
    }
}

/// A session that proved a password, whether it owes a factor or not.
pub struct Signed {
    /// The request.
    pub visit: Visit,
    /// What the session may do.
    pub standing: WebStanding,
}

impl Signed {
    /// The person, for calls of the checkpoint that do not mind an owed factor.
    #[must_use]
    pub fn person(&self) -> Person<'_> {
        match &self.standing {
            WebStanding::Admitted(session) => session.into(),
            WebStanding::Owed(owed) => owed.into(),
        }
    }

    /// The session's record.
    #[must_use]
    pub fn record(&self) -> &Session {
        match &self.standing {
            WebStanding::Admitted(session) => session.record(),
            WebStanding::Owed(owed) => owed.record(),
        }
    }

    /// The key of what is sealed in the session for its browser.
    #[must_use]
    pub fn key(&self) -> &SessionKey {
        match &self.standing {
            WebStanding::Admitted(session) => session.key(),
            WebStanding::Owed(owed) => owed.key(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let visit = Visit::from_request_parts(head, state).await?;
        let standing = visit.standing().await?;
        Ok(Self { visit, standing })
    }
}

/// The normalised form of a path of this webmail; `None` for anything that a browser could read as another host or
/// scheme.
#[must_use]
pub fn local_path(path: &str) -> Option<String> {
    let origin = Url::parse("http://here.invalid/").ok()?;
    if !path.starts_with('/') || path.len() > LONGEST_PATH {
        return None;
    }
    let url = origin.join(path).ok()?;
    (url.origin() == origin.origin())
        .then(|| url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
        // The parser can change what was typed (`/\`, `/./`). Only its result is used, and that must be a local path
        // too.
        .filter(|clean| !clean.starts_with("//"))
}

/// The decoded value of a parameter in the query of `path`; the first, if there are several.
#[must_use]
pub fn query_value(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .find_map(|(n, value)| (n == name).then(|| value.into_owned()))
}

/// `page?to=...`, with `to` encoded; only `page` if `to` is the front page.
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

/// Path and query of a full URL; `None` if its origin is not ours.
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
