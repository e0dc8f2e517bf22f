//! The HTML frame of every page, and the few parts that all pages share.

use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sekisho_checkpoint::Account;

use crate::assets;
use crate::csrf;
use crate::error::WebError;
use crate::lang::Lang;
use crate::time;
use crate::visit::Visit;

/// Who looks at the page; decides what its head offers.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Somebody who is not signed in, or not known to be.
    Nobody,
    /// Someone who owes a factor: the head offers only to sign out.
    Owing(&'a Account),
    /// Someone who may open every page.
    Admitted(&'a Account),
}

/// A page under construction.
pub struct Page<'a> {
    visit: &'a Visit,
    title: String,
    whose: Whose<'a>,
    class: &'static str,
    help: &'static str,
    modules: Vec<&'static str>,
}

impl<'a> Page<'a> {
    /// A page with a title, as narrow as a form and for nobody in particular.
    #[must_use]
    pub fn new(visit: &'a Visit, title: impl Into<String>) -> Self {
        Self {
            visit,
            title: title.into(),
            whose: Whose::Nobody,
            class: "narrow",
            help: "",
            modules: vec!["page.js"],
        }
    }

    /// Sets who looks at the page.
    #[must_use]
    pub fn of(mut self, whose: Whose<'a>) -> Self {
        self.whose = whose;
        self
    }

    /// As wide as a table or a text to read needs.
    #[must_use]
    pub fn broad(mut self) -> Self {
        self.class = "broad";
        self
    }

    /// As wide as the window, for lists of mail.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.class = "full";
        self
    }

    /// Sets the part of the guide that the help link opens: an anchor in the guide.
    #[must_use]
    pub fn help(mut self, anchor: &'static str) -> Self {
        self.help = anchor;
        self
    }

    /// Adds a script module from `assets/`.
    #[must_use]
    pub fn module(mut self, name: &'static str) -> Self {
        self.modules.push(name);
        self
    }

    /// The finished page with this content.
    #[must_use]
    pub fn show(self, body: Markup) -> Response {
        let visit = self.visit;
        let lang = visit.lang;
        let site = &visit.context.config.site_name;
        let companion = match self.whose {
            Whose::Admitted(_) => companion_place(visit),
            Whose::Nobody | Whose::Owing(_) => None,
        };
        html! {
            (DOCTYPE)
            html lang=(lang.tag()) data-now=(time::machine(visit.context.checkpoint.now())) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.title) " · " (site) }
                    link rel="icon" type="image/svg+xml" href=(assets::path("logo.svg"));
                    link rel="stylesheet" href=(assets::path("style.css"));
                    @for name in &self.modules {
                        script type="module" src=(assets::path(name)) {}
                    }
                    @if companion.is_some() { script type="module" src=(assets::path("companion.js")) {} }
                }
                body {
                    a.skip href="#main" { (t!(lang, "skip-to-content")) }
                    (head(visit, self.whose, self.help))
                    @if let Whose::Admitted(_) = self.whose { (banners(visit)) }
                    main #main class=(self.class) { (body) }
                    (foot(visit))
                    @if let Some(to) = companion {
                        div #companion hidden data-to=(to) data-csrf=(visit.csrf_token()) {}
                    }
                }
            }
        }
        .into_response()
    }
}

/// What kind of news a notice brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something to know.
    Plain,
    /// Something went well.
    Good,
    /// Something that the person has to act on.
    Warning,
    /// Something failed. Screen readers read it out at once.
    Wrong,
}

/// A framed notice.
#[must_use]
pub fn notice(tone: Tone, body: Markup) -> Markup {
    let (class, role) = match tone {
        Tone::Plain => ("notice", None),
        Tone::Good => ("notice good", Some("status")),
        Tone::Warning => ("notice warning", None),
        Tone::Wrong => ("notice wrong", Some("alert")),
    };
    html! { div class=(class) role=[role] { (body) } }
}

/// The hidden token field that every form needs.
#[must_use]
pub fn csrf_field(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(csrf::FIELD) value=(visit.csrf_token()); }
}

/// The page that explains an error.
pub(crate) fn error_page(visit: &Visit, error: &WebError) -> Response {
    let (title, what_to_do) = error.words(visit.lang);
    let body = html! {
        section.card {
            h1 { (title) }
            p { (what_to_do) }
            p.alone { a href="/" { (t!(visit.lang, "home")) } }
        }
    };
    Page::new(visit, title).show(body)
}

/// The URL at which a script lets the browser's other address family join a grant; `None` if the grant is older than a
/// minute, or the site has no such URL.
fn companion_place(visit: &Visit) -> Option<String> {
    let context = &visit.context;
    let won_at = visit.grant_ends_at? - context.checkpoint.site().policy.grant;
    let other = context
        .config
        .other_family
        .than(visit.source.shown_address())?;
    let is_fresh = context.checkpoint.now().duration_since(won_at) < SignedDuration::from_mins(1);
    let place = other.join("/mfa/companion").ok()?;
    is_fresh.then(|| place.to_string())
}

/// How long before its grant ends a person is warned.
const TOLD_BEFORE: SignedDuration = SignedDuration::from_mins(30);

/// Warnings that every page shows to someone who is signed in.
fn banners(visit: &Visit) -> Markup {
    let lang = visit.lang;
    let now = visit.context.checkpoint.now();
    let is_at = |path: &str| visit.path.split('?').next() == Some(path);
    html! {
        @if let Some(ends_at) = visit.grant_ends_at.filter(|_| !is_at("/mfa")) {
            @let from = ends_at - TOLD_BEFORE;
            // A script shows the banner when it is due; without scripts the next page does.
            section.banner aria-label=(t!(lang, "renew")) hidden[now < from] data-from=(time::machine(from)) {
                p role="status" {
                    (t!(lang, "grant-ends-soon", at = time::hour(&visit.context.config.zone, ends_at))) " "
                    a href="/mfa#renew" { (t!(lang, "renew")) }
                }
            }
        }
        @if visit.password_wanted && !is_at("/preferences/password") {
            section.banner aria-label=(t!(lang, "password-change")) {
                p {
                    (t!(lang, "password-wanted")) " "
                    a href="/preferences/password" { (t!(lang, "password-change")) }
                }
            }
        }
    }
}

fn head(visit: &Visit, whose: Whose<'_>, help: &str) -> Markup {
    let lang = visit.lang;
    let help = if help.is_empty() {
        "/help".to_owned()
    } else {
        format!("/help#{help}")
    };
    html! {
        header.site {
            a.brand href="/" {
                (PreEscaped(include_str!("../assets/logo.svg")))
                span { (visit.context.config.site_name) }
            }
            @if let Whose::Admitted(_) = whose {
                nav aria-label=(t!(lang, "main-navigation")) {
                    a href="/" { (t!(lang, "inbox")) }
                    a href="/preferences" { (t!(lang, "preferences")) }
                    a href=(help) { (t!(lang, "help")) }
                }
            } @else {
                nav aria-label=(t!(lang, "main-navigation")) {
                    a href=(help) { (t!(lang, "help")) }
                }
            }
            @if let Whose::Owing(account) | Whose::Admitted(account) = whose {
                form.who method="post" action="/logout" {
                    (csrf_field(visit))
                    span.name { (account.login) }
                    button.quiet { (t!(lang, "log-out")) }
                }
            }
        }
    }
}

/// The choice of the language: a POST, like every change, that returns to the same page.
fn foot(visit: &Visit) -> Markup {
    html! {
        footer.site {
            form method="post" action="/language" {
                input type="hidden" name="to" value=(visit.way_back());
                @for lang in Lang::ALL {
                    button.link name="language" value=(lang.tag()) lang=(lang.tag())
                        aria-current=[(lang == visit.lang).then_some("true")] { (lang.own_name()) }
                }
            }
        }
    }
}
