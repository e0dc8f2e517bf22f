//! The webmail's sessions: begun by a password, judged anew at each request.

use jiff::{SignedDuration, Timestamp};
use sekisho_source::Source;

use super::admit::shortened;
use super::passwords::{Checked, Known, Subject, refusal};
use super::{Checkpoint, Failure, Site, Unavailable};
use crate::account::Password;
use crate::audit::{Actor, Door, Event, EventKind};
use crate::credential::{Credential, PasswordCheck};
use crate::door::Admitted;
use crate::id::{Reference, SessionId, SessionToken};
use crate::ports::{NewSession, RecordsError, SessionBegun, SessionUpdate, WaitingSignIn};
use crate::rule::Decision;
use crate::rule::registration::first_step;
use crate::sealing::Sealed;
use crate::session::{Session, SessionKey};
use crate::web::{
    AdmittedSession, Browser, FactorOwed, NoSession, SignInError, SignedIn, WebStanding,
};

/// How often a password is looked at for one sign-in, while things of its account are revoked meanwhile.
const TRIES: usize = 3;
/// How exactly the last request of a session is kept: not every request writes.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Checkpoint {
    /// Signs in to the webmail: checks the password and begins a session.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in<'a>(
        &self,
        name: &str,
        password: Password,
        source: Source,
        browser: impl Into<Browser<'a>>,
    ) -> Result<SignedIn, SignInError> {
        self.try_sign_in(name, &password, source, browser.into())
            .await
            .unwrap_or_else(|failure| {
                failure.say("a sign-in could not be judged");
                Err(SignInError::Unavailable)
            })
    }

    async fn try_sign_in(
        &self,
        name: &str,
        password: &Password,
        source: Source,
        browser: Browser<'_>,
    ) -> Result<Result<SignedIn, SignInError>, Failure> {
        // Something may be revoked between looking at the password and beginning the session; then all is read again.
        // The password may be another by now, and whether this one is wrong has to be found before it is said.
        for _ in 0..TRIES {
            let tried = self.sign_in_once(name, password, source, browser).await?;
            if let Some(told) = tried {
                return Ok(told);
            }
        }
        Err(Failure::Busy)
    }

    /// Checks the password and begins a session; `None` if something of the account was revoked meanwhile.
    async fn sign_in_once(
        &self,
        name: &str,
        password: &Password,
        source: Source,
        browser: Browser<'_>,
    ) -> Result<Option<Result<SignedIn, SignInError>>, Failure> {
        let now = self.now();
        let site = self.site();
        let seen = self.verified.epoch();
        let (before, _) = self.records.revocations(None).await?;
        let subject = self.subject(name, None, now).await?;
        let mut event = Event {
            at: now,
            account: subject.account(),
            name_hash: subject.name_hash(),
            actor: Actor::Door(Door::Webmail),
            what: EventKind::SignedIn,
            address: Some(source.shown_address()),
            client: shortened(browser.client),
            reference: None,
            detail: String::new(),
        };
        let checked = self
            .check_password(&subject, password, &source, &site, now)
            .await?;
        let (known, credential) = match (checked, subject) {
            (Checked::Known(check), Subject::Known(known)) => (known, Credential::Password(check)),
            (Checked::Known(_), Subject::Unknown(_)) => {
                self.refuse_sign_in(event, EventKind::RefusedUnknown)
                    .await?;
                return Ok(Some(Err(SignInError::Refused)));
            }
            (Checked::Throttled(until), _) => {
                self.refuse_sign_in(event, EventKind::RefusedThrottled)
                    .await?;
                return Ok(Some(Err(SignInError::Throttled(until))));
            }
        };
        let decision = self.judge(&known, credential, &source, &site, now);
        if let Decision::Refused(cause) = decision {
            self.refuse_sign_in(event, refusal(cause)).await?;
            return Ok(Some(Err(SignInError::Refused)));
        }
        let token = SessionToken::draw()?;
        let (id, key) = (SessionId::draw()?, SessionKey::draw()?);
        let session = Session {
            id,
            token: token.hash(),
            key: key.wrap(id, &token)?,
            superseded: None,
            account: known.account.id,
            created_at: now,
            last_seen_at: now,
            password_proven_at: now,
            factor_proven_at: None,
            otp_failures: 0,
            registration: None,
            stash: None,
            password: browser.kept(password, &known.account, id, &key)?,
        };
        let account = known.account.id;
        let waiting = match decision {
            Decision::FactorOwed { .. } => {
                event.what = EventKind::PasswordRight;
                Some(WaitingSignIn {
                    account,
                    session: id,
                    source: source.throttle_key(),
                    address: source.shown_address(),
                    client: event.client.clone(),
                    at: now,
                })
            }
            Decision::Admitted(_) | Decision::Refused(_) => None,
        };
        let mut new = NewSession {
            session,
            takes_place_of: None,
            // What ends everything while the password is being checked does not see this session.
            unless_revoked_since: before,
            waiting,
            event,
        };
        self.take_over(&mut new, &key, browser.token, &site).await?;
        let mut begun = self.records.begin_session(&new).await?;
        if begun == SessionBegun::WentOn {
            // Whoever has the new token has what lies in that session too.
            (new.session.stash, new.takes_place_of) = (None, None);
            begun = self.records.begin_session(&new).await?;
        }
        if begun != SessionBegun::Begun {
            // What was revoked by another process is not remembered as right any more, though nobody told of it yet.
            self.verified.revoke(account);
            return Ok(None);
        }
        let session = new.session;
        let standing =
            self.standing_of((session, key), *known, credential, source, &site, decision);
        let Some(standing) = standing else {
            return Ok(Some(Err(SignInError::Refused)));
        };
        if let WebStanding::Admitted(_) = &standing {
            self.remember(account, password, &source, now, seen);
        }
        Ok(Some(Ok(SignedIn { token, standing })))
    }

    /// Writes down that somebody was not signed in, under a reference that nobody is told.
    async fn refuse_sign_in(&self, mut event: Event, what: EventKind) -> Result<(), Failure> {
        event.what = what;
        event.reference = Some(Reference::draw()?);
        self.records.note(&event).await?;
        Ok(())
    }

    /// Finds the session of a token and judges it anew, for the source of this request.
    ///
    /// # Errors
    /// [`NoSession`].
    pub async fn resume(
        &self,
        token: &SessionToken,
        source: Source,
    ) -> Result<WebStanding, NoSession> {
        match self.try_resume(token, source).await {
            Ok(Ok(standing)) => Ok(standing),
            Ok(Err(none)) => Err(none),
            Err(failure) => {
                let Unavailable = failure.say("a session could not be judged");
                Err(NoSession::Unavailable)
            }
        }
    }

    async fn try_resume(
        &self,
        token: &SessionToken,
        source: Source,
    ) -> Result<Result<WebStanding, NoSession>, Failure> {
        // Something may be revoked between reading the facts and opening the lease; then all is read again.
        for _ in 0..8 {
            let seen = self.verified.epoch();
            let standing = self.look_up(token, source).await?;
            if self.verified.epoch() == seen {
                return match standing {
                    Some(standing) => Ok(Ok(standing)),
                    None => self.why_there_is_none(token).await.map(Err),
                };
            }
        }
        Err(Failure::Busy)
    }

    async fn look_up(
        &self,
        token: &SessionToken,
        source: Source,
    ) -> Result<Option<WebStanding>, Failure> {
        let now = self.now();
        let site = self.site();
        let Some(session) = self.records.session(&token.hash()).await? else {
            return Ok(None);
        };
        if is_past(&session, &site, now) {
            self.records.end_session(session.id).await?;
            return Ok(None);
        }
        let Some(account) = self.directory.account(session.account).await? else {
            return Ok(None);
        };
        let known = self.known(account, now).await?;
        let is_later = session.last_seen_at + SEEN_EVERY <= now;
        if is_later || session.superseded.is_some() {
            let update = SessionUpdate {
                forgets: session.superseded.as_ref().map(|before| before.token),
                last_seen_at: is_later.then_some(now),
                ..SessionUpdate::default()
            };
            self.records.update_session(session.id, &update).await?;
        }
        let Some(key) = session.key(token) else {
            tracing::error!("a session's key does not open: its person has to sign in anew");
            return Ok(None);
        };
        // A session begins with a right password, and ends with what ends that.
        let credential = Credential::Password(PasswordCheck::Earlier);
        let decision = self.judge(&known, credential, &source, &site, now);
        Ok(self.standing_of((session, key), known, credential, source, &site, decision))
    }

    /// What a session may do after a decision; `None` if nothing any more.
    fn standing_of(
        &self,
        (session, key): (Session, SessionKey),
        known: Known,
        credential: Credential,
        source: Source,
        site: &Site,
        decision: Decision,
    ) -> Option<WebStanding> {
        match decision {
            Decision::Refused(_) => None,
            Decision::Admitted(reason) => {
                let lease = self
                    .leases
                    .open(known.account.id, source, credential, reason);
                Some(WebStanding::Admitted(AdmittedSession {
                    session,
                    key,
                    facts: known.standing,
                    admitted: Admitted::new(known.account, source, reason, lease),
                }))
            }
            Decision::FactorOwed { .. } => Some(WebStanding::Owed(FactorOwed {
                first: first_step(&known.standing, &site.policy),
                session,
                key,
                account: known.account,
                source,
                facts: known.standing,
            })),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The records are out of reach; the session goes on.
    pub async fn sign_out(&self, session: SessionId) -> Result<(), RecordsError> {
        self.records.end_session(session).await
    }

    /// Keeps or clears what a person was writing when the session fell back, sealed under the session's key.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn put_stash(
        &self,
        session: SessionId,
        stash: Option<Sealed>,
    ) -> Result<(), RecordsError> {
        let update = SessionUpdate {
            stash: Some(stash),
            ..SessionUpdate::default()
        };
        self.records
            .update_session(session, &update)
            .await
            .map(drop)
    }
}

/// Whether a session's time is over.
pub(super) fn is_past(session: &Session, site: &Site, now: Timestamp) -> bool {
    session.created_at + site.policy.session <= now
        || session.last_seen_at + site.policy.session_idle <= now
}
