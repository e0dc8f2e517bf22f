//! Letting in by the doors that are not the webmail.

use jiff::{SignedDuration, Timestamp};

use super::passwords::{Checked, Subject};
use super::{Checkpoint, Out, Site};
use crate::audit::{Actor, Event, What};
use crate::door::{Admitted, Attempt, NotAdmitted, Refusal};
use crate::id::Reference;
use crate::policy::RefusalStyle;
use crate::rule::Decision;

/// How often a mail client's sign-in is written down while it keeps logging in from one place.
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Checkpoint {
    /// Judges an attempt to come in by a mail client's door.
    ///
    /// A refusal is written down under its reference before it is returned, for names of no account too; it carries the one sentence and the instant at
    /// which the door is to answer, both the same whatever the cause.
    ///
    /// # Errors
    /// [`NotAdmitted`]: refused, or the records or the directory can't be asked.
    pub async fn admit(&self, attempt: Attempt) -> Result<Admitted, NotAdmitted> {
        let now = self.now();
        let site = self.site();
        match self.weigh(&attempt, now).await {
            Ok(Weighed::Admitted(admitted)) => Ok(*admitted),
            Ok(Weighed::Refused(what, subject)) => Err(
                match self.refuse(&attempt, what, &subject, &site, now).await {
                    Ok(refusal) => NotAdmitted::Refused(refusal),
                    Err(out) => out.say("a refusal could not be written down").into(),
                },
            ),
            Err(out) => Err(out.say("an attempt could not be judged").into()),
        }
    }

    async fn weigh(&self, attempt: &Attempt, now: Timestamp) -> Result<Weighed, Out> {
        // Something may be revoked, or the site configured anew, between reading the facts and opening the lease; then all is read again.
        for _ in 0..8 {
            let seen = self.verified.epoch();
            let site = &self.site();
            let subject = self
                .subject(&attempt.name, attempt.authorization.as_deref(), now)
                .await?;
            let known = match self
                .check_password(subject, &attempt.password, &attempt.source, site, now)
                .await?
            {
                Checked::Right(known) => known,
                Checked::Refused(what, subject, _) => return Ok(Weighed::Refused(what, subject)),
            };
            match self.judge(&known, &attempt.source, site, now) {
                Decision::Admitted(reason) => {
                    let account = known.account.id;
                    let lease = self.leases.open(account, attempt.source, reason);
                    if self.verified.epoch() != seen {
                        continue;
                    }
                    self.remember(account, &attempt.password, &attempt.source, now, seen);
                    self.note_client(attempt, account, now).await?;
                    return Ok(Weighed::Admitted(Box::new(Admitted::new(
                        known.account,
                        attempt.source,
                        reason,
                        lease,
                    ))));
                }
                Decision::FactorOwed { .. } => {
                    return Ok(Weighed::Refused(
                        What::RefusedNoGrant,
                        Subject::Known(known),
                    ));
                }
                Decision::Refused => {
                    return Ok(Weighed::Refused(
                        What::RefusedDisabled,
                        Subject::Known(known),
                    ));
                }
            }
        }
        Err(Out::Busy)
    }

    async fn refuse(
        &self,
        attempt: &Attempt,
        what: What,
        subject: &Subject,
        site: &Site,
        now: Timestamp,
    ) -> Result<Refusal, Out> {
        let reference = Reference::draw()?;
        self.records
            .note(&Event {
                at: now,
                account: subject.account(),
                name_hash: subject.name_hash(),
                actor: Actor::Door(attempt.door),
                what,
                address: Some(attempt.source.shown_address()),
                client: shortened(&attempt.client),
                reference: Some(reference.clone()),
                detail: String::new(),
            })
            .await?;
        Ok(Refusal {
            sentence: sentence(site, what, &reference),
            reference,
            answer_at: now + site.policy.refusal_delay,
        })
    }

    /// Writes down that a mail client came in, once an hour for an account, source and door.
    async fn note_client(
        &self,
        attempt: &Attempt,
        account: crate::AccountId,
        now: Timestamp,
    ) -> Result<(), Out> {
        let key = (account, attempt.source.throttle_key(), attempt.door);
        let due = {
            let mut noted = self
                .noted
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            noted.insert(key, now).is_none_or(|last| {
                let due = last + NOTED_EVERY <= now;
                if !due {
                    noted.insert(key, last);
                }
                due
            })
        };
        if due {
            self.records
                .note(&Event {
                    at: now,
                    account: Some(account),
                    name_hash: None,
                    actor: Actor::Door(attempt.door),
                    what: What::SignedIn,
                    address: Some(attempt.source.shown_address()),
                    client: shortened(&attempt.client),
                    reference: None,
                    detail: String::new(),
                })
                .await?;
        }
        Ok(())
    }
}

enum Weighed {
    Admitted(Box<Admitted>),
    Refused(What, Subject),
}

/// What a client calls itself, fit for a table: no control characters, at most 100 characters.
pub(super) fn shortened(client: &str) -> String {
    client
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(100)
        .collect()
}

fn sentence(site: &Site, what: What, reference: &Reference) -> String {
    let url = &site.policy.help_url;
    let reference = reference.as_str();
    let helpful = format!(
        "Sign-in refused. Check your password; if you use multi-factor authentication, first sign in at {url} from this network. (Ref {reference})"
    );
    match site.policy.refusal {
        RefusalStyle::Helpful => helpful,
        RefusalStyle::Terse => "Authentication failed.".to_owned(),
        RefusalStyle::NamesCause if what == What::RefusedNoGrant => format!(
            "Your password is right, but multi-factor authentication is missing: first sign in at {url} from this network. (Ref {reference})"
        ),
        RefusalStyle::NamesCause => helpful,
    }
}
