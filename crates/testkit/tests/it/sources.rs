//! The repository's Rust files, for the tests that read them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proc_macro2::{TokenStream, TokenTree};

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust file below these folders of the repository, relative to it and in order.
pub fn rust_files(folders: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let root = repository();
    let mut todo: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            // What cargo builds is none of ours.
            if !path.ends_with("target") {
                for entry in std::fs::read_dir(&path)? {
                    todo.push(entry?.path());
                }
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path.strip_prefix(&root)?.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// The tokens of a file of the repository.
pub fn tokens(file: &Path) -> anyhow::Result<(String, TokenStream)> {
    let text = std::fs::read_to_string(repository().join(file))?;
    let tokens = text
        .parse()
        .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    Ok((text, tokens))
}

/// The rows of a table of ARCHITECTURE.md that names files and a reason: each row's files, which stand in backquotes.
pub fn exceptions(heading: &str) -> anyhow::Result<Vec<Vec<PathBuf>>> {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md"))?;
    let (_, below) = text
        .split_once(&format!("\n### {heading}\n"))
        .with_context(|| format!("ARCHITECTURE.md has no {heading:?}"))?;
    let table = below.lines().take_while(|line| !line.starts_with('#'));
    let rows = table.filter_map(|line| line.strip_prefix("| `"));
    let files = |row: &str| {
        row.split('`')
            .step_by(2)
            .filter(|cell| cell.ends_with(".rs"))
            .map(PathBuf::from)
            .collect()
    };
    Ok(rows.map(files).collect())
}

/// The tokens without items that are compiled for tests alone.
pub fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_attribute = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let attribute = tokens.peek().map(|next| next.to_string().replace(' ', ""));
        if is_attribute && attribute.is_some_and(|text| text == "[cfg(test)]") {
            // The item ends with its braces, or with a semicolon.
            for skipped in tokens.by_ref().skip(1) {
                let text = skipped.to_string();
                if text == ";" || text.starts_with('{') {
                    break;
                }
            }
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                let inside = without_tests(group.stream());
                TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inside))
            }
            other => other,
        });
    }
    kept.into_iter().collect()
}
