//! Every key of every section: where it stands, that it does something, and that its default can be written.

use super::samples::{SAMPLES, Sample, around, least};
use super::{good, parse};
use crate::config::file::{Count, Described, File};
use crate::config::problem::{ConfigError, Problem};

/// In which form a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Under a header; the second, where there may be several.
    Header,
    /// Under a header in quotes, the key in quotes, too.
    Quoted,
    /// `section.key = value`.
    Dotted,
    /// In braces, over several lines.
    Inline,
}

const FORMS: [Form; 4] = [Form::Header, Form::Quoted, Form::Dotted, Form::Inline];

/// A file, line by line.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, text: &str) {
        self.0.extend(text.lines().map(str::to_owned));
    }

    fn text(&self) -> String {
        self.0.join("\n")
    }
}

/// A file in which a key has a value, and the line on which that stands; `None` if the section can't be written in that
/// form.
fn file_with(
    section: &Described,
    sample: &Sample,
    value: Option<&str>,
    form: Form,
) -> Option<(String, usize)> {
    let (name, key) = sample.key.split_once('.')?;
    let mut lines = Lines::default();
    // What is not under a header comes first.
    let is_first = matches!(form, Form::Dotted | Form::Inline);
    if !is_first {
        add_rest(name, &mut lines);
    }
    let number = if section.count == Count::many { 2 } else { 1 };
    let needed = least(name, number)
        .into_iter()
        .filter(|(needed, _)| *needed != key);
    let mut entries: Vec<String> = needed
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    entries.extend(sample.beside.lines().map(str::to_owned));
    let first: Vec<String> = least(name, 1)
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    let several = section.count == Count::many;
    let (prefix, behind, quote) = match form {
        Form::Header if several => {
            lines.add(&format!("[[{name}]]\n{}\n[[{name}]]", first.join("\n")));
            (String::new(), "", "")
        }
        Form::Header => {
            lines.add(&format!("[{name}]"));
            (String::new(), "", "")
        }
        Form::Quoted if several => {
            lines.add(&format!("[['{name}']]\n{}\n[['{name}']]", first.join("\n")));
            (String::new(), "", "\"")
        }
        Form::Quoted => {
            lines.add(&format!("['{name}']"));
            (String::new(), "", "\"")
        }
        Form::Dotted if several => return None,
        Form::Dotted => (format!("{name}."), "", ""),
        Form::Inline if several => {
            lines.add(&format!("{name} = [\n{{ {} }},\n{{", first.join(", ")));
            (String::new(), ",", "")
        }
        Form::Inline => {
            lines.add(&format!("{name} = {{"));
            (String::new(), ",", "")
        }
    };
    for entry in entries {
        lines.add(&format!("{prefix}{entry}{behind}"));
    }
    let begins = lines.0.len() + 1;
    if let Some(value) = value {
        lines.add(&format!("{prefix}{quote}{key}{quote} = {value}{behind}"));
    }
    match form {
        Form::Inline if several => lines.add("}]"),
        Form::Inline => lines.add("}"),
        Form::Header | Form::Quoted | Form::Dotted => {}
    }
    if is_first {
        add_rest(name, &mut lines);
    }
    Some((lines.text(), begins))
}

/// The other sections.
fn add_rest(name: &str, lines: &mut Lines) {
    for other in ["site", "network"] {
        if name == other {
            continue;
        }
        lines.add(&if other == "network" {
            "[[network]]".to_owned()
        } else {
            format!("[{other}]")
        });
        for (key, value) in least(other, 1) {
            lines.add(&format!("{key} = {value}"));
        }
    }
    lines.add(around(name));
}

/// Goes through all keys; each has to be among the samples.
fn for_each_key(mut visit: impl FnMut(&Described, &Sample)) {
    let mut seen = 0;
    for section in File::tables() {
        for key in &section.reference.keys {
            let name = format!("{}.{}", section.name, key.name);
            let sample = SAMPLES.iter().find(|sample| sample.key == name);
            visit(
                &section,
                sample.unwrap_or_else(|| panic!("samples.rs does not know `{name}`")),
            );
            seen += 1;
        }
    }
    assert_eq!(seen, SAMPLES.len(), "samples.rs knows a key that is gone");
}

/// What is wrong with a file: one thing.
fn one_problem(text: &str) -> Problem {
    match parse(text) {
        Err(ConfigError::Wrong(problems)) if problems.len() == 1 => problems[0].clone(),
        Err(error) => panic!("{error}\n{text}"),
        Ok(_) => panic!("nothing is wrong with it:\n{text}"),
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_found_on_its_line() {
    for_each_key(|section, sample| {
        for form in FORMS {
            let Some((text, line)) = file_with(section, sample, Some("{ wrong = 1 }"), form) else {
                continue;
            };
            let problem = one_problem(&text);
            assert_eq!(
                problem.line,
                Some(line),
                "{}: {problem}\n{text}",
                sample.key
            );
            let (_, key) = sample.key.split_once('.').unwrap_or_default();
            assert!(
                problem.text.contains(&format!("`{key}` must be ")),
                "{problem}"
            );
        }
    });
}

#[test]
fn a_wrong_value_is_found_on_its_line() {
    for_each_key(|section, sample| {
        if sample.wrong.is_empty() {
            return;
        }
        let elements = sample
            .one
            .strip_prefix('[')
            .and_then(|list| list.strip_suffix(']'));
        for form in FORMS {
            let (value, further) = match elements {
                None => (sample.wrong.to_owned(), 0),
                Some(right) => (format!("[\n{right},\n{},\n]", sample.wrong), 2),
            };
            let Some((text, line)) = file_with(section, sample, Some(&value), form) else {
                continue;
            };
            let problem = one_problem(&text);
            assert_eq!(
                problem.line,
                Some(line + further),
                "{}: {problem}\n{text}",
                sample.key
            );
        }
    });
}

#[test]
fn every_key_does_something_in_every_form() {
    let what_it_says = |text: &str| format!("{:?}", good(text));
    for_each_key(|section, sample| {
        for form in FORMS {
            let with = |value| file_with(section, sample, Some(value), form);
            let (Some((one, _)), Some((other, _))) = (with(sample.one), with(sample.other)) else {
                continue;
            };
            let (one, other) = (what_it_says(&one), what_it_says(&other));
            assert_ne!(one, other, "{} changes nothing", sample.key);
        }
    });
}

#[test]
fn a_default_is_what_it_says_in_the_reference() {
    for_each_key(|section, sample| {
        let (_, name) = sample.key.split_once('.').unwrap_or_default();
        let mut keys = section.reference.keys.iter();
        let default = keys
            .find(|key| key.name == name)
            .map_or("", |key| key.default.as_str());
        if default.is_empty() {
            return;
        }
        let with = |value| {
            file_with(section, sample, value, Form::Header)
                .unwrap_or_default()
                .0
        };
        let (written, left_out) = (with(Some(default)), with(None));
        let said = |text: &str| match parse(text) {
            Ok(plan) => format!("{plan:?}"),
            Err(error) => error
                .to_string()
                .split_once(": ")
                .map(|(_, text)| text.to_owned())
                .unwrap_or_default(),
        };
        assert_eq!(said(&written), said(&left_out), "{}", sample.key);
    });
}
