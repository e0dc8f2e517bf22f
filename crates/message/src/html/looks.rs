//! How a document says that it is to look, apart from its content: style sheets, and the colours of its body.

use std::borrow::Cow;

use super::SILENT;
use super::tag::{Scanner, Tag, Token};

/// What a document says of its looks. Nothing of it is made safe to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looks<'h> {
    /// The text of each style sheet in it, in order.
    pub sheets: Vec<&'h str>,
    /// The body's `style` attribute.
    pub body_style: Option<Cow<'h, str>>,
    /// Its `bgcolor` attribute: the colour behind all.
    pub background: Option<Cow<'h, str>>,
    /// Its `text` attribute: the colour of text.
    pub text: Option<Cow<'h, str>>,
    /// Its `link` attribute: the colour of links.
    pub link: Option<Cow<'h, str>>,
}

/// Reads how a document or a fragment is to look.
#[must_use]
pub fn looks(html: &str) -> Looks<'_> {
    let mut looks = Looks::default();
    let mut has_body = false;
    let mut scanner = Scanner::new(html);
    while let Some(token) = scanner.next() {
        let Token::Open(tag) = token else { continue };
        if tag.is_one_of(&["body"]) && !has_body {
            has_body = true;
            looks.take_body(&tag);
        } else if tag.is_one_of(&SILENT) {
            let content = scanner.skip_behind_end(tag.name);
            looks
                .sheets
                .extend(content.filter(|_| tag.is_one_of(&["style"])));
        }
    }
    looks
}

impl<'h> Looks<'h> {
    fn take_body(&mut self, body: &Tag<'h>) {
        self.body_style = body.attribute("style");
        self.background = body.attribute("bgcolor");
        self.text = body.attribute("text");
        self.link = body.attribute("link");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_and_the_bodys_colours_are_found() {
        let html = "<!--[if mso]><style>mso</style><![endif]--><style type=text/css>a{}</style>\
            <body bgcolor=black text='#fff' style=\"margin:0\"><STYLE>b{}</STYLE><title><style>c{}</style></title>\
            <body bgcolor=red>";
        assert_eq!(
            looks(html),
            Looks {
                sheets: vec!["a{}", "b{}"],
                body_style: Some("margin:0".into()),
                background: Some("black".into()),
                text: Some("#fff".into()),
                link: None,
            }
        );
    }
}
