//! Plain text as a page: paragraphs put back together where they were broken for the way (RFC 3676), quoted parts
//! tinted, addresses made links.

use maud::{Markup, html};

/// Quotes deeper than this look like this.
const DEEPEST: usize = 3;

/// The text as it is shown. `flowed` and `delsp` are parameters of its type (RFC 3676).
pub(super) fn show(text: &str, flowed: bool, delsp: bool) -> Markup {
    let lines = if flowed {
        unflow(text, delsp)
    } else {
        quoted_lines(text)
    };
    let mut lines = lines.into_iter().peekable();
    html! {
        div.plain {
            @while let Some(first) = lines.next() {
                @let depth = first.depth.min(DEEPEST);
                div class=[class(depth)] {
                    (linked(&first.text)) "\n"
                    @while let Some(line) = lines.next_if(|line| line.depth.min(DEEPEST) == depth) {
                        (linked(&line.text)) "\n"
                    }
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    depth: usize,
    text: String,
}

fn class(depth: usize) -> Option<String> {
    (depth > 0).then(|| format!("quote depth-{depth}"))
}

/// Lines as they stand; the quote marks stay, since nobody knows that they are ones.
fn quoted_lines(text: &str) -> Vec<Line> {
    text.lines()
        .map(|line| Line {
            depth: line
                .chars()
                .filter(|c| *c != ' ')
                .take_while(|c| *c == '>')
                .count(),
            text: line.to_owned(),
        })
        .collect()
}

/// Section 4.2 of RFC 3676: a line that ends in a space goes on in the next one of the same depth; a signature's `-- `
/// does not.
fn unflow(text: &str, delsp: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut open = false;
    for raw in text.lines() {
        let rest = raw.trim_start_matches('>');
        let depth = raw.len() - rest.len();
        let content = rest.strip_prefix(' ').unwrap_or(rest);
        let is_signature = content == "-- ";
        let flows = content.ends_with(' ') && !is_signature;
        let kept = if flows && delsp {
            content.strip_suffix(' ').unwrap_or(content)
        } else {
            content
        };
        match lines.last_mut() {
            Some(last) if open && last.depth == depth && !is_signature => last.text.push_str(kept),
            _ => lines.push(Line {
                depth,
                text: kept.to_owned(),
            }),
        }
        open = flows;
    }
    lines
}

/// A line with its web addresses made links.
fn linked(line: &str) -> Markup {
    let mut rest = line;
    html! {
        @while let Some((before, address, after)) = next_address(rest) {
            (before)
            a href=(address) target="_blank" rel="noopener noreferrer nofollow" { (address) }
            ({ rest = after; "" })
        }
        (rest)
    }
}

/// The first web address of a text, with what stands before and behind it. Punctuation at its end belongs to the
/// sentence.
fn next_address(text: &str) -> Option<(&str, &str, &str)> {
    let start = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| text.find(scheme))
        .min()?;
    let (before, found) = text.split_at(start);
    let is_part = |c: char| c.is_ascii_graphic() && !"<>\"'`{}|\\^".contains(c);
    let end = found.find(|c| !is_part(c)).unwrap_or(found.len());
    let mut address = found
        .get(..end)?
        .trim_end_matches(['.', ',', ';', ':', '!', '?', ']']);
    while address.ends_with(')') && address.matches(')').count() > address.matches('(').count() {
        address = address.strip_suffix(')')?;
    }
    let after = found.get(address.len()..)?;
    if address.ends_with("//") {
        return None;
    }
    Some((before, address, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links_and_markup_stays_text() {
        let shown = show(
            "見てください https://kit.example/a?b=1&c=(2). <script>\n(http://kit.example/x)",
            false,
            false,
        );
        let html = shown.into_string();
        assert!(
            html.contains("href=\"https://kit.example/a?b=1&amp;c=(2)\""),
            "{html}"
        );
        assert!(html.contains("href=\"http://kit.example/x\""), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn flowed_paragraphs_are_joined_and_quotes_are_told_apart() {
        let lines = unflow("> one \n> two\nthree \nfour\n-- \nname", false);
        let texts: Vec<_> = lines.iter().map(|l| (l.depth, l.text.as_str())).collect();
        assert_eq!(
            texts,
            [(1, "one two"), (0, "three four"), (0, "-- "), (0, "name")]
        );
        assert_eq!(unflow("日本 \n語", true)[0].text, "日本語");
    }

    #[test]
    fn quotes_are_tinted() {
        let html = show("hello\n> said\n> > before\nend", false, false).into_string();
        assert_eq!(
            html,
            "<div class=\"plain\"><div>hello\n</div><div class=\"quote depth-1\">&gt; said\n</div>\
             <div class=\"quote depth-2\">&gt; &gt; before\n</div><div>end\n</div></div>"
        );
    }
}
