//! A new password, set here or elsewhere.

use jiff::SignedDuration;

use super::change::ChangeError;
use super::prove::web_event;
use super::reproof::Reproof;
use super::{Checkpoint, Failure};
use crate::account::Password;
use crate::audit::EventKind;
use crate::ports::{
    AccountUpdate, Applied, Change, InSession, PasswordChange, SessionUpdate, SetPasswordError,
};
use crate::rule::again::{OwedAgain, Strictness};
use crate::web::{AdmittedSession, Browser, Person};

/// How long a directory may take to set a password; after that the person is told that the change was begun.
const OUTCOME_WITHIN: SignedDuration = SignedDuration::from_mins(5);

impl Checkpoint {
    /// Changes the password. Ends all other sessions, all grants but this source's and all mail connections.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change_password<'a>(
        &self,
        session: &AdmittedSession,
        old: Password,
        new: &Password,
        reproof: Reproof,
        browser: impl Into<Browser<'a>>,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        let browser = browser.into();
        let client = browser.client;
        let reproof = Reproof {
            password: Some(old),
            ..reproof
        };
        // However recently it was given, a new one takes the place of the old one alone.
        let owed = OwedAgain {
            password: true,
            ..self.owed_again(person, Strictness::Recent)
        };
        self.prove_owed(person, &reproof, owed, client).await?;
        self.directory
            .check_new_password(person.account.id, new)
            .await?;
        // Ended before, lest a crash in between leave open what the old password opened; and after, for what it opened
        // meanwhile.
        let ending = self.ending_but(person);
        let begun = web_event(
            person,
            EventKind::PasswordChangeBegun,
            client,
            "",
            self.now(),
        );
        // Should this process end before the outcome is known, the person hears that the change was begun.
        let letters = self.news_held_for(OUTCOME_WITHIN, person.account, person.facts, &begun)?;
        let withdraws = letters.first().map(|letter| letter.id);
        let update = AccountUpdate {
            session: Some(InSession::unchanged(person.session.id)),
            ending,
            events: vec![begun],
            letters,
            ..AccountUpdate::new(person.account.id, self.now())
        };
        // Whoever was put out meanwhile, by "that wasn't me" or the help desk, sets no password.
        let begun = self.write(&update).await.map_err(Failure::from)?;
        if !matches!(begun, Applied::Done(_)) {
            return Err(Failure::SessionEnded.into());
        }
        if let Err(error) = self.directory.set_password(person.account.id, new).await {
            let is_unchanged = !matches!(error, SetPasswordError::Directory(_));
            if is_unchanged && let Some(letter) = withdraws {
                self.withdraw(person.account.id, letter).await;
            }
            return Err(error.into());
        }
        let event = web_event(person, EventKind::PasswordChanged, client, "", self.now());
        let kept = browser
            .kept(new, person.account, person.session.id, person.key)
            .map_err(Failure::from)?;
        let passed_on = SessionUpdate {
            password: kept.map(Some),
            ..SessionUpdate::default()
        };
        let update = AccountUpdate {
            session: Some(InSession::changed(person.session.id, passed_on)),
            change: Change::PasswordWanted(false),
            ending,
            withdraws,
            ..self.told(person, event)?
        };
        if let Applied::Done(_) = self.apply(&update).await.map_err(Failure::from)? {
            return Ok(());
        }
        // The session was ended while the directory was at work. The password is another one by now, so the event and
        // the letter must not be lost; but whoever ended the session may want a new one, and goes on wanting it.
        let mut update = AccountUpdate {
            session: None,
            change: Change::None,
            ..update
        };
        for event in &mut update.events {
            event.detail = "the session had ended".to_owned();
        }
        let _ = self.apply(&update).await.map_err(Failure::from)?;
        Err(Failure::SessionEnded.into())
    }

    /// The person says that the password was changed where Sekisho can't see it: ends what a change ends, and no new
    /// one is wanted any longer.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn password_changed_elsewhere(
        &self,
        session: &AdmittedSession,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        if self.directory.password_change() == PasswordChange::Here {
            return Err(ChangeError::ChangedHere);
        }
        let event = web_event(
            person,
            EventKind::PasswordChanged,
            client,
            "elsewhere",
            self.now(),
        );
        let (change, ending) = (Change::PasswordWanted(false), self.ending_but(person));
        self.carry_out(person, change, ending, event).await
    }
}
