//! Forms: the fields and files of a POST, accepted only from our own pages.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::{Extensions, header};
use sekisho_checkpoint::web::WebStanding;
use tokio::time::timeout;

use crate::beginning::Beginning;
use crate::config::Context;
use crate::csrf;
use crate::error::WebError;
use crate::form_fields::Fields;
use crate::stash;
use crate::visit::{AdmittedVisit, Signed, Visit, detour, local_path};

/// The longest form without files, in bytes. Strangers send such forms too, so it is what they may have us keep.
const MOST_OF_A_SHORT_FORM: usize = 64 * 1024;
/// The most text that a form with files may carry beside them, in bytes.
const MOST_TEXT: usize = 2 * 1024 * 1024;

/// How long a form without files may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a form with files may take to arrive.
const PATIENCE_FOR_FILES: Duration = Duration::from_secs(900);

/// A hidden field of a [`Keepable`] form: the local path of the page that the form is on.
pub const PAGE_FIELD: &str = "page";

/// A form of one of our pages.
#[derive(Debug, Default)]
pub struct Form {
    /// What the person typed and chose.
    pub fields: Fields,
    /// The files that the person attached.
    pub files: Vec<FileField>,
    /// Whether the files were too large together. They are dropped then, but `fields` is complete.
    pub too_large: bool,
}

/// A file that came with a form.
#[derive(Debug, Clone)]
pub struct FileField {
    /// The field's name.
    pub field: String,
    /// The file's name, as the browser sent it; it can be empty and hold any characters.
    pub name: String,
    /// The media type that the browser guessed; it can be empty and hold any characters.
    pub content_type: String,
    /// The content of the file.
    pub bytes: Bytes,
}

impl FromRequest<Arc<Context>> for Form {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        let (mut head, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut head, context).await?;
        let fields = read_short(Request::from_parts(head, body), context).await?;
        if visit.accepts(fields.text(csrf::FIELD)) {
            Ok(Self {
                fields,
                ..Self::default()
            })
        } else {
            Err(WebError::TooOld)
        }
    }
}

/// A POST without a token: only the browser says that our own page sent it. For actions that harm nobody.
#[derive(Debug)]
pub struct HarmlessForm(pub Fields);

impl FromRequest<Arc<Context>> for HarmlessForm {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        read_short(request, context).await.map(Self)
    }
}

/// A POST from a page at `base_url` to another host name of this webmail, without cookies. A token among its fields
/// must say what it may do.
#[derive(Debug)]
pub struct SisterForm(pub Fields);

impl FromRequest<Arc<Context>> for SisterForm {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        if !csrf::is_from_base(&context.config, request.headers()) {
            return Err(WebError::TooOld);
        }
        let extensions = request.extensions().clone();
        let fields = read_fields(request, MOST_OF_A_SHORT_FORM);
        arrived(&extensions, PATIENCE, fields).await.map(Self)
    }
}

/// A form whose content must not be lost, from a session that may open mail.
///
/// If the session owes a factor by now, or its token changed in another tab, the handler does not run. The fields are
/// stored in the stash, without the files, and the person is sent back to the page in [`PAGE_FIELD`], proving a factor
/// first where one is owed. That page finds the fields with [`stash::kept`].
pub struct Keepable {
    /// Who sent it.
    pub admitted: AdmittedVisit,
    /// What the person typed, chose and attached.
    pub form: Form,
}

impl FromRequest<Arc<Context>> for Keepable {
    type Rejection = WebError;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, WebError> {
        let (mut head, body) = request.into_parts();
        let signed = Signed::from_request_parts(&mut head, context).await?;
        let form = read_long(Request::from_parts(head, body), context).await?;
        let is_ours = signed.visit.accepts(form.fields.text(csrf::FIELD));
        match (signed, is_ours) {
            (
                Signed {
                    visit,
                    standing: WebStanding::Admitted(session),
                },
                true,
            ) => Ok(Self {
                admitted: AdmittedVisit { visit, session },
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

/// Reads a form without files, if the browser says that one of our pages sent it.
async fn read_short(request: Request, context: &Arc<Context>) -> Result<Fields, WebError> {
    // None of our pages sends such a form in parts, so whoever does has nothing of it read.
    if !csrf::is_same_origin(&context.config, request.headers()) || is_multipart(&request) {
        return Err(WebError::TooOld);
    }
    let extensions = request.extensions().clone();
    let fields = read_fields(request, MOST_OF_A_SHORT_FORM);
    arrived(&extensions, PATIENCE, fields).await
}

/// The same for a form that may have files, of somebody who has signed in.
async fn read_long(request: Request, context: &Arc<Context>) -> Result<Form, WebError> {
    if !csrf::is_same_origin(&context.config, request.headers()) {
        return Err(WebError::TooOld);
    }
    let extensions = request.extensions().clone();
    if is_multipart(&request) {
        let parts = Multipart::from_request(request, &())
            .await
            .map_err(|_| WebError::BadRequest)?;
        let form = read_parts(parts, context.config.max_upload);
        return arrived(&extensions, PATIENCE_FOR_FILES, form).await;
    }
    let fields = read_fields(request, MOST_TEXT);
    Ok(Form {
        fields: arrived(&extensions, PATIENCE, fields).await?,
        ..Form::default()
    })
}

/// What was read, if all of it arrives in time. From then on the request is finished even if the browser leaves.
async fn arrived<T>(
    extensions: &Extensions,
    patience: Duration,
    reading: impl Future<Output = Result<T, WebError>>,
) -> Result<T, WebError> {
    let read = timeout(patience, reading)
        .await
        .map_err(|_| WebError::BadRequest)??;
    Beginning::of(extensions).await?;
    Ok(read)
}

async fn read_fields(request: Request, most: usize) -> Result<Fields, WebError> {
    let body = to_bytes(request.into_body(), most)
        .await
        .map_err(|_| WebError::TooLarge)?;
    Ok(Fields::new(
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
        // Files that are too large are still read to their end, and dropped: a browser shows no answer before it has
        // sent everything.
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
            // A browser sends this for a file field without a file.
            Some(name) if name.is_empty() && bytes.is_empty() => {}
            Some(name) => form.files.push(FileField {
                field,
                name,
                content_type,
                bytes: bytes.into(),
            }),
            None => {
                let value = String::from_utf8(bytes).map_err(|_| WebError::BadRequest)?;
                form.fields.push(field, value);
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
