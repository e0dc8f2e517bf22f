use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{Clock, Courier, CourierError, Fate, Letter, Notice, OtpLetter};
use sekisho_fakes::ALICE;
use sekisho_otp::OtpCode;

use super::{Mailboxes, SystemMail};
use crate::capture::CaptureTransport;
use crate::queue::Queue;
use crate::scene::{Scene, address, eventually, tokyo};

fn site() -> (Scene, Arc<CaptureTransport>, Queue, SystemMail) {
    let scene = Scene::new();
    let capture = CaptureTransport::new(scene.clock.clone());
    let queue = scene.queue(Some(capture.clone()));
    let system_mail = SystemMail::new(queue.clone(), Mailboxes::Here, scene.clock.clone(), tokyo());
    (scene, capture, queue, system_mail)
}

fn otp(scene: &Scene) -> Letter {
    Letter::Otp(OtpLetter {
        id: LetterId::new(5),
        from: address("alice@kit.example"),
        to: address("alice@far.example"),
        code: OtpCode::parse("012345").expect("code"),
        asked_from: "203.0.113.7".parse().expect("address"),
        expires_at: scene.clock.now() + SignedDuration::from_mins(10),
    })
}

#[tokio::test]
async fn a_mailed_otp_says_who_asked_and_until_when_it_holds() {
    let (scene, capture, queue, system_mail) = site();
    system_mail.send(otp(&scene)).await.expect("send");
    let waiting = Some(Fate::Waiting(None));
    assert_eq!(
        system_mail.fate(LetterId::new(5)).await.expect("fate"),
        waiting
    );
    scene.run(&queue);
    let sent = Some(Fate::Sent);
    eventually("it is sent", async || {
        system_mail.fate(LetterId::new(5)).await.expect("fate") == sent
    })
    .await;
    let captured = &capture.captured()[0];
    let sender = captured.sender.as_ref().expect("sender");
    assert_eq!(sender.as_str(), "mfa-bounce@kit.example");
    assert_eq!(captured.recipients[0].as_str(), "alice@far.example");
    let message = mail_parser::MessageParser::default()
        .parse(&captured.message)
        .expect("message");
    assert_eq!(
        message.subject(),
        Some("OTP notification (OTP発行のお知らせ)")
    );
    let from = message
        .from()
        .and_then(|f| f.first())
        .and_then(|a| a.address());
    assert_eq!(from, Some("alice@kit.example"));
    let automatic = message.header("Auto-Submitted").and_then(|h| h.as_text());
    assert_eq!(automatic, Some("auto-generated"));
    let text = message.body_text(0).expect("text");
    for words in [
        "012345",
        "203.0.113.7",
        "2026-11-23 14:10 JST",
        "有効期限",
        "Valid until",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
}

#[tokio::test]
async fn news_of_a_change_reaches_the_mailbox_and_the_external_addresses() {
    let (scene, capture, queue, system_mail) = site();
    let notice = Notice {
        account: AccountId::new(ALICE),
        mailbox: address("alice@kit.example"),
        also_to: vec![address("old@far.example"), address("new@far.example")],
        what: EventKind::AddressRegistered,
        at: scene.clock.now(),
        from: Some("203.0.113.7".parse().expect("address")),
        detail: "a\r\nb".to_owned(),
        page: "https://mail.kit.example/mfa".to_owned(),
    };
    system_mail
        .send(Letter::Notice(notice))
        .await
        .expect("send");
    scene.run(&queue);
    eventually("all have it", async || scene.waiting().is_empty()).await;
    let inbox = scene.inbox(ALICE).await;
    assert!(
        inbox[0].starts_with("Return-Path: <mfa-bounce@kit.example>\r\n"),
        "{inbox:?}"
    );
    for words in [
        "認証用外部メールアドレスを登録しました。",
        "203.0.113.7",
        "14:00 JST",
        "詳細: a  b",
    ] {
        assert!(inbox[0].contains(words), "{words} is not in {inbox:?}");
    }
    assert_eq!(capture.captured()[0].recipients.len(), 2);
    let text = String::from_utf8_lossy(&capture.captured()[0].message).into_owned();
    assert!(!text.contains("old@far.example"), "{text}");
}

#[tokio::test]
async fn without_a_relay_no_otp_is_taken_and_news_still_reach_the_mailbox() {
    let scene = Scene::new();
    let queue = scene.queue(None);
    let system_mail = SystemMail::new(queue, Mailboxes::Here, scene.clock.clone(), tokyo());
    let refused = system_mail.send(otp(&scene)).await;
    assert!(matches!(refused, Err(CourierError::NoRelay)), "{refused:?}");
}
