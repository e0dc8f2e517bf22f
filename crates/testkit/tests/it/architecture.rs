//! What ARCHITECTURE.md names in backquotes is there: files and folders, scripts, functions, types and modules.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};

use crate::sources::{repository, rust_files, tokens};

/// Words of other programs and of the language.
const OTHERS: [&str; 4] = ["unsafe", "ring", "rsa", "aws-lc-rs"];

/// What stands in backquotes.
fn named(text: &str) -> BTreeSet<&str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The names of a module's items, variants and fields.
fn collect(tokens: TokenStream, names: &mut BTreeSet<String>) {
    const ITEMS: [&str; 8] = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "mod",
    ];
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let text = |at: usize| tokens.get(at).map(ToString::to_string).unwrap_or_default();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), names),
            TokenTree::Ident(word) => {
                let before = at.checked_sub(1).map(text).unwrap_or_default();
                let (next, after) = (text(at + 1), text(at + 2));
                let is_item = ITEMS.contains(&before.as_str());
                let is_field = next == ":" && after != ":";
                let begins = before.is_empty() || before == "," || before.starts_with('[');
                let ends = next.is_empty() || next == "," || next.starts_with(['(', '{']);
                if is_item || is_field || (begins && ends) {
                    names.insert(word.to_string());
                }
            }
            _ => {}
        }
    }
}

/// Whether a file or a folder is there: from the root, or as the end of a Rust file's path.
fn is_there(path: &str, files: &[PathBuf]) -> bool {
    if repository().join(path).exists() {
        return true;
    }
    let mut files = files.iter().map(|file| format!("/{}", file.display()));
    match path.split_once('*') {
        Some((begin, rest)) => {
            let end = rest.rsplit('*').next().unwrap_or_default();
            files.any(|file| file[1..].starts_with(begin) && file.ends_with(end))
        }
        None if path.ends_with('/') => files.any(|file| file.contains(&format!("/{path}"))),
        None => files.any(|file| file.ends_with(&format!("/{path}"))),
    }
}

#[test]
fn what_architecture_names_is_there() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md"))?;
    let files = rust_files(&["crates", "fuzz/targets", "bench"])?;
    let mut names = BTreeSet::new();
    for file in &files {
        collect(tokens(file)?.1, &mut names);
        let folders = file.iter().filter_map(|part| part.to_str());
        names.extend(folders.map(|part| part.trim_end_matches(".rs").to_owned()));
    }
    let is_missing = |word: &str| {
        let (path, arguments) = word.split_once(' ').unwrap_or((word, ""));
        let is_path = path.contains('/') || path.ends_with(".rs") || path.ends_with(".toml");
        if path.starts_with('/') || OTHERS.contains(&path) {
            // An address of the webmail.
            false
        } else if is_path {
            !is_there(path, &files)
        } else if arguments.is_empty() && !word.contains('=') {
            let parts = word.split("::").flat_map(|part| part.split("()."));
            parts.into_iter().any(|part| !names.contains(part))
        } else {
            // A command, or a variable of the environment.
            false
        }
    };
    let missing: Vec<&str> = named(&text)
        .into_iter()
        .filter(|word| is_missing(word))
        .collect();
    assert!(missing.is_empty(), "not there: {missing:#?}");
    Ok(())
}
