//! The queue with a clock in hand and a relay that does as it is told.

mod crash;
mod direct;
mod relay;

use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{Clock, Fate};
use sekisho_fakes::{ALICE, BOB, TestRelay};
use sekisho_smtp::{Notify, Path};

use super::*;
use crate::scene::{Scene, eventually, transport};

fn path(text: &str) -> Path {
    Path::parse(text).expect("path")
}

fn mail(to: &[&str]) -> Mail {
    let recipient = |text: &&str| Recipient::new(path(text), None);
    Mail {
        sender: Some(path("alice@kit.example")),
        recipients: to.iter().map(recipient).collect(),
        message: b"From: alice@kit.example\r\nSubject: hi\r\n\r\n.Hello\r\n".to_vec(),
        utf8: false,
        eight_bit: false,
        ret: None,
        envid: None,
        otp: None,
        origin: Origin::Here,
    }
}

async fn site() -> (Scene, TestRelay, Queue) {
    let scene = Scene::new();
    let relay = TestRelay::start().await;
    let queue = scene.queue(Some(transport(&relay, scene.clock.clone())));
    (scene, relay, queue)
}

#[tokio::test]
async fn a_message_is_handed_to_the_relay_as_it_is() {
    let (scene, relay, queue) = site().await;
    scene.run(&queue);
    queue
        .put(mail(&["x@far.example", "y@far.example"]))
        .await
        .expect("put");
    eventually("it is gone", async || scene.waiting().is_empty()).await;
    eventually("the goodbye is heard", async || relay.count("QUIT") == 1).await;
    assert_eq!(
        relay.heard(),
        [
            "EHLO mail.kit.example",
            "MAIL FROM:<alice@kit.example> SIZE=48",
            "RCPT TO:<x@far.example>",
            "RCPT TO:<y@far.example>",
            "DATA",
            "From: alice@kit.example",
            "Subject: hi",
            "",
            "..Hello",
            ".",
            "QUIT"
        ]
    );
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out_with_growing_pauses() {
    let (scene, relay, queue) = site().await;
    for _ in 0..3 {
        relay.answer("MAIL", "451 4.3.0 not now");
    }
    queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);
    for (tries, minutes) in [(1, 5), (2, 10), (3, 20)] {
        eventually("a try failed", async || {
            scene.waiting()[0].waiting[0].tries == tries
        })
        .await;
        let waiting = &scene.waiting()[0].waiting[0];
        assert_eq!(waiting.diagnostic, "451 4.3.0 not now");
        let pause = SignedDuration::from_mins(minutes);
        assert_eq!(waiting.next_at.duration_since(scene.clock.now()), pause);
        scene.clock.advance(pause);
    }
    eventually("it is gone", async || scene.waiting().is_empty()).await;
    assert_eq!(relay.count("."), 1);
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
}

#[tokio::test]
async fn each_recipient_has_its_own_fate_and_the_sender_hears_of_failures() {
    let (scene, relay, queue) = site().await;
    relay.answer("RCPT TO:<no@far.example>", "550 5.1.1 no such user");
    relay.answer("RCPT TO:<later@far.example>", "450 4.2.1 busy");
    let mut message = mail(&["no@far.example", "later@far.example", "yes@far.example"]);
    message.recipients.push(Recipient {
        notify: Notify {
            success: false,
            failure: false,
        },
        ..Recipient::new(path("silent@far.example"), None)
    });
    relay.answer("RCPT TO:<silent@far.example>", "550 5.1.1 no such user");
    message.envid = Some("QQ314".to_owned());
    queue.put(message).await.expect("put");
    scene.run(&queue);
    eventually("the report is there", async || {
        !scene.inbox(ALICE).await.is_empty()
    })
    .await;
    let report = &scene.inbox(ALICE).await[0];
    for line in [
        "Return-Path: <>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "  <no@far.example>\r\n    550 5.1.1 no such user\r\n",
        "Reporting-MTA: dns; mail.kit.example\r\n",
        "Original-Envelope-Id: QQ314\r\n",
        "Final-Recipient: rfc822; no@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "Content-Type: text/rfc822-headers\r\n",
        "Subject: hi\r\n",
    ] {
        assert!(report.contains(line), "{line:?} is not in {report}");
    }
    for words in ["later@far", "yes@far", "silent@far", "Hello"] {
        assert!(!report.contains(words), "{words} is in {report}");
    }
    let waiting = scene.waiting();
    assert_eq!(waiting[0].waiting.len(), 1);
    assert_eq!(waiting[0].waiting[0].to.as_str(), "later@far.example");
}

#[tokio::test]
async fn after_five_days_the_sender_gets_the_report() {
    let (scene, relay, queue) = site().await;
    relay.answer("CONNECT", "421 4.3.2 closed");
    queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);
    eventually("a try failed", async || {
        scene.waiting()[0].waiting[0].tries == 1
    })
    .await;
    relay.answer("CONNECT", "421 4.3.2 closed");
    scene.clock.advance(SignedDuration::from_hours(5 * 24));
    eventually("the report is there", async || {
        !scene.inbox(ALICE).await.is_empty()
    })
    .await;
    let report = &scene.inbox(ALICE).await[0];
    assert!(report.contains("Status: 5.4.7"), "{report}");
    eventually("nothing waits", async || scene.waiting().is_empty()).await;
}

#[tokio::test]
async fn a_relay_that_refuses_all_or_speaks_nonsense_costs_no_mail() {
    let (scene, relay, queue) = site().await;
    relay.answer("CONNECT", "554 5.3.2 no");
    relay.answer("EHLO", "550 who are you");
    relay.answer("EHLO", "250-half\r\n350 other");
    relay.answer("DATA", "250 ok");
    relay.answer(".", "hang up");
    queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);
    for tries in 1..=5 {
        eventually("a try failed", async || {
            scene.waiting()[0].waiting[0].tries == tries
        })
        .await;
        scene.clock.advance(SignedDuration::from_hours(4));
    }
    eventually("it is gone", async || scene.waiting().is_empty()).await;
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
}

#[tokio::test]
async fn what_was_taken_outlives_the_process() {
    let (scene, relay, queue) = site().await;
    let mut message = mail(&["x@far.example"]);
    message.recipients.push(Recipient::new(
        path("bob@kit.example"),
        Some(AccountId::new(BOB)),
    ));
    queue.put(message).await.expect("put");
    drop(queue);
    let orphan = scene.folder.path().join("queue/0000000000000001.eml");
    std::fs::write(&orphan, "never committed").expect("orphan");
    let reopened = scene.queue(Some(transport(&relay, scene.clock.clone())));
    assert!(!orphan.exists());
    assert_eq!(scene.waiting().len(), 1);
    scene.run(&reopened);
    eventually("all have it", async || scene.waiting().is_empty()).await;
    assert_eq!(relay.count("."), 1);
    assert_eq!(scene.inbox(BOB).await.len(), 1);
    let left = std::fs::read_dir(scene.folder.path().join("queue")).expect("folder");
    let files = left.filter(|f| {
        let path = f.as_ref().expect("file").path();
        path.extension().is_some_and(|e| e == "eml")
    });
    assert_eq!(files.count(), 0);
}

#[tokio::test]
async fn a_mailed_otp_leaves_the_queue_when_its_code_ends() {
    let (scene, relay, queue) = site().await;
    let letter = LetterId::new(7);
    let expires_at = scene.clock.now() + SignedDuration::from_mins(10);
    let otp = Mail {
        otp: Some(Otp { letter, expires_at }),
        sender: Some(path("mfa-bounce@kit.example")),
        ..mail(&["x@far.example"])
    };
    queue.put(otp.clone()).await.expect("put");
    assert_eq!(
        queue.fate(letter).await.expect("fate"),
        Some(Fate::Waiting(None))
    );
    relay.answer("MAIL", "451 4.3.0 not now");
    scene.run(&queue);
    let diagnostic = Some(Fate::Waiting(Some("451 4.3.0 not now".to_owned())));
    eventually("a try failed", async || {
        queue.fate(letter).await.expect("fate") == diagnostic
    })
    .await;
    scene.clock.advance(SignedDuration::from_mins(10));
    let expired = Some(Fate::Expired);
    eventually("it expired", async || {
        queue.fate(letter).await.expect("fate") == expired
    })
    .await;
    assert_eq!(scene.waiting(), []);
    assert_eq!(relay.count("."), 0);

    let refused = LetterId::new(8);
    relay.answer("RCPT", "550 5.1.1 no such user");
    let expires_at = scene.clock.now() + SignedDuration::from_mins(10);
    let otp = Mail {
        otp: Some(Otp {
            letter: refused,
            expires_at,
        }),
        ..otp
    };
    queue.put(otp).await.expect("put");
    let failed = Some(Fate::Failed("550 5.1.1 no such user".to_owned()));
    eventually("it failed", async || {
        queue.fate(refused).await.expect("fate") == failed
    })
    .await;
}

#[tokio::test]
async fn the_command_line_lists_hurries_and_drops() {
    let (scene, relay, queue) = site().await;
    relay.answer("MAIL", "451 4.3.0 not now");
    let id = queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);
    eventually("a try failed", async || {
        scene.waiting()[0].waiting[0].tries == 1
    })
    .await;
    let control = scene.control();
    let it = Selection::Message(id);
    relay.answer("MAIL", "451 4.3.0 still not");
    assert_eq!(control.apply(&it, QueueAction::Retry).expect("retry"), 1);
    scene.clock.advance(SignedDuration::from_secs(61));
    eventually("it was tried", async || {
        scene.waiting()[0].waiting[0].tries == 2
    })
    .await;
    let beginning = control.beginning(id, 10).expect("read").expect("there");
    assert_eq!(beginning, b"From: alic");
    assert_eq!(control.apply(&it, QueueAction::Drop).expect("drop"), 1);
    assert_eq!(control.apply(&it, QueueAction::Drop).expect("drop"), 0);
    assert_eq!(scene.waiting(), []);
}

#[tokio::test]
async fn what_goes_to_a_domain_is_held_released_and_given_up_together() {
    let (scene, relay, queue) = site().await;
    let to = ["a@far.example", "b@FAR.example", "c@near.example"];
    queue.put(mail(&to)).await.expect("put");
    let control = scene.control();
    let far = Selection::Domain("far.example".to_owned());
    assert_eq!(control.apply(&far, QueueAction::Hold).expect("hold"), 2);
    assert_eq!(control.apply(&far, QueueAction::Hold).expect("hold"), 0);
    scene.run(&queue);
    eventually("the others got it", async || {
        scene.waiting()[0].waiting.len() == 2
    })
    .await;
    scene.clock.advance(SignedDuration::from_hours(4));
    assert!(
        scene.waiting()[0]
            .waiting
            .iter()
            .all(|w| w.held && w.tries == 0)
    );
    assert_eq!(relay.count("RCPT TO:<c@near.example>"), 1);

    let release = control.apply(&far, QueueAction::Release).expect("release");
    assert_eq!(release, 2);
    relay.answer("RCPT TO:<a@far.example>", "451 4.3.0 not now");
    scene.clock.advance(SignedDuration::from_secs(61));
    eventually("one waits", async || scene.waiting()[0].waiting.len() == 1).await;

    assert_eq!(
        control
            .apply(&Selection::All, QueueAction::Bounce)
            .expect("bounce"),
        1
    );
    scene.clock.advance(SignedDuration::from_secs(61));
    eventually("the sender hears", async || {
        scene.inbox(ALICE).await.len() == 1
    })
    .await;
    let report = &scene.inbox(ALICE).await[0];
    assert!(report.contains("administrators gave it up"), "{report}");
    assert_eq!(scene.waiting(), []);
}
