//! Searches find what a reading of all messages finds, whatever became of the database that makes them fast.

use std::fs;

use encoding_rs::{EUC_JP, ISO_2022_JP, SHIFT_JIS, UTF_8};
use proptest::prelude::*;
use sekisho_disk::{Loss, RecordingDisk};
use sekisho_message::Parsed;
use sekisho_message::casefold::casefold;

use super::*;

const NAMES: [&str; 3] = ["texts.db", "texts.db-wal", "texts.db-shm"];

fn letter(subject: &str, body: &str, charset: usize) -> NewMessage {
    let encoding = [UTF_8, ISO_2022_JP, SHIFT_JIS, EUC_JP][charset % 4];
    let name = encoding.name();
    let (attachment, after) = match charset / 4 {
        0 => ("text/plain", ""),
        1 => ("text/csv; name=a.csv", ""),
        2 => ("text/html", "<p>"),
        _ => ("message/rfc822", "Subject: inner\r\n\r\n"),
    };
    let mut bytes = format!(
        "Subject: {subject}\r\nX-Mark: {subject} too\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain; charset={name}\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(&encoding.encode(body).0);
    let more = format!("\r\n--b\r\nContent-Type: {attachment}\r\n\r\n{after}attached\r\n--b--\r\n");
    bytes.extend_from_slice(more.as_bytes());
    NewMessage {
        bytes,
        ..message("")
    }
}

/// What to look for: some texts, everywhere a search looks.
fn needles(texts: &[&str]) -> Vec<Needle> {
    let everywhere = |text: &&str| {
        let field = Needle::field("x-mark", text);
        [Needle::body(text), Needle::anywhere(text)]
            .into_iter()
            .chain(field)
    };
    texts.iter().flat_map(everywhere).collect()
}

/// The messages of a folder that hold each needle, by reading all of them.
async fn scan(mailbox: &Mailbox, folder: FolderId, texts: &[&str]) -> Vec<Vec<Uid>> {
    let mut found = vec![Vec::new(); 3 * texts.len()];
    for state in mailbox.snapshot(folder).await.unwrap().messages.iter() {
        let content = mailbox.content(folder, state.uid).await.unwrap();
        let bytes = content.read().await.unwrap();
        let parsed = Parsed::new(&bytes);
        let body = casefold(&parsed.searchable_text(1 << 20));
        let header = bytes.split(|&byte| byte == b'\r');
        let header: Vec<_> = header.take_while(|line| *line != b"\n").collect();
        let header = casefold(&String::from_utf8_lossy(&header.join(&b'\r')));
        let field = parsed.header_text("x-mark").map(|text| casefold(&text));
        for (at, text) in texts.iter().enumerate() {
            let text = casefold(text);
            let in_body = body.contains(&text);
            let held = [
                in_body,
                in_body || header.contains(&text),
                field.as_ref().is_some_and(|field| field.contains(&text)),
            ];
            for (place, _) in held.iter().enumerate().filter(|(_, held)| **held) {
                found[3 * at + place].push(state.uid);
            }
        }
    }
    found
}

async fn agrees(mailbox: &Mailbox, name: &str, texts: &[&str]) -> bool {
    let folder = folder(mailbox, name).await;
    let found = mailbox.find_texts(folder, UidSet::all(), needles(texts));
    found.await.unwrap() == scan(mailbox, folder, texts).await
}

const LOOKED_FOR: [&str; 7] = ["会議", "会", "rare 3", "common", "COM", "absent", "ｶｲｷﾞ"];

/// Fifty messages in the INBOX, each a few KiB.
async fn library(root: &Path) {
    let mailbox = mailbox(root).await;
    let inbox = folder(&mailbox, "INBOX").await;
    for number in 0..50 {
        let word = if number % 9 == 0 {
            "会議カイギ"
        } else {
            "資料"
        };
        let filler: String = (0..300).map(|at| format!("{:x} ", at * number)).collect();
        let body = format!("common rare {number} {word} {filler}");
        mailbox
            .append(inbox, letter("report", &body, number))
            .await
            .unwrap();
    }
    assert!(agrees(&mailbox, "INBOX", &LOOKED_FOR).await);
}

fn width(text: &str) -> String {
    let wider = |letter: char| match letter {
        '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter),
        other => other.to_uppercase().next().unwrap_or(other),
    };
    text.chars().map(wider).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_search_finds_what_a_reading_of_all_finds(
        letters in prop::collection::vec(("[a-c ]{0,6}", "[a-dA-D会議室資料のカア。ａ１ｶﾞ \u{e9}]{0,40}", 0_usize..16), 1..7),
        picked in prop::collection::vec((0_usize..7, 0_usize..40, 1_usize..8, any::<bool>()), 1..6),
        others in prop::collection::vec("[a-d会議室カ]{0,3}", 1..4),
    ) {
        let mut sought = others;
        for (which, from, length, wide) in picked {
            let (_, body, _) = &letters[which % letters.len()];
            let part: String = body.chars().skip(from).take(length).collect();
            sought.push(if wide { width(&part) } else { part });
        }
        let sought: Vec<&str> = sought.iter().map(String::as_str).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let root = tempfile::tempdir().unwrap();
            let mailbox = mailbox(root.path()).await;
            let inbox = folder(&mailbox, "INBOX").await;
            for (subject, body, charset) in &letters {
                mailbox.append(inbox, letter(subject, body, *charset)).await.unwrap();
            }
            assert!(agrees(&mailbox, "INBOX", &sought).await, "{sought:?}");
        });
    }
}

#[tokio::test]
async fn copies_moves_and_expunges_are_followed() {
    let root = tempfile::tempdir().unwrap();
    library(root.path()).await;
    let mailbox = mailbox(root.path()).await;
    let (inbox, trash) = (
        folder(&mailbox, "INBOX").await,
        folder(&mailbox, "Trash").await,
    );
    mailbox.copy(inbox, uids(&[1, 2, 4]), trash).await.unwrap();
    mailbox.copy(inbox, uids(&[4]), inbox).await.unwrap();
    mailbox
        .move_messages(inbox, uids(&[10, 11]), trash)
        .await
        .unwrap();
    mailbox.remove(inbox, uids(&[4, 19, 20])).await.unwrap();
    mailbox
        .append(inbox, letter("new", "rare 3 会議", 1))
        .await
        .unwrap();
    for name in ["INBOX", "Trash"] {
        assert!(agrees(&mailbox, name, &LOOKED_FOR).await, "{name}");
    }
    let some = mailbox.find_texts(inbox, uids(&[2, 3, 51]), needles(&["common"]));
    let found = some.await.unwrap();
    assert_eq!(found[0], [2, 3, 51].map(Uid::new));
}

#[tokio::test]
async fn a_damaged_database_finds_the_same() {
    let root = tempfile::tempdir().unwrap();
    library(root.path()).await;
    let path = root.path().join("1/texts.db");
    let whole = fs::read(&path).unwrap();
    let mut random = 11_usize;
    for round in 0..24 {
        let mut damaged = whole.clone();
        for _ in 0..=round {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = (random >> 20) % damaged.len();
            let end = damaged.len().min(at + (random >> 12) % 64 + 1);
            damaged[at..end].fill((random >> 8) as u8);
        }
        match round {
            20 => damaged.truncate(whole.len() / 2),
            21 => damaged = b"no database".to_vec(),
            // Another version of the database.
            22 => damaged[60..64].copy_from_slice(&99_u32.to_be_bytes()),
            23 => damaged.clear(),
            _ => {}
        }
        for name in NAMES {
            let _ = fs::remove_file(root.path().join("1").join(name));
        }
        fs::write(&path, damaged).unwrap();
        let mailbox = mailbox(root.path()).await;
        for _ in 0..2 {
            assert!(agrees(&mailbox, "INBOX", &LOOKED_FOR).await, "{round}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_database_is_done_without() {
    let root = tempfile::tempdir().unwrap();
    library(root.path()).await;
    for name in NAMES {
        let _ = fs::remove_file(root.path().join("1").join(name));
    }
    fs::create_dir(root.path().join("1/texts.db")).unwrap();
    let mailbox = mailbox(root.path()).await;
    assert!(agrees(&mailbox, "INBOX", &LOOKED_FOR).await);
}

#[tokio::test]
async fn texts_of_a_later_index_are_not_believed() {
    let root = tempfile::tempdir().unwrap();
    let account = root.path().join("1");
    let names = ["index.db", "messages-000001.mail"];
    let add = async |text: &str| {
        let mailbox = mailbox(root.path()).await;
        let inbox = folder(&mailbox, "INBOX").await;
        mailbox.append(inbox, letter("x", text, 0)).await.unwrap();
        assert!(agrees(&mailbox, "INBOX", &["first", "other"]).await);
        assert!(agrees(&mailbox, "INBOX", &["later", text]).await);
    };
    add("first").await;
    let kept = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(account.join(name), kept.path().join(name)).unwrap();
    }
    add("later").await;
    for name in names {
        let _ = fs::remove_file(account.join(format!("{name}-wal")));
        let _ = fs::remove_file(account.join(format!("{name}-shm")));
        fs::copy(kept.path().join(name), account.join(name)).unwrap();
    }
    // Of the same length, so that it comes to the same place.
    add("other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_cut_a_search_finds_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(RecordingDisk::new(root.path()).unwrap());
    for _ in 0..2 {
        let (_, operator) = store_on(&root.path().join("mail"), disk.clone(), Limits::default());
        let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
        let inbox = folder(&mailbox, "INBOX").await;
        for number in 0..4 {
            let body = format!("common rare {number} 会議");
            mailbox
                .append(inbox, letter("x", &body, number))
                .await
                .unwrap();
            assert!(agrees(&mailbox, "INBOX", &LOOKED_FOR).await);
            mailbox
                .remove(inbox, UidSet::from(Uid::new(2)))
                .await
                .unwrap();
        }
    }
    let recording = disk.recording();
    let length = recording.ops().len();
    for cut in (0..=length).rev().step_by(9) {
        for loss in [
            Loss::DropUnsynced,
            Loss::TornLast(cut as u64),
            Loss::KeepAll,
        ] {
            let into = tempfile::tempdir().unwrap();
            recording.replay(cut, loss, into.path()).unwrap();
            let mailbox = store(&into.path().join("mail")).1;
            let mailbox = mailbox.open(AccountId::new(AI)).await.unwrap();
            assert!(
                agrees(&mailbox, "INBOX", &LOOKED_FOR).await,
                "{cut} of {length}, {loss:?}"
            );
        }
    }
}
