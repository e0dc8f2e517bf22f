//! The text of mail, whatever bytes it is made of: it stays within its line and within bounds, and is the same however
//! it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::header::ParameterizedValue;
use sekisho_message::html::{Purpose, to_text};
use sekisho_message::transfer::{Decoder, TransferEncoding};
use sekisho_message::{address, charset, date, encoded_word, identifiers};

const CHARSETS: [&str; 9] = [
    "",
    "utf-8",
    "iso-2022-jp",
    "utf-7",
    "cp932",
    "euc-jp",
    "us-ascii",
    "iso-8859-1",
    "utf-16",
];

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    transfer_encodings(usize::from(step).max(1), bytes);
    let label = CHARSETS[usize::from(step) % CHARSETS.len()];
    let text = charset::decode_html(Some(label.as_bytes()), bytes).text;
    assert!(text.len() <= 3 * bytes.len() + 3);
    for purpose in [Purpose::Words, Purpose::Reading] {
        let plain = to_text(&text, purpose);
        assert!(!plain.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
    }
    assert!(!encoded_word::decode(bytes).contains(char::is_control));
    if let Some(all) = address::sure(bytes) {
        assert!(all.iter().all(|address| address.matches('@').count() == 1));
        let read = address::parse(bytes).len();
        assert_eq!(read, all.len());
    }
    let _ = address::typed(&text);
    let value = ParameterizedValue::parse(bytes);
    for name in ["name", "filename", "charset"] {
        let text = value.text(name).unwrap_or_default();
        assert!(!text.contains(char::is_control));
    }
    let _ = date::parse(bytes);
    for id in identifiers::as_written(bytes) {
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
    }
});

fn transfer_encodings(step: usize, bytes: &[u8]) {
    for encoding in [
        TransferEncoding::Identity,
        TransferEncoding::Base64,
        TransferEncoding::QuotedPrintable,
    ] {
        let decode = |step: usize| {
            let mut decoder = Decoder::new(encoding);
            let mut out = Vec::new();
            for piece in bytes.chunks(step) {
                out.extend(decoder.push(piece));
            }
            out.extend(decoder.finish());
            out
        };
        let whole = decode(bytes.len().max(1));
        assert!(whole.len() <= bytes.len());
        assert!(decode(step) == whole, "{encoding:?}");
    }
}
