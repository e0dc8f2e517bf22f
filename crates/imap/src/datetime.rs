//! Dates as IMAP writes them (RFC 3501, section 9: `date` and `date-time`). Calendar arithmetic in the proleptic
//! Gregorian calendar; no clock and no time zone database.

use std::fmt;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A day, without time or zone: `17-Jul-1996`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day in the years 1 to 9999; `None` if there is no such day.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let real = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        real.then_some(Self { year, month, day })
    }

    /// Reads `17-Jul-1996` or `7-Jul-1996`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.splitn(3, |&b| b == b'-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        if !(1..=2).contains(&day.len()) || year.len() != 4 {
            return None;
        }
        let month = MONTHS
            .iter()
            .position(|name| name.as_bytes().eq_ignore_ascii_case(month))?;
        Self::new(
            digits(year)?,
            u8::try_from(month + 1).ok()?,
            u8::try_from(digits(day)?).ok()?,
        )
    }

    /// The number of days since 1970-01-01; negative before that.
    #[must_use]
    pub fn days(self) -> i64 {
        // Here a year begins in March, so that a leap day is the last day of its year.
        let shifted = i64::from(self.year) - i64::from(self.month <= 2);
        let month = (i64::from(self.month) + 9) % 12;
        let in_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        shifted * 365 + shifted.div_euclid(4) - shifted.div_euclid(100)
            + shifted.div_euclid(400)
            + in_year
            - 719_468
    }

    /// The day that is `days` after 1970-01-01. Before the year 1 it is the first day of that year, after 9999 the
    /// last.
    #[must_use]
    pub fn from_days(days: i64) -> Self {
        let days = days.clamp(-719_162, 2_932_896) + 719_468;
        let era = days.div_euclid(146_097);
        let in_era = days.rem_euclid(146_097);
        let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let shifted_month = (5 * in_year + 2) / 153;
        let day = in_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year + era * 400 + i64::from(month <= 2);
        let small = |value: i64| u8::try_from(value).unwrap_or(1);
        Self {
            year: u16::try_from(year).unwrap_or(1),
            month: small(month),
            day: small(day),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = MONTHS[usize::from(self.month) - 1];
        write!(f, "{}-{month}-{:04}", self.day, self.year)
    }
}

/// A time in seconds, with the zone in which it was written: `17-Jul-1996 02:44:25 -0700`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    seconds: i64,
    zone_minutes: i16,
}

impl DateTime {
    /// The time `seconds` after 1970-01-01T00:00:00Z, written in UTC.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self {
            seconds,
            zone_minutes: 0,
        }
    }

    /// The same time, written in the zone that is `minutes` ahead of UTC (less than a day).
    #[must_use]
    pub fn in_zone(self, minutes: i16) -> Self {
        Self {
            zone_minutes: minutes.clamp(-1_439, 1_439),
            ..self
        }
    }

    /// Reads a `date-time` without its quotes; a day below 10 may be written ` 7` or `07`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (date, rest) = bytes.split_at_checked(11)?;
        let date = Date::parse(date.strip_prefix(b" ").unwrap_or(date))?;
        let [
            b' ',
            h1,
            h2,
            b':',
            m1,
            m2,
            b':',
            s1,
            s2,
            b' ',
            sign,
            z1,
            z2,
            z3,
            z4,
        ] = *rest
        else {
            return None;
        };
        let hour = digits(&[h1, h2]).filter(|&hour| hour < 24)?;
        let minute = digits(&[m1, m2]).filter(|&minute| minute < 60)?;
        let second = digits(&[s1, s2]).filter(|&second| second <= 60)?;
        let zone = digits(&[z1, z2]).filter(|&hours| hours < 24)? * 60
            + digits(&[z3, z4]).filter(|&minutes| minutes < 60)?;
        let zone = i16::try_from(zone).ok()?;
        let zone_minutes = match sign {
            b'+' => zone,
            b'-' => -zone,
            _ => return None,
        };
        let in_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59));
        Some(Self {
            seconds: date.days() * 86_400 + in_day - i64::from(zone_minutes) * 60,
            zone_minutes,
        })
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.seconds
    }
}

/// Always 26 characters: the day has two, as `date-day-fixed` requires (RFC 3501, section 9).
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self
            .seconds
            .saturating_add(i64::from(self.zone_minutes) * 60);
        let date = Date::from_days(local.div_euclid(86_400));
        let in_day = local.rem_euclid(86_400);
        let sign = if self.zone_minutes < 0 { '-' } else { '+' };
        let zone = self.zone_minutes.unsigned_abs();
        write!(
            f,
            "{:>11} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            date.to_string(),
            in_day / 3600,
            in_day / 60 % 60,
            in_day % 60,
            zone / 60,
            zone % 60
        )
    }
}

fn digits(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0u16, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_its_second_and_prints_as_it_was() {
        let text = "17-Jul-1996 02:44:25 -0700";
        let time = DateTime::parse(text.as_bytes()).unwrap();
        assert_eq!(time.unix(), 837_596_665);
        assert_eq!(time.to_string(), text);
        assert_eq!(time.in_zone(540).to_string(), "17-Jul-1996 18:44:25 +0900");
        assert_eq!(
            DateTime::from_unix(0).to_string(),
            " 1-Jan-1970 00:00:00 +0000"
        );
    }

    #[test]
    fn days_that_never_were_are_refused() {
        for bytes in [
            &b"29-Feb-2023"[..],
            b"0-Jan-2024",
            b"32-Jan-2024",
            b"1-Foo-2024",
            b"1-Jan-24",
        ] {
            assert_eq!(Date::parse(bytes), None, "{bytes:?}");
        }
        assert!(Date::parse(b"29-feb-2024").is_some());
        assert_eq!(DateTime::parse(b"17-Jul-1996 24:00:00 +0000"), None);
    }

    proptest! {
        #[test]
        fn every_second_survives_print_and_parse(seconds in -62_000_000_000i64..253_000_000_000) {
            let text = DateTime::from_unix(seconds).to_string();
            prop_assert_eq!(text.len(), 26);
            prop_assert_eq!(DateTime::parse(text.as_bytes()).unwrap().unix(), seconds);
        }

        #[test]
        fn no_bytes_panic(bytes in "[ 0-9A-Za-z:+-]{0,30}", seconds: i64) {
            let _ = (Date::parse(bytes.as_bytes()), DateTime::parse(bytes.as_bytes()));
            let _ = DateTime::from_unix(seconds).to_string();
        }
    }
}
