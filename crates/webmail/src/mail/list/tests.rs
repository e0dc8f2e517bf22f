use sekisho_mailclient::{Envelope, Flags, HeaderText, Uid};

use super::*;

fn message(uid: u32, name: &str, domain: &str, subject: &str, at: &str) -> Summary {
    Summary {
        uid: Uid::new(uid).expect("a UID"),
        flags: Flags::default(),
        size: 1000,
        arrived: at.parse().ok(),
        envelope: Envelope {
            subject: HeaderText::new(subject.as_bytes().to_vec()),
            from: vec![Address {
                name: HeaderText::new(name.as_bytes().to_vec()),
                local: "taro".to_owned(),
                domain: domain.to_owned(),
            }],
            ..Envelope::default()
        },
        structure: None,
        preview: Some("お疲れさまです。".to_owned()),
    }
}

#[test]
fn a_list_shows_who_what_and_when_and_gives_odd_senders_away() {
    let messages = [
        message(9, "太郎", "kit.example", "会議 <b>", "2026-11-24T00:05:00Z"),
        message(
            4,
            "PayPal",
            "xn--pypal-4ve.example",
            "",
            "2026-03-01T00:00:00Z",
        ),
    ];
    let folder = MailboxName::new("a/b").expect("a name");
    let zone = TimeZone::get("Asia/Tokyo").expect("a zone");
    let view = View {
        lang: Lang::Ja,
        zone: &zone,
        now: "2026-11-24T03:00:00Z".parse().expect("a time"),
        own: &["kit.example"],
        folder: &folder,
        shows_recipients: false,
        drafts: false,
        query: "x y",
        offset: 50,
        total: 52,
        messages: &messages,
    };
    let rows = view.rows().into_string();
    for part in [
        "<li class=\"unread\">",
        "value=\"9\"",
        "href=\"/mail/folder/a%2Fb/message/9?at=50&amp;q=x+y\"",
        "太郎",
        "会議 &lt;b&gt;",
        "お疲れさまです。",
        ">09:05</time>",
        "（件名なし）",
        "<span class=\"badge wrong\">xn--pypal-4ve.example</span>",
        ">03/01</time>",
    ] {
        assert!(rows.contains(part), "{part:?} is missing: {rows}");
    }
    let paging = view.paging().into_string();
    assert!(
        paging.contains("52通中 51〜52") && paging.contains("page=1"),
        "{paging}"
    );
    assert!(!paging.contains("rel=\"next\""), "{paging}");
}

#[test]
fn what_was_said_once_is_not_said_again() {
    assert_eq!(
        without_news("/mail?done=moved&page=2&undo=1.2.3&q=a+b"),
        "/mail?page=2&q=a+b"
    );
}
