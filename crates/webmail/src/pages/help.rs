//! The guide of `docs/guide` as a page, with pictures that the browser tests take.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::error::WebError;
use crate::lang::Lang;
use crate::layout::{Page, Whose};
use crate::visit::{AdmittedVisit, Visit};

macro_rules! pictures {
    ($($name:literal),* $(,)?) => {
        [$((
            concat!($name, ".webp"),
            include_bytes!(concat!("../../../../docs/guide/pictures/ja/", $name, ".webp")) as &[u8],
            include_bytes!(concat!("../../../../docs/guide/pictures/en/", $name, ".webp")) as &[u8],
        )),*]
    };
}

/// The pictures that the guide shows, in Japanese and in English.
const PICTURES: &[(&str, &[u8], &[u8])] = &pictures![
    "sign-in",
    "choose-factor",
    "app-code",
    "app-adding",
    "user-code",
    "app-showing",
    "external-mail",
    "status",
];

/// The guide in both languages, converted once.
static GUIDES: LazyLock<HashMap<&'static str, Guide>> = LazyLock::new(|| {
    let ja = Guide::read(include_str!("../../../../docs/guide/ja.md"));
    let en = Guide::read(include_str!("../../../../docs/guide/en.md"));
    HashMap::from([(Lang::Ja.tag(), ja), (Lang::En.tag(), en)])
});

struct Guide {
    /// The anchor and the text of each second-level heading.
    contents: Vec<(String, String)>,
    /// The text as HTML. It is our own, so it needs no sanitising.
    body: String,
}

impl Guide {
    /// Reads the guide's Markdown: the line before each heading is an HTML element with its anchor.
    fn read(markdown: &str) -> Self {
        let mut contents = Vec::new();
        let mut anchor = String::new();
        let mut heading: Option<String> = None;
        let mut kept = Vec::new();
        for mut event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
            match &mut event {
                // The anchor becomes the `id` of the heading that follows.
                Event::Html(html) | Event::InlineHtml(html) => {
                    anchor.extend(html.split('"').nth(1).map(str::to_owned));
                    continue;
                }
                Event::Start(Tag::Heading {
                    level: HeadingLevel::H2,
                    id,
                    ..
                }) => {
                    *id = Some(anchor.clone().into());
                    heading = Some(String::new());
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(text);
                    }
                }
                Event::End(TagEnd::Heading(HeadingLevel::H2)) => {
                    contents.extend(heading.take().map(|h| (std::mem::take(&mut anchor), h)));
                }
                _ => {}
            }
            kept.push(event);
        }
        let mut body = String::new();
        pulldown_cmark::html::push_html(&mut body, kept.into_iter());
        Self { contents, body }
    }

    fn contents(&self) -> Markup {
        html! {
            ul { @for (anchor, heading) in &self.contents { li { a href=(format!("#{anchor}")) { (heading) } } } }
        }
    }
}

/// The guide, for everybody: people who can't sign in need it too.
pub(super) async fn show(
    visit: Visit,
    admitted: Result<AdmittedVisit, WebError>,
) -> Result<Response, WebError> {
    let lang = visit.lang;
    let guide = GUIDES.get(lang.tag()).ok_or(WebError::NotFound)?;
    let whose = match &admitted {
        Ok(admitted) => Whose::Admitted(admitted.account()),
        Err(_) => Whose::Nobody,
    };
    Ok(Page::new(&visit, t!(lang, "help"))
        .of(whose)
        .broad()
        .show(html! {
            div.guide {
                nav.contents aria-label=(t!(lang, "help-contents")) { (guide.contents()) }
                article { (PreEscaped(&guide.body)) }
            }
        }))
}

/// A picture of the guide.
pub(super) async fn picture(
    Path((lang, wanted)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let lang = Lang::parse(&lang).ok_or(WebError::NotFound)?;
    let (_, ja, en) = PICTURES
        .iter()
        .find(|(name, ..)| *name == wanted)
        .ok_or(WebError::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, "image/webp"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    Ok((headers, if lang == Lang::Ja { *ja } else { *en }).into_response())
}
