//! Which new passwords are accepted (NIST SP 800-63B-4 section 3.1.1.2): long ones that are not among the first
//! guesses. There are no rules about kinds of characters.

use sekisho_checkpoint::account::Password;
use sekisho_checkpoint::ports::SetPasswordError;

/// The longest password, in bytes. Longer ones are neither accepted nor checked, so that nobody can make the server
/// hash megabytes.
pub const LONGEST: usize = 1024;

/// The shortest password, in characters, unless the site configures another.
pub const SHORTEST: usize = 12;

/// Words, in lower case, that make even a long password one of the first guesses.
const COMMON: [&str; 40] = [
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abcdefghijkl",
    "abcd1234",
    "admin",
    "administrator",
    "asdfghjkl",
    "baseball",
    "changeme",
    "computer",
    "correcthorsebatterystaple",
    "dragon",
    "football",
    "iloveyou",
    "letmein",
    "login",
    "master",
    "monkey",
    "p@ssw0rd",
    "p@ssword",
    "passw0rd",
    "password",
    "princess",
    "qazwsxedc",
    "qwerty",
    "qwertyuiop",
    "qwertyuiop[]",
    "secret",
    "sekisho",
    "shadow",
    "sunshine",
    "superman",
    "test",
    "trustno1",
    "university",
    "welcome",
    "whatever",
    "zaq12wsx",
    "zxcvbnm",
    "password123",
];

/// Checks a new password for the account with that login name.
///
/// # Errors
/// The rule that it breaks.
pub fn check(new: &Password, login: &str, shortest: usize) -> Result<(), SetPasswordError> {
    let typed = new.expose();
    if typed.len() > LONGEST {
        return Err(SetPasswordError::TooLong(LONGEST));
    }
    if typed.chars().count() < shortest {
        return Err(SetPasswordError::TooShort(shortest));
    }
    let lower = typed.to_lowercase();
    let login = login.to_lowercase();
    let guessed = COMMON
        .iter()
        .copied()
        .chain((login.chars().count() >= 3).then_some(login.as_str()))
        .any(|word| adds_little_to(&lower, word));
    if guessed || is_a_run(&lower) {
        return Err(SetPasswordError::TooCommon);
    }
    Ok(())
}

/// Whether a password is a word, once or repeated, with at most digits, punctuation and three letters around it:
/// `Password2027!`, `alicealice123`.
fn adds_little_to(password: &str, word: &str) -> bool {
    password.contains(word)
        && password
            .replace(word, "")
            .chars()
            .filter(|c| c.is_alphabetic())
            .count()
            <= 3
}

/// Whether each character equals the one before it, or all go up or all go down by one: `aaaaaaaaaaaa`, `123456789012`.
fn is_a_run(password: &str) -> bool {
    let all: Vec<u32> = password.chars().map(u32::from).collect();
    let nine_to_zero = |a: u32, b: u32| a == u32::from('9') && b == u32::from('0');
    let holds = |next: fn(u32) -> Option<u32>| {
        all.windows(2).all(|pair| match *pair {
            [a, b] => next(a) == Some(b) || nine_to_zero(a, b) || nine_to_zero(b, a),
            _ => false,
        })
    };
    holds(Some) || holds(|c| c.checked_add(1)) || holds(|c| c.checked_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(typed: &str) -> Result<(), SetPasswordError> {
        check(&Password::new(typed.to_owned()), "alice", SHORTEST)
    }

    #[test]
    fn long_passwords_of_any_make_are_taken() {
        for typed in [
            "four plain little words",
            "会議室の鍵は青い鳥の中だよ",
            "alice likes the north coast",
            "tEst-drive the red tractor",
        ] {
            assert!(taken(typed).is_ok(), "{typed}");
        }
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for typed in [
            "Password2027!",
            "passwordpassword",
            "aliceALICE1234",
            "111111111111",
            "123456789012",
            "abcdefghijklmnop",
            "987654321098",
            "qwertyuiop[]",
            "!!alice2027!!!",
        ] {
            assert!(
                matches!(taken(typed), Err(SetPasswordError::TooCommon)),
                "{typed}"
            );
        }
    }

    #[test]
    fn length_is_counted_in_characters_and_bounded_in_bytes() {
        assert!(matches!(
            taken("きみとぼくの十一文字だ"),
            Err(SetPasswordError::TooShort(12))
        ));
        assert!(matches!(
            taken(&"long words ".repeat(100)),
            Err(SetPasswordError::TooLong(1024))
        ));
    }
}
