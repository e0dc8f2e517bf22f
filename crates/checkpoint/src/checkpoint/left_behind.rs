//! Sessions whose browser was left behind: a proof was accepted and the token replaced, but the answer that brought the
//! new one is lost.
//!
//! The token before opens the session no more. It may have been stolen before the proof, and whoever kept trying it
//! would come to a proven session without proving anything. But a sign-in by the password that brings it along gets
//! what the person was writing, and ends the session that nobody can open. What else lay there does not come along: the
//! new session has a password of its own, and a registration under way was allowed by what the old one had proven.

use super::sign_in::is_past;
use super::{Checkpoint, Failure, Site};
use crate::id::SessionToken;
use crate::ports::{LeftBehind, NewSession};
use crate::session::{Purpose, SessionKey};
use crate::web::NoSession;

impl Checkpoint {
    /// Why a token opens no session.
    pub(super) async fn why_there_is_none(
        &self,
        token: &SessionToken,
    ) -> Result<NoSession, Failure> {
        let left = self.records.session_of_superseded(&token.hash()).await?;
        Ok(match left {
            Some(session) if !is_past(&session, &self.site(), self.now()) => {
                NoSession::Superseded {
                    has_stash: session.stash.is_some(),
                }
            }
            _ => NoSession::Gone,
        })
    }

    /// Lets a new session come in the place of one of the same account by which its browser was left behind, with what
    /// was being written there.
    pub(super) async fn take_over(
        &self,
        new: &mut NewSession,
        key: &SessionKey,
        token: Option<&SessionToken>,
        site: &Site,
    ) -> Result<(), Failure> {
        let Some(token) = token else {
            return Ok(());
        };
        let left = self.records.session_of_superseded(&token.hash()).await?;
        let session = &mut new.session;
        let Some(left) = left.filter(|left| {
            left.account == session.account && !is_past(left, site, session.created_at)
        }) else {
            return Ok(());
        };
        let stash = left.stash.as_ref().and_then(|sealed| {
            let key = left.key_of_superseded(token)?;
            key.open(Purpose::Stash, left.id, sealed)
        });
        session.stash = match stash {
            Some(plain) => Some(key.seal(Purpose::Stash, session.id, &plain)?),
            None => None,
        };
        new.takes_place_of = Some(LeftBehind {
            session: left.id,
            token: token.hash(),
        });
        Ok(())
    }
}
