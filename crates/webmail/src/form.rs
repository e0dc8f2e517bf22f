//! Forms: what a POST carries, taken only from our own pages.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::header;
use sekisho_checkpoint::Password;
use sekisho_checkpoint::web::WebStanding;
use tokio::time::timeout;

use crate::config::Context;
use crate::csrf;
use crate::error::WebError;
use crate::stash;
use crate::visit::{Seated, Signed, Visit, detour, local_path};

/// The most text that one form carries, in bytes, files aside.
const MOST_TEXT: usize = 2 * 1024 * 1024;

/// How long a form without files may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a form with files may take to arrive.
const PATIENCE_FOR_FILES: Duration = Duration::from_secs(900);

/// A hidden field of keepable forms: the local path of the page that the form is on.
pub const PAGE_FIELD: &str = "page";

/// A form of one of our pages.
#[derive(Debug, Default)]
pub struct Form {
    /// What was typed and chosen.
    pub fields: Fields,
    /// What was attached.
    pub files: Vec<FileField>,
    /// Whether files were too large to be taken, all together. What was typed is there all the same.
    pub too_large: bool,
}

/// The fields of a form, in their order; names can come more than once.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl std::fmt::Debug for Fields {
    /// Passwords and mail are in there.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fields").field(&self.0.len()).finish()
    }
}

impl Fields {
    /// Takes fields.
    #[must_use]
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The first of that name; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.iter()
            .find_map(|(n, value)| (n == name).then_some(value))
            .unwrap_or_default()
    }

    /// All of that name.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.iter()
            .filter(move |(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// Whether there is one of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n == name)
    }

    /// A password, if one was typed.
    #[must_use]
    pub fn password(&self, name: &str) -> Option<Password> {
        Some(self.text(name))
            .filter(|typed| !typed.is_empty())
            .map(|typed| Password::new(typed.to_owned()))
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// All but those of that name.
    fn without(self, name: &str) -> Self {
        Self(self.0.into_iter().filter(|(n, _)| n != name).collect())
    }
}

/// A file that came with a form.
#[derive(Debug, Clone)]
pub struct FileField {
    /// The field's name.
    pub field: String,
    /// The file's name as the browser gave it; may be empty, may be anything.
    pub name: String,
    /// The type that the browser guessed; may be empty, may be anything.
    pub content_type: String,
    /// What is in it.
    pub bytes: Bytes,
}

impl FromRequest<Arc<Context>> for Form {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        let (mut head, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut head, context).await?;
        let form = read(Request::from_parts(head, body), context).await?;
        if visit.accepts(form.fields.text(csrf::FIELD)) {
            Ok(form)
        } else {
            Err(WebError::TooOld)
        }
    }
}

/// A POST that only the browser vouches for, without a token: enough for what harms nobody.
#[derive(Debug)]
pub struct HarmlessForm(pub Fields);

impl FromRequest<Arc<Context>> for HarmlessForm {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        read(request, context).await.map(|form| Self(form.fields))
    }
}

/// A POST that comes to another name of this webmail from a page at its own, without the browser's cookies. It may do only what something in it allows.
#[derive(Debug)]
pub struct SisterForm(pub Fields);

impl FromRequest<Arc<Context>> for SisterForm {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        if !csrf::is_from_base(&context.config, request.headers()) {
            return Err(WebError::TooOld);
        }
        timeout(PATIENCE, read_fields(request))
            .await
            .map_err(|_| WebError::BadRequest)?
            .map(Self)
    }
}

/// A form that is too dear to be lost, from a session that may open mail. If the session fell back meanwhile, or its token changed in another tab, nothing is
/// done: what was written is kept (files aside), and the person is led back to the page in [`PAGE_FIELD`], by way of the proof where one is owed. That page
/// finds it by [`stash::kept`].
pub struct Keepable {
    /// Who sent it.
    pub seated: Seated,
    /// What was typed, chosen and attached.
    pub form: Form,
}

impl FromRequest<Arc<Context>> for Keepable {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        let (mut head, body) = request.into_parts();
        let signed = Signed::from_request_parts(&mut head, context).await?;
        let form = read(Request::from_parts(head, body), context).await?;
        let is_ours = signed.visit.accepts(form.fields.text(csrf::FIELD));
        match (signed, is_ours) {
            (
                Signed {
                    visit,
                    token,
                    standing: WebStanding::Admitted(seat),
                },
                true,
            ) => Ok(Self {
                seated: Seated { visit, token, seat },
                form,
            }),
            (signed, _) => {
                let page =
                    local_path(form.fields.text(PAGE_FIELD)).unwrap_or_else(|| "/".to_owned());
                let page = stash::with_mark(&page);
                let fields = form.fields.without(csrf::FIELD);
                stash::keep(&signed, &page, &fields).await?;
                Err(WebError::SeeOther(match signed.standing {
                    WebStanding::Admitted(_) => page,
                    WebStanding::Owed(_) => detour("/mfa-step", &page),
                }))
            }
        }
    }
}

/// Reads a form that the browser says is from one of our pages, if it comes in its time.
async fn read(request: Request, context: &Arc<Context>) -> Result<Form, WebError> {
    let patience = if is_multipart(&request) {
        PATIENCE_FOR_FILES
    } else {
        PATIENCE
    };
    timeout(patience, read_at_leisure(request, context))
        .await
        .map_err(|_| WebError::BadRequest)?
}

async fn read_at_leisure(request: Request, context: &Arc<Context>) -> Result<Form, WebError> {
    if !csrf::is_same_origin(&context.config, request.headers()) {
        return Err(WebError::TooOld);
    }
    if is_multipart(&request) {
        let parts = Multipart::from_request(request, &())
            .await
            .map_err(|_| WebError::BadRequest)?;
        return read_parts(parts, context.config.max_upload).await;
    }
    Ok(Form {
        fields: read_fields(request).await?,
        ..Form::default()
    })
}

async fn read_fields(request: Request) -> Result<Fields, WebError> {
    let body = to_bytes(request.into_body(), MOST_TEXT)
        .await
        .map_err(|_| WebError::TooLarge)?;
    Ok(Fields(
        url::form_urlencoded::parse(&body)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
    ))
}

fn is_multipart(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .to_ascii_lowercase()
                .starts_with("multipart/form-data")
        })
}

async fn read_parts(mut parts: Multipart, most: usize) -> Result<Form, WebError> {
    let mut form = Form::default();
    let (mut of_files, mut of_text) = (0, 0);
    while let Some(mut part) = parts.next_field().await.map_err(refusal)? {
        let field = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let content_type = part.content_type().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        // What is too much is read to its end all the same, and dropped: a browser that can't finish sending shows no answer.
        while let Some(chunk) = part.chunk().await.map_err(refusal)? {
            if file_name.is_some() {
                of_files += chunk.len();
                form.too_large |= of_files > most;
            } else {
                of_text += chunk.len();
                if of_text > MOST_TEXT {
                    return Err(WebError::TooLarge);
                }
            }
            if file_name.is_none() || !form.too_large {
                bytes.extend_from_slice(&chunk);
            }
        }
        match file_name {
            Some(_) if form.too_large => {}
            // What a browser sends for a file field without a file.
            Some(name) if name.is_empty() && bytes.is_empty() => {}
            Some(name) => form.files.push(FileField {
                field,
                name,
                content_type,
                bytes: bytes.into(),
            }),
            None => {
                let value = String::from_utf8(bytes).map_err(|_| WebError::BadRequest)?;
                form.fields.0.push((field, value));
            }
        }
    }
    Ok(form)
}

fn refusal(error: axum::extract::multipart::MultipartError) -> WebError {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        WebError::TooLarge
    } else {
        WebError::BadRequest
    }
}
