//! Dates of header fields: as RFC 5322 has them (sections 3.3 and 4.3), and in the wrong forms that programs write.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;

/// The longest date that is read, in bytes.
const LONGEST: usize = 100;
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Zones by name, in minutes east of Greenwich. RFC 5322 knows those of North America; programs write others as well.
const ZONES: [(&str, i32); 34] = [
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("wet", 0),
    ("jst", 540),
    ("kst", 540),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("ast", -240),
    ("bst", 60),
    ("west", 60),
    ("cet", 60),
    ("met", 60),
    ("mez", 60),
    ("cest", 120),
    ("mest", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("sgt", 480),
    ("hkt", 480),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
];

/// A date: a moment, and the calendar day in its own zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The moment.
    pub moment: Timestamp,
    /// The day as it is written.
    pub day: civil::Date,
}

impl Date {
    /// The day, in days since 1970-01-01.
    #[must_use]
    pub fn day_number(&self) -> i64 {
        let since = self.day - civil::date(1970, 1, 1);
        i64::from(since.get_days())
    }
}

/// Reads a date. A zone that is missing or unknown counts as UTC (RFC 5322, section 4.3).
#[must_use]
pub fn parse(field: &[u8]) -> Option<Date> {
    let text = std::str::from_utf8(field.get(..LONGEST).unwrap_or(field)).ok()?;
    let mut found = Found::default();
    let text = without_comments(text);
    for token in text.split(|c: char| c.is_whitespace() || c == ',') {
        found.token(token)?;
    }
    found.date()
}

/// The parts of a date, as far as they have been read.
#[derive(Default)]
struct Found {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<(i8, i8, i8)>,
    afternoon: Option<bool>,
    /// Minutes east of Greenwich.
    zone: Option<i32>,
}

impl Found {
    /// Takes one word. `None` if it can't be part of a date.
    fn token(&mut self, token: &str) -> Option<()> {
        let lower = token.to_ascii_lowercase();
        let token = lower.as_str();
        if token.is_empty() {
            return Some(());
        }
        if self.time.is_none()
            && let Some((date, time)) = iso(token)
        {
            self.whole_day(date)?;
            return time.map_or(Some(()), |time| self.clock(time));
        }
        match token.as_bytes() {
            [b'+' | b'-', ..] if self.time.is_some() => self.zone = offset(token).or(self.zone),
            [digit, ..] if digit.is_ascii_digit() => self.number(token)?,
            _ => self.word(token)?,
        }
        Some(())
    }

    fn number(&mut self, token: &str) -> Option<()> {
        if token.contains(':') || (token.matches('.').count() == 2 && self.month.is_some()) {
            return self.clock(token);
        }
        if token.contains('-') {
            // 1-Dec-2026
            let mut pieces = token.split('-');
            let (day, month, year) = (pieces.next()?, pieces.next()?, pieces.next()?);
            self.month = Some(self::month(month)?);
            self.day = Some(day.parse().ok()?);
            self.year = Some(self::year(year)?);
            return Some(());
        }
        let digits = token.trim_end_matches(['.', 's', 't', 'n', 'd', 'r', 'h']);
        match self.day {
            None => self.day = Some(digits.parse().ok()?),
            Some(_) if self.year.is_none() => self.year = Some(year(digits)?),
            Some(_) => return None,
        }
        Some(())
    }

    fn word(&mut self, token: &str) -> Option<()> {
        if let Some(month) = month(token) {
            if self.month.is_none() {
                self.month = Some(month);
            }
            return Some(());
        }
        if self.time.is_some() && matches!(token, "am" | "pm") {
            self.afternoon = Some(token == "pm");
            return Some(());
        }
        if self.time.is_some() {
            // `GMT+0900`
            let signed = token.find(['+', '-']).and_then(|at| offset(&token[at..]));
            let named = ZONES.iter().find(|(name, _)| *name == token);
            let zone = signed.or(named.map(|(_, minutes)| *minutes));
            self.zone = self.zone.or(zone);
        }
        // Days of the week are decoration, and often wrong.
        Some(())
    }

    /// `9:05`, `09:05:00.123`, `10:00:00+0900`, `10:00:00Z`
    fn clock(&mut self, token: &str) -> Option<()> {
        let end = token.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
        let (clock, zone) = token.split_at(end.unwrap_or(token.len()));
        let mut pieces = clock.split([':', '.']);
        let mut next = || pieces.next().map(str::parse::<i8>);
        let (hour, minute) = (next()?.ok()?, next()?.ok()?);
        let second = next().transpose().ok()?.unwrap_or(0);
        self.time = Some((hour, minute, second.min(59)));
        match zone {
            "" => {}
            "am" | "pm" => self.afternoon = Some(zone == "pm"),
            zone => {
                let named = ZONES.iter().find(|(name, _)| *name == zone);
                self.zone = offset(zone).or(named.map(|(_, minutes)| *minutes));
            }
        }
        Some(())
    }

    fn whole_day(&mut self, date: &str) -> Option<()> {
        let mut pieces = date.split(['-', '/', '.']);
        self.year = Some(pieces.next()?.parse().ok()?);
        self.month = Some(pieces.next()?.parse().ok()?);
        self.day = Some(pieces.next()?.parse().ok()?);
        Some(())
    }

    fn date(self) -> Option<Date> {
        let day = civil::Date::new(self.year?, self.month?, self.day?).ok()?;
        let (hour, minute, second) = self.time?;
        let hour = match self.afternoon {
            Some(true) if hour < 12 => hour + 12,
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        let time = civil::Time::new(hour, minute, second, 0).ok()?;
        let offset = Offset::from_seconds(self.zone.unwrap_or(0) * 60).ok()?;
        let moment = offset.to_timestamp(day.to_datetime(time)).ok()?;
        Some(Date { moment, day })
    }
}

/// `2026-12-01` or `2026/12/1`, and the time behind a `T`.
fn iso(token: &str) -> Option<(&str, Option<&str>)> {
    let (date, time) = match token.split_once('t') {
        Some((date, time)) => (date, Some(time)),
        None => (token, None),
    };
    let mut pieces = date.split(['-', '/', '.']);
    let is_number = |piece: &str| !piece.is_empty() && piece.bytes().all(|b| b.is_ascii_digit());
    let is_date = pieces
        .next()
        .is_some_and(|year| year.len() == 4 && is_number(year))
        && pieces.next().is_some_and(is_number)
        && pieces.next().is_some_and(is_number)
        && pieces.next().is_none();
    is_date.then_some((date, time))
}

/// Minutes of `+0900`, `+09:00`, `+900` or `+9`.
fn offset(token: &str) -> Option<i32> {
    let (sign, digits) = match token.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let minutes = match digits.len() {
        1 | 2 => number * 60,
        3 | 4 => number / 100 * 60 + number % 100,
        _ => return None,
    };
    (minutes < 24 * 60).then_some(sign * minutes)
}

fn month(word: &str) -> Option<i8> {
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|month| *month == start)?;
    let whole = word
        .trim_end_matches('.')
        .chars()
        .all(|c| c.is_ascii_alphabetic());
    i8::try_from(at + 1).ok().filter(|_| whole)
}

/// Years of two and of three digits are those of RFC 5322, section 4.3.
fn year(digits: &str) -> Option<i16> {
    let number: i16 = digits.parse().ok()?;
    Some(match digits.len() {
        2 if number < 50 => number + 2000,
        2 | 3 => number + 1900,
        4 => number,
        _ => return None,
    })
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => return Some(c),
            _ => {}
        }
        (c == ')').then_some(' ')
    };
    text.chars().filter_map(outside).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_programs_write_them() {
        for text in [
            "Tue, 01 Dec 2026 10:00:00 +0900",
            "Tue, 1 Dec 2026 10:00 +0900",
            "1 Dec 26 10:00:00 +0900 (JST)",
            "Tue, 01 Dec 2026 10:00:00 JST",
            "Tue,1 Dec 2026 10:00:00 +09:00",
            "Mon, 1 December 2026 10:00:00 +0900",
            "Tue, 1 Dec 2026 01:00:00 GMT",
            "Tue, 1 Dec 2026 01:00:00 -0000",
            "Tue, 1 Dec 2026 01:00:00",
            "Tue, 1 Dec 2026 1:00:00 Z",
            "Tue, 1 Dec 2026 10:00:00 GMT+0900",
            "Tue, 1 Dec 2026 10:00:00 UTC+9",
            "Tue, 1 Dec 2026 10.00.00 +0900",
            "Tue, 1 Dec 2026 10:00:00 AM +0900",
            "Mon, 30 Nov 2026 20:00:00 EST",
            "Tue Dec  1 10:00:00 2026 +0900",
            "Tue Dec 01 10:00:00 JST 2026",
            "1-Dec-2026 10:00:00 +0900",
            "2026-12-01 10:00:00 +0900",
            "2026/12/01 10:00:00 JST",
            "2026-12-01T10:00:00+09:00",
            "2026-12-01T01:00:00.123Z",
            "(a comment (nested)) Tue, 1 Dec 2026 (day) 10:00:00 +0900",
        ] {
            let date = parse(text.as_bytes());
            assert_eq!(
                date.map(|date| date.moment.as_second()),
                Some(1_796_086_800),
                "{text}"
            );
        }
    }

    #[test]
    fn a_date_is_a_moment_and_a_day_of_its_own_zone() {
        let date = parse(b"Tue, 01 Jul 2025 08:30:00 +0900").unwrap();
        assert_eq!(date.moment.as_second(), 1_751_326_200);
        assert_eq!(date.day_number(), 20_270);
        let leap = parse(b"Sat, 31 Dec 2016 23:59:60 +0000").unwrap();
        assert_eq!(leap.moment.as_second(), 1_483_228_799);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "99 Foo 2025",
            "31 Feb 2026 10:00:00 +0900",
            "1 Dec 2026",
            "1 Dec 2026 25:00:00 +0900",
            "1 Dec 20266 10:00",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in "[0-9:+ ,()TZ/.-]{0,30}|(Dec|1|2026|10:00|JST|[+]0900|é| ){0,9}") {
            let _ = parse(text.as_bytes());
        }
    }
}
