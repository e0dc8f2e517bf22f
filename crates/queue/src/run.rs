//! Delivery attempts: what is due is handed on, and the outcome is recorded.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::ports::Fate;
use sekisho_net::Shutdown;
use sekisho_smtp::RcptTo;
use tokio::task::JoinSet;

use crate::addressing::address_of;
use crate::delivery::Arrival;
use crate::entry::QueueId;
use crate::error::QueueError;
use crate::inner::{Inner, LIFE, later};
use crate::ledger::{Due, Job, Mark, Route};
use crate::mail::{Mail, Origin, Recipient};
use crate::report::{Action, Report, ReportedRecipient};
use crate::transport::{Diagnostic, Envelope, Outcome};

/// How many messages are under way on a route at once.
const AT_ONCE: usize = 8;
/// How often a route looks for work though nobody called: the command line may have changed something in another
/// process.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How long a route pauses when the queue itself failed.
const REST: SignedDuration = SignedDuration::from_secs(10);

/// Serves one route until shutdown is asked for; attempts that are under way are then finished.
pub(crate) async fn serve(inner: Arc<Inner>, route: Route, shutdown: Shutdown) {
    let mut busy: HashSet<QueueId> = HashSet::new();
    let mut tries: JoinSet<QueueId> = JoinSet::new();
    loop {
        let wake_at = match fill(&inner, route, &mut busy, &mut tries).await {
            Ok(wake_at) => wake_at,
            Err(error) => {
                tracing::error!(%error, "the queue can't be read");
                later(inner.clock.now(), REST)
            }
        };
        tokio::select! {
            () = shutdown.leaving() => break,
            Some(done) = tries.join_next(), if !tries.is_empty() => {
                match done {
                    Ok(id) => { busy.remove(&id); }
                    Err(error) => {
                        // Which message it was can't be told, so all are free again: at worst one is sent twice.
                        tracing::error!(%error, "a try broke off");
                        tries.abort_all();
                        while tries.join_next().await.is_some() {}
                        busy.clear();
                        inner.clock.sleep_until(later(inner.clock.now(), REST)).await;
                    }
                }
            }
            () = inner.news(route).notified() => {}
            () = inner.clock.sleep_until(wake_at) => {}
        }
    }
    while tries.join_next().await.is_some() {}
}

/// Starts what is due, and returns when to look again.
async fn fill(
    inner: &Arc<Inner>,
    route: Route,
    busy: &mut HashSet<QueueId>,
    tries: &mut JoinSet<QueueId>,
) -> Result<Timestamp, QueueError> {
    let now = inner.clock.now();
    let room = AT_ONCE.saturating_sub(busy.len());
    let taken = busy.clone();
    let jobs = inner
        .ledger(move |ledger| ledger.due(route, now, &taken, room))
        .await?;
    for job in jobs {
        busy.insert(job.id);
        let inner = Arc::clone(inner);
        tries.spawn(async move {
            let id = job.id;
            if let Err(error) = attempt(&inner, route, job).await {
                tracing::error!(%id, %error, "the outcome of a try could not be written down");
                inner
                    .clock
                    .sleep_until(later(inner.clock.now(), REST))
                    .await;
            }
            id
        });
    }
    let look_at = later(now, LOOK_EVERY);
    if busy.len() >= AT_ONCE {
        return Ok(look_at);
    }
    let taken = busy.clone();
    let next = inner
        .ledger(move |ledger| ledger.next_due(route, &taken))
        .await?;
    Ok(next.map_or(look_at, |next| next.min(look_at)))
}

async fn attempt(inner: &Arc<Inner>, route: Route, job: Job) -> Result<(), QueueError> {
    let (id, size) = (job.id, job.size);
    let original = inner.ledger(move |ledger| ledger.read(id, size)).await;
    let mut outcomes = match &original {
        _ if inner.clock.now() >= job.ends_at => vec![too_late(); job.recipients.len()],
        _ if job.recipients.iter().all(|due| due.bounced) => {
            vec![given_up(); job.recipients.len()]
        }
        Ok(message) => tokio::select! {
            outcomes = hand_on(inner, route, &job, message) => outcomes,
            () = inner.clock.sleep_until(job.ends_at) => vec![too_late(); job.recipients.len()],
        },
        Err(error) => {
            let later = Outcome::Later(Diagnostic::own("4.3.0", error));
            vec![later; job.recipients.len()]
        }
    };
    for (due, outcome) in job.recipients.iter().zip(&mut outcomes) {
        if due.bounced && !matches!(outcome, Outcome::Sent { .. }) {
            *outcome = given_up();
        }
    }
    let now = inner.clock.now();
    let expired = now >= job.ends_at;
    if expired {
        give_up(&job, &mut outcomes);
    }
    let report = match report(inner, &job, original.as_deref().ok(), &outcomes, now).await {
        Ok(report) => report,
        Err(diagnostic) => {
            hold_back(&mut outcomes, &diagnostic);
            None
        }
    };
    let marks = job.recipients.iter().zip(&outcomes);
    let marks: Vec<Mark> = marks.map(|(due, o)| mark(&job, due, o, now)).collect();
    let fate = fate(&job, &outcomes, expired);
    let reported = report.is_some();
    tracing::info!(
        %id,
        sent = outcomes.iter().filter(|o| matches!(o, Outcome::Sent { .. })).count(),
        later = outcomes.iter().filter(|o| matches!(o, Outcome::Later(_))).count(),
        failed = outcomes.iter().filter(|o| matches!(o, Outcome::Never(_))).count(),
        "a message was tried"
    );
    inner
        .ledger(move |ledger| {
            let report = report.as_ref().map(|mail| (mail, later(now, LIFE)));
            ledger.settle(&job, &marks, fate.as_ref(), report, now)
        })
        .await?;
    if reported {
        inner.news(Route::Local).notify_one();
        inner.news(Route::Remote).notify_one();
    }
    Ok(())
}

async fn hand_on(inner: &Arc<Inner>, route: Route, job: &Job, message: &[u8]) -> Vec<Outcome> {
    match (route, inner.transport(route)) {
        (Route::Local, _) => {
            let mut outcomes = Vec::with_capacity(job.recipients.len());
            for due in &job.recipients {
                outcomes.push(deliver(inner, job, &due.to, message).await);
            }
            outcomes
        }
        (Route::Remote | Route::Otp, Some(transport)) => {
            transport.send(&envelope(job), message).await
        }
        (Route::Remote | Route::Otp, None) => {
            let words = "no relay is configured for mail that leaves the site";
            vec![Outcome::Later(Diagnostic::own("4.4.4", words)); job.recipients.len()]
        }
    }
}

async fn deliver(inner: &Arc<Inner>, job: &Job, to: &Recipient, message: &[u8]) -> Outcome {
    let nobody = || Outcome::Never(Diagnostic::own("5.1.1", "no such mailbox"));
    let Some(account) = to.account else {
        return nobody();
    };
    match inner.directory.account(account).await {
        Ok(Some(_)) => {}
        Ok(None) => return nobody(),
        Err(error) => return Outcome::Later(Diagnostic::own("4.3.0", error)),
    }
    let arrival = Arrival {
        sender: job.sender.as_ref(),
        trace: "",
        message,
        from_elsewhere: job.from_elsewhere,
    };
    match inner.deliver(account, arrival).await {
        Ok(()) => Outcome::Sent { reports: false },
        Err(error) if error.is_temporary() => Outcome::Later(Diagnostic::own("4.3.0", error)),
        Err(error) => Outcome::Never(Diagnostic::own("5.2.2", error)),
    }
}

fn envelope(job: &Job) -> Envelope {
    let addressee = |due: &Due| RcptTo {
        to: due.to.path.clone(),
        notify: due.to.notify,
        orcpt: due.to.orcpt.clone(),
    };
    Envelope {
        sender: job.sender.clone(),
        recipients: job.recipients.iter().map(addressee).collect(),
        utf8: job.utf8,
        eight_bit: job.eight_bit,
        ret: job.ret,
        envid: job.envid.clone(),
    }
}

fn too_late() -> Outcome {
    Outcome::Never(Diagnostic::own(
        "5.4.7",
        "it was tried for as long as it may be",
    ))
}

fn given_up() -> Outcome {
    let words = "the site's administrators gave it up";
    Outcome::Never(Diagnostic::own("5.7.0", words))
}

/// When a message's time is over, what could still wait fails with its last diagnostic.
fn give_up(job: &Job, outcomes: &mut [Outcome]) {
    for outcome in outcomes {
        if let Outcome::Later(diagnostic) = outcome {
            tracing::debug!(id = %job.id, "given up");
            *outcome = Outcome::Never(Diagnostic {
                status: "5.4.7".to_owned(),
                ..diagnostic.clone()
            });
        }
    }
}

fn mark(job: &Job, due: &Due, outcome: &Outcome, now: Timestamp) -> Mark {
    match outcome {
        Outcome::Sent { .. } | Outcome::Never(_) => Mark::Done,
        Outcome::Later(diagnostic) => {
            let at = later(now, pause(job, due.tries));
            Mark::Again {
                at: if job.ends_at > now {
                    at.min(job.ends_at)
                } else {
                    at
                },
                diagnostic: diagnostic.words.clone(),
            }
        }
    }
}

/// The pause before the next attempt. It doubles each time, from 5 minutes to 4 hours; for a mailed OTP, which has only
/// minutes, from 10 seconds to 1 minute.
fn pause(job: &Job, tries: u32) -> SignedDuration {
    let (first, longest) = if job.letter.is_some() {
        (SignedDuration::from_secs(10), SignedDuration::from_secs(60))
    } else {
        (SignedDuration::from_mins(5), SignedDuration::from_hours(4))
    };
    let doubled = 1_i32.checked_shl(tries.min(20)).unwrap_or(i32::MAX);
    first.saturating_mul(doubled).min(longest)
}

fn fate(job: &Job, outcomes: &[Outcome], expired: bool) -> Option<Fate> {
    job.letter?;
    outcomes.first().map(|outcome| match outcome {
        Outcome::Sent { .. } => Fate::Sent,
        Outcome::Later(diagnostic) => Fate::Waiting(Some(diagnostic.words.clone())),
        Outcome::Never(_) if expired => Fate::Expired,
        Outcome::Never(diagnostic) => Fate::Failed(diagnostic.words.clone()),
    })
}

/// Failures wait for another attempt, because the sender can't be told just now.
fn hold_back(outcomes: &mut [Outcome], diagnostic: &Diagnostic) {
    for outcome in outcomes {
        if matches!(outcome, Outcome::Never(_)) {
            *outcome = Outcome::Later(diagnostic.clone());
        }
    }
}

/// The report of these outcomes to the sender, if one is due. Fails if it can't be made just now.
async fn report(
    inner: &Inner,
    job: &Job,
    original: Option<&[u8]>,
    outcomes: &[Outcome],
    now: Timestamp,
) -> Result<Option<Mail>, Diagnostic> {
    let pairs = job.recipients.iter().zip(outcomes);
    let reported: Vec<ReportedRecipient<'_>> = pairs
        .filter_map(|(due, outcome)| {
            let action = Action::wanted(&due.to, outcome)?;
            Some(ReportedRecipient {
                recipient: &due.to,
                action,
            })
        })
        .collect();
    let sender = match &job.sender {
        Some(sender) if !reported.is_empty() && job.letter.is_none() => sender,
        _ => return Ok(None),
    };
    let accounts = match address_of(sender) {
        Some(address) => inner.directory.recipients(&address).await,
        None => Ok(Vec::new()),
    };
    let accounts = accounts.map_err(|error| Diagnostic::own("4.3.0", error))?;
    let to = |account| Recipient::new(sender.clone(), account);
    let recipients: Vec<Recipient> = match accounts.as_slice() {
        // The sender is elsewhere, and the relay takes the report there.
        [] if job.from_elsewhere && inner.transport(Route::Remote).is_some() => vec![to(None)],
        [] => return Ok(None),
        accounts => accounts.iter().map(|account| to(Some(*account))).collect(),
    };
    let report = Report {
        job,
        original,
        to: sender,
        host: &inner.host,
        zone: &inner.zone,
        now,
    };
    let message = report
        .compose(&reported)
        .ok_or_else(|| Diagnostic::own("4.3.0", "the system gives no random numbers"))?;
    Ok(Some(Mail {
        sender: None,
        recipients,
        message,
        utf8: false,
        eight_bit: true,
        ret: None,
        envid: None,
        otp: None,
        origin: Origin::Here,
    }))
}
