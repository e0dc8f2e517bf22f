//! The webmail: the browser's door.
//!
//! Every request is judged anew by the checkpoint for the source that it comes from. A handler says in its signature what it needs: a [`visit::Seated`]
//! is a session that may open mail at this request, a [`visit::Owing`] one that has to prove a factor first, and there is no way from the second to the
//! first but through the checkpoint. Pages are made on the server, work without JavaScript, and speak Japanese and English.
//!
//! The crate refuses to judge: no handler looks at an address, a header that names one, or a clock. It keeps no state of its own; what must survive a reload is
//! in the checkpoint's session. And it changes nothing by GET, nor by a POST that its own pages did not send.
//!
//! In reading order: [`config`] is what the binary hands in; [`route`] the table of all addresses; [`visit`] and [`form`] are what handlers receive, [`stash`]
//! keeps what was being written when a session fell back, `passing` a password that an upstream wants, both `sealed`; [`lang`], [`layout`] and [`time`] are what pages are made of; [`error`], `guard`, `cookie`, `csrf`,
//! `qr`, `assets` and `serve` bring them to the browser; [`pages`] are sign-in, second factor and preferences.

#[macro_use]
pub mod lang;

pub mod config;
pub mod error;
pub mod form;
pub mod layout;
pub mod otp_app;
pub mod pages;
pub mod route;
pub mod stash;
pub mod time;
pub mod visit;

mod assets;
mod cookie;
mod csrf;
mod guard;
mod mail;
mod passing;
mod qr;
mod sealed;
mod serve;

pub use config::{Config, Context, MailServer, MailServerError, OtherFamily};
pub use serve::{Entrance, serve, serve_router};

use std::sync::Arc;

/// The webmail as a whole.
#[derive(Debug)]
pub struct Webmail;

impl Webmail {
    /// The router of all pages. Each request must carry its [`sekisho_source::Source`] as an extension, which the listener alone knows.
    pub fn router(context: Arc<Context>) -> axum::Router {
        let pool = Arc::new(mail::Pool::default());
        guard::around(route::router(route::all()), &context)
            .layer(axum::Extension(pool))
            .with_state(context)
    }
}
