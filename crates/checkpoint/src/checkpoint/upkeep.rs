//! What happens without anybody asking: leases end at their second, other nodes' revocations take effect, what is past
//! is purged.

use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{Checkpoint, Failure, Site};
use crate::account::AccountId;
use crate::lease::{Held, LeaseEnd};
use crate::ports::{Cut, RecordsError, RevocationNumber};
use crate::rule::{Decision, Reason};

/// How often the records are asked for revocations that others wrote.
const FOLLOW_EVERY: SignedDuration = SignedDuration::from_millis(500);
/// How often people are told of sign-ins whose factor never came.
const TELL_EVERY: SignedDuration = SignedDuration::from_secs(20);
/// How often what is past is purged, the clock's mark raised and every open connection judged again.
const PURGE_EVERY: SignedDuration = SignedDuration::from_mins(10);

impl Checkpoint {
    /// Keeps the checkpoint's promises that depend on time. Runs until its task is dropped; nothing is lost then but
    /// promptness.
    pub async fn keep(self: Arc<Self>) {
        let mut purge_at = self.now() + PURGE_EVERY;
        let mut tell_at = self.now() + TELL_EVERY;
        loop {
            let now = self.now();
            self.end_due(now).await;
            if let Err(error) = self.follow().await {
                tracing::error!(%error, "revocations could not be read");
            }
            if tell_at <= now {
                if let Err(error) = self.tell_of_factors_that_never_came(now).await {
                    tracing::error!(%error, "people could not be told of factors that never came");
                }
                tell_at = now + TELL_EVERY;
            }
            if purge_at <= now {
                self.purge(now).await;
                self.judge_all().await;
                purge_at = now + PURGE_EVERY;
            }
            let wake = (self.clock.now() + FOLLOW_EVERY).min(self.leases.next_expiry());
            tokio::select! {
                // In this order, so that tests can have a run again.
                biased;
                () = self.clock.sleep_until(wake) => {}
                () = self.leases.news.notified() => {}
                () = self.records.revocation_heard() => {}
            }
        }
    }

    /// Takes a new configuration: open connections are judged by it at once.
    pub async fn reconfigure(&self, site: Site) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
        // Who is being judged by the old one at this moment is judged once more.
        self.verified.new_epoch();
        self.judge_all_once().await;
    }

    /// Lets an ending take effect in this process: forgets verified passwords first, so that nobody slips in between.
    pub(super) async fn take_effect(&self, account: AccountId, cut: Cut) {
        if cut == Cut::None {
            return;
        }
        self.verified.revoke(account);
        for held in self.leases.cut(account, cut) {
            self.judge_again(&held, LeaseEnd::Revoked).await;
        }
    }

    /// Remembers that a revocation was carried out here, so that following the records does not cut what came after it.
    pub(super) fn carried_out_here(&self, number: RevocationNumber) {
        self.followed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .own
            .push(number);
    }

    /// Judges every open connection again, and at once.
    async fn judge_all_once(&self) {
        for held in self.leases.all() {
            self.judge_again(&held, LeaseEnd::Revoked).await;
        }
    }

    /// Judges every open connection again: an account's last day, or the day from which the site requires MFA, comes
    /// without a revocation.
    async fn judge_all(&self) {
        for (index, held) in self.leases.all().into_iter().enumerate() {
            let is_due = held.expiry().is_some_and(|at| at <= self.now());
            let why = if is_due {
                LeaseEnd::Expired
            } else {
                LeaseEnd::Revoked
            };
            self.judge_again(&held, why).await;
            if index % 256 == 255 {
                // So many take a while; what must end within seconds does not wait for it.
                self.end_due(self.now()).await;
                if let Err(error) = self.follow().await {
                    tracing::error!(%error, "revocations could not be read");
                }
            }
        }
    }

    async fn end_due(&self, now: Timestamp) {
        for held in self.leases.due(now) {
            self.judge_again(&held, LeaseEnd::Expired).await;
        }
    }

    /// Asks the rule about an open connection; its password was proven when it was opened.
    async fn judge_again(&self, held: &Held, why: LeaseEnd) {
        match self.decision_for(held).await {
            Ok(Some(Decision::Admitted(reason))) => {
                held.continue_by(reason);
                if let Reason::Grant(_, expires_at) = reason {
                    self.leases.expect(expires_at);
                }
            }
            Ok(_) => held.end(why),
            Err(failure) => {
                tracing::error!(error = %failure, "an open connection could not be judged again and is closed");
                held.end(LeaseEnd::Unavailable);
            }
        }
    }

    async fn decision_for(&self, held: &Held) -> Result<Option<Decision>, Failure> {
        let now = self.now();
        let Some(account) = self.directory.account(held.account_id()).await? else {
            return Ok(None);
        };
        let known = self.known(account, now).await?;
        let (credential, source) = (held.credential(), held.source());
        Ok(Some(self.judge(
            &known,
            credential,
            &source,
            &self.site(),
            now,
        )))
    }

    async fn follow(&self) -> Result<(), RecordsError> {
        let upto = self
            .followed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .upto;
        let (latest, revocations) = self.records.revocations(Some(upto)).await?;
        let newest = revocations.last().map_or(upto, |last| last.number);
        if newest != latest {
            // An old copy was restored, or a database took over that lacks the last of them, or this node was away for
            // longer than they are kept: what was revoked can't be known, so everything is judged anew.
            tracing::warn!("some revocations can't be known: everybody is judged anew");
            self.followed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .upto = latest;
            self.verified.forget();
            self.judge_all_once().await;
            return Ok(());
        }
        for revocation in revocations {
            let own = self
                .followed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .own
                .contains(&revocation.number);
            if !own {
                self.take_effect(revocation.account, revocation.cut).await;
            }
        }
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.upto = followed.upto.max(latest);
        let upto = followed.upto;
        followed.own.retain(|&n| n > upto);
        Ok(())
    }

    async fn purge(&self, now: Timestamp) {
        let policy = &self.site().policy;
        let events = now.checked_sub(policy.audit_kept).unwrap_or(Timestamp::MIN);
        let sessions = now.checked_sub(policy.session).unwrap_or(Timestamp::MIN);
        self.verified.sweep(now);
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, at| now - SignedDuration::from_hours(1) < *at);
        if let Err(error) = self.records.purge(events, sessions, now).await {
            tracing::error!(%error, "what is past could not be purged");
        }
    }
}
