//! The webmail's sessions: begun by a password, judged anew at each request.

use jiff::{SignedDuration, Timestamp};
use sekisho_source::Source;

use super::admit::shortened;
use super::passwords::{Checked, Known};
use super::{Checkpoint, Failure, Site, Unavailable};
use crate::account::Password;
use crate::audit::{Actor, Door, Event, EventKind};
use crate::door::Admitted;
use crate::factor::{FactorKind, Standing};
use crate::id::{Reference, SessionId, SessionToken};
use crate::policy::FirstRegistration;
use crate::ports::{RecordsError, SessionUpdate, WaitingSignIn};
use crate::rule::Decision;
use crate::sealing::Sealed;
use crate::session::{Session, SessionKey};
use crate::web::{FactorOwed, FirstStep, NoSession, Seat, SignInError, SignedIn, WebStanding};

/// How exactly the last request of a session is kept: not every request writes.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Checkpoint {
    /// Signs in to the webmail: checks the password and begins a session.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: Password,
        source: Source,
        client: &str,
    ) -> Result<SignedIn, SignInError> {
        self.try_sign_in(name, &password, source, client)
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
        client: &str,
    ) -> Result<Result<SignedIn, SignInError>, Failure> {
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
            client: shortened(client),
            reference: None,
            detail: String::new(),
        };
        let known = match self
            .check_password(subject, password, &source, &site, now)
            .await?
        {
            Checked::Right { known, .. } => known,
            Checked::Refused(what, _, until) => {
                event.what = what;
                event.reference = Some(Reference::draw()?);
                self.records.note(&event).await?;
                return Ok(Err(match until {
                    Some(until) => SignInError::Throttled(until),
                    None => SignInError::Refused,
                }));
            }
        };
        let token = SessionToken::draw()?;
        let (id, key) = (SessionId::draw()?, SessionKey::draw()?);
        let session = Session {
            id,
            token: token.hash(),
            key: Some(key.wrap(id, &token)?),
            account: known.account.id,
            created_at: now,
            last_seen_at: now,
            password_proven_at: now,
            factor_proven_at: None,
            otp_failures: 0,
            registration: None,
            stash: None,
            password: None,
        };
        self.records.put_session(&session).await?;
        let (account, session_id) = (known.account.id, session.id);
        // What ended everything while the password was being checked did not see this session.
        let (_, since) = self.records.revocations(Some(before)).await?;
        if since.iter().any(|r| r.account == account) {
            self.records.end_session(session.id).await?;
            return Ok(Err(SignInError::Refused));
        }
        let standing = self.standing_of(session, key, *known, source, &site, now);
        let Some(standing) = standing else {
            return Ok(Err(SignInError::Refused));
        };
        match &standing {
            WebStanding::Admitted(_) => self.remember(account, password, &source, now, seen),
            WebStanding::Owed(_) => {
                event.what = EventKind::PasswordRight;
                let waiting = WaitingSignIn {
                    account,
                    session: session_id,
                    source: source.throttle_key(),
                    address: source.shown_address(),
                    client: event.client.clone(),
                    at: now,
                };
                self.records.put_waiting(&waiting).await?;
            }
        }
        self.records.note(&event).await?;
        Ok(Ok(SignedIn { token, standing }))
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
            Ok(standing) => standing.ok_or(NoSession::Gone),
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
    ) -> Result<Option<WebStanding>, Failure> {
        // Something may be revoked between reading the facts and opening the lease; then all is read again.
        for _ in 0..8 {
            let seen = self.verified.epoch();
            let standing = self.look_up(token, source).await?;
            if self.verified.epoch() == seen {
                return Ok(standing);
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
        if session.last_seen_at + SEEN_EVERY <= now {
            let update = SessionUpdate {
                last_seen_at: Some(now),
                ..SessionUpdate::default()
            };
            self.records.update_session(session.id, &update).await?;
        }
        let Some(key) = session.key(token) else {
            tracing::error!("a session's key does not open: its person has to sign in anew");
            return Ok(None);
        };
        Ok(self.standing_of(session, key, known, source, &site, now))
    }

    /// Asks the rule; `None` if the account may not be used any more.
    fn standing_of(
        &self,
        session: Session,
        key: SessionKey,
        known: Known,
        source: Source,
        site: &Site,
        now: Timestamp,
    ) -> Option<WebStanding> {
        match self.judge(&known, &source, site, now) {
            Decision::Refused => None,
            Decision::Admitted(reason) => {
                let lease = self.leases.open(known.account.id, source, reason);
                Some(WebStanding::Admitted(Seat {
                    session,
                    key,
                    facts: known.standing,
                    admitted: Admitted::new(known.account, source, reason, lease),
                }))
            }
            Decision::FactorOwed { .. } => Some(WebStanding::Owed(FactorOwed {
                first: first_step(&known.standing, site),
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
        self.put(session, update).await
    }

    /// Keeps or clears the password that has to be passed on to an upstream, sealed under the session's key.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn put_password(
        &self,
        session: SessionId,
        password: Option<Sealed>,
    ) -> Result<(), RecordsError> {
        let update = SessionUpdate {
            password: Some(password),
            ..SessionUpdate::default()
        };
        self.put(session, update).await
    }

    async fn put(&self, session: SessionId, update: SessionUpdate) -> Result<(), RecordsError> {
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

/// What someone who owes a factor is led to. A password alone leads to registration only where no factor is registered,
/// disabled ones included.
fn first_step(standing: &Standing, site: &Site) -> FirstStep {
    if !standing.has_factor() {
        return FirstStep::Register(first_registration(standing, site));
    }
    let offered = offered(standing, site);
    if offered.is_empty() {
        FirstStep::AllDisabled
    } else {
        FirstStep::Prove(offered)
    }
}

/// The kinds that can be proven: registered, not disabled, and used by the site.
pub(super) fn offered(standing: &Standing, site: &Site) -> Vec<FactorKind> {
    let mut offered = standing.offered();
    offered.retain(|&kind| site.policy.external_mail || kind != FactorKind::ExternalMail);
    offered
}

/// What a first registration from an untrusted network needs: the site's choice, or a code of the help desk after it
/// took the factors away.
pub(super) fn first_registration(standing: &Standing, site: &Site) -> FirstRegistration {
    match site.policy.first_registration {
        FirstRegistration::Allow if standing.enrolment.is_some() => {
            FirstRegistration::EnrolmentCode
        }
        choice => choice,
    }
}
