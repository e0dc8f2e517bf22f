//! What people find in their mailboxes, and what leaves the site in their name.

use jiff::SignedDuration;
use sekisho_checkpoint::AccountId;
use sekisho_fakes::{ALICE, BOB, TestRelay};

use super::*;
use crate::queue::Queue;
use crate::scene::{Scene, eventually, transport};

const FROM_FAR: &str = "From: X <x@far.example>\r\nTo: alice@kit.example\r\nSubject: hi\r\n\
                        Message-ID: <1@far.example>\r\n\r\nHello\r\n";
const TRACE: &str = "Received: from mx.example by mail.kit.example with LMTP;\r\n today\r\n";

struct Site {
    scene: Scene,
    relay: TestRelay,
    queue: Queue,
}

impl Site {
    async fn new() -> Self {
        let scene = Scene::new();
        let relay = TestRelay::start().await;
        let queue = scene.queue(Some(transport(&relay, scene.clock.clone())));
        scene.run(&queue);
        Self {
            scene,
            relay,
            queue,
        }
    }

    async fn set(&self, account: i64, filter: &str) {
        let filter: Filter = serde_json::from_str(filter).expect("filter");
        filter.check().expect("a filter that is taken");
        let mailbox = self.scene.operator.open(AccountId::new(account)).await;
        let settings = serde_json::to_string(&filter).expect("settings");
        let mailbox = mailbox.expect("mailbox");
        mailbox.set_filter(Some(settings)).await.expect("set");
    }

    async fn arrives(&self, sender: &str, message: &str) {
        let sender = Path::parse(sender);
        let arrival = Arrival {
            sender: sender.as_ref(),
            trace: TRACE,
            message: message.as_bytes(),
            from_elsewhere: true,
        };
        let delivered = self.queue.deliver(AccountId::new(ALICE), arrival);
        delivered.await.expect("delivered");
    }

    /// What left the site, once that many messages did.
    async fn left(&self, messages: usize) -> Vec<String> {
        eventually("it left", async || self.relay.count(".") == messages).await;
        eventually("nothing waits", async || self.scene.waiting().is_empty()).await;
        self.relay.heard()
    }
}

#[tokio::test]
async fn a_rule_files_marks_or_throws_away() {
    let site = Site::new().await;
    let filter = r#"{"rule": [
        {"subject": "spam", "discard": true},
        {"list": "rust.lists", "folder": "Archive", "flag": true, "read": true},
        {"from": "x@far", "folder": "No such folder"}]}"#;
    site.set(ALICE, filter).await;
    site.arrives("a@b.example", "Subject: SPAM!\r\n\r\n").await;
    site.arrives(
        "a@b.example",
        "Subject: hi\r\nList-Id: <rust.lists.example>\r\n\r\n",
    )
    .await;
    site.arrives("x@far.example", FROM_FAR).await;
    assert_eq!(
        site.scene.inbox(ALICE).await,
        [format!("Return-Path: <x@far.example>\r\n{TRACE}{FROM_FAR}")]
    );
    let mailbox = site.scene.operator.open(AccountId::new(ALICE)).await;
    let mailbox = mailbox.expect("mailbox");
    let archive = FolderName::parse("Archive").expect("name");
    let archive = mailbox.folder(&archive).await.expect("folder").id;
    let filed = mailbox.snapshot(archive).await.expect("snapshot").messages;
    let flags: Vec<Vec<_>> = filed
        .iter()
        .map(|m| m.flags.iter().map(|f| f.as_str().to_owned()).collect())
        .collect();
    assert_eq!(flags, [["\\Flagged", "\\Seen"]]);
}

#[tokio::test]
async fn mail_is_forwarded_in_the_persons_own_name_and_a_copy_kept() {
    let site = Site::new().await;
    site.set(ALICE, r#"{"forward": {"to": ["me@home.example"]}}"#)
        .await;
    site.arrives("x@far.example", FROM_FAR).await;
    let heard = site.left(1).await;
    for line in [
        "RCPT TO:<me@home.example>",
        "Delivered-To: alice@kit.example",
        "From: X <x@far.example>",
        "Hello",
    ] {
        assert!(heard.iter().any(|l| l == line), "{line} not in {heard:?}");
    }
    let mail = heard.iter().find(|l| l.starts_with("MAIL FROM"));
    assert!(mail.is_some_and(|l| l.starts_with("MAIL FROM:<alice@kit.example>")));
    assert_eq!(site.scene.inbox(ALICE).await.len(), 1);
}

#[tokio::test]
async fn without_a_copy_only_what_comes_back_stays() {
    let site = Site::new().await;
    site.set(
        ALICE,
        r#"{"forward": {"to": ["me@home.example"], "keep": false}}"#,
    )
    .await;
    site.relay
        .answer("RCPT TO:<me@home.example>", "550 5.1.1 no such user");
    site.arrives("x@far.example", FROM_FAR).await;
    eventually("the report is here", async || {
        site.scene.inbox(ALICE).await.len() == 1
    })
    .await;
    let report = &site.scene.inbox(ALICE).await[0];
    assert!(report.contains("550 5.1.1 no such user"), "{report}");
    // The report went on as well, and was taken this time; it has no sender, so nothing more comes of it.
    let heard = site.left(1).await;
    assert!(heard.iter().any(|l| l.starts_with("MAIL FROM:<>")));
}

#[tokio::test]
async fn a_circle_ends_where_it_began() {
    let site = Site::new().await;
    site.set(
        ALICE,
        r#"{"forward": {"to": ["bob@kit.example"], "keep": false}}"#,
    )
    .await;
    site.set(
        BOB,
        r#"{"forward": {"to": ["a.tanaka@kit.example"], "keep": false}}"#,
    )
    .await;
    site.arrives("x@far.example", FROM_FAR).await;
    eventually("it is home, and nothing of it is on its way", async || {
        site.scene.inbox(ALICE).await.len() == 1 && site.scene.waiting().is_empty()
    })
    .await;
    assert_eq!(site.scene.inbox(BOB).await, [""; 0]);
}

#[tokio::test]
async fn whoever_writes_is_told_once_a_week_that_the_person_is_away() {
    let site = Site::new().await;
    site.set(
        ALICE,
        r#"{"vacation": {"from": "2026-11-23", "until": "2026-12-31", "text": "不在です"}}"#,
    )
    .await;
    site.arrives("x@far.example", FROM_FAR).await;
    site.arrives("X@FAR.example", FROM_FAR).await;
    let heard = site.left(1).await;
    for line in [
        "MAIL FROM:<>",
        "RCPT TO:<x@far.example>",
        "From: <alice@kit.example>",
        "Subject: Auto: hi",
        "In-Reply-To: <1@far.example>",
        "Auto-Submitted: auto-replied",
        "5LiN5Zyo44Gn44GZ",
    ] {
        let found = heard.iter().any(|l| l.split(" SIZE").next() == Some(line));
        assert!(found, "{line} not in {heard:?}");
    }
    site.scene.clock.advance(SignedDuration::from_hours(7 * 24));
    site.arrives("x@far.example", FROM_FAR).await;
    site.left(2).await;
    site.arrives("<>", FROM_FAR).await;
    site.scene
        .clock
        .advance(SignedDuration::from_hours(60 * 24));
    site.arrives("x@far.example", FROM_FAR).await;
    site.left(2).await;
    assert_eq!(site.scene.inbox(ALICE).await.len(), 5);
}

#[tokio::test]
async fn no_rule_hides_the_sites_own_letters_and_junk_goes_nowhere_else() {
    let site = Site::new().await;
    site.set(
        ALICE,
        r#"{"rule": [{"subject": "factor", "discard": true}], "forward": {"to": ["me@home.example"], "keep": false}}"#,
    )
    .await;
    let sender = Path::parse("mfa-bounce@kit.example");
    let letter = Arrival {
        sender: sender.as_ref(),
        trace: "",
        message: b"Subject: a factor was removed\r\nX-Spam-Flag: YES\r\n\r\n",
        from_elsewhere: false,
    };
    let to = AccountId::new(ALICE);
    site.queue.deliver(to, letter).await.expect("delivered");
    assert_eq!(site.scene.inbox(ALICE).await.len(), 1);
    let junk = Arrival {
        from_elsewhere: true,
        ..letter
    };
    site.queue.deliver(to, junk).await.expect("delivered");
    // A sender that merely claims to be the site doesn't bypass the rules.
    let forged = Arrival {
        message: b"Subject: a factor was removed\r\n\r\n",
        from_elsewhere: true,
        ..letter
    };
    site.queue.deliver(to, forged).await.expect("delivered");
    assert_eq!(site.scene.inbox(ALICE).await.len(), 1);
    assert_eq!(site.scene.waiting(), []);
    assert_eq!(site.relay.heard(), [""; 0]);
}

#[tokio::test]
async fn mail_that_cannot_leave_the_site_stays_though_no_copy_was_wanted() {
    let scene = Scene::new();
    let queue = scene.queue(None);
    let mailbox = scene.operator.open(AccountId::new(ALICE)).await;
    let settings = r#"{"forward": {"to": ["me@home.example"], "keep": false}}"#;
    let mailbox = mailbox.expect("mailbox");
    let set = mailbox.set_filter(Some(settings.to_owned()));
    set.await.expect("set");
    let sender = Path::parse("x@far.example");
    let arrival = Arrival {
        sender: sender.as_ref(),
        trace: TRACE,
        message: FROM_FAR.as_bytes(),
        from_elsewhere: true,
    };
    let to = AccountId::new(ALICE);
    queue.deliver(to, arrival).await.expect("delivered");
    assert_eq!(scene.inbox(ALICE).await.len(), 1);
}
