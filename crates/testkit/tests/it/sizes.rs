//! Files end at 600 lines, but for those that ARCHITECTURE.md names with a reason, and lines at 120 columns. Half of
//! the files have fewer than 150 lines, tests apart.
//!
//! A line on which a string stands may be longer, and so may a table's row: they would read no better in pieces.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};

use crate::sources::{exceptions, rust_files, tokens};

/// The folders that hold Rust of ours.
const FOLDERS: [&str; 3] = ["crates", "fuzz/targets", "bench"];
const LINES: usize = 600;
const COLUMNS: usize = 120;
/// How many files may be longer.
const MAY_BE_LONGER: usize = 2;
/// What the median of the files' lengths, tests apart, stays below.
const MEDIAN: usize = 150;

/// The lines on which strings stand, counted from 1.
fn lines_with_strings(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => lines_with_strings(group.stream(), lines),
            TokenTree::Literal(literal) if literal.to_string().contains('"') => {
                let span = literal.span();
                lines.extend(span.start().line..=span.end().line);
            }
            _ => {}
        }
    }
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() -> anyhow::Result<()> {
    let allowed = exceptions("Files that are longer")?;
    assert!(
        allowed.len() <= MAY_BE_LONGER,
        "at most {MAY_BE_LONGER} files are longer"
    );
    let mut longer = Vec::new();
    for file in rust_files(&FOLDERS)? {
        let (text, _) = tokens(&file)?;
        let lines = text.lines().count();
        if lines > LINES && !allowed.iter().flatten().any(|allowed| *allowed == file) {
            longer.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(longer.is_empty(), "{}", longer.join("\n"));
    Ok(())
}

#[test]
fn no_line_is_wider_than_a_hundred_and_twenty_columns() -> anyhow::Result<()> {
    let mut wider = Vec::new();
    for file in rust_files(&FOLDERS)? {
        let (text, tokens) = tokens(&file)?;
        let mut strings = BTreeSet::new();
        lines_with_strings(tokens, &mut strings);
        for (number, line) in (1..).zip(text.lines()) {
            let columns = line.chars().count();
            let comment = line.trim_start().strip_prefix("//");
            let is_row = comment.is_some_and(|text| text.contains("! |") || text.contains("/ |"));
            // Documentation reaches the compiler as a string, too.
            let has_string = strings.contains(&number) && comment.is_none();
            if columns > COLUMNS && !has_string && !is_row {
                wider.push(format!("{}:{number}: {columns} columns", file.display()));
            }
        }
    }
    assert!(
        wider.is_empty(),
        "{} lines:\n{}",
        wider.len(),
        wider.join("\n")
    );
    Ok(())
}

/// How many lines a file has before a module of tests.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let begins_tests = |pair: &[&str]| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    };
    let tests = lines.windows(2).position(begins_tests);
    tests.unwrap_or(lines.len())
}

#[test]
fn half_of_the_files_have_fewer_than_a_hundred_and_fifty_lines() -> anyhow::Result<()> {
    let is_code = |file: &&PathBuf| {
        let mut folders = file.components().map(|part| part.as_os_str());
        folders.any(|folder| folder == "src")
            && !file.ends_with("tests.rs")
            && folders.all(|folder| folder != "tests")
    };
    let mut lengths = Vec::new();
    for file in rust_files(&["crates"])?.iter().filter(is_code) {
        let (text, _) = tokens(file)?;
        lengths.push((lines_without_tests(&text), file.clone()));
    }
    lengths.sort();
    let (median, _) = lengths[lengths.len() / 2];
    let longest = lengths.iter().rev().take(10);
    let longest: Vec<String> = longest
        .map(|(lines, file)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(
        median < MEDIAN,
        "the median is {median} lines; the longest files are\n{}",
        longest.join("\n")
    );
    Ok(())
}
