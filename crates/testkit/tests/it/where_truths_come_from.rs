//! Security rules 15 and 23: only `net` finds the source of a request, and links never follow the `Host` of a request.

use std::path::{Path, PathBuf};

/// Adds every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The source files that contain any of these words, except those of the rooms in `rooms_aside`.
fn files_that_mention(words: &[&str], rooms_aside: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for room in std::fs::read_dir(&crates)? {
        let room = room?.path();
        let aside = rooms_aside.iter().any(|name| room.ends_with(name));
        if !aside && room.join("src").is_dir() {
            sources(&room.join("src"), &mut found)?;
        }
    }
    assert!(found.len() > 100, "the sources were read");
    found.retain(|path| {
        let text = std::fs::read_to_string(path)
            .unwrap_or_default()
            .to_lowercase();
        words.iter().any(|word| text.contains(word))
    });
    Ok(found)
}

#[test]
fn no_room_but_net_reads_where_a_connection_comes_from() -> anyhow::Result<()> {
    // `sekisho` mentions the header in its configuration reference.
    let words = [
        "x-forwarded-for",
        "\"forwarded\"",
        "header::forwarded",
        "peer_addr(",
        "connectinfo",
    ];
    assert_eq!(
        files_that_mention(&words, &["net", "sekisho"])?,
        Vec::<PathBuf>::new()
    );
    Ok(())
}

#[test]
fn no_room_reads_what_a_request_calls_the_site() -> anyhow::Result<()> {
    let words = [
        "header::host",
        "x-forwarded-host",
        "get(\"host\")",
        "extract::host",
    ];
    assert_eq!(files_that_mention(&words, &[])?, Vec::<PathBuf>::new());
    Ok(())
}
