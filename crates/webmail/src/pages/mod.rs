//! The pages of sign-in, second factor and preferences.

mod login;
mod session;

use axum::response::Redirect;

use crate::route::{Route, Who};

/// Their routes.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/", Who::Seated, front),
        Route::get("/login", Who::Anyone, login::show),
        Route::post("/login", Who::Anyone, login::enter),
        Route::post("/logout", Who::Signed, session::leave),
        Route::post("/language", Who::Anyone, session::choose_language),
    ]
}

async fn front(_: crate::visit::Seated) -> Redirect {
    Redirect::to("/mfa")
}
