//! What the help desk does, at the command line: recorded with its reason, and announced.

use super::Checkpoint;
use crate::account::{Account, AccountId};
use crate::audit::{Actor, Event, EventKind};
use crate::factor::{Enrolment, FactorKind, Standing};
use crate::grant::Grant;
use crate::one_time_code::OneTimeCode;
use crate::ports::{AccountUpdate, Change, Cut, Ending, Reach, RecordsError};

impl Checkpoint {
    /// Turns MFA on or off for somebody.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn desk_set_mfa(
        &self,
        account: &Account,
        on: bool,
        reason: &str,
    ) -> Result<(), RecordsError> {
        let (what, ending) = if on {
            let ending = Ending {
                sessions: Reach::All,
                grants: Reach::None,
                connections: Cut::Judged,
            };
            (EventKind::MfaOn, ending)
        } else {
            (EventKind::MfaOff, Ending::NOTHING)
        };
        self.desk(account, Change::Mfa(on), ending, what, reason)
            .await
    }

    /// Takes all factors away and ends everything; the next registration needs the code that is returned.
    ///
    /// # Errors
    /// The records are out of reach, or the system has no randomness.
    pub async fn desk_reset_factors(
        &self,
        account: &Account,
        reason: &str,
    ) -> Result<OneTimeCode, RecordsError> {
        let code = OneTimeCode::draw().map_err(|e| RecordsError(e.to_string()))?;
        let change = Change::Reset(self.enrolment(account.id, &code));
        self.desk(
            account,
            change,
            Ending::EVERYTHING,
            EventKind::FactorsReset,
            reason,
        )
        .await?;
        Ok(code)
    }

    /// Makes a code for a first registration, where the site demands one.
    ///
    /// # Errors
    /// The records are out of reach, or the system has no randomness.
    pub async fn desk_enrolment_code(
        &self,
        account: &Account,
        reason: &str,
    ) -> Result<OneTimeCode, RecordsError> {
        let code = OneTimeCode::draw().map_err(|e| RecordsError(e.to_string()))?;
        let change = Change::EnrolmentCode(self.enrolment(account.id, &code));
        self.desk(
            account,
            change,
            Ending::NOTHING,
            EventKind::EnrolmentCodeGiven,
            reason,
        )
        .await?;
        Ok(code)
    }

    /// Enables a disabled kind of factor again.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn desk_enable_kind(
        &self,
        account: &Account,
        kind: FactorKind,
        reason: &str,
    ) -> Result<(), RecordsError> {
        let change = Change::EnableKind(kind);
        self.desk(
            account,
            change,
            Ending::NOTHING,
            EventKind::KindEnabled,
            reason,
        )
        .await
    }

    /// Ends every session, grant and connection of an account, because of something done elsewhere: a new password, a
    /// disabled account.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn desk_end_everything(
        &self,
        account: &Account,
        what: EventKind,
        reason: &str,
    ) -> Result<(), RecordsError> {
        self.desk(account, Change::None, Ending::EVERYTHING, what, reason)
            .await
    }

    /// How an account stands.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn desk_standing(
        &self,
        account: AccountId,
    ) -> Result<(Standing, Vec<Grant>), RecordsError> {
        Ok((
            self.records.standing(account).await?,
            self.records.grants(account, self.now()).await?,
        ))
    }

    async fn desk(
        &self,
        account: &Account,
        change: Change,
        ending: Ending,
        what: EventKind,
        reason: &str,
    ) -> Result<(), RecordsError> {
        let facts = self.records.standing(account.id).await?;
        let event = Event {
            at: self.now(),
            account: Some(account.id),
            name_hash: None,
            actor: Actor::HelpDesk,
            what,
            address: None,
            client: String::new(),
            reference: None,
            detail: super::admit::shortened(reason),
        };
        let letters = self
            .news(account, &facts, &event)
            .map_err(|failure| RecordsError(failure.to_string()))?;
        let update = AccountUpdate {
            change,
            ending,
            letters,
            events: vec![event],
            ..AccountUpdate::new(account.id, self.now())
        };
        self.apply(&update).await.map(|_| ())
    }

    fn enrolment(&self, account: AccountId, code: &OneTimeCode) -> Enrolment {
        Enrolment {
            hash: self.enrolment_hash(account, code),
            expires_at: self.now() + self.site().policy.enrolment_code,
        }
    }

    /// What the records keep of an enrolment code.
    pub(super) fn enrolment_hash(&self, account: AccountId, code: &OneTimeCode) -> [u8; 32] {
        let text = format!("{account} {}", code.expose());
        self.keys.keyed_hash("enrolment code", text.as_bytes())
    }
}
