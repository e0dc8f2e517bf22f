//! How times are shown: in the site's zone, by its name.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lang::Lang;

/// Day and minute with the zone's name, such as `2026-11-24 09:05 JST`.
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

/// Hour, minute and second with the zone's name, such as `09:05:30 JST`: for what is waited for.
#[must_use]
pub fn second(zone: &TimeZone, at: Timestamp) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%H:%M:%S %Z")
        .to_string()
}

/// How long from `now` to `until`, in hours and minutes, or in seconds below a minute; nothing is left once it has passed.
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

/// The instant for the machine, for `<time datetime>` and scripts that count down.
#[must_use]
pub fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
