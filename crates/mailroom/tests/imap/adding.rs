//! Several messages at once, folders with a use, quotas, identities, decoded parts, and a compressed stream.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use sekisho_store::Limits;

use crate::client::House;

/// RFC 3502: all or none, with the UIDs of all (RFC 4315).
#[tokio::test]
async fn several_messages_are_appended_at_once_or_none() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a APPEND INBOX (\\Seen) {14+}
             C: Subject: one
             C:  (\\Flagged $x) \"17-Jul-1996 02:44:25 -0700\" {14}
             S: + go ahead
             C: Subject: two
             C:  {16+}
             C: Subject: three
             C:
             S: a OK [APPENDUID … 1:3] appended
             C: b STATUS INBOX (MESSAGES UNSEEN)
             S: * STATUS INBOX (MESSAGES 3 UNSEEN 2)
             S: b OK told
             C: c APPEND INBOX {14+}
             C: Subject: one
             C:  {0+}
             C:
             S: c BAD an empty message
             C: d APPEND nowhere {14+}
             C: Subject: one
             C:  {14+}
             C: Subject: two
             C:
             S: d NO [TRYCREATE] …
             C: e STATUS INBOX (MESSAGES)
             S: * STATUS INBOX (MESSAGES 3)
             S: e OK told",
        )
        .await;
    let half = "x".repeat(12_000);
    for _ in 0..200 {
        client
            .say(&format!("C: f APPEND INBOX {{12000+}}\nC: {half}"))
            .await;
        client.say("S: f OK …").await;
    }
}

/// RFC 6154, section 3: one folder a use; a use whose folder was deleted can be given again.
#[tokio::test]
async fn a_folder_is_made_for_a_use_that_none_has() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a CREATE Gesendet (USE (\\Sent))
             S: a NO [USEATTR] another folder has this use
             C: b CREATE Alles (USE (\\All))
             S: b NO [USEATTR] no folder can have this use here
             C: c DELETE Sent
             S: c OK deleted
             C: d CREATE Gesendet (USE (\\Sent))
             S: d OK [MAILBOXID (F…)] created
             C: e LIST (SPECIAL-USE) \"\" Ges*
             S: * LIST (\\HasNoChildren \\Sent) \"/\" Gesendet
             S: e OK listed",
        )
        .await;
}

/// RFC 9208.
#[tokio::test]
async fn a_full_mailbox_takes_no_more_and_says_what_counts() {
    let house = House::with(Limits {
        message_size: 20_000,
        quota_bytes: Some(3_000),
        quota_messages: Some(4),
        ..Limits::default()
    });
    let mut client = house.visit().await;
    let big = "x".repeat(1_500);
    client
        .say(&format!(
            "C: a GETQUOTAROOT INBOX
             S: * QUOTAROOT INBOX \"\"
             S: * QUOTA \"\" (STORAGE 0 3 MESSAGE 0 4)
             S: a OK all folders count, each copy of a message by its size
             C: b APPEND INBOX (\\Deleted) {{1500+}}
             C: {big}
             S: b OK …
             C: c APPEND INBOX {{1500+}}
             C: {big}
             S: c OK …
             C: d APPEND INBOX {{14+}}
             C: Subject: one
             C:
             S: d NO [OVERQUOTA] the mailbox is full; delete something first
             C: e GETQUOTA \"\"
             S: * QUOTA \"\" (STORAGE 3 3 MESSAGE 2 4)
             S: e OK …
             C: f STATUS INBOX (DELETED DELETED-STORAGE)
             S: * STATUS INBOX (DELETED 1 DELETED-STORAGE 1500)
             S: f OK told
             C: g SETQUOTA \"\" (STORAGE 99999)
             S: g NO [NOPERM] …
             C: h GETQUOTA other
             S: h NO [NONEXISTENT] …
             C: i SELECT INBOX"
        ))
        .await;
    while !client.hear().await.starts_with("i OK") {}
    client
        .play(
            "C: j COPY 1 Archive
             S: j NO [OVERQUOTA] …
             C: k MOVE 2 Archive
             S: * OK [COPYUID … 2 1] moved
             S: * 2 EXPUNGE
             S: k OK moved
             C: l EXPUNGE
             S: * 1 EXPUNGE
             S: l OK expunged
             C: m APPEND INBOX {14+}
             C: Subject: one
             C:
             S: * 1 EXISTS
             S: m OK …
             C: n COPY 1 Trash
             S: n OK …
             C: o COPY 1 Trash
             S: o OK …
             C: p COPY 1 Trash
             S: p NO [OVERQUOTA] …",
        )
        .await;
}

/// RFC 8474: a folder keeps its identity when it is renamed, a message when it is copied.
#[tokio::test]
async fn folders_and_messages_have_identities() {
    let house = House::build();
    house.keep("INBOX", "Subject: one\n\nx\n").await;
    let mut client = house.visit().await;
    client
        .say(
            "C: a STATUS Archive (MAILBOXID MESSAGES)
             S: * STATUS Archive (MAILBOXID (F2) MESSAGES 0)
             S: a OK told
             C: b RENAME Archive Old
             S: b OK renamed
             C: c STATUS Old (MAILBOXID)
             S: * STATUS Old (MAILBOXID (F2))
             S: c OK told
             C: d SELECT INBOX",
        )
        .await;
    while !client.hear().await.starts_with("d OK") {}
    client
        .play(
            "C: e COPY 1 INBOX
             S: * 2 EXISTS
             S: e OK …
             C: f FETCH 1:2 (EMAILID THREADID)
             S: * 1 FETCH (EMAILID (M2097152) THREADID NIL)
             S: * 2 FETCH (EMAILID (M2097152) THREADID NIL)
             S: f OK fetched
             C: g SEARCH EMAILID M2097152
             S: * SEARCH 1 2
             S: g OK searched
             C: h SEARCH EMAILID M2
             S: * SEARCH
             S: h OK searched
             C: i SEARCH THREADID T1
             S: * SEARCH
             S: i OK searched",
        )
        .await;
}

/// RFC 3516: parts without their transfer encoding.
#[tokio::test]
async fn parts_are_fetched_decoded() {
    let house = House::build();
    house
        .keep(
            "INBOX",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--b\nContent-Transfer-Encoding: quoted-printable\n\na=3Db\n--b\nContent-Transfer-Encoding: x-uue\n\n???\n--b\nContent-Transfer-Encoding: base64\n\nYQBi\n--b--\n",
        )
        .await;
    let mut client = house.visit().await;
    client.say("C: a EXAMINE INBOX").await;
    while !client.hear().await.starts_with("a OK") {}
    client
        .play(
            "C: b FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY[2]<1.2>)
             S: * 1 FETCH (BINARY.SIZE[1] 5 BINARY[1] {5}
             S: hello BINARY[2]<1> {2}
             S: =b)
             S: b OK fetched
             C: c FETCH 1 BINARY[3]
             S: c NO [UNKNOWN-CTE] …
             C: d FETCH 1 BINARY[4]
             S: * 1 FETCH (BINARY[4] ~{3}
             S: a\0b)
             S: d OK fetched
             C: e FETCH 1 (BINARY[9] BINARY.SIZE[9])
             S: * 1 FETCH (BINARY[9] NIL BINARY.SIZE[9] 0)
             S: e OK fetched
             C: f APPEND INBOX ~{14+}
             C: Subject: bin
             C:
             S: * 2 EXISTS
             S: f OK …",
        )
        .await;
}

/// RFC 4978.
#[tokio::test]
async fn a_stream_is_compressed_in_both_directions() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .say(
            "C: a COMPRESS LZW
             S: a BAD the algorithm is DEFLATE
             C: b COMPRESS DEFLATE
             S: b OK compressed from here on",
        )
        .await;
    let mut deflate = Compress::new(Compression::default(), false);
    let mut inflate = Decompress::new(false);
    let mut plain = String::new();
    for (command, end) in [
        (
            "c COMPRESS DEFLATE\r\n",
            "c NO [COMPRESSIONACTIVE] the stream is compressed\r\n",
        ),
        ("d NOOP\r\ne NOOP\r\n", "e OK done\r\n"),
    ] {
        let mut sent = Vec::with_capacity(1_000);
        deflate
            .compress_vec(command.as_bytes(), &mut sent, FlushCompress::Sync)
            .unwrap();
        let mut used = 0;
        client
            .exchange(&sent, |heard| {
                let mut out = Vec::with_capacity(10_000);
                inflate
                    .decompress_vec(&heard[used..], &mut out, FlushDecompress::Sync)
                    .unwrap();
                used = heard.len();
                plain.push_str(&String::from_utf8(out).unwrap());
                plain.ends_with(end)
            })
            .await;
    }
    assert!(plain.contains("d OK done\r\n"), "{plain}");
}
