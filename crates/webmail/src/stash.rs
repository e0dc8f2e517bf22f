//! The stash: keeps the form that a person was filling in when the session owed a factor again, until the page is back.
//!
//! The session stores it sealed under the session's key, so that a copy of the records does not reveal it.

use sekisho_checkpoint::session::{Purpose, Session, SessionKey};
use sekisho_checkpoint::web::SignedIn;
use serde::{Deserialize, Serialize};

use crate::error::WebError;
use crate::form_fields::Fields;
use crate::visit::{AdmittedVisit, Signed, query_value};

/// The largest stash, in bytes of JSON.
const MOST: usize = 1024 * 1024;
/// The query parameter that tells a page that something is stored for it.
const MARK: &str = "kept";

#[derive(Serialize, Deserialize)]
struct Stash {
    page: String,
    fields: Vec<(String, String)>,
}

impl Stash {
    fn of(record: &Session, key: &SessionKey) -> Option<Self> {
        let plain = key.open(Purpose::Stash, record.id, record.stash.as_ref()?)?;
        serde_json::from_slice(&plain).ok()
    }
}

/// A page's path with the query parameter that makes [`kept`] look into the stash.
pub(crate) fn with_mark(page: &str) -> String {
    if query_value(page, MARK).is_some() {
        return page.to_owned();
    }
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}{MARK}=1")
}

/// Stores the fields of a page's form, in place of what the stash held.
///
/// # Errors
/// [`WebError::TooLarge`] above 1 MiB; [`WebError::Unavailable`] if the records can't be reached.
pub async fn keep(signed: &Signed, page: &str, fields: &Fields) -> Result<(), WebError> {
    let stash = Stash {
        page: page.to_owned(),
        fields: fields
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect(),
    };
    let plain = serde_json::to_vec(&stash).map_err(|_| WebError::BadRequest)?;
    if plain.len() > MOST {
        return Err(WebError::TooLarge);
    }
    let session = signed.record().id;
    let sealed = signed
        .key()
        .seal(Purpose::Stash, session, &plain)
        .map_err(|_| WebError::Unavailable)?;
    let checkpoint = &signed.visit.context.checkpoint;
    checkpoint.put_stash(session, Some(sealed)).await?;
    Ok(())
}

/// The stored fields for the page that this request asks for. They stay stored until [`clear`].
#[must_use]
pub fn kept(admitted: &AdmittedVisit) -> Option<Fields> {
    query_value(&admitted.visit.path, MARK)?;
    let stash = Stash::of(admitted.session.record(), admitted.session.key())?;
    (stash.page == admitted.visit.path).then(|| Fields::new(stash.fields))
}

/// The page whose form is stored in the session that somebody signed in to; `None` if none is.
pub(crate) fn page(signed: &SignedIn) -> Option<String> {
    Stash::of(signed.record(), signed.key()).map(|stash| stash.page)
}

/// Empties the stash, because its content was sent, saved or given up.
///
/// # Errors
/// [`WebError::Unavailable`] if the records can't be reached.
pub async fn clear(admitted: &AdmittedVisit) -> Result<(), WebError> {
    let record = admitted.session.record();
    if record.stash.is_some() {
        let checkpoint = &admitted.visit.context.checkpoint;
        checkpoint.put_stash(record.id, None).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_set_once() {
        assert_eq!(with_mark("/compose"), "/compose?kept=1");
        assert_eq!(with_mark("/compose?to=a"), "/compose?to=a&kept=1");
        assert_eq!(with_mark("/compose?kept=1"), "/compose?kept=1");
    }
}
