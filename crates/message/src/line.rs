//! Text that stays on its line.

/// The text without anything that would leave its line or change its direction. Control characters and other line
/// breaks become one space; marks that change the direction of writing are removed, and so is space at the end.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut folded = false;
    for character in text.chars() {
        let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        match character {
            _ if turns => {}
            ' ' if folded => {}
            _ if breaks => {
                if !folded && !line.ends_with(' ') {
                    line.push(' ');
                }
                folded = true;
            }
            _ => {
                line.push(character);
                folded = false;
            }
        }
    }
    line.truncate(line.trim_end().len());
    line
}
