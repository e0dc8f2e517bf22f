//! Numbers and times between two bounds, which are part of the type.

use std::time::Duration;

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::DeValue;

use super::plain::number;
use super::text::Text;
use crate::config::problem::Findings;
use crate::config::read::Value;

/// Ten years, in seconds: the longest time that is anywhere meant.
pub(crate) const TEN_YEARS: i64 = 24 * 3660 * 3600;

/// A time, of at least `MIN` and at most `MAX` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds<const MIN: i64, const MAX: i64>(SignedDuration);

impl<const MIN: i64, const MAX: i64> Seconds<MIN, MAX> {
    /// A default. It is within the bounds: a test reads all defaults as they are written.
    pub(crate) const fn new(time: SignedDuration) -> Self {
        Self(time)
    }

    pub(crate) fn signed(self) -> SignedDuration {
        self.0
    }

    pub(crate) fn unsigned(self) -> Duration {
        self.0.unsigned_abs()
    }
}

impl<const MIN: i64, const MAX: i64> Text for Seconds<MIN, MAX> {
    fn parse(text: &str) -> Option<Self> {
        let time: SignedDuration = text.parse().ok()?;
        let bounds = SignedDuration::from_secs(MIN)..=SignedDuration::from_secs(MAX);
        bounds.contains(&time).then_some(Self(time))
    }

    fn refusal(key: &str, text: &str) -> String {
        if text.parse::<SignedDuration>().is_err() {
            return format!("{text:?} is no time; write one such as \"14h\", \"10m\" or \"2s\"");
        }
        if MAX == TEN_YEARS {
            let least = if MIN == 0 { "nothing" } else { "one second" };
            return format!("`{key}` must be a time from {least} to ten years");
        }
        format!("`{key}` must be a time from {MIN} to {MAX} s")
    }

    /// In the largest unit that gives a whole number.
    fn text(&self) -> String {
        let seconds = self.0.as_secs();
        match (seconds % 3600, seconds % 60) {
            (0, _) if seconds != 0 => format!("{}h", seconds / 3600),
            (_, 0) if seconds != 0 => format!("{}m", seconds / 60),
            _ => format!("{seconds}s"),
        }
    }
}

/// A number of things, of at least `MIN` and at most `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count<const MIN: usize, const MAX: usize>(usize);

impl<const MIN: usize, const MAX: usize> Count<MIN, MAX> {
    /// A default. It is within the bounds: a test reads all defaults as they are written.
    pub(crate) const fn new(count: usize) -> Self {
        Self(count)
    }

    pub(crate) fn get(self) -> usize {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> Value for Count<MIN, MAX> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        let wanted = match MAX {
            usize::MAX => format!("a number from {MIN}"),
            _ => format!("a number from {MIN} to {MAX}"),
        };
        number(key, &wanted, value, findings, |number| {
            let count = usize::try_from(number).ok()?;
            (MIN..=MAX).contains(&count).then_some(Self(count))
        })
    }

    fn written(&self) -> String {
        self.0.to_string()
    }
}
