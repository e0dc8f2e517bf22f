//! Carrying out an update of an account: what may stand in its way is looked at before anything is written, and then
//! all of it is. The caller waits for those who write of the same account.

use sekisho_checkpoint::ports::{AccountUpdate, Applied, Change, Expected, OneTime};

use super::fault::Fault;
use super::lent::Lent;
use super::{
    account, audit, codes, factors, grants, outbox, recovery, revocations, sessions, throttle,
    waiting,
};

pub(super) async fn apply(db: &Lent, update: &AccountUpdate) -> Result<Applied, Fault> {
    let (account, at) = (update.account, update.at);
    if let Some(why_not) = stands_in_the_way(db, update).await? {
        return Ok(why_not);
    }
    if let Some(one_time) = &update.uses
        && !used(db, update, one_time).await?
    {
        return Ok(Applied::NotAccepted);
    }
    let is_there = match &update.change {
        Change::JoinGrant(grant, companion) => grants::join(db, *grant, *companion, at).await?,
        change => account::change(db, account, change, at).await?,
    };
    if !is_there {
        return match update.uses {
            None => Ok(Applied::NotAccepted),
            // An error, so that what was used up is given back.
            Some(_) => Err(Fault::NothingToChange),
        };
    }
    sessions::end_of(db, account, update.ending.sessions).await?;
    grants::end_of(db, account, update.ending.grants, at).await?;
    if let Some(grant) = &update.grant {
        waiting::end_of(db, account, grant.source).await?;
        grants::put(db, grant).await?;
    }
    if let Some(session) = &update.session {
        if session.finishes.is_some() {
            sessions::end_registration(db, session.id).await?;
        }
        sessions::update(db, session.id, &session.update).await?;
    }
    if let Some(letter) = update.withdraws {
        codes::remove_of(db, letter).await?;
        outbox::remove(db, letter).await?;
    }
    let keys: Vec<String> = update.counted.iter().map(|key| key.key()).collect();
    throttle::count(db, &keys, at).await?;
    for event in &update.events {
        audit::write(db, event).await?;
    }
    for letter in &update.letters {
        outbox::put(db, letter).await?;
    }
    // The number is held until the commit, so it comes last.
    let number = revocations::write(db, account, &update.ending, at).await?;
    Ok(Applied::Done(number))
}

/// What stands in the way of an update: its session, or how the account stands, is not what it takes it for.
async fn stands_in_the_way(db: &Lent, update: &AccountUpdate) -> Result<Option<Applied>, Fault> {
    if let Some(session) = &update.session {
        let Some(now) = sessions::of_account(db, update.account, session.id).await? else {
            return Ok(Some(Applied::SessionEnded));
        };
        let is_its_token = match &session.update.token {
            Some(new) => new.before == now.token,
            None => true,
        };
        if !is_its_token || (session.finishes.is_some() && session.finishes != now.registration) {
            return Ok(Some(Applied::OutOfDate));
        }
    }
    if let Some(expected) = &update.expects {
        let standing = account::standing(db, update.account).await?;
        if *expected != Expected::of(&standing) {
            return Ok(Some(Applied::OutOfDate));
        }
    }
    Ok(None)
}

/// Uses something up that can be used once, and clears the failures of the kind that it proves. Returns whether it was
/// there; if not, nothing was written.
async fn used(db: &Lent, update: &AccountUpdate, one_time: &OneTime) -> Result<bool, Fault> {
    let (account, at) = (update.account, update.at);
    let accepted = match one_time {
        OneTime::Step { factor, step } => {
            factors::accept_step(db, account, *factor, *step, at).await?
        }
        OneTime::MailedCode { session, hash } => {
            match codes::take(db, account, *session, hash, at).await? {
                Some(code) => {
                    factors::mail_accepted(db, &code, at).await?;
                    true
                }
                None => false,
            }
        }
        OneTime::RecoveryCode { hash, left } => {
            let before = recovery::of_account(db, account)
                .await?
                .map_or(0, |codes| codes.left);
            before == left + 1 && recovery::take(db, account, hash, at).await?
        }
        OneTime::WaitingSignIn { source, at } => waiting::take(db, account, *source, *at).await?,
    };
    if let (true, Some(kind)) = (accepted, one_time.kind()) {
        account::clear_failures(db, account, kind).await?;
    }
    Ok(accepted)
}
