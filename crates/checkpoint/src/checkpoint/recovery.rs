//! Recovery codes: kept on paper for the day on which app and mailbox are out of reach.
//!
//! They stand beside a factor and never alone: they are made by somebody who has one, and go with the last one. So a
//! password never leads to them, and using the last of them never leads to a first registration.

use jiff::{SignedDuration, Timestamp};

use super::change::ChangeError;
use super::pending::Pending;
use super::prove::{ProofError, web_event};
use super::reproof::Reproof;
use super::turns::AccountTurn;
use super::{Checkpoint, Failure};
use crate::account::AccountId;
use crate::audit::EventKind;
use crate::factor::{FactorKind, Standing};
use crate::one_time_code::OneTimeCode;
use crate::ports::{AccountUpdate, Applied, Change, Ending, InSession, OneTime, SessionUpdate};
use crate::rule::again::Strictness;
use crate::web::{AdmittedSession, Person};

/// How many are made at once.
pub const RECOVERY_CODES: usize = 10;
/// How long they are shown to the one who made them, however often the page is reloaded.
const SHOWN_FOR: SignedDuration = SignedDuration::from_mins(10);

impl Checkpoint {
    /// Makes ten recovery codes in place of any that were there, and keeps them for ten minutes to be shown again in
    /// this session.
    ///
    /// New codes end nothing; codes that take the place of unused ones end what replacing a factor ends.
    ///
    /// # Errors
    /// [`ChangeError`]; [`ChangeError::NoFactor`] where no factor is registered beside which they could stand.
    pub async fn make_recovery_codes(
        &self,
        session: &AdmittedSession,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        if !person.facts.has_factor() {
            return Err(ChangeError::NoFactor);
        }
        self.prove_again(person, reproof, Strictness::Recent, client)
            .await?;
        let codes: Vec<OneTimeCode> = (0..RECOVERY_CODES)
            .map(|_| OneTimeCode::draw())
            .collect::<Result<_, _>>()
            .map_err(Failure::from)?;
        let hash = |code| self.recovery_hash(person.account.id, code);
        let change = Change::RecoveryCodes(codes.iter().map(hash).collect());
        let ending = if person.facts.has_kind(FactorKind::RecoveryCode) {
            self.ending_but(person)
        } else {
            Ending::NOTHING
        };
        let event = web_event(person, EventKind::RecoveryCodesMade, client, "", self.now());
        let expires_at = self.now() + SHOWN_FOR;
        // Kept with the same transaction: codes that hold and that nobody ever saw would be worth nothing.
        let shown = SessionUpdate {
            registration: Some(
                self.sealed_pending(person, &Pending::RecoveryCodes { codes, expires_at })?,
            ),
            ..SessionUpdate::default()
        };
        let update = AccountUpdate {
            session: Some(InSession::changed(person.session.id, shown)),
            change,
            ending,
            ..self.told(person, event)?
        };
        match self.apply(&update).await.map_err(Failure::from)? {
            Applied::Done(_) => Ok(()),
            Applied::SessionEnded | Applied::OutOfDate | Applied::NotAccepted => {
                Err(Failure::SessionEnded.into())
            }
        }
    }

    /// The codes that were made a moment ago in this session, and until when they can be seen.
    #[must_use]
    pub fn new_recovery_codes(
        &self,
        session: &AdmittedSession,
    ) -> Option<(Vec<OneTimeCode>, Timestamp)> {
        match self.pending(Person::from(session)) {
            Some(Pending::RecoveryCodes { codes, expires_at }) => Some((codes, expires_at)),
            _ => None,
        }
    }

    /// Uses up a recovery code. That one was used is told by mail: whoever finds the paper has it.
    pub(super) async fn verify_recovery(
        &self,
        turn: &mut AccountTurn,
        person: Person<'_>,
        standing: Standing,
        code: &OneTimeCode,
        client: &str,
        update: AccountUpdate,
    ) -> Result<(), ProofError> {
        let kind = FactorKind::RecoveryCode;
        let account = person.account.id;
        let now = update.at;
        let hash = self.recovery_hash(account, code);
        let mut codes = standing.recovery_codes;
        // The event says how many are left; should another node use one meanwhile, it is made anew.
        while let Some(left) = codes.and_then(|codes| codes.left.checked_sub(1)) {
            let event = web_event(
                person,
                EventKind::RecoveryCodeUsed,
                client,
                &left.to_string(),
                now,
            );
            let mut update = update.clone();
            update.uses = Some(OneTime::RecoveryCode { hash, left });
            update
                .letters
                .extend(self.news(person.account, person.facts, &event)?);
            update.events.insert(0, event);
            if self.accept(turn, &update).await? {
                return Ok(());
            }
            let again = self.records.standing(account).await?.recovery_codes;
            if again == codes {
                break;
            }
            codes = again;
        }
        let tries_left = self.count_wrong(turn, person, kind, client, now).await?;
        Err(ProofError::Wrong {
            kind,
            tries_left: Some(tries_left),
        })
    }

    /// What the records keep of a recovery code.
    fn recovery_hash(&self, account: AccountId, code: &OneTimeCode) -> [u8; 32] {
        let text = format!("{account} {}", code.expose());
        self.keys.keyed_hash("recovery code", text.as_bytes())
    }
}
