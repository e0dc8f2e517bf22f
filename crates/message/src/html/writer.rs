//! Writing the text: where lines begin, and how lists, quotes and links are marked.

use super::tag::Tag;

/// The deepest quotes and lists that are marked as such; deeper ones look like these.
const DEEPEST: usize = 5;
/// The longest link address that is written out, in bytes.
const LONGEST_ADDRESS: usize = 2_000;
/// How many nested lists keep their numbers at most.
const MOST_LISTS: usize = 100;

/// Elements with empty lines around them, and those that begin a line.
const PARAGRAPHS: [&str; 16] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "dl",
    "table",
    "blockquote",
    "pre",
    "hr",
    "figure",
    "fieldset",
];
const LINES: [&str; 25] = [
    "div",
    "li",
    "tr",
    "td",
    "th",
    "dt",
    "dd",
    "section",
    "article",
    "aside",
    "header",
    "footer",
    "main",
    "nav",
    "address",
    "form",
    "center",
    "caption",
    "tbody",
    "thead",
    "tfoot",
    "body",
    "html",
    "figcaption",
    "legend",
];

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The words only, each block on a line of its own.
    Words,
    /// To be read and answered: lists, quotes and the addresses of links are marked.
    Reading,
}

pub(super) struct Writer {
    purpose: Purpose,
    out: String,
    /// Line ends that stand before what comes next.
    breaks: usize,
    /// White space stands before what comes next, with a line end in it or not.
    space: Option<bool>,
    line_is_empty: bool,
    quotes: usize,
    /// How deep the last line was quoted.
    quoted_before: usize,
    /// The lists that are open, and the number of their last item where they have numbers.
    lists: Vec<Option<u32>>,
    /// An item begins, with this mark.
    mark: Option<String>,
    preformatted: usize,
    link: Option<Link>,
}

/// A link that is open.
struct Link {
    address: String,
    /// Where its text begins.
    from: usize,
}

impl Writer {
    pub(super) fn new(purpose: Purpose, expected: usize) -> Self {
        Self {
            purpose,
            out: String::with_capacity(expected / 2),
            breaks: 0,
            space: None,
            line_is_empty: true,
            quotes: 0,
            quoted_before: 0,
            lists: Vec::new(),
            mark: None,
            preformatted: 0,
            link: None,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '\r' if self.preformatted > 0 => {}
                '\n' if self.preformatted > 0 => self.breaks += 1,
                '\t' if self.preformatted > 0 => self.put('\t'),
                c if c.is_ascii_whitespace() && self.preformatted == 0 => {
                    self.space = Some(self.space.unwrap_or(false) || c == '\n');
                }
                c => self.characters(c, None),
            }
        }
    }

    /// What a character reference means.
    pub(super) fn characters(&mut self, first: char, second: Option<char>) {
        for character in [Some(first), second].into_iter().flatten() {
            match character {
                // These allow a line break within a word, and would hide the word from searches.
                '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => {}
                '\u{a0}' => self.put(' '),
                character if character.is_control() => {
                    self.space = Some(self.space.unwrap_or(false));
                }
                character => self.put(character),
            }
        }
    }

    pub(super) fn open(&mut self, tag: &Tag<'_>) {
        let name = tag.name.to_ascii_lowercase();
        self.block(&name);
        match name.as_str() {
            "br" => self.breaks = (self.breaks + 1).min(3),
            "blockquote" => self.quotes += 1,
            "pre" => self.preformatted += 1,
            "ul" if self.lists.len() < MOST_LISTS => self.lists.push(None),
            "ol" if self.lists.len() < MOST_LISTS => {
                let start = tag
                    .attribute("start")
                    .and_then(|start| start.parse::<u32>().ok());
                self.lists.push(Some(start.unwrap_or(1).saturating_sub(1)));
            }
            "li" => self.mark = Some(self.item_mark()),
            "hr" if self.purpose == Purpose::Reading => {
                "----".chars().for_each(|c| self.put(c));
                self.block("hr");
            }
            "img" if self.purpose == Purpose::Reading => {
                if let Some(alt) = tag.attribute("alt").filter(|alt| !alt.trim().is_empty()) {
                    self.text("[");
                    self.text(alt.trim());
                    self.text("]");
                }
            }
            "a" if self.purpose == Purpose::Reading => {
                self.end_link();
                let address = tag.attribute("href").unwrap_or_default();
                let address = address.trim();
                let is_web = ["http://", "https://"].iter().any(|scheme| {
                    let start = address.get(..scheme.len());
                    start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                });
                if is_web && address.len() <= LONGEST_ADDRESS {
                    self.link = Some(Link {
                        address: address
                            .chars()
                            .filter(|c| !c.is_whitespace() && !c.is_control())
                            .collect(),
                        from: self.out.len(),
                    });
                }
            }
            _ => {}
        }
    }

    pub(super) fn close(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "a" => self.end_link(),
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            "ul" | "ol" => {
                self.lists.pop();
                self.mark = None;
            }
            "li" => self.mark = None,
            _ => {}
        }
        self.block(&name);
        if name == "blockquote" {
            self.quotes = self.quotes.saturating_sub(1);
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.end_link();
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    /// Ends the line where the element begins or ends a block.
    fn block(&mut self, name: &str) {
        let least = if PARAGRAPHS.contains(&name) {
            2
        } else if LINES.contains(&name) {
            1
        } else {
            return;
        };
        // A list within a list has no empty line before it.
        let least = if matches!(name, "ul" | "ol") && !self.lists.is_empty() {
            1
        } else {
            least
        };
        self.breaks = self.breaks.max(least);
        self.space = None;
    }

    fn item_mark(&mut self) -> String {
        let indent = "  ".repeat(self.lists.len().clamp(1, DEEPEST) - 1);
        match self.lists.last_mut() {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                format!("{indent}{number}. ")
            }
            _ => format!("{indent}- "),
        }
    }

    /// Writes the address after the text of a link, unless the text says it already.
    fn end_link(&mut self) {
        let Some(Link { address, from }) = self.link.take() else {
            return;
        };
        let text = self.out.get(from..).unwrap_or_default().trim();
        let bare = |text: &str| {
            let text = text.trim_end_matches('/').to_ascii_lowercase();
            let rest = text
                .strip_prefix("https://")
                .or(text.strip_prefix("http://"));
            rest.unwrap_or(&text).to_owned()
        };
        if text.is_empty() || bare(text) == bare(&address) {
            return;
        }
        self.space = Some(false);
        self.breaks = 0;
        format!("<{address}>").chars().for_each(|c| self.put(c));
    }

    /// Writes a character, behind what stands before it.
    fn put(&mut self, character: char) {
        self.begin_line();
        if let Some(broken) = self.space.take()
            && !self.line_is_empty
        {
            // A line end in the source between two characters of Japanese is no space (CSS Text 4, 4.1.3).
            let before = self.out.chars().next_back();
            let joins = broken && before.is_some_and(is_wide) && is_wide(character);
            if !joins && before != Some(' ') {
                self.out.push(' ');
            }
        }
        self.out.push(character);
        self.line_is_empty = false;
    }

    fn begin_line(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let is_first = self.out.is_empty();
        let reading = self.purpose == Purpose::Reading;
        if breaks > 0 && !is_first {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            let lines = if reading { breaks.min(3) } else { 1 };
            for line in 0..lines {
                self.out.push('\n');
                if reading && line + 1 < lines {
                    let marks = quote_marks(self.quotes.min(self.quoted_before));
                    self.out.push_str(marks.trim_end());
                }
            }
        }
        if (breaks > 0 || is_first) && reading {
            self.quoted_before = self.quotes;
            self.out.push_str(&quote_marks(self.quotes));
            let mark = self.mark.take().unwrap_or_default();
            self.out.push_str(&mark);
        }
        if breaks > 0 || is_first {
            self.line_is_empty = true;
            if self.preformatted == 0 {
                self.space = None;
            }
        }
    }
}

fn quote_marks(depth: usize) -> String {
    "> ".repeat(depth.min(DEEPEST))
}

/// Whether a character belongs to a script that puts no spaces between words.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}
