//! Styles of mail, by an allow-list of properties, values and selectors.
//!
//! What is left is written anew from its tokens, so that nothing passes by being read differently here and in a
//! browser. It can colour and arrange a message; it can name no address, load nothing, and place nothing over something
//! else.

use cssparser::color::parse_named_color;
use cssparser::{
    AtRuleParser, CowRcStr, DeclarationParser, ParseError, Parser, ParserState,
    QualifiedRuleParser, RuleBodyItemParser, RuleBodyParser, StyleSheetParser, ToCss as _, Token,
};

/// Properties that may be set. `background` is among them by its colour alone.
const PROPERTIES: [&str; 70] = [
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "clear",
    "color",
    "direction",
    "display",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-decoration-color",
    "text-decoration-line",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
    "word-wrap",
    "writing-mode",
];

/// Functions whose result is a colour.
const COLOURS: [&str; 4] = ["rgb", "rgba", "hsl", "hsla"];
/// Functions whose result is a length.
const LENGTHS: [&str; 4] = ["calc", "min", "max", "clamp"];
/// Pseudo-classes that tell nothing to anybody.
const PSEUDO_CLASSES: [&str; 6] = [
    "active",
    "first-child",
    "focus",
    "hover",
    "last-child",
    "link",
];

/// The declarations of a style attribute that are left of it; empty if none is.
pub(super) fn declarations(style: &str) -> String {
    own_declarations(&mut Parser::new(style))
}

/// What is left of a style sheet.
pub(super) fn sheet(css: &str) -> String {
    let mut parser = Parser::new(css);
    StyleSheetParser::new(&mut parser, &mut Rules::default())
        .flatten()
        .collect()
}

/// The declaration of a colour as HTML attributes give it, where a number may lack its `#`.
pub(super) fn colour(property: &str, value: &str) -> String {
    let value = value.trim();
    let is_bare_number =
        matches!(value.len(), 3 | 6) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mark = if is_bare_number { "#" } else { "" };
    declarations(&format!("{property}:{mark}{value}"))
}

fn own_declarations(input: &mut Parser<'_>) -> String {
    RuleBodyParser::new(input, &mut Declarations)
        .flatten()
        .collect::<Vec<String>>()
        .join(";")
}

struct Declarations;

impl<'i> DeclarationParser<'i> for Declarations {
    type Declaration = String;
    type Error = ();

    fn parse_value(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
        _: &ParserState,
    ) -> Result<String, ParseError<()>> {
        let name = name.to_ascii_lowercase();
        let declaration = if name == "background" {
            let colour = allowed(input, background);
            // What follows is passed over; a declaration that is not read to its end would be none.
            while input.next().is_ok() {}
            colour.map(|colour| format!("background-color:{colour}"))
        } else {
            let is_known = PROPERTIES.contains(&name.as_str());
            is_known
                .then(|| allowed(input, value))
                .flatten()
                .map(|value| format!("{name}:{value}"))
        };
        declaration.ok_or_else(|| ParseError::custom(()))
    }
}

impl<'i> AtRuleParser<'i> for Declarations {
    type Prelude = ();
    type AtRule = String;
    type Error = ();
}

impl<'i> QualifiedRuleParser<'i> for Declarations {
    type Prelude = ();
    type QualifiedRule = String;
    type Error = ();
}

impl RuleBodyItemParser<'_, String, ()> for Declarations {
    fn parse_declarations(&self) -> bool {
        true
    }

    fn parse_qualified(&self) -> bool {
        false
    }
}

/// The rules of a sheet, or of a `@media` in it, which has no at-rule within.
#[derive(Default)]
struct Rules {
    in_media: bool,
}

impl<'i> QualifiedRuleParser<'i> for Rules {
    type Prelude = String;
    type QualifiedRule = String;
    type Error = ();

    fn parse_prelude(&mut self, input: &mut Parser<'i>) -> Result<String, ParseError<()>> {
        allowed(input, selectors).ok_or_else(|| ParseError::custom(()))
    }

    fn parse_block(
        &mut self,
        selectors: String,
        _: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<String, ParseError<()>> {
        Ok(format!("{selectors}{{{}}}", own_declarations(input)))
    }
}

impl<'i> AtRuleParser<'i> for Rules {
    type Prelude = String;
    type AtRule = String;
    type Error = ();

    fn parse_prelude(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
    ) -> Result<String, ParseError<()>> {
        let is_media = name.eq_ignore_ascii_case("media");
        let queries = (is_media && !self.in_media)
            .then(|| allowed(input, queries))
            .flatten();
        // The frame is white, whatever colours the rest of the screen has.
        let queries = queries.filter(|queries| !queries.contains("prefers-color-scheme"));
        queries.ok_or_else(|| ParseError::custom(()))
    }

    fn parse_block(
        &mut self,
        queries: String,
        _: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<String, ParseError<()>> {
        let rules: String = RuleBodyParser::new(input, &mut Rules { in_media: true })
            .flatten()
            .collect();
        Ok(format!("@media {queries}{{{rules}}}"))
    }
}

impl DeclarationParser<'_> for Rules {
    type Declaration = String;
    type Error = ();
}

impl RuleBodyItemParser<'_, String, ()> for Rules {
    fn parse_declarations(&self) -> bool {
        false
    }

    fn parse_qualified(&self) -> bool {
        true
    }
}

/// What is left of some CSS, if all of it is allowed and what is written reads the same once more.
fn allowed(input: &mut Parser<'_>, read: fn(&mut Parser<'_>) -> Option<String>) -> Option<String> {
    let written = read(input)?;
    let again = read(&mut Parser::new(&written));
    let is_same = again.as_ref() == Some(&written);
    // A `<` could end the element that carries the style, and no font's name has the others in it.
    let is_plain = ["<", "/*", "*/"].iter().all(|mark| !written.contains(mark));
    (is_same && is_plain).then_some(written)
}

/// A property's value, if all of it is allowed.
fn value(input: &mut Parser<'_>) -> Option<String> {
    tokens(input, false)
}

fn tokens(input: &mut Parser<'_>, in_function: bool) -> Option<String> {
    let mut out = String::new();
    while let Ok(token) = input.next_including_whitespace_and_comments() {
        match token {
            // Without the comment, what stands around it would become one token.
            Token::WhiteSpace(_) | Token::Comment(_) => out.push(' '),
            Token::Ident(_)
            | Token::Hash(_)
            | Token::IDHash(_)
            | Token::QuotedString(_)
            | Token::Number { .. }
            | Token::Percentage { .. }
            | Token::Dimension { .. }
            | Token::Comma
            | Token::Delim('/' | '!' | '+' | '-' | '*') => out.push_str(&token.to_css_string()),
            Token::Function(name) => {
                let name = name.to_ascii_lowercase();
                let is_known = COLOURS.contains(&name.as_str()) || LENGTHS.contains(&name.as_str());
                let arguments = is_known.then(|| nested(input)).flatten()?;
                out.push_str(&format!("{name}({arguments})"));
            }
            Token::ParenthesisBlock if in_function => {
                out.push_str(&format!("({})", nested(input)?));
            }
            _ => return None,
        }
    }
    let out = out.trim();
    (!out.is_empty()).then(|| out.to_owned())
}

fn nested(input: &mut Parser<'_>) -> Option<String> {
    let inner = input.parse_nested_block(|input| Ok::<_, ParseError<()>>(tokens(input, true)));
    inner.ok().flatten()
}

/// The colour of a `background`, which may name pictures and places as well.
fn background(input: &mut Parser<'_>) -> Option<String> {
    while let Ok(token) = input.next() {
        match token {
            Token::Hash(_) | Token::IDHash(_) => return Some(token.to_css_string()),
            Token::Ident(name) => {
                let name = name.to_ascii_lowercase();
                if name == "transparent" || parse_named_color(&name).is_ok() {
                    return Some(name);
                }
            }
            Token::Function(name) => {
                let name = name.to_ascii_lowercase();
                if COLOURS.contains(&name.as_str()) {
                    return nested(input).map(|arguments| format!("{name}({arguments})"));
                }
            }
            _ => {}
        }
    }
    None
}

/// Selectors by element, class, identifier and place, if there is nothing else in them.
fn selectors(input: &mut Parser<'_>) -> Option<String> {
    let mut out = String::new();
    while let Ok(token) = input.next_including_whitespace_and_comments() {
        match token {
            Token::WhiteSpace(_) | Token::Comment(_) => out.push(' '),
            Token::Ident(_)
            | Token::IDHash(_)
            | Token::Comma
            | Token::Delim('.' | '*' | '>' | '+' | '~') => out.push_str(&token.to_css_string()),
            Token::Colon => {
                let name = input.expect_ident().ok()?.to_ascii_lowercase();
                let is_known = PSEUDO_CLASSES.contains(&name.as_str());
                is_known.then(|| out.push_str(&format!(":{name}")))?;
            }
            _ => return None,
        }
    }
    let out = out.trim();
    (!out.is_empty()).then(|| out.to_owned())
}

/// The queries of a `@media`, if all of it is understood.
fn queries(input: &mut Parser<'_>) -> Option<String> {
    let mut out = String::new();
    while let Ok(token) = input.next_including_whitespace_and_comments() {
        match token {
            Token::WhiteSpace(_) | Token::Comment(_) => out.push(' '),
            Token::Ident(_)
            | Token::Colon
            | Token::Comma
            | Token::Number { .. }
            | Token::Dimension { .. }
            | Token::Delim('/') => out.push_str(&token.to_css_string()),
            Token::ParenthesisBlock => {
                let inner =
                    input.parse_nested_block(|input| Ok::<_, ParseError<()>>(queries(input)));
                out.push_str(&format!("({})", inner.ok().flatten()?));
            }
            _ => return None,
        }
    }
    let out = out.trim().to_ascii_lowercase();
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_colours_and_arranges_stays() {
        for (style, left) in [
            (
                "color: Red; font-family: \"MS Gothic\", sans-serif",
                "color:Red;font-family:\"MS Gothic\", sans-serif",
            ),
            (
                "background: #123 url(https://e.example/x.png) no-repeat",
                "background-color:#123",
            ),
            ("background: url('x') center navy", "background-color:navy"),
            (
                "BACKGROUND: rgba(0, 0, 0, .5)",
                "background-color:rgba(0, 0, 0, 0.5)",
            ),
            (
                "width: calc(100% - 2px) !important",
                "width:calc(100% - 2px) !important",
            ),
            ("margin:0 auto;;padding:1em", "margin:0 auto;padding:1em"),
        ] {
            assert_eq!(declarations(style), left, "{style}");
        }
    }

    #[test]
    fn nothing_names_an_address_or_leaves_its_place() {
        for style in [
            "background: url(https://e.example/x.png)",
            "background-image: url(x)",
            "list-style: url(x)",
            "list-style: image-set('https://e.example/x' 1x)",
            "color: var(--x)",
            "width: expression(alert(1))",
            "width: attr(title)",
            "position: fixed",
            "p\\6fsition: fixed",
            "top: 0",
            "z-index: 9",
            "transform: scale(9)",
            "content: 'x'",
            "behavior: url(x)",
            "-moz-binding: url(x)",
            "font-family: '</style><script>'",
            "color: red\\3c/style",
            "list-style: url/**/('https://e.example/x')",
            "width: expression/**/(alert(1))",
            "color: var/* */(--x)",
        ] {
            assert_eq!(declarations(style), "", "{style}");
        }
        assert_eq!(declarations("color: \\75rl(x); color: blue"), "color:blue");
        let split = "font: //**/* \"*/;background-image:url(https://e.example/x);position:fixed;/*\" */**//";
        for left in [declarations(split), sheet(&format!("p{{{split}}}"))] {
            assert!(!left.contains("/*"), "{left}");
        }
        assert_eq!(
            sheet("@media print{@media screen{p{color:red}}b{color:red}}"),
            "@media print{b{color:red}}"
        );
        let selector =
            "a/**/[href^=x],//**/* b{color:red}*/@font-face{src:url(x)}/* */**// c{color:red}";
        assert!(!sheet(selector).contains("/*"), "{}", sheet(selector));
    }

    #[test]
    fn a_sheet_keeps_its_harmless_rules() {
        let css = "<!-- @import url(x.css); @font-face { src: url(x) } \
            .a > p, td.b:hover, #c { color: red; position: absolute } \
            a[href^='https'] { color: red } p::before { content: 'x' } \
            @media only screen and (max-width: 600px) { .wide { width: 100% !important } @import 'x'; } \
            @media (prefers-color-scheme: dark) { body { color: white } } \
            @supports (display: grid) { p { color: red } } \
            </style { color: red } p { color: blue } -->";
        assert_eq!(
            sheet(css),
            ".a > p, td.b:hover, #c{color:red}\
             @media only screen and (max-width: 600px){.wide{width:100% !important}}\
             p{color:blue}"
        );
    }

    #[test]
    fn colours_of_attributes_may_lack_their_mark() {
        assert_eq!(colour("color", "ffffff"), "color:#ffffff");
        assert_eq!(
            colour("background-color", " Navy "),
            "background-color:Navy"
        );
        assert_eq!(colour("color", "red;position:fixed"), "color:red");
        assert_eq!(colour("color", "url(x)"), "");
    }
}
