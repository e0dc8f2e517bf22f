use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use sekisho_checkpoint::AccountId;
use sekisho_fakes::{ALICE, LineClient};
use sekisho_imap::Flag;
use sekisho_queue::scene::{Scene, eventually};
use sekisho_store::{FolderName, Mailbox, NewMessage, UidSet};
use tokio::io::DuplexStream;

use super::command::Command;
use super::{PATIENCE, Pop3, serve_mailbox};

const FIRST: &str = "Subject: one\r\nTo: a\r\n\r\n.dot\r\n..two\r\nthree\r\n";
const SECOND: &str = "Subject: two\r\n\r\nno end of line";

/// Alice's INBOX with two messages.
async fn alice() -> (Scene, Mailbox) {
    let scene = Scene::new();
    let mailbox = scene.operator.open(AccountId::new(ALICE)).await;
    let mailbox = mailbox.expect("mailbox");
    for text in [FIRST, SECOND] {
        arrive(&mailbox, text).await;
    }
    (scene, mailbox)
}

async fn arrive(mailbox: &Mailbox, text: &str) {
    let inbox = mailbox.folder(&FolderName::inbox()).await.expect("inbox");
    let message = NewMessage {
        bytes: text.as_bytes().to_vec(),
        internal_date: Timestamp::UNIX_EPOCH,
        flags: Default::default(),
    };
    mailbox.append(inbox.id, message).await.expect("appended");
}

/// A session on a mailbox; `unread` is what the client sent before it.
fn session(scene: &Scene, mailbox: &Mailbox, unread: &str) -> LineClient<DuplexStream> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let pop3 = Pop3 {
        store: scene.store.clone(),
        clock: scene.clock.clone(),
        shutdown: scene.shutdown.clone(),
    };
    let (mailbox, unread) = (mailbox.clone(), unread.as_bytes().to_vec());
    tokio::spawn(async move { serve_mailbox(far, unread, Ok(mailbox), &pop3).await });
    LineClient::new(near)
}

/// A POP3 client.
trait Pop3Client {
    /// Sends a line; returns the first line of the answer.
    async fn tell(&mut self, line: &str) -> String;

    /// Sends a line; returns all lines of the answer up to the dot, joined.
    async fn fetch(&mut self, line: &str) -> String;
}

impl Pop3Client for LineClient<DuplexStream> {
    async fn tell(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.line().await
    }

    async fn fetch(&mut self, line: &str) -> String {
        let mut lines = vec![self.tell(line).await];
        while lines.last().is_some_and(|line| line != ".") {
            let line = self.line().await;
            lines.push(line);
        }
        lines.join("|")
    }
}

/// The UIDVALIDITY that unique ids begin with.
async fn validity(mailbox: &Mailbox) -> u32 {
    let inbox = mailbox.folder(&FolderName::inbox()).await.expect("inbox");
    inbox.uid_validity.get()
}

#[tokio::test]
async fn messages_are_listed_and_fetched_with_their_dots() {
    let (scene, mailbox) = alice().await;
    let mut client = session(&scene, &mailbox, "");
    let (first, second) = (FIRST.len(), SECOND.len());
    let all = first + second;
    let v = validity(&mailbox).await;
    assert_eq!(client.tell("STAT").await, format!("+OK 2 {all}"));
    assert_eq!(
        client.fetch("list").await,
        format!("+OK 2 messages|1 {first}|2 {second}|.")
    );
    assert_eq!(client.tell("LIST 2").await, format!("+OK 2 {second}"));
    assert_eq!(
        client.fetch("UIDL").await,
        format!("+OK Unique ids|1 {v}.1|2 {v}.2|.")
    );
    assert_eq!(client.tell("UIDL 1").await, format!("+OK 1 {v}.1"));
    assert_eq!(
        client.fetch("RETR 1").await,
        format!("+OK {first} octets|Subject: one|To: a||..dot|...two|three|.")
    );
    assert_eq!(
        client.fetch("RETR 2").await,
        format!("+OK {second} octets|Subject: two||no end of line|.")
    );
    assert!(client.fetch("CAPA").await.contains("|PIPELINING|"));
    assert_eq!(client.tell("NOOP").await, "+OK Done");
    assert_eq!(client.tell("QUIT").await, "+OK Goodbye");
    assert_eq!(client.line().await, "", "and the connection ends");
}

#[tokio::test]
async fn top_is_the_header_and_so_many_lines() {
    let (scene, mailbox) = alice().await;
    let mut client = session(&scene, &mailbox, "");
    for (lines, body) in [("0", ""), ("1", "..dot|"), ("2", "..dot|...two|")] {
        assert_eq!(
            client.fetch(&format!("TOP 1 {lines}")).await,
            format!("+OK|Subject: one|To: a||{body}.")
        );
    }
    let whole = "+OK|Subject: two||no end of line|.";
    assert_eq!(client.fetch("TOP 2 18446744073709551615").await, whole);
}

#[tokio::test]
async fn a_message_larger_than_a_piece_comes_whole() {
    let (scene, mailbox) = alice().await;
    // The scene's store takes 10,000 bytes, a duplex stream 65,536: the answer goes out in several writes at least.
    let body: String = (0..900).map(|n| format!(".{n:08}\r\n")).collect();
    arrive(&mailbox, &format!("Subject: long\r\n\r\n{body}")).await;
    let mut client = session(&scene, &mailbox, "");
    let said = client.fetch("RETR 3").await;
    let lines: Vec<&str> = said.split('|').collect();
    assert_eq!(lines.len(), 1 + 2 + 900 + 1);
    assert!(lines[3..903].iter().all(|line| line.starts_with("..0")));
}

#[tokio::test]
async fn marks_are_carried_out_at_quit_and_at_no_other_end() {
    let (scene, mailbox) = alice().await;
    let mut client = session(&scene, &mailbox, "");
    assert_eq!(
        client.tell("DELE 1").await,
        "+OK Marked, and removed at QUIT"
    );
    for gone in ["DELE 1", "RETR 1", "LIST 1", "UIDL 1", "TOP 1 0"] {
        assert_eq!(client.tell(gone).await, "-ERR No such message");
    }
    assert_eq!(client.tell("STAT").await, format!("+OK 1 {}", SECOND.len()));
    assert_eq!(client.tell("RSET").await, "+OK Nothing is marked");
    assert!(client.tell("STAT").await.starts_with("+OK 2 "));
    client.tell("DELE 1").await;
    drop(client);
    assert_eq!(scene.inbox(ALICE).await.len(), 2, "the line dropped");

    let mut client = session(&scene, &mailbox, "DELE 1\r\nNOOP\r\n");
    client.line().await;
    client.line().await;
    scene.clock.advance(PATIENCE);
    assert_eq!(client.line().await, "", "silent for too long");
    assert_eq!(scene.inbox(ALICE).await.len(), 2);

    let mut client = session(&scene, &mailbox, "DELE 1\r\n");
    client.line().await;
    arrive(&mailbox, "Subject: three\r\n\r\nnew\r\n").await;
    assert!(client.tell("STAT").await.starts_with("+OK 1 "), "as it was");
    assert_eq!(client.tell("QUIT").await, "+OK Goodbye");
    let left = scene.inbox(ALICE).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|text| !text.contains("one")));
}

#[tokio::test]
async fn what_was_fetched_whole_is_seen() {
    let (scene, mailbox) = alice().await;
    let mut client = session(&scene, &mailbox, "");
    client.fetch("TOP 1 9").await;
    client.fetch("RETR 2").await;
    client.tell("QUIT").await;
    let inbox = mailbox.folder(&FolderName::inbox()).await.expect("inbox");
    let snapshot = mailbox.snapshot(inbox.id).await.expect("snapshot");
    let seen: Vec<bool> = snapshot
        .messages
        .iter()
        .map(|message| message.flags.contains(&Flag::Seen))
        .collect();
    assert_eq!(seen, [false, true]);
}

#[tokio::test]
async fn a_second_session_is_never_locked_out_and_hears_what_became_of_a_message() {
    let (scene, mailbox) = alice().await;
    let mut first = session(&scene, &mailbox, "");
    first.tell("STAT").await;
    let mut second = session(&scene, &mailbox, "");
    second.tell("DELE 1").await;
    second.tell("QUIT").await;
    assert_eq!(
        first.tell("RETR 1").await,
        "-ERR The message was removed by another session"
    );
    first.tell("DELE 1").await;
    assert_eq!(first.tell("QUIT").await, "+OK Goodbye");
    let inbox = mailbox.folder(&FolderName::inbox()).await.expect("inbox");
    let left = mailbox.snapshot(inbox.id).await.expect("snapshot");
    assert_eq!(left.messages.len(), 1);
    let removed = mailbox.expunge(inbox.id, UidSet::all()).await;
    assert_eq!(
        removed.expect("expunged").len(),
        0,
        "no flag was left behind"
    );
}

#[tokio::test]
async fn commands_sent_at_once_are_answered_in_turn() {
    let (scene, mailbox) = alice().await;
    let mut client = session(
        &scene,
        &mailbox,
        "STAT\r\nNOPE\r\nRETR x\r\nTOP 1\r\nUSER a\r\nDELE 0\r\nLIST +1\r\nQUIT\r\n",
    );
    let mut said = Vec::new();
    for _ in 0..8 {
        said.push(client.line().await);
    }
    let arguments = "-ERR Not the arguments of this command";
    assert_eq!(
        said[1..],
        [
            "-ERR No such command",
            arguments,
            arguments,
            "-ERR Logged in already",
            "-ERR No such message",
            arguments,
            "+OK Goodbye"
        ]
    );
}

#[tokio::test]
async fn lines_that_can_not_be_told_apart_and_the_end_of_the_service_end_it() {
    let (scene, mailbox) = alice().await;
    for bytes in ["DELE 1\nQUIT\r\n".to_owned(), "x".repeat(600)] {
        let mut client = session(&scene, &mailbox, &bytes);
        assert!(client.line().await.starts_with("-ERR "));
        assert_eq!(client.line().await, "");
    }
    let mut client = session(&scene, &mailbox, "DELE 1\r\n");
    client.line().await;
    assert!(scene.shutdown.drain(Duration::from_secs(30)).await);
    assert_eq!(client.line().await, "");
    eventually("nothing was removed", async || {
        scene.inbox(ALICE).await.len() == 2
    })
    .await;
}

proptest! {
    #[test]
    fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Command::parse(&line);
    }

    #[test]
    fn a_top_is_the_same_in_whatever_pieces_it_comes(text in "([a.]{0,3}\r?\n){0,8}[a.]{0,3}", lines in 0_u64..5, step in 1_usize..7) {
        let at_once = super::TopCut::new(lines).take(text.as_bytes()).to_vec();
        let mut cut = super::TopCut::new(lines);
        let mut pieces = Vec::new();
        for piece in text.as_bytes().chunks(step) {
            if cut.is_over() {
                break;
            }
            pieces.extend_from_slice(cut.take(piece));
        }
        prop_assert_eq!(at_once, pieces);
    }
}
