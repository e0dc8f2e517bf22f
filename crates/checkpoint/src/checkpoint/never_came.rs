//! News for people whose password somebody else may have: it was right, and the factor never came.

use jiff::{SignedDuration, Timestamp};

use super::{Checkpoint, Failure};
use crate::audit::{Actor, Event, EventKind};
use crate::ports::{AccountUpdate, OneTime, WaitingSignIn};
use crate::throttle::{Guess, NEWS_OF_A_SOURCE, NEWS_OF_AN_ACCOUNT, Throttle};

/// How long a factor is waited for before it is news that it never came: longer than any code lives.
const WAITED_FOR: SignedDuration = SignedDuration::from_mins(15);
/// How many are told of at a time, so that what must end within seconds does not wait for it.
const AT_A_TIME: u32 = 100;

impl Checkpoint {
    /// Tells people of sign-ins whose factor never came: on their page and by mail, once a day for a source and thrice
    /// for an account.
    pub(super) async fn tell_of_factors_that_never_came(
        &self,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let before = now.checked_sub(WAITED_FOR).unwrap_or(Timestamp::MIN);
        for sign_in in &self.records.waiting_sign_ins(before, AT_A_TIME).await? {
            // One that can't be told must not keep the others from being told.
            if let Err(error) = self.tell_of(sign_in, now).await {
                tracing::error!(%error, "somebody could not be told of a factor that never came");
            }
        }
        Ok(())
    }

    async fn tell_of(&self, sign_in: &WaitingSignIn, now: Timestamp) -> Result<(), Failure> {
        let account = sign_in.account;
        let at_source = Throttle::AccountAt(account, sign_in.source, Guess::NeverCame);
        let at_all = Throttle::Account(account, Guess::NeverCame);
        let limits = [
            (at_source.clone(), NEWS_OF_A_SOURCE),
            (at_all.clone(), NEWS_OF_AN_ACCOUNT),
        ];
        let is_news = self.over(&limits, now).await?.is_none();
        let uses = OneTime::WaitingSignIn {
            source: sign_in.source,
            at: sign_in.at,
        };
        // Of several nodes that tell of it, one does.
        let mut update = AccountUpdate {
            uses: Some(uses),
            ..AccountUpdate::new(account, now)
        };
        let Some(known) = self.directory.account(account).await? else {
            let _ = self.apply(&update).await?;
            return Ok(());
        };
        let event = Event {
            at: sign_in.at,
            account: Some(account),
            name_hash: None,
            actor: Actor::System,
            what: EventKind::FactorNeverCame,
            address: Some(sign_in.address),
            client: sign_in.client.clone(),
            reference: None,
            detail: String::new(),
        };
        if is_news {
            let facts = self.records.standing(account).await?;
            update.letters = self.news(&known, &facts, &event)?;
            update.counted = vec![at_source, at_all];
        }
        update.events.push(event);
        let _ = self.apply(&update).await?;
        Ok(())
    }
}
