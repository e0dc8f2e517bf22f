//! The command line: a subcommand and `--name value` pairs, each of which may be given more than once.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::processes::Group;

/// What was asked for.
pub struct Arguments {
    /// The subcommand.
    pub command: String,
    values: BTreeMap<String, Vec<String>>,
}

impl Arguments {
    /// Reads the command line; a wrong one ends the program.
    pub fn read() -> Self {
        let mut words = std::env::args().skip(1).peekable();
        let command = words.next().unwrap_or_else(|| "help".to_owned());
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                wrong(&format!("{word} is no option"))
            };
            let value = words.next_if(|next| !next.starts_with("--"));
            let values = values.entry(name.to_owned()).or_default();
            values.push(value.unwrap_or_default());
        }
        Self { command, values }
    }

    /// The last value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).last().map(String::as_str)
    }

    /// All values of that name.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether it was given.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A text.
    pub fn text(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or(default).to_owned()
    }

    /// A number.
    pub fn number(&self, name: &str, default: usize) -> usize {
        self.get(name).map_or(default, |value| {
            value
                .parse()
                .unwrap_or_else(|_| wrong(&format!("--{name} is a number, not {value}")))
        })
    }

    /// An address with a port.
    pub fn address(&self, name: &str) -> SocketAddr {
        let value = self.text(name, "");
        value
            .parse()
            .unwrap_or_else(|_| wrong(&format!("--{name} is ADDRESS:PORT, not {value:?}")))
    }

    /// The processes to measure: `--pid LABEL=PID[,PID]`.
    pub fn groups(&self) -> Vec<Group> {
        let groups = self.all("pid").iter().map(|group| {
            let (label, pids) = group.split_once('=').unwrap_or(("server", group));
            Group {
                label: label.to_owned(),
                roots: pids.split(',').flat_map(str::parse).collect(),
            }
        });
        groups.collect()
    }
}

fn wrong(what: &str) -> ! {
    eprintln!("load: {what}");
    std::process::exit(2)
}
