//! Letters: written down in the outbox together with what they tell of, and sent afterwards.
//!
//! Whoever writes a letter hands it to the courier at once. Should that process end before, or the courier not take it,
//! the letter waits in the outbox, and whichever node looks there first claims it for a minute and tries again, ever
//! more seldom. So a letter is sent at least once, and is given up, with an error in the log, only after three days, or
//! at once where the site has no way out for it. A letter may carry a code: in the records it is sealed.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::OtpCode;
use zeroize::Zeroizing;

use super::admit::shortened;
use super::{Checkpoint, Failure};
use crate::account::{Account, AccountId};
use crate::address::MailAddress;
use crate::audit::{Event, EventKind};
use crate::factor::{Factor, Standing};
use crate::id::LetterId;
use crate::ports::{
    AccountUpdate, CourierError, Letter, Notice, OtpLetter, OutboxLetter, RecordsError,
};
use crate::sealing::{Binding, SealingError};

/// How long whoever wrote or claimed a letter has to hand it over, before another does.
const HELD_FOR: SignedDuration = SignedDuration::from_mins(1);
/// How long news is tried to be sent.
const NEWS_KEPT: SignedDuration = SignedDuration::from_hours(72);
/// How long after a first failure news is tried again; each further wait is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// After how many failures the waits grow no longer: they are of an hour then.
const MOST_DOUBLINGS: u32 = 6;
/// How long after a failure a mailed code is tried again, which lives for minutes only.
const CODE_AGAIN: SignedDuration = SignedDuration::from_secs(20);
/// How often the outbox is looked into.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// How many letters are claimed at a time.
const AT_A_TIME: u32 = 20;

impl Checkpoint {
    /// The news of an event for a person, at the mailbox and at every external address; none if the account has no
    /// mailbox.
    pub(super) fn news(
        &self,
        account: &Account,
        facts: &Standing,
        event: &Event,
    ) -> Result<Vec<OutboxLetter>, Failure> {
        self.news_held_for(HELD_FOR, account, facts, event)
    }

    /// The same, for whoever needs longer until it is known whether it is to be sent.
    pub(super) fn news_held_for(
        &self,
        held_for: SignedDuration,
        account: &Account,
        facts: &Standing,
        event: &Event,
    ) -> Result<Vec<OutboxLetter>, Failure> {
        let Some(mailbox) = account.main_address() else {
            return Ok(Vec::new());
        };
        let now = self.now();
        let notice = Notice {
            account: account.id,
            mailbox: mailbox.clone(),
            also_to: facts
                .factors
                .iter()
                .filter_map(Factor::address)
                .cloned()
                .collect(),
            what: event.what,
            at: event.at,
            from: event.address,
            detail: shortened(&event.detail),
            page: self.site().policy.help_url.clone(),
        };
        let id = LetterId::draw()?;
        Ok(vec![OutboxLetter {
            id,
            account: account.id,
            session: None,
            body: self.keys.seal(
                letter_binding(account.id, id),
                written_notice(&notice).as_bytes(),
            )?,
            tries: 0,
            due_at: now + held_for,
            expires_at: now + NEWS_KEPT,
        }])
    }

    /// A mailed code, as it waits in the outbox.
    pub(super) fn otp_letter(
        &self,
        account: AccountId,
        session: crate::id::SessionId,
        letter: &OtpLetter,
    ) -> Result<OutboxLetter, Failure> {
        Ok(OutboxLetter {
            id: letter.id,
            account,
            session: Some(session),
            body: self.keys.seal(
                letter_binding(account, letter.id),
                written_otp(letter).as_bytes(),
            )?,
            tries: 0,
            due_at: self.now() + HELD_FOR,
            expires_at: letter.expires_at,
        })
    }

    /// Hands letters to the courier. One that it does not take just now waits to be tried again; one that has no way
    /// out is given up, with the code that it may carry: a code must not wait to be typed that nobody gets.
    pub(super) async fn hand_over(&self, letters: &[OutboxLetter]) {
        for letter in letters {
            match self.try_to_hand_over(letter).await {
                Ok(()) => {}
                Err(error @ CourierError::NoRelay) => {
                    if !self.said_no_relay.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "letters that should leave the site are given up, this one and all others");
                    }
                    self.withdraw(letter.account, letter.id).await;
                }
                Err(error @ CourierError::Temporarily(_)) => {
                    tracing::warn!(letter = %letter.id, %error, "a letter could not be sent, and will be tried again");
                    self.put_off(letter).await;
                }
            }
        }
    }

    /// Hands a letter to the courier, and takes it out of the outbox once that has it.
    pub(super) async fn try_to_hand_over(&self, letter: &OutboxLetter) -> Result<(), CourierError> {
        let opened = match self.opened(letter) {
            Ok(opened) => opened,
            Err(error) => return Err(CourierError::Temporarily(error.to_string())),
        };
        self.courier.send(opened).await?;
        // If this fails it is sent once more.
        if let Err(error) = self.records.remove_letter(letter.id).await {
            tracing::error!(letter = %letter.id, %error, "a letter that was sent could not be taken out of the outbox");
        }
        Ok(())
    }

    /// Sends what waits in the outbox. Runs until its task is dropped; what it was about to send is sent by whoever
    /// looks next. Give it a task of its own beside [`Self::keep`], so that trouble of the one is not the other's.
    pub async fn send_letters(self: Arc<Self>) {
        loop {
            match self.send_some().await {
                Ok(claimed) if claimed == AT_A_TIME as usize => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the outbox could not be read"),
            }
            self.clock.sleep_until(self.clock.now() + LOOK_EVERY).await;
        }
    }

    async fn send_some(&self) -> Result<usize, RecordsError> {
        let now = self.now();
        let claimed = self
            .records
            .claim_letters(now, now + HELD_FOR, AT_A_TIME)
            .await?;
        for letter in &claimed {
            if letter.expires_at <= self.now() {
                self.give_up(letter).await;
            } else {
                self.hand_over(std::slice::from_ref(letter)).await;
            }
        }
        Ok(claimed.len())
    }

    async fn put_off(&self, letter: &OutboxLetter) {
        let wait = match letter.session {
            Some(_) => CODE_AGAIN,
            None => FIRST_WAIT * (1 << letter.tries.min(MOST_DOUBLINGS)),
        };
        let until = (self.now() + wait).min(letter.expires_at);
        if let Err(error) = self
            .records
            .put_off_letter(letter.id, letter.tries, until)
            .await
        {
            tracing::error!(letter = %letter.id, %error, "a letter could not be put off");
        }
    }

    /// Gives a letter up, with the code that it carries.
    async fn give_up(&self, letter: &OutboxLetter) {
        tracing::error!(letter = %letter.id, tries = letter.tries, "a letter is given up");
        self.withdraw(letter.account, letter.id).await;
    }

    /// Takes a letter out of the outbox that is not to be sent, with the code that it carries.
    pub(super) async fn withdraw(&self, account: AccountId, letter: LetterId) {
        let update = AccountUpdate {
            withdraws: Some(letter),
            ..AccountUpdate::new(account, self.now())
        };
        if let Err(error) = self.records.apply(&update).await {
            tracing::error!(%letter, %error, "a letter could not be withdrawn");
        }
    }

    fn opened(&self, letter: &OutboxLetter) -> Result<Letter, Failure> {
        let plain = self
            .keys
            .open(letter_binding(letter.account, letter.id), &letter.body)?;
        let text = std::str::from_utf8(&plain).map_err(|_| SealingError::Damaged)?;
        Ok(read(letter, text).ok_or(SealingError::Damaged)?)
    }
}

/// What a letter in the outbox is bound to.
pub(super) fn letter_binding(account: AccountId, letter: LetterId) -> Binding<'static> {
    Binding {
        purpose: "letter",
        account: account.get(),
        item: letter.get(),
    }
}

/// A notice as it is sealed: a value a line, the external addresses last.
fn written_notice(notice: &Notice) -> String {
    let line = |text: &str| text.replace(char::is_control, " ");
    let mut lines = vec![
        "notice".to_owned(),
        notice.what.as_str().to_owned(),
        notice.at.as_millisecond().to_string(),
        notice
            .from
            .map(|address| address.to_string())
            .unwrap_or_default(),
        line(&notice.page),
        line(&notice.detail),
        notice.mailbox.to_string(),
    ];
    lines.extend(notice.also_to.iter().map(ToString::to_string));
    lines.join("\n")
}

/// A mailed code as it is sealed.
fn written_otp(letter: &OtpLetter) -> Zeroizing<String> {
    let OtpLetter {
        code,
        asked_from,
        from,
        to,
        ..
    } = letter;
    Zeroizing::new(format!(
        "otp\n{}\n{asked_from}\n{from}\n{to}",
        code.expose()
    ))
}

fn read(letter: &OutboxLetter, text: &str) -> Option<Letter> {
    let mut lines = text.split('\n');
    match lines.next()? {
        "notice" => {
            let what = EventKind::parse(lines.next()?)?;
            let at = Timestamp::from_millisecond(lines.next()?.parse().ok()?).ok()?;
            let from = match lines.next()? {
                "" => None,
                address => Some(address.parse::<IpAddr>().ok()?),
            };
            let (page, detail) = (lines.next()?.to_owned(), lines.next()?.to_owned());
            let mailbox = MailAddress::parse(lines.next()?).ok()?;
            let also_to = lines
                .map(MailAddress::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            Some(Letter::Notice(Notice {
                account: letter.account,
                mailbox,
                also_to,
                what,
                at,
                from,
                detail,
                page,
            }))
        }
        "otp" => Some(Letter::Otp(OtpLetter {
            id: letter.id,
            code: OtpCode::parse(lines.next()?).ok()?,
            asked_from: lines.next()?.parse().ok()?,
            from: MailAddress::parse(lines.next()?).ok()?,
            to: MailAddress::parse(lines.next()?).ok()?,
            expires_at: letter.expires_at,
        })),
        _ => None,
    }
}
