//! Letting in by the doors that are not the webmail.

use jiff::{SignedDuration, Timestamp};
use sekisho_source::Source;

use super::passwords::{Checked, Subject, refusal};
use super::{Checkpoint, Failure, Site};
use crate::account::Password;
use crate::audit::{Actor, Door, Event, EventKind};
use crate::credential::{Credential, PasswordCheck};
use crate::door::{Admitted, Attempt, Attested, NotAdmitted, Refusal};
use crate::id::Reference;
use crate::policy::RefusalStyle;
use crate::rule::Decision;

/// How often a mail client's sign-in is written down while it keeps logging in from one place.
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Checkpoint {
    /// Judges an attempt to come in by a mail client's door.
    ///
    /// A refusal is written down under its reference before it is returned, for names of no account too; it carries the
    /// one sentence and the instant at which the door is to answer, both the same whatever the cause.
    ///
    /// # Errors
    /// [`NotAdmitted`]: refused, or the records or the directory can't be asked.
    pub async fn admit(&self, attempt: Attempt) -> Result<Admitted, NotAdmitted> {
        self.answer(&AdmissionRequest {
            door: attempt.door,
            name: &attempt.name,
            authorization: attempt.authorization.as_deref(),
            proof: Proof::Password(&attempt.password),
            source: attempt.source,
            client: &attempt.client,
        })
        .await
    }

    /// Judges an attempt whose password somebody else has found right; all the rest is as with [`Self::admit`].
    ///
    /// # Errors
    /// [`NotAdmitted`]: refused, or the records or the directory can't be asked.
    pub async fn admit_attested(&self, attested: Attested) -> Result<Admitted, NotAdmitted> {
        self.answer(&AdmissionRequest::of(&attested, Proof::Attested))
            .await
    }

    /// Counts a wrong password that somebody else has seen, as one that was tried here. `password` is anything that is
    /// the same for the same password: who repeats one guess guesses once.
    ///
    /// # Errors
    /// [`NotAdmitted::Unavailable`].
    pub async fn wrong_elsewhere(
        &self,
        attested: &Attested,
        password: &Password,
    ) -> Result<(), NotAdmitted> {
        let counted = async {
            let now = self.now();
            let subject = self.subject(&attested.name, None, now).await?;
            self.count_wrong_password(subject.whose(), password, &attested.source, now)
                .await?;
            // Nobody was told a reference; but the help desk has to see why somebody is kept waiting.
            let request = AdmissionRequest::of(attested, Proof::Attested);
            let what = match subject {
                Subject::Known(_) => EventKind::RefusedPassword,
                Subject::Unknown(_) => EventKind::RefusedUnknown,
            };
            self.write_down(&request, what, &subject, None, now).await
        };
        counted.await.map_err(|failure: Failure| {
            let unavailable = failure.say("a wrong password could not be counted");
            unavailable.into()
        })
    }

    /// Judges whether somebody who came in earlier, before this process began, is still in by right; `None` if not. It
    /// is no attempt: nothing is counted or written down.
    ///
    /// # Errors
    /// [`NotAdmitted::Unavailable`].
    pub async fn still_admitted(
        &self,
        attested: &Attested,
    ) -> Result<Option<Admitted>, NotAdmitted> {
        let request = AdmissionRequest::of(attested, Proof::Earlier);
        match self.weigh(&request, self.now()).await {
            Ok(Weighed::Admitted(admitted)) => Ok(Some(*admitted)),
            Ok(Weighed::Refused(..)) => Ok(None),
            Err(failure) => {
                let unavailable =
                    failure.say("whether somebody is still in by right could not be judged");
                Err(unavailable.into())
            }
        }
    }

    async fn answer(&self, request: &AdmissionRequest<'_>) -> Result<Admitted, NotAdmitted> {
        let now = self.now();
        let site = self.site();
        let weighed = match self.weigh(request, now).await {
            Ok(Weighed::Admitted(admitted)) => self
                .note_client(request, admitted.account_id(), now)
                .await
                .map(|()| Weighed::Admitted(admitted)),
            other => other,
        };
        match weighed {
            Ok(Weighed::Admitted(admitted)) => Ok(*admitted),
            Ok(Weighed::Refused(what, subject)) => Err(
                match self.refuse(request, what, &subject, &site, now).await {
                    Ok(refusal) => NotAdmitted::Refused(refusal),
                    Err(failure) => failure.say("a refusal could not be written down").into(),
                },
            ),
            Err(failure) => Err(failure.say("an attempt could not be judged").into()),
        }
    }

    async fn weigh(
        &self,
        request: &AdmissionRequest<'_>,
        now: Timestamp,
    ) -> Result<Weighed, Failure> {
        // Something may be revoked, or the site configured anew, between reading the facts and opening the lease; then
        // all is read again.
        for _ in 0..8 {
            let seen = self.verified.epoch();
            let site = &self.site();
            let subject = self
                .subject(request.name, request.authorization, now)
                .await?;
            let checked = match request.proof {
                Proof::Password(password) => {
                    self.check_password(&subject, password, &request.source, site, now)
                        .await?
                }
                Proof::Attested => {
                    self.trust_password(&subject, &request.source, site, now)
                        .await?
                }
                Proof::Earlier => Checked::Known(PasswordCheck::Earlier),
            };
            let (check, known) = match (checked, subject) {
                (Checked::Known(check), Subject::Known(known)) => (check, known),
                (Checked::Known(_), unknown @ Subject::Unknown(_)) => {
                    return Ok(Weighed::Refused(EventKind::RefusedUnknown, unknown));
                }
                (Checked::Throttled(_), subject) => {
                    return Ok(Weighed::Refused(EventKind::RefusedThrottled, subject));
                }
            };
            let credential = Credential::Password(check);
            let what = match self.judge(&known, credential, &request.source, site, now) {
                Decision::Admitted(reason) => {
                    let account = known.account.id;
                    let lease = self
                        .leases
                        .open(account, request.source, credential, reason);
                    if self.verified.epoch() != seen {
                        continue;
                    }
                    if let (Proof::Password(password), PasswordCheck::Right) =
                        (request.proof, check)
                    {
                        self.remember(account, password, &request.source, now, seen);
                    }
                    return Ok(Weighed::Admitted(Box::new(Admitted::new(
                        known.account,
                        request.source,
                        reason,
                        lease,
                    ))));
                }
                Decision::FactorOwed { .. } => EventKind::RefusedNoGrant,
                Decision::Refused(cause) => refusal(cause),
            };
            return Ok(Weighed::Refused(what, Subject::Known(known)));
        }
        Err(Failure::Busy)
    }

    async fn refuse(
        &self,
        request: &AdmissionRequest<'_>,
        what: EventKind,
        subject: &Subject,
        site: &Site,
        now: Timestamp,
    ) -> Result<Refusal, Failure> {
        let reference = Reference::draw()?;
        self.write_down(request, what, subject, Some(reference.clone()), now)
            .await?;
        Ok(Refusal {
            sentence: sentence(site, what, &reference),
            reference,
            answer_at: now + site.policy.refusal_delay,
        })
    }

    /// Writes down that somebody did not come in.
    async fn write_down(
        &self,
        request: &AdmissionRequest<'_>,
        what: EventKind,
        subject: &Subject,
        reference: Option<Reference>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.records
            .note(&Event {
                at: now,
                account: subject.account(),
                name_hash: subject.name_hash(),
                actor: Actor::Door(request.door),
                what,
                address: Some(request.source.shown_address()),
                client: shortened(request.client),
                reference,
                detail: String::new(),
            })
            .await?;
        Ok(())
    }

    /// Writes down that a mail client came in, once an hour for an account, source and door.
    async fn note_client(
        &self,
        request: &AdmissionRequest<'_>,
        account: crate::AccountId,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let key = (account, request.source.throttle_key(), request.door);
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
                    actor: Actor::Door(request.door),
                    what: EventKind::SignedIn,
                    address: Some(request.source.shown_address()),
                    client: shortened(request.client),
                    reference: None,
                    detail: String::new(),
                })
                .await?;
        }
        Ok(())
    }
}

/// Who wants in, by whichever kind of door.
struct AdmissionRequest<'a> {
    door: Door,
    name: &'a str,
    authorization: Option<&'a str>,
    proof: Proof<'a>,
    source: Source,
    client: &'a str,
}

/// What stands for the password.
#[derive(Clone, Copy)]
enum Proof<'a> {
    /// The password itself.
    Password(&'a Password),
    /// The word of somebody who has checked it.
    Attested,
    /// That it was right at an earlier login: guesses of others, made since, are no reason to cut anybody off.
    Earlier,
}

impl<'a> AdmissionRequest<'a> {
    fn of(attested: &'a Attested, proof: Proof<'a>) -> Self {
        Self {
            door: Door::AuthApi,
            name: &attested.name,
            authorization: None,
            proof,
            source: attested.source,
            client: &attested.client,
        }
    }
}

enum Weighed {
    Admitted(Box<Admitted>),
    Refused(EventKind, Subject),
}

/// What a client calls itself, fit for a table: no control characters, at most 100 characters.
pub(super) fn shortened(client: &str) -> String {
    client
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(100)
        .collect()
}

fn sentence(site: &Site, what: EventKind, reference: &Reference) -> String {
    let url = &site.policy.help_url;
    let reference = reference.as_str();
    let helpful = format!(
        "Sign-in refused. Check your password; if you use multi-factor authentication, first sign in at {url} from \
         this network. (Ref {reference})"
    );
    match site.policy.refusal {
        RefusalStyle::Helpful => helpful,
        RefusalStyle::Terse => "Authentication failed.".to_owned(),
        RefusalStyle::NamesCause if what == EventKind::RefusedNoGrant => format!(
            "Your password is right, but multi-factor authentication is missing: first sign in at {url} from this \
             network. (Ref {reference})"
        ),
        RefusalStyle::NamesCause => helpful,
    }
}
