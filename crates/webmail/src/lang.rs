//! The languages of the pages, and the catalogues of their texts.

use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

pub use fluent_bundle::FluentValue;

/// The text of a key in a language, as a `String`: `t!(lang, "key", name = value, ...)`. A test checks that every
/// catalogue has every key.
macro_rules! t {
    ($lang:expr, $key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $lang.text($key, &[$((stringify!($name), $crate::lang::FluentValue::from($value))),*])
    };
}

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

type Bundle = FluentBundle<FluentResource>;

static CATALOGUES: LazyLock<[Bundle; 2]> = LazyLock::new(|| [bundle(Lang::Ja), bundle(Lang::En)]);

impl Lang {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The language tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language's name, in the language itself.
    #[must_use]
    pub fn own_name(self) -> &'static str {
        match self {
            Self::Ja => "日本語",
            Self::En => "English",
        }
    }

    /// The language with this tag.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.tag() == tag)
    }

    /// Which of our languages the browser prefers, by `Accept-Language` (RFC 9110 section 12.5.4); `None` if it accepts
    /// neither.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let line = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let mut best: Option<(Self, f32)> = None;
        for range in line.split(',').take(50) {
            let mut parts = range.split(';').map(str::trim);
            let primary = parts.next().and_then(|tag| tag.split('-').next());
            let Some(lang) = primary.and_then(|tag| Self::parse(&tag.to_ascii_lowercase())) else {
                continue;
            };
            let quality = parts
                .find_map(|p| p.strip_prefix("q="))
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if quality > 0.0 && best.is_none_or(|(_, q)| quality > q) {
                best = Some((lang, quality));
            }
        }
        best.map(|(lang, _)| lang)
    }

    /// The text of a key; the key itself if the catalogue lacks it. Use [`t!`].
    #[must_use]
    pub(crate) fn text(self, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
        let [ja, en] = &*CATALOGUES;
        let bundle = match self {
            Self::Ja => ja,
            Self::En => en,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) else {
            return key.to_owned();
        };
        let args: FluentArgs<'_> = values.iter().map(|(n, v)| (*n, v.clone())).collect();
        let mut errors = Vec::new();
        bundle
            .format_pattern(pattern, Some(&args), &mut errors)
            .into_owned()
    }
}

/// The files of a language's catalogue: one for each part of the webmail.
fn sources(lang: Lang) -> [&'static str; 5] {
    macro_rules! files {
        ($lang:literal) => {
            [
                include_str!(concat!("../locales/", $lang, "/frame.ftl")),
                include_str!(concat!("../locales/", $lang, "/signin.ftl")),
                include_str!(concat!("../locales/", $lang, "/factor.ftl")),
                include_str!(concat!("../locales/", $lang, "/preferences.ftl")),
                include_str!(concat!("../locales/", $lang, "/mail.ftl")),
            ]
        };
    }
    match lang {
        Lang::Ja => files!("ja"),
        Lang::En => files!("en"),
    }
}

/// Reads a catalogue. Entries with errors are left out; a test reports them.
fn bundle(lang: Lang) -> Bundle {
    let id: LanguageIdentifier = lang.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![id]);
    // Fluent's isolation marks would end up in copied text, titles and attributes.
    bundle.set_use_isolating(false);
    for source in sources(lang) {
        let resource = match FluentResource::try_new(source.to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::error!(?errors, "a catalogue has a key twice");
        }
    }
    bundle
}

#[cfg(test)]
mod tests;
