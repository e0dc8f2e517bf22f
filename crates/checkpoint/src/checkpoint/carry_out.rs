//! Carrying out what changes an account: written in one transaction, then taking effect in this process, then told.

use super::change::ChangeError;
use super::{Checkpoint, Failure};
use crate::audit::Event;
use crate::ports::{AccountUpdate, Applied, Change, Cut, Ending, InSession, Reach, RecordsError};
use crate::web::Person;

impl Checkpoint {
    /// What a person does in a session that still exists, with the event and the news of it.
    pub(super) fn told(&self, person: Person<'_>, event: Event) -> Result<AccountUpdate, Failure> {
        Ok(AccountUpdate {
            session: Some(InSession::unchanged(person.session.id)),
            letters: self.news(person.account, person.facts, &event)?,
            events: vec![event],
            ..AccountUpdate::new(person.account.id, self.now())
        })
    }

    /// Carries out what a person changes in a session that still exists, and tells the person by mail.
    pub(super) async fn carry_out(
        &self,
        person: Person<'_>,
        change: Change,
        ending: Ending,
        event: Event,
    ) -> Result<(), ChangeError> {
        let update = AccountUpdate {
            change,
            ending,
            ..self.told(person, event)?
        };
        match self.apply(&update).await.map_err(Failure::from)? {
            Applied::Done(_) => Ok(()),
            Applied::SessionEnded | Applied::OutOfDate => Err(Failure::SessionEnded.into()),
            Applied::NotAccepted => Err(ChangeError::NoSuchFactor),
        }
    }

    /// Ends something of a person's; that is always safe, so it is done even if the session that asks for it has ended.
    pub(super) async fn end_for(
        &self,
        person: Person<'_>,
        ending: Ending,
        event: Event,
    ) -> Result<(), RecordsError> {
        let update = AccountUpdate {
            ending,
            events: vec![event],
            ..AccountUpdate::new(person.account.id, self.now())
        };
        // It uses nothing up and takes no session, so it is always carried out.
        self.apply(&update).await.map(|_| ())
    }

    /// Writes an update, lets what it ends take effect in this process at once, and sends its letters.
    pub(super) async fn apply(&self, update: &AccountUpdate) -> Result<Applied, RecordsError> {
        let applied = self.write(update).await?;
        if let Applied::Done(_) = applied {
            self.hand_over(&update.letters).await;
        }
        Ok(applied)
    }

    /// The same, leaving its letters to whoever asks: in an account's turn, which must not last as long as a courier.
    pub(super) async fn write(&self, update: &AccountUpdate) -> Result<Applied, RecordsError> {
        let applied = self.records.apply(update).await?;
        if let Applied::Done(number) = applied {
            let cut = update.ending.connections;
            self.take_effect(update.account, cut).await;
            // Only now: should this be dropped in the middle, whoever follows the records does the rest.
            if cut != Cut::None {
                self.carried_out_here(number);
            }
        }
        Ok(applied)
    }

    /// What ends when a factor is removed or replaced, or the password changed: all but this session and this source's
    /// grant.
    pub(super) fn ending_but(&self, person: Person<'_>) -> Ending {
        Ending {
            sessions: Reach::AllBut(person.session.id),
            grants: person.source.grant_key().map_or(Reach::All, Reach::AllBut),
            connections: Cut::All,
        }
    }
}
