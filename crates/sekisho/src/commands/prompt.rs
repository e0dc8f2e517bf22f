//! Asking for a password: at the terminal without an echo, or from standard input. Never from the command line, where
//! everybody on the machine reads it.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, ensure};
use sekisho_checkpoint::Password;
use zeroize::Zeroizing;

/// Asks for a password that exists: at the terminal, else the first line of standard input.
///
/// # Errors
/// Nothing was given.
pub(super) fn password(question: &str) -> anyhow::Result<Password> {
    if std::io::stdin().is_terminal() {
        return Ok(Password::new(rpassword::prompt_password(question)?));
    }
    first_line()
}

fn first_line() -> anyhow::Result<Password> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("reading the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    ensure!(
        !password.is_empty(),
        "standard input gave no password: its first line is taken"
    );
    Ok(Password::new(password.to_owned()))
}

/// Asks for a new password: twice at a terminal, else the first line of standard input.
///
/// # Errors
/// Nothing was given, or the two differ.
pub(super) fn new_password() -> anyhow::Result<Password> {
    if !std::io::stdin().is_terminal() {
        return first_line();
    }
    let first = Zeroizing::new(rpassword::prompt_password("New password: ")?);
    let second = Zeroizing::new(rpassword::prompt_password("The same again: ")?);
    ensure!(
        first == second,
        "the two passwords differ; nothing was changed"
    );
    Ok(Password::new(first.to_string()))
}
