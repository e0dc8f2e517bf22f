//! The moment that a Date field names.

/// Moment and own day of a Date field (RFC 5322, section 3.3).
pub fn parse(field: &[u8]) -> Option<(i64, i64)> {
    const LONGEST: usize = 100;
    let text = std::str::from_utf8(&field[..field.len().min(LONGEST)]).ok()?;
    let date = mail_parser::DateTime::parse_rfc822(text)?;
    let year = i16::try_from(date.year).ok()?;
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    let epoch = jiff::civil::date(1970, 1, 1);
    let since = jiff::civil::Date::new(year, month, day).ok()? - epoch;
    let day = i64::from(since.get_days());
    let clock = i64::from(date.hour) * 3_600 + i64::from(date.minute) * 60 + i64::from(date.second);
    let zone = i64::from(date.tz_hour) * 3_600 + i64::from(date.tz_minute) * 60;
    let zone = if date.tz_before_gmt { -zone } else { zone };
    Some((day * 86_400 + clock - zone, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_moment_and_a_day_of_its_own_zone() {
        let (moment, day) = parse(b"Tue, 01 Jul 2025 08:30:00 +0900").unwrap();
        assert_eq!(moment, 1_751_326_200);
        assert_eq!(day, 20_270);
        assert_eq!(parse(b"99 Foo 2025"), None);
    }
}
