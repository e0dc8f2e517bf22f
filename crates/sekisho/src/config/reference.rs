//! The reference of all keys, in Markdown, from the doc comments of the sections.

use super::file::File;
use super::section::{Key, Reference};

/// What stands above the sections.
const HEAD: &str = "# Configuration\n\nOne TOML file, given with `--config`. `sekisho config check` says what is wrong with \
    it, by line; `sekisho config reference` writes this page. SIGHUP reads it again: certificates, networks and policy \
    change at once, listeners and folders at the next start; a file with an error changes nothing. Durations are \
    written `14h`, `10m`, `2s`.\n";

/// Writes the reference.
#[must_use]
pub(crate) fn reference() -> String {
    let mut text = String::from(HEAD);
    let mut shown = Vec::new();
    for table in File::tables() {
        let Reference { title, about, keys } = table.reference;
        // Some sections are the same but for their names.
        if shown.contains(&title) {
            continue;
        }
        shown.push(title);
        let about = about.trim();
        text.push_str(&format!(
            "\n## {title}\n\n{about}\n\n| key | default | meaning |\n|---|---|---|\n"
        ));
        for key in keys {
            text.push_str(&row(&key));
        }
    }
    text
}

fn row(key: &Key) -> String {
    let default = match key.default.as_str() {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    format!("| `{}` | {default} | {} |\n", key.name, key.meaning.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_reference_is_what_the_command_writes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == reference(),
            "docs/configuration.md is out of date: cargo run -- config reference > docs/configuration.md"
        );
    }
}
