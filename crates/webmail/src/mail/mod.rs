//! The pages of mail: folders, lists, messages, writing.
//!
//! The webmail is one more mail client: every page asks the mail server, by one connection that a session keeps for a
//! few minutes, and nothing of the mail is kept here. What a message brings along is shown as text, or made harmless
//! and put in a frame without an origin; files are only ever downloaded.
//!
//! In reading order: `pool` is how a request gets at the mail, `place` the addresses of what is in it, `folders` its
//! folders; `list` and `message` are the two pages that people read, and `attached` shows a message within another;
//! they are made of `view`, `content`, `text`, `html` and `sender`; `actions`, `relocate` and `manage` change things,
//! `download` hands out files. A message being written is a `composition` around a `draft` to `recipients`; it begins
//! as a `reply` or is found again as a `stored_draft`, shown by `writing_page`, and `compose` is what the page's
//! buttons do. `failure` says what went wrong.

mod actions;
mod attached;
mod compose;
mod composition;
mod content;
mod download;
mod draft;
mod failure;
mod folders;
mod html;
mod list;
mod manage;
mod message;
mod place;
mod pool;
mod recipients;
mod relocate;
mod reply;
mod sender;
mod stored_draft;
mod style;
mod text;
mod view;
mod writing_page;

pub(crate) use pool::Pool;

use crate::route::{Route, Who};

/// Their routes.
#[must_use]
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/mail", Who::Admitted, list::inbox),
        Route::get("/mail/folder/{folder}", Who::Admitted, list::folder),
        Route::post("/mail/folder/{folder}/act", Who::Admitted, actions::act),
        Route::post("/mail/undo", Who::Admitted, actions::take_back),
        Route::get(
            "/mail/folder/{folder}/for-good",
            Who::Admitted,
            actions::ask_for_good,
        ),
        Route::post(
            "/mail/folder/{folder}/for-good",
            Who::Admitted,
            actions::for_good,
        ),
        Route::get(
            "/mail/folder/{folder}/empty",
            Who::Admitted,
            actions::ask_empty,
        ),
        Route::post("/mail/folder/{folder}/empty", Who::Admitted, actions::empty),
        Route::get(
            "/mail/folder/{folder}/message/{uid}",
            Who::Admitted,
            message::show,
        ),
        Route::get(
            "/mail/folder/{folder}/message/{uid}/attached/{part}",
            Who::Admitted,
            attached::show,
        ),
        Route::get(
            "/mail/folder/{folder}/message/{uid}/html/{part}",
            Who::Admitted,
            download::framed,
        ),
        Route::get(
            "/mail/folder/{folder}/message/{uid}/part/{part}",
            Who::Admitted,
            download::part,
        ),
        Route::get(
            "/mail/folder/{folder}/message/{uid}/source",
            Who::Admitted,
            download::source,
        ),
        Route::get("/mail/compose", Who::Admitted, compose::show),
        Route::post("/mail/compose", Who::Admitted, compose::submit),
        Route::post("/mail/compose/autosave", Who::Admitted, compose::autosave),
        Route::get("/mail/folders", Who::Admitted, manage::show),
        Route::post("/mail/folders/create", Who::Admitted, manage::create),
        Route::post("/mail/folders/rename", Who::Admitted, manage::rename),
        Route::post("/mail/folders/delete", Who::Admitted, manage::delete),
    ]
}
