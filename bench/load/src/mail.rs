//! Messages that are the same in every run: 2 to 60 KB (log-uniform, about 17 KB in the mean), plain, HTML and with
//! attachments, subjects in ISO-2022-JP, UTF-8 and ASCII.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::arguments::Arguments;

/// Words of Japanese mail.
const JAPANESE: &[&str] = &[
    "会議",
    "資料",
    "確認",
    "お願い",
    "報告",
    "予定",
    "変更",
    "連絡",
    "研究",
    "大学",
    "学生",
    "講義",
    "登録",
    "申請",
    "締切",
    "開催",
    "案内",
    "委員会",
    "計算機",
    "情報",
    "基盤",
    "認証",
    "多要素",
    "メール",
    "サーバ",
    "更新",
    "障害",
    "復旧",
    "作業",
    "日程",
    "来週",
    "本日",
    "明日",
    "添付",
    "御中",
    "様",
    "について",
    "ありがとう",
    "ございます",
    "よろしく",
    "参加",
    "希望",
    "図書館",
    "事務",
];
/// Words of English mail.
const ENGLISH: &[&str] = &[
    "meeting",
    "schedule",
    "report",
    "update",
    "server",
    "account",
    "review",
    "project",
    "student",
    "lecture",
    "draft",
    "please",
    "find",
    "attached",
    "minutes",
    "agenda",
    "budget",
    "travel",
    "request",
    "approve",
    "paper",
    "deadline",
    "conference",
    "network",
    "security",
    "password",
    "change",
    "notice",
    "system",
    "maintenance",
    "window",
    "monday",
    "tuesday",
    "friday",
    "thanks",
    "regards",
    "the",
    "and",
    "for",
    "with",
    "from",
    "that",
    "this",
    "will",
    "have",
    "been",
];
/// Stands in the body of every 100th message.
const RARE_WORD: &str = "zyzzyva";
/// Stands in the subject of every 50th.
const RARE_SUBJECT: &str = "請求書";
/// 2025-01-01T00:00:00Z; each message is [`SECONDS_BETWEEN`] behind the one before.
const FIRST_SECOND: i64 = 1_735_689_600;
const SECONDS_BETWEEN: i64 = 613;

/// Pseudo-random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }
}

/// Whether the message of that number counts as read.
pub fn is_seen(number: usize) -> bool {
    number % 10 < 7
}

/// A plain message of that size.
pub fn plain(size: usize) -> Vec<u8> {
    let head = b"From: <u1@example.test>\r\nTo: <u1@example.test>\r\nSubject: bench\r\nMIME-Version: 1.0\r\n\r\n";
    let line = b"The quick brown fox jumps over the lazy dog, and then does it once more.\r\n";
    let mut message = head.to_vec();
    while message.len() < size {
        message.extend_from_slice(line);
    }
    message
}

/// The message of that number, of a size between these.
pub fn message(number: usize, min_kb: usize, max_kb: usize) -> Vec<u8> {
    let random = &mut Random::new(number as u64 + 1);
    let (low, high) = (min_kb as f64 * 1024.0, max_kb as f64 * 1024.0);
    let unit = (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    let size = (low * (high / low).powf(unit)) as usize;
    let body = size.saturating_sub(900).max(200);
    let kind = random.below(100);
    let mut message = header(random, number, kind).into_bytes();
    let word = if number % 100 == 42 { RARE_WORD } else { "" };
    let boundary = format!("=_bound_{number:08x}");
    match kind {
        0..25 => {
            message.extend_from_slice(
                b"Content-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
            );
            // Each line ends in ASCII, as the encoding demands.
            for line in format!("{word}\r\n{}", japanese(random, body)).lines() {
                message.extend_from_slice(&encoding_rs::ISO_2022_JP.encode(line).0);
                message.extend_from_slice(b"\r\n");
            }
        }
        25..45 => {
            message.extend_from_slice(
                b"Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            );
            let text = format!("{word}\r\n{}", japanese(random, body * 3 / 4));
            push_base64(&mut message, text.as_bytes());
        }
        45..60 => {
            message.extend_from_slice(
                b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
            );
            let text = format!("{word}\r\n{}", english(random, body));
            message.extend_from_slice(text.as_bytes());
        }
        60..85 => alternative(&mut message, random, &boundary, word, body),
        _ => with_attachment(&mut message, random, &boundary, word, number, body),
    }
    message
}

fn header(random: &mut Random, number: usize, kind: usize) -> String {
    let mut words: String = (0..2 + random.below(4))
        .map(|_| random.pick(JAPANESE))
        .collect();
    if number % 50 == 7 {
        words.push_str(RARE_SUBJECT);
    }
    let jis = |text: &str| {
        let bytes = encoding_rs::ISO_2022_JP.encode(text).0;
        format!("=?ISO-2022-JP?B?{}?=", BASE64_STANDARD.encode(bytes))
    };
    let utf8 = |text: &str| format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(text));
    let (subject, name) = match kind {
        0..40 => (jis(&words), jis("山田 太郎")),
        40..75 => (utf8(&words), utf8("佐藤 花子")),
        _ => {
            let words: Vec<_> = (0..3).map(|_| random.pick(ENGLISH)).collect();
            (words.join(" "), "Example Sender".to_owned())
        }
    };
    let from = random.below(300);
    let (department, list, id) = (from % 50, random.below(20), random.next());
    let date = date(number);
    let mut header = format!(
        "Return-Path: <user{from}@dept{department}.example.ac.jp>\r\n\
         Received: from mx{department}.example.ac.jp (mx{department}.example.ac.jp [192.0.2.{department}])\r\n\
         \tby mail.example.test (Postfix) with ESMTPS id {id:016X}\r\n\tfor <u1@example.test>; {date}\r\n\
         Date: {date}\r\nFrom: {name} <user{from}@dept{department}.example.ac.jp>\r\nTo: <u1@example.test>\r\n\
         Cc: list{list}@example.test, another{list}@example.test\r\nSubject: {subject}\r\n\
         Message-ID: <{number}.{id:x}@dept{department}.example.ac.jp>\r\n"
    );
    if !number.is_multiple_of(3) {
        let parent = number / 3;
        let _ = write!(
            header,
            "In-Reply-To: <{parent}.x@example.test>\r\nReferences: <{parent}.x@example.test>\r\n"
        );
    }
    header.push_str("X-Mailer: bench 1.0\r\nMIME-Version: 1.0\r\n");
    header
}

fn alternative(
    message: &mut Vec<u8>,
    random: &mut Random,
    boundary: &str,
    word: &str,
    body: usize,
) {
    let plain = japanese(random, body / 4);
    let head = format!(
        "Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n\
         Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{word}\r\n{plain}\r\n\
         --{boundary}\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    message.extend_from_slice(head.as_bytes());
    let mut html =
        "<!DOCTYPE html><html><head><style>p{margin:0}</style></head><body>\r\n".to_owned();
    while html.len() < body / 2 {
        let (one, other) = (english(random, 200), japanese(random, 120));
        let _ = write!(html, "<p class=\"x\">{one}</p><p><b>{other}</b></p>\r\n");
    }
    html.push_str("</body></html>\r\n");
    push_base64(message, html.as_bytes());
    message.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
}

fn with_attachment(
    message: &mut Vec<u8>,
    random: &mut Random,
    boundary: &str,
    word: &str,
    number: usize,
    body: usize,
) {
    let plain = japanese(random, 600);
    let head = format!(
        "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n\
         Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{word}\r\n{plain}\r\n\
         --{boundary}\r\nContent-Type: application/pdf; name=\"report{number}.pdf\"\r\n\
         Content-Disposition: attachment; filename=\"report{number}.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    message.extend_from_slice(head.as_bytes());
    let length = body.saturating_sub(1200) * 3 / 4 + 90;
    let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    push_base64(message, &bytes);
    message.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
}

fn push_base64(message: &mut Vec<u8>, bytes: &[u8]) {
    for line in BASE64_STANDARD.encode(bytes).as_bytes().chunks(76) {
        message.extend_from_slice(line);
        message.extend_from_slice(b"\r\n");
    }
}

fn english(random: &mut Random, bytes: usize) -> String {
    text(random, ENGLISH, " ", 70, "\r\n", bytes)
}

fn japanese(random: &mut Random, bytes: usize) -> String {
    text(random, JAPANESE, "", 90, "。\r\n", bytes)
}

fn text(
    random: &mut Random,
    words: &[&'static str],
    space: &str,
    width: usize,
    end: &str,
    bytes: usize,
) -> String {
    let mut text = String::with_capacity(bytes + 80);
    let mut column = 0;
    while text.len() < bytes {
        let word = random.pick(words);
        text.push_str(word);
        text.push_str(space);
        column += word.len() + space.len();
        if column > width {
            text.push_str(end);
            column = 0;
        }
    }
    text.push_str("\r\n");
    text
}

fn arrived(number: usize) -> Timestamp {
    let first = Timestamp::from_second(FIRST_SECOND).unwrap_or_default();
    first + SignedDuration::from_secs(number as i64 * SECONDS_BETWEEN)
}

fn date(number: usize) -> String {
    let date = arrived(number).to_zoned(TimeZone::UTC);
    jiff::fmt::rfc2822::to_string(&date).unwrap_or_default()
}

/// Writes messages into a Maildir, with the sizes in their names as Dovecot has them.
pub fn maildir(arguments: &Arguments) -> io::Result<()> {
    let folder = PathBuf::from(arguments.text("dir", ""));
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub))?;
    }
    let (min_kb, max_kb) = (
        arguments.number("min-kb", 2),
        arguments.number("max-kb", 60),
    );
    for number in 0..arguments.number("n", 10_000) {
        let message = message(number, min_kb, max_kb);
        let wire_size = message.len();
        let mut on_disk = message;
        on_disk.retain(|byte| *byte != b'\r');
        let seconds = arrived(number).as_second();
        let flags = if is_seen(number) { "S" } else { "" };
        let name = format!(
            "cur/{seconds}.M{number:06}P1.bench,S={},W={wire_size}:2,{flags}",
            on_disk.len()
        );
        let mut file = fs::File::create(folder.join(name))?;
        file.write_all(&on_disk)?;
        let since = Duration::from_secs(seconds.unsigned_abs());
        file.set_modified(std::time::UNIX_EPOCH + since)?;
    }
    Ok(())
}
