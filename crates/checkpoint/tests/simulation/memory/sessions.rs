//! Webmail sessions: how they begin, change and end.

use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::{
    NewSession, RecordsError, SessionBegun, SessionUpdate, WaitingSignIn,
};
use sekisho_checkpoint::session::{Session, Superseded};

use super::kept::{Kept, failure};

impl Kept {
    pub(super) fn begin_session(&mut self, new: &NewSession) -> Result<SessionBegun, RecordsError> {
        let session = &new.session;
        if self.sessions.iter().any(|kept| kept.id == session.id) {
            return failure("two sessions of one id");
        }
        let is_revoked = self.revocations.iter().any(|(revocation, _)| {
            revocation.account == session.account && revocation.number > new.unless_revoked_since
        });
        if is_revoked {
            return Ok(SessionBegun::Revoked);
        }
        if let Some(left) = new.takes_place_of {
            let is_there = self.sessions.iter().any(|kept| {
                (kept.id, kept.account) == (left.session, session.account)
                    && kept.superseded.as_ref().map(|before| before.token) == Some(left.token)
            });
            if !is_there {
                return Ok(SessionBegun::WentOn);
            }
            self.end_session(left.session);
        }
        self.raise(new.event.at);
        self.began.insert(session.id, self.events.len());
        self.sessions.push(session.clone());
        if let Some(waiting) = &new.waiting {
            let same =
                |w: &&mut WaitingSignIn| w.account == waiting.account && w.source == waiting.source;
            match self.waiting.iter_mut().find(same) {
                Some(before) => before.session = waiting.session,
                None => self.waiting.push(waiting.clone()),
            }
        }
        self.events.push(new.event.clone());
        Ok(SessionBegun::Begun)
    }

    pub(super) fn end_session(&mut self, session: SessionId) {
        if self.sessions.iter().any(|kept| kept.id == session) {
            self.ended.insert(session, self.events.len());
        }
        self.sessions.retain(|kept| kept.id != session);
        self.codes.retain(|code| code.session != session);
        self.outbox.retain(|letter| letter.session != Some(session));
    }

    pub(super) fn session(&mut self, id: SessionId, change: impl FnOnce(&mut Session)) -> bool {
        self.sessions
            .iter_mut()
            .find(|kept| kept.id == id)
            .map(change)
            .is_some()
    }

    pub(super) fn update_session(&mut self, id: SessionId, update: &SessionUpdate) -> bool {
        if update.factor_proven_at.is_some() {
            self.waiting.retain(|waiting| waiting.session != id);
        }
        let is_another = |kept: &Session| {
            update
                .token
                .as_ref()
                .is_some_and(|new| new.before != kept.token)
        };
        if self
            .sessions
            .iter()
            .any(|kept| kept.id == id && is_another(kept))
        {
            return false;
        }
        self.session(id, |kept| {
            if let Some(new) = &update.token {
                kept.superseded = Some(Superseded {
                    token: std::mem::replace(&mut kept.token, new.hash),
                    key: std::mem::replace(&mut kept.key, new.key.clone()),
                });
            } else if update.forgets.is_some()
                && kept.superseded.as_ref().map(|before| before.token) == update.forgets
            {
                kept.superseded = None;
            }
            kept.last_seen_at = update.last_seen_at.unwrap_or(kept.last_seen_at);
            kept.password_proven_at = update.password_proven_at.unwrap_or(kept.password_proven_at);
            kept.factor_proven_at = update.factor_proven_at.or(kept.factor_proven_at);
            if update.password_proven_at.is_some() || update.factor_proven_at.is_some() {
                kept.otp_failures = 0;
            }
            if let Some(registration) = &update.registration {
                kept.registration.clone_from(registration);
            }
            if let Some(stash) = &update.stash {
                kept.stash.clone_from(stash);
            }
            if let Some(password) = &update.password {
                kept.password.clone_from(password);
            }
        })
    }
}
