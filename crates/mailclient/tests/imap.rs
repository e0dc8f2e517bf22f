//! Tests the IMAP client against servers that follow a script.

mod script;

use script::{Line, follow, lines};
use sekisho_mailclient::{
    Access, Appended, Code, Error, Flag, FlagChange, Imap, MailboxName, MessageOrder, PageRequest,
    SearchKey, SortBy, SpecialUse, Uid, search_text,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
use tokio::task::JoinHandle;

/// A client of a server that announces `capabilities` and then follows `script`.
async fn client(capabilities: &str, script: &str) -> (Imap, JoinHandle<()>) {
    client_of(capabilities, lines(script)).await
}

async fn client_of(capabilities: &str, script: Vec<Line>) -> (Imap, JoinHandle<()>) {
    let mut whole = lines(&format!(
        "C: m1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 {capabilities}\nS: m1 OK done"
    ));
    whole.extend(script);
    let (stream, server) = follow(1024, whole);
    (Imap::authenticated(stream).await.unwrap(), server)
}

const OPEN: &str = "C: m2 SELECT INBOX
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
    S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags permitted.
    S: * 5 EXISTS
    S: * OK [UIDVALIDITY 7] UIDs valid
    S: * OK [UIDNEXT 90] Predicted next UID
    S: m2 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).\n";

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn newest(limit: u32) -> PageRequest {
    PageRequest {
        offset: 0,
        limit,
        order: MessageOrder::Newest,
        query: None,
    }
}

#[tokio::test]
async fn dovecot_lists_folders_with_use_and_figures_in_one_round_trip() {
    let (mut imap, server) = client(
        "LIST-EXTENDED LIST-STATUS SPECIAL-USE",
        "C: m2 LIST \"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))
        S: * LIST (\\HasNoChildren \\Trash) \"/\" Trash
        S: * STATUS Trash (MESSAGES 3 UNSEEN 1)
        S: * LIST (\\Noselect \\HasChildren) \"/\" \"&ZeVnLIqe-\"
        S: * LIST () \"/\" \"broken &name\"
        S: * LIST (\\HasNoChildren) \"/\" {14}\\n&ZeVnLIqe-/a\"b
        S: * LIST (\\HasNoChildren) \"/\" INBOX
        S: * STATUS inbox (UNSEEN 2 MESSAGES 172)
        S: m2 OK List completed",
    )
    .await;
    let folders = imap.folders().await.unwrap();
    let names: Vec<_> = folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["INBOX", "Trash", "日本語", "日本語/a\"b"]);
    assert_eq!(
        (folders[0].messages, folders[0].unseen),
        (Some(172), Some(2))
    );
    assert_eq!(folders[1].special_use, Some(SpecialUse::Trash));
    assert!(!folders[2].selectable);
    assert_eq!(folders[3].path(), ["日本語", "a\"b"]);
    assert_eq!(folders[3].messages, None);
    server.await.unwrap();
}

#[tokio::test]
async fn an_old_server_is_asked_for_all_figures_at_once_and_may_refuse_one() {
    let (mut imap, server) = client(
        "",
        "C: m2 LIST \"\" \"*\"
        S: * LIST () \".\" INBOX
        S: * LIST (\\NoSelect) \".\" Shared
        S: * LIST () \".\" \"INBOX.My Stuff\"
        S: m2 OK done
        C: m3 STATUS INBOX (MESSAGES UNSEEN)
        C: m4 STATUS \"INBOX.My Stuff\" (MESSAGES UNSEEN)
        S: * STATUS INBOX (MESSAGES 1 UNSEEN 0)
        S: m3 OK done
        S: m4 NO [NOPERM] not yours",
    )
    .await;
    let folders = imap.folders().await.unwrap();
    let figures: Vec<_> = folders.iter().map(|folder| folder.messages).collect();
    assert_eq!(figures, [Some(1), None, None]);
    server.await.unwrap();
}

#[tokio::test]
async fn many_questions_at_once_never_make_both_sides_wait() {
    let (client, server) = duplex(64);
    tokio::spawn(async move {
        let (from, mut to) = tokio::io::split(server);
        let mut questions = BufReader::new(from).lines();
        while let Some(line) = questions.next_line().await.unwrap() {
            let tag = line.split(' ').next().unwrap();
            let told = if line.contains("LIST") {
                (0..300)
                    .map(|n| format!("* LIST () \"/\" folder{n}\r\n"))
                    .collect()
            } else {
                "* STATUS folder7 (MESSAGES 7 UNSEEN 7)\r\n".to_owned()
            };
            let answer = format!("{told}{tag} OK done\r\n");
            to.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut imap = Imap::authenticated(client).await.unwrap();
    let folders = imap.folders().await.unwrap();
    assert_eq!(folders.len(), 300);
    assert_eq!(folders[7].messages, Some(7));
}

#[tokio::test]
async fn a_page_shows_the_newest_first_whatever_the_server_tells_in_between() {
    let (mut imap, server) = client(
        "PREVIEW",
        &format!("{OPEN}
        C: m3 FETCH 4:5 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW (LAZY))
        S: * 4 FETCH (UID 80 FLAGS () INTERNALDATE \"23-Nov-2026 09:00:00 +0900\" RFC822.SIZE 900 ENVELOPE (\"Mon, 23 Nov 2026 09:00:00 +0900 (JST)\" \"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\" ((\"=?utf-8?B?5bGx55Sw?=\" NIL \"yamada\" \"kit.example\")) NIL NIL ((NIL NIL \"x\" \"kit.example\")) NIL NIL NIL \"<a@kit.example>\") BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 30 2 NIL NIL NIL NIL) PREVIEW NIL)
        S: * 6 EXISTS
        S: * 2 FETCH (FLAGS (\\Seen))
        S: * OK [ALERT] Disk quota is near.
        S: * 5 FETCH (FLAGS (\\Seen) UID 81)
        S: * 5 FETCH (UID 81 FLAGS (\\Seen \\Recent) INTERNALDATE \"23-Nov-2026 10:00:00 +0900\" RFC822.SIZE 5000 ENVELOPE (NIL {{3}}\\na\"b NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1 NIL NIL NIL NIL)(\"application\" \"pdf\" (\"name\" \"x.pdf\") NIL NIL \"base64\" 99 NIL (\"attachment\" NIL) NIL NIL) \"mixed\" NIL NIL NIL NIL) PREVIEW \"See attached\")
        S: * 1 EXPUNGE
        S: m3 OK Fetch completed."),
    )
    .await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    assert_eq!(inbox.state().uid_next, Some(uid(90)));
    assert!(!inbox.state().read_only);
    let page = inbox.page(&newest(2)).await.unwrap();
    assert_eq!(page.total, 5);
    let [with_file, japanese] = &page.messages[..] else {
        panic!("{page:?}")
    };
    assert_eq!((with_file.uid, japanese.uid), (uid(81), uid(80)));
    assert!(with_file.flags.seen() && with_file.has_attachment());
    assert_eq!(with_file.envelope.subject.decoded(), "a\"b");
    assert_eq!(with_file.preview.as_deref(), Some("See attached"));
    assert_eq!(japanese.envelope.subject.decoded(), "会議");
    assert_eq!(japanese.envelope.from[0].shown(), "山田");
    assert_eq!(japanese.envelope.date, japanese.arrived);
    assert!(!japanese.has_attachment());
    assert_eq!(inbox.state().messages, 5, "one came and one went");
    server.await.unwrap();
}

#[tokio::test]
async fn pages_beyond_the_end_are_empty_and_the_last_one_may_be_short() {
    let (mut imap, server) = client(
        "",
        &format!(
            "{OPEN}
        C: m3 FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)
        S: * 1 FETCH (UID 2 RFC822.SIZE 1 FLAGS ())
        S: m3 OK done"
        ),
    )
    .await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let at = |offset| PageRequest {
        offset,
        ..newest(4)
    };
    assert_eq!(inbox.page(&at(4)).await.unwrap().messages.len(), 1);
    assert_eq!(inbox.page(&at(5)).await.unwrap().messages.len(), 0);
    assert_eq!(inbox.page(&at(u32::MAX)).await.unwrap().messages.len(), 0);
    server.await.unwrap();
}

#[tokio::test]
async fn a_sorted_page_keeps_the_servers_order() {
    let (mut imap, server) = client(
        "SORT",
        &format!(
            "{OPEN}
        C: m3 UID SORT (SUBJECT ARRIVAL) UTF-8 ALL
        S: * SORT 81 12 80 7
        S: m3 OK Sort completed.
        C: m4 UID FETCH 12,80 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)
        S: * 2 FETCH (UID 12 RFC822.SIZE 1)
        S: * 4 FETCH (UID 80 RFC822.SIZE 1)
        S: m4 OK done"
        ),
    )
    .await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let order = MessageOrder::Sorted {
        by: SortBy::Subject,
        descending: false,
    };
    let wanted = PageRequest {
        offset: 1,
        limit: 2,
        order,
        query: None,
    };
    let page = inbox.page(&wanted).await.unwrap();
    assert_eq!((page.total, page.order), (4, order));
    let uids: Vec<_> = page.messages.iter().map(|message| message.uid).collect();
    assert_eq!(uids, [uid(12), uid(80)]);
    server.await.unwrap();
}

#[tokio::test]
async fn a_japanese_search_waits_for_the_server_before_its_literal() {
    let (mut imap, server) = client(
        "ESEARCH",
        &format!(
            "{OPEN}
        C: m3 UID SEARCH RETURN (ALL) CHARSET UTF-8 TEXT {{6}}
        S: + OK
        C: 会議 TEXT \"a\\\"b\"
        S: * ESEARCH (TAG \"m3\") UID ALL 3,80:81
        S: m3 OK done
        C: m4 UID SEARCH RETURN (ALL) TEXT \"x\"
        S: * ESEARCH (TAG \"m4\") UID
        S: m4 OK done
        C: m5 UID SEARCH RETURN (ALL) CHARSET UTF-8 TEXT {{6}}
        S: m5 NO [BADCHARSET (US-ASCII)] no such charset
        C: m6 UID SEARCH RETURN (ALL) TEXT \"x\"
        S: * ESEARCH (TAG \"m6\") UID ALL 1:4294967295
        S: m6 OK done"
        ),
    )
    .await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let key = search_text("会議\u{3000}a\"b\r\n").unwrap();
    let found = inbox.search(&key).await.unwrap();
    assert_eq!(found, [uid(81), uid(80), uid(3)]);
    let key = SearchKey::Text("x".to_owned());
    assert_eq!(inbox.search(&key).await.unwrap(), []);
    let refused = inbox.search(&SearchKey::Text("会議".to_owned())).await;
    assert!(
        matches!(refused, Err(Error::No { code: Some(Code::Other(code)), .. }) if code == "BADCHARSET")
    );
    let endless = inbox.search(&key).await;
    assert!(matches!(endless, Err(Error::TooLarge { .. })));
    server.await.unwrap();
}

#[tokio::test]
async fn names_and_texts_never_become_commands() {
    let (mut imap, server) = client(
        "LITERAL+",
        &format!(
            "C: m2 CREATE \"a\\\"b&AA0ACg-x DELETE INBOX\"
        S: m2 NO [ALREADYEXISTS] it is there
        {}
        C: m4 UID SEARCH TEXT {{14+}}\\na\"\\nx DELETE I
        S: * SEARCH
        S: m4 OK done",
            OPEN.replace("m2", "m3")
        ),
    )
    .await;
    let refused = imap.create(&name("a\"b\r\nx DELETE INBOX")).await;
    assert!(refused.unwrap_err().is_folder_exists());
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let key = SearchKey::Text("a\"\r\nx DELETE I".to_owned());
    assert_eq!(inbox.search(&key).await.unwrap(), []);
    let nul = SearchKey::Text("a\0".to_owned());
    assert_eq!(inbox.search(&nul).await, Err(Error::Unsendable));
    server.await.unwrap();
}

#[tokio::test]
async fn a_message_comes_whole_or_not_at_all() {
    let items = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[]";
    let (mut imap, server) = client(
        "",
        &format!(
            "{OPEN}
        C: m3 UID FETCH 80 ({items}<0.6>)
        S: * 4 FETCH (BODY[]<0> {{5}}\\nab\\nc UID 80 RFC822.SIZE 5 FLAGS ())
        S: m3 OK done
        C: m4 UID FETCH 80 ({items}<0.5>)
        S: * 4 FETCH (BODY[]<0> {{5}}\\nab\\nc UID 80 RFC822.SIZE 5 FLAGS ())
        S: m4 OK done
        C: m5 UID FETCH 3 ({items}<0.6>)
        S: * 9 EXISTS
        S: m5 OK done"
        ),
    )
    .await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let message = inbox.message(uid(80), 5).await.unwrap().unwrap();
    assert_eq!(message.raw, b"ab\r\nc");
    let too_large = inbox.message(uid(80), 4).await;
    assert_eq!(too_large, Err(Error::TooLarge { most: 4 }));
    assert_eq!(inbox.message(uid(3), 5).await, Ok(None));
    assert_eq!(inbox.state().messages, 9);
    server.await.unwrap();
}

#[tokio::test]
async fn a_large_part_is_downloaded_piece_by_piece_and_decoded() {
    const PIECE: usize = 256 * 1024;
    // 77 does not divide the size of a piece, so groups of four base64 digits cross its end.
    let encoded = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==\n"
        .replace('\n', "\r\n")
        .repeat(4000);
    let (first, second) = encoded.split_at(PIECE);
    let say = |start: usize, bytes: &str, tag: &str| {
        let length = bytes.len();
        format!("* 1 FETCH (UID 80 BODY[2]<{start}> {{{length}}}\r\n{bytes})\r\n{tag} OK done\r\n")
    };
    let structure = "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1)(\"application\" \"zip\" NIL NIL NIL \"base64\" 300000) \"mixed\")";
    let mut script = lines(&format!(
        "{OPEN}
        C: m3 UID FETCH 80 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)
        S: * 4 FETCH (UID 80 RFC822.SIZE 5 BODYSTRUCTURE {structure})
        S: m3 OK done
        C: m4 UID FETCH 80 (UID BODY.PEEK[2]<0.{PIECE}>)"
    ));
    script.push(Line::Say(say(0, first, "m4").into_bytes()));
    script.extend(lines(&format!(
        "C: m5 UID FETCH 80 (UID BODY.PEEK[2]<{PIECE}.{PIECE}>)"
    )));
    script.push(Line::Say(say(PIECE, second, "m5").into_bytes()));
    let (mut imap, server) = client_of("", script).await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let summary = inbox.summary(uid(80)).await.unwrap().unwrap();
    let structure = summary.structure.unwrap();
    let part = structure.find(&"2".parse().unwrap()).unwrap();
    let mut download = inbox.download(uid(80), part);
    let mut content = Vec::new();
    while let Some(piece) = download.next().await.unwrap() {
        content.extend(piece);
    }
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').collect();
    assert!(content == alphabet.repeat(4000));
    server.await.unwrap();
}

#[tokio::test]
async fn moving_without_move_removes_only_what_was_moved() {
    let (mut imap, server) = client(
        "UIDPLUS",
        &format!(
            "{OPEN}
        C: m3 UID COPY 3,80:81 &MLQw33ux-
        S: m3 OK [COPYUID 9 3,80:81 1:3] done
        C: m4 UID STORE 3,80:81 +FLAGS.SILENT (\\Deleted)
        S: m4 OK done
        C: m5 UID EXPUNGE 3,80:81
        S: * 5 EXPUNGE
        S: * 4 EXPUNGE
        S: * 2 EXPUNGE
        S: m5 OK done
        C: m6 UID COPY 7 Nowhere
        S: m6 NO [TRYCREATE] no such folder
        C: m7 UID STORE 7 -FLAGS.SILENT (\\Seen $Forwarded)
        S: m7 OK done"
        ),
    )
    .await;
    let mut inbox = imap
        .open(&MailboxName::inbox(), Access::Change)
        .await
        .unwrap();
    let uids = [uid(81), uid(3), uid(80), uid(81)];
    inbox.move_to(&uids, &name("ゴミ箱")).await.unwrap();
    assert_eq!(inbox.state().messages, 2);
    let refused = inbox.move_to(&[uid(7)], &name("Nowhere")).await;
    assert!(refused.unwrap_err().is_no_such_folder());
    let flags = [Flag::Seen, Flag::parse(b"$Forwarded").unwrap()];
    inbox
        .set_flags(&[uid(7)], FlagChange::Remove, &flags)
        .await
        .unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_draft_is_appended_with_clean_line_ends_when_the_server_is_ready() {
    let (mut imap, server) = client(
        "APPENDLIMIT=100",
        "C: m2 APPEND Drafts (\\Seen \\Draft) {9}
        S: * 3 EXISTS
        S: + Ready for literal data
        C: a\\nb\\n\\nc
        S: m2 OK [APPENDUID 38505 3955] Append completed.
        C: m3 APPEND Drafts () {1}
        S: m3 NO [OVERQUOTA] full
        C: m4 NOOP
        S: m4 OK done",
    )
    .await;
    let drafts = name("Drafts");
    let flags = [Flag::Seen, Flag::Draft];
    let appended = imap.append(&drafts, &flags, b"a\nb\r\n\rc").await.unwrap();
    let expected = Appended {
        uid_validity: 38505,
        uid: uid(3955),
    };
    assert_eq!(appended, Some(expected));
    let refused = imap.append(&drafts, &[], b"x").await.unwrap_err();
    assert!(refused.is_over_quota());
    imap.poll().await.unwrap();
    let large = imap.append(&drafts, &[], &[b'x'; 101]).await;
    assert_eq!(large, Err(Error::TooLarge { most: 100 }));
    let nul = imap.append(&drafts, &[], b"\0").await;
    assert_eq!(nul, Err(Error::Unsendable));
    server.await.unwrap();
}

#[tokio::test]
async fn a_goodbye_and_a_silence_both_end_the_connection_for_good() {
    let (mut imap, server) = client("", "C: m2 NOOP\nS: * BYE Autologout; idle for too long").await;
    assert_eq!(imap.poll().await, Err(Error::Gone));
    assert_eq!(imap.poll().await, Err(Error::Gone));
    server.await.unwrap();

    let (imap, server) = client("", "C: m2 LOGOUT\nS: * BYE Logging out\nS: m2 OK Bye").await;
    assert_eq!(imap.logout().await, Ok(()));
    server.await.unwrap();
}

/// When the caller drops a future before its end, no later operation may take the late answer for its own.
#[tokio::test]
async fn an_operation_that_was_dropped_leaves_no_answer_for_the_next() {
    let (stream, mut server) = duplex(1024);
    let greeting = b"* CAPABILITY IMAP4rev1\r\nm1 OK done\r\n";
    server.write_all(greeting).await.unwrap();
    let mut imap = Imap::authenticated(stream).await.unwrap();
    {
        let mut operation = Box::pin(imap.poll());
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(operation.as_mut().poll(context).is_pending())
        });
        assert!(polled.await, "the server says nothing");
    }
    server
        .write_all(b"m2 OK done\r\nm3 OK done\r\n")
        .await
        .unwrap();
    assert_eq!(imap.poll().await, Err(Error::Gone));
}

#[tokio::test]
async fn what_breaks_the_protocol_is_an_error_and_never_a_guess() {
    for (answer, expected) in [
        ("S: x9 OK done", "an answer to another command"),
        (
            "S: * 1 FETCH (BODY[] {999999999}",
            "a literal over the limit",
        ),
        ("S: * 1 EXISTS\nS: m2 OK done", "SELECT without UIDVALIDITY"),
        (
            "S: * OK [UIDVALIDITY 1] x\nS: m2 OK done",
            "SELECT without EXISTS",
        ),
    ] {
        let script = format!("C: m2 EXAMINE INBOX\n{answer}");
        let (mut imap, server) = client("", &script).await;
        let result = imap.open(&MailboxName::inbox(), Access::Read).await;
        assert_eq!(result.err(), Some(Error::Protocol(expected)));
        server.await.unwrap();
    }
}
