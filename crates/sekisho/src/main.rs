//! The command line: reads what was asked, and says what came of it.

use std::process::ExitCode;

use clap::Parser;
use sekisho::commands::{Cli, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprint_chain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Says an error with its causes, each on a line.
#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn eprint_chain(error: &anyhow::Error) {
    eprintln!("sekisho: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}
