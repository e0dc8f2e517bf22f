//! How pages show times: in the site's time zone, with its name.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lang::Lang;

/// Date and minute with the zone's name, such as `2026-11-24 09:05 JST`.
#[must_use]
pub fn exact(zone: &TimeZone, at: Timestamp) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string()
}

/// Hour and minute with the zone's name, such as `09:05 JST`.
#[must_use]
pub fn hour(zone: &TimeZone, at: Timestamp) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%H:%M %Z")
        .to_string()
}

/// Hour, minute and second with the zone's name, such as `09:05:30 JST`, for short waits.
#[must_use]
pub fn second(zone: &TimeZone, at: Timestamp) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%H:%M:%S %Z")
        .to_string()
}

/// The time from `now` to `until` in words: hours and minutes, or seconds below a minute. Zero if `until` has passed.
#[must_use]
pub fn left(lang: Lang, now: Timestamp, until: Timestamp) -> String {
    let seconds = until.duration_since(now).as_secs().max(0);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        t!(lang, "time-left-hours", hours = hours, minutes = minutes)
    } else if minutes > 0 {
        t!(lang, "time-left-minutes", minutes = minutes)
    } else {
        t!(lang, "time-left-seconds", seconds = seconds)
    }
}

/// UTC in RFC 3339 format to the second, for `<time datetime>` and for scripts that count down.
#[must_use]
pub fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
