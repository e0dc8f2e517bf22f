//! Character references (HTML Standard, 13.2.5.72 and following).

use web_atoms::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// The longest name of a reference, in bytes, with its semicolon.
const LONGEST_NAME: usize = 33;

/// One or two characters, and how many bytes their reference takes after its `&`.
pub(super) type Reference = (char, Option<char>, usize);

/// The reference whose `&` was just read. In an attribute's value, a reference without a semicolon counts only if
/// nothing follows that could belong to it.
pub(super) fn reference(text: &str, in_attribute: bool) -> Option<Reference> {
    match text.strip_prefix('#') {
        Some(number) => numeric(number),
        None => named(text, in_attribute),
    }
}

fn numeric(text: &str) -> Option<Reference> {
    let (digits, radix) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let mut number = 0_u32;
    let mut length = 0;
    for digit in digits.chars().map_while(|c| c.to_digit(radix)) {
        number = number.saturating_mul(radix).saturating_add(digit);
        length += 1;
    }
    if length == 0 {
        return None;
    }
    let used = 1 + (text.len() - digits.len()) + length;
    let ends = digits
        .get(length..)
        .is_some_and(|rest| rest.starts_with(';'));
    let replaced = match number {
        0x80..=0x9f => C1_REPLACEMENTS[number as usize - 0x80],
        _ => None,
    };
    let known = char::from_u32(number).filter(|c| *c != '\0');
    let character = replaced.or(known).unwrap_or('\u{fffd}');
    Some((character, None, used + usize::from(ends)))
}

fn named(text: &str, in_attribute: bool) -> Option<Reference> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric();
    let end = text
        .bytes()
        .take(LONGEST_NAME)
        .position(|byte| !is_part(byte));
    let end = end.unwrap_or(text.len().min(LONGEST_NAME));
    let ended = text.get(..=end).filter(|name| name.ends_with(';'));
    if let Some(found) = ended.and_then(lookup) {
        return Some(found);
    }
    // A few old ones need no semicolon; the longest match counts.
    let found = (1..=end)
        .rev()
        .find_map(|length| lookup(text.get(..length)?))?;
    let goes_on = text
        .as_bytes()
        .get(found.2)
        .is_some_and(|byte| is_part(*byte) || *byte == b'=');
    (!(in_attribute && goes_on)).then_some(found)
}

fn lookup(name: &str) -> Option<Reference> {
    let (first, second) = *NAMED_ENTITIES.get(name)?;
    let first = char::from_u32(first).filter(|c| *c != '\0')?;
    let second = char::from_u32(second).filter(|c| *c != '\0');
    Some((first, second, name.len()))
}
