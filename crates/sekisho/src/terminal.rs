//! What the command line says to a person.

use jiff::tz::TimeZone;

/// Writes a line to standard output.
#[expect(clippy::print_stdout, reason = "the command line speaks to a person")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// A time in the site's zone, with its name.
pub(crate) fn in_zone(at: jiff::Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}
