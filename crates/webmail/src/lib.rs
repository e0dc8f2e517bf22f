//! The webmail: the browser's door.
//!
//! The checkpoint judges every single request, for the source that the request comes from. A handler's signature says
//! what it needs: [`visit::AdmittedVisit`] is a session that may open mail, [`visit::Owing`] one that must prove a
//! factor first. Only the checkpoint turns the second into the first. Pages are made on the server, work without
//! JavaScript, and come in Japanese and English.
//!
//! The crate refuses to judge: no handler looks at an address, at a header that names one, or at a clock. It keeps no
//! state of its own: what must survive a reload is in the checkpoint's session. A GET changes no setting and sends no
//! mail, and a POST counts only if one of its own pages sent it.
//!
//! In reading order: [`config`] is what the binary hands in, [`routes`] the table of all addresses, each a [`route`].
//! Handlers receive [`visit`] and [`form`], whose values are [`form_fields`]. Two things are sealed in the session for
//! its browser: [`stash`] keeps what the person was writing when a factor became owed again, `upstream_password` is a
//! password that an upstream wants. Pages are made of [`lang`], [`layout`] and [`time`]; [`error`], `guard` (with
//! `beginning`), `cookie`, `csrf`, `qr`, `assets` and `serve` bring them to the browser. [`pages`] are sign-in, second
//! factor and preferences; `mail` is the mailbox. [`otp_app`] serves the OTP app.

#[macro_use]
pub mod lang;

pub mod config;
pub mod error;
pub mod form;
pub mod form_fields;
pub mod layout;
pub mod otp_app;
pub mod pages;
pub mod route;
pub mod routes;
pub mod stash;
pub mod time;
mod to_login;
mod upstream_password;
pub mod visit;

mod assets;
mod beginning;
mod cookie;
mod csrf;
mod guard;
mod mail;
mod qr;
mod serve;

pub use config::{Config, Context, MailServer, MailServerError, OtherFamily};
pub use serve::{Entrance, serve, serve_router};

use std::sync::Arc;

/// The webmail as a whole.
#[derive(Debug)]
pub struct Webmail;

impl Webmail {
    /// The router of all pages. Each request must carry its [`sekisho_source::Source`] and a
    /// [`sekisho_net::Finisher`] as extensions; [`serve()`] adds both.
    pub fn router(context: Arc<Context>) -> axum::Router {
        let pool = Arc::new(mail::Pool::default());
        guard::around(route::router(routes::all()), &context)
            .layer(axum::Extension(pool))
            .with_state(context)
    }
}
