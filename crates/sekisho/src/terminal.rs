//! What the command line says to a person.

use std::io::{IsTerminal as _, Write as _};

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

/// Says how far the work is, where somebody watches.
pub(crate) fn progress(done: usize, of: usize, what: &str) {
    let mut stderr = std::io::stderr();
    if !stderr.is_terminal() {
        return;
    }
    let line = match of {
        _ if what.is_empty() => String::new(),
        0 => format!("{done} messages, {what}"),
        of => format!("{} of {of}, {what}", done + 1),
    };
    // Whether it is seen matters to nobody.
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}
