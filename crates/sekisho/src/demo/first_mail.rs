//! Some mail to begin with, so that the demo's mailboxes look like people's.

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::account::LoginName;
use sekisho_checkpoint::ports::Directory as _;
use sekisho_store::{Flags, FolderName, NewMessage};

use crate::system::System;

/// A letter: to whom, how many hours ago, from, subject, and the rest.
struct Letter {
    to: &'static str,
    hours_ago: i64,
    from: &'static str,
    subject: &'static str,
    body: Body,
}

enum Body {
    /// Plain text in UTF-8.
    Text(&'static str),
    /// Plain text in ISO-2022-JP, as Japanese mail programs wrote it for thirty years; here already encoded.
    Iso2022Jp(&'static [u8]),
    /// HTML with a plain alternative.
    Html(&'static str, &'static str),
    /// Plain text and a CSV file.
    Attached(&'static str, &'static str, &'static str),
}

const LETTERS: &[Letter] = &[
    Letter {
        to: "hanako",
        hours_ago: 340,
        from: "情報基盤センター <help@kit.example>",
        subject: "多要素認証のご案内",
        body: Body::Text(
            "関 花子 様\n\n情報基盤センターです。\n\n学外からメールを利用する際の多要素認証を始めました。\n\
             設定は「オプション」>「個人環境の設定」>「多要素認証」から行えます。\n\
             学内ネットワークからは、これまでどおりご利用いただけます。\n\n\
             ご不明な点は、このメールにご返信ください。\n\n--\n情報基盤センター\n",
        ),
    },
    Letter {
        to: "hanako",
        hours_ago: 190,
        from: "=?ISO-2022-JP?B?GyRCOzNFREJATzobKEI=?= <yamada@lab.example>",
        subject: "=?ISO-2022-JP?B?GyRCOCY1ZjJxJE43bxsoQg==?=",
        body: Body::Iso2022Jp(
            b"\x1b$B4X$5$s\x1b(B\n\n\x1b$BMh=5$N2q5D$O?eMKF|$N\x1b(B13\x1b$B;~$+$i$G$9!#\x1b(B\n\x1b$B;qNA$rE:IU$7$F$/$@$5$$!#\x1b(B\n\n\x1b$B;3ED\x1b(B\n",
        ),
    },
    Letter {
        to: "hanako",
        hours_ago: 96,
        from: "Library <library@kit.example>",
        subject: "Your loan is due on Friday / 返却期限のお知らせ",
        body: Body::Html(
            "Dear Hanako Seki,\n\n\"The Tokaido Road\" is due back on Friday. You can renew it once.\n\nThe Library\n",
            "<h2 style=\"color:#2b5d8a\">Library</h2><p>Dear Hanako Seki,</p><p><b>The Tokaido Road</b> is due back on Friday. \
             You can renew it <i>once</i>.</p><table border=\"1\" cellpadding=\"4\"><tr><th>Title</th><th>Due</th></tr>\
             <tr><td>The Tokaido Road</td><td>Friday</td></tr></table><p><img src=\"https://images.example/logo.png\" alt=\"Library logo\"></p>",
        ),
    },
    Letter {
        to: "hanako",
        hours_ago: 50,
        from: "Ken Seki <ken@kit.example>",
        subject: "Measurements from last week",
        body: Body::Attached(
            "Hi Hanako,\n\nhere are the numbers from the second run. The last column looks odd; can you check?\n\nKen\n",
            "測定結果.csv",
            "time,voltage,current\n09:00,3.31,0.120\n09:10,3.30,0.121\n09:20,3.29,0.480\n",
        ),
    },
    Letter {
        to: "hanako",
        hours_ago: 5,
        from: "Ken Seki <ken@kit.example>",
        subject: "Lunch?",
        body: Body::Text("Shall we meet at 12:10 in front of the cafeteria?\n\nKen\n"),
    },
    Letter {
        to: "ken",
        hours_ago: 120,
        from: "Conference Office <office@conf.example>",
        subject: "Registration confirmed",
        body: Body::Text(
            "Dear Ken Seki,\n\nyour registration is confirmed. Please read your mail from abroad with multi-factor authentication switched on.\n\nThe Conference Office\n",
        ),
    },
    Letter {
        to: "ken",
        hours_ago: 3,
        from: "関 花子 <hanako@kit.example>",
        subject: "Re: Measurements from last week",
        body: Body::Text("Ken さん\n\nありがとうございます。三行目は、電源を入れ直したときの値だと思います。\n午後に確認します。\n\n関\n"),
    },
];

/// Puts the letters into the people's inboxes.
pub(super) async fn deliver(system: &System, now: Timestamp) -> anyhow::Result<()> {
    for (number, letter) in LETTERS.iter().enumerate() {
        let account = system.accounts.find(&LoginName::parse(letter.to)?).await?;
        let account = account.with_context(|| format!("{} has no account", letter.to))?;
        let mailbox = system.operator.open(account.id).await?;
        let inbox = mailbox.folder(&FolderName::inbox()).await?;
        let at = now - SignedDuration::from_hours(letter.hours_ago);
        let message = NewMessage {
            bytes: letter.message(at, number),
            flags: Flags::default(),
            internal_date: at,
        };
        mailbox.append(inbox.id, message).await?;
    }
    Ok(())
}

impl Letter {
    fn message(&self, at: Timestamp, number: usize) -> Vec<u8> {
        let zone = TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC);
        let date = DateTimePrinter::new().zoned_datetime_to_string(&at.to_zoned_datetime(zone));
        let head = format!(
            "From: {}\nTo: {}@kit.example\nSubject: {}\nDate: {}\nMessage-ID: <{number}.demo@kit.example>\nMIME-Version: 1.0\n",
            encoded(self.from),
            self.to,
            encoded(self.subject),
            date.unwrap_or_default(),
        );
        let mut message = head.into_bytes();
        match &self.body {
            Body::Text(text) => message.extend(part("text/plain", text).bytes()),
            Body::Iso2022Jp(bytes) => {
                message.extend(b"Content-Type: text/plain; charset=ISO-2022-JP\nContent-Transfer-Encoding: 7bit\n\n");
                message.extend(*bytes);
            }
            Body::Html(text, html) => {
                let parts = [part("text/plain", text), part("text/html", html)];
                message.extend(multipart("alternative", &parts).bytes());
            }
            Body::Attached(text, name, csv) => {
                let name = BASE64_STANDARD.encode(name);
                let file = format!(
                    "Content-Type: text/csv; charset=UTF-8\nContent-Disposition: attachment; filename=\"=?UTF-8?B?{name}?=\"\n\
                     Content-Transfer-Encoding: base64\n\n{}\n",
                    BASE64_STANDARD.encode(csv)
                );
                message.extend(multipart("mixed", &[part("text/plain", text), file]).bytes());
            }
        }
        with_crlf(&message)
    }
}

fn part(content_type: &str, text: &str) -> String {
    let mut encoded = String::new();
    for line in BASE64_STANDARD.encode(text).as_bytes().chunks(76) {
        encoded.push_str(&String::from_utf8_lossy(line));
        encoded.push('\n');
    }
    format!(
        "Content-Type: {content_type}; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n{encoded}"
    )
}

fn multipart(kind: &str, parts: &[String]) -> String {
    let mut text = format!("Content-Type: multipart/{kind}; boundary=\"=_demo\"\n\n");
    for part in parts {
        text.push_str(&format!("--=_demo\n{part}\n"));
    }
    text.push_str("--=_demo--\n");
    text
}

/// RFC 2047, word by word: what is not ASCII becomes an encoded word.
fn encoded(text: &str) -> String {
    text.split(' ')
        .map(|word| {
            if word.is_ascii() {
                word.to_owned()
            } else {
                format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(word))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(message.len() + 100);
    for line in message.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        whole.extend_from_slice(text);
        whole.extend_from_slice(b"\r\n");
    }
    whole
}
