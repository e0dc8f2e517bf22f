//! Numbers, texts, and what other crates parse.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::account::Group;
use sekisho_net::client::KeyPin;
use sekisho_queue::delivery::JunkHeader;
use sekisho_source::KeyLength;
use toml::Spanned;
use toml::de::DeValue;

use super::text::Text;
use crate::config::problem::Findings;
use crate::config::read::{Value, wrong_kind};

impl Value for bool {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            wrong_kind(key, "true or false, without quotes", value, findings);
        }
        read
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

/// A whole number that `convert` takes; `wanted` says which those are.
pub(super) fn number<T>(
    key: &str,
    wanted: &str,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
    convert: impl FnOnce(u64) -> Option<T>,
) -> Option<T> {
    let Some(integer) = value.get_ref().as_integer() else {
        wrong_kind(key, wanted, value, findings);
        return None;
    };
    let read = u64::from_str_radix(integer.as_str(), integer.radix());
    let read = read.ok().and_then(convert);
    if read.is_none() {
        let line = findings.line_of(&value.span());
        findings.problem(Some(line), format!("`{key}` must be {wanted}"));
    }
    read
}

impl Value for u64 {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        number(key, "a whole number from 0", value, findings, Some)
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

impl Value for usize {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        number(key, "a whole number from 0", value, findings, |number| {
            number.try_into().ok()
        })
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

/// A port.
impl Value for NonZeroU16 {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        number(key, "a number from 1 to 65535", value, findings, |number| {
            Self::new(number.try_into().ok()?)
        })
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

impl Value for KeyLength {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        number(key, "a number from 48 to 128", value, findings, |number| {
            Self::new(number.try_into().ok()?)
        })
    }

    fn written(&self) -> String {
        self.bits().to_string()
    }
}

/// An instant: a text, or a time as TOML writes it.
impl Value for Timestamp {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            _ => {
                wrong_kind(key, "an instant", value, findings);
                return None;
            }
        };
        let read = text.parse().ok();
        if read.is_none() {
            let line = findings.line_of(&value.span());
            let text = format!(
                "{text:?} is no instant; write one with its offset, such as \"2027-04-01T00:00:00+09:00\""
            );
            findings.problem(Some(line), text);
        }
        read
    }

    fn written(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Text for String {
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn refusal(key: &str, _: &str) -> String {
        format!("`{key}` must be a text")
    }

    fn text(&self) -> String {
        self.clone()
    }
}

/// The name of a file or of a folder.
impl Text for PathBuf {
    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }

    fn refusal(key: &str, _: &str) -> String {
        format!("`{key}` is empty: write where the file or folder is, or leave the key out")
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

impl Text for SocketAddr {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn refusal(_: &str, text: &str) -> String {
        format!(
            "{text:?} is no address with a port; write one such as \"127.0.0.1:143\" or \"[::]:143\""
        )
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Text for IpNet {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn refusal(_: &str, text: &str) -> String {
        format!(
            "{text:?} is not a prefix: write one such as \"203.0.113.0/24\", or \"192.0.2.1/32\" for one address"
        )
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Text for TimeZone {
    fn parse(text: &str) -> Option<Self> {
        Self::get(text).ok()
    }

    fn refusal(_: &str, text: &str) -> String {
        format!("{text:?} is not a time zone; write one such as \"Asia/Tokyo\"")
    }

    fn text(&self) -> String {
        self.iana_name().unwrap_or_default().to_owned()
    }
}

impl Text for Group {
    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    fn refusal(key: &str, _: &str) -> String {
        format!("a group of `{key}` has no name")
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl Text for KeyPin {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn refusal(key: &str, _: &str) -> String {
        format!("`{key}` is a SHA-256 hash: 64 hexadecimal digits")
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Text for JunkHeader {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn refusal(_: &str, text: &str) -> String {
        format!("{text:?} is no header field; write one such as \"X-Spam-Flag: YES\"")
    }

    fn text(&self) -> String {
        self.to_string()
    }
}
