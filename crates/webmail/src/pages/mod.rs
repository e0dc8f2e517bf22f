//! The pages of sign-in, second factor and preferences.
//!
//! In reading order: `login` and `session` sign in and out; `step` asks for a factor that is owed, and `wizard`
//! registers the first one; `status` and `companion` show and extend grants; `preferences` leads to `mfa`, `register`,
//! `recovery` and `password`; `help` is the guide; `ask` asks for password and factor again before a change. Shared are
//! `kinds`, with what is particular to a kind of factor, `words` for errors, `typed` for what was typed, `fields` and
//! `parts`.

mod ask;
mod companion;
mod fields;
mod help;
mod kinds;
pub(crate) mod login;
mod mfa;
mod parts;
mod password;
mod preferences;
mod recovery;
mod register;
mod session;
mod status;
mod step;
mod typed;
mod wizard;
mod words;

use axum::response::Redirect;

use crate::route::Route;
use crate::route::Who::{Admitted, Anyone, Owing, Signed};

/// The routes of these pages.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = step::routes();
    routes.extend([
        Route::get("/", Admitted, front),
        Route::get("/login", Anyone, login::show),
        Route::post("/login", Anyone, login::enter),
        Route::post("/logout", Signed, session::leave),
        Route::post("/language", Anyone, session::choose_language),
        Route::get("/mfa-step/register", Owing, wizard::show),
        Route::post("/mfa-step/register/begin", Owing, wizard::begin),
        Route::post("/mfa-step/register/key", Owing, wizard::key),
        Route::post("/mfa-step/register/app-code", Owing, wizard::app_code),
        Route::post("/mfa-step/register/otp", Owing, wizard::otp),
        Route::post("/mfa-step/register/address", Owing, wizard::address),
        Route::post(
            "/mfa-step/register/address-code",
            Owing,
            wizard::address_code,
        ),
        Route::post("/mfa-step/register/abandon", Owing, wizard::abandon),
        Route::get("/mfa", Admitted, status::show),
        Route::post("/mfa/renew", Admitted, status::renew),
        Route::post("/mfa/companion-token", Admitted, companion::token),
        Route::post("/mfa/companion", Anyone, companion::join),
        Route::post("/mfa/end-grants", Admitted, status::end),
        Route::post("/mfa/not-me", Admitted, status::not_me),
        Route::get("/mfa/registered", Admitted, register::registered),
        Route::get("/preferences", Admitted, preferences::show),
        Route::get("/preferences/mfa", Admitted, mfa::show),
        Route::post("/preferences/mfa/use", Admitted, mfa::choose_use),
        Route::post("/preferences/mfa/remove", Admitted, mfa::remove),
        Route::post("/preferences/mfa/rename", Admitted, mfa::rename),
        Route::post("/preferences/mfa/enable", Admitted, mfa::enable),
        Route::get("/preferences/mfa/app", Admitted, register::app),
        Route::post(
            "/preferences/mfa/app/user-code",
            Admitted,
            register::user_code,
        ),
        Route::post(
            "/preferences/mfa/app/app-code",
            Admitted,
            register::app_code,
        ),
        Route::post("/preferences/mfa/app/otp", Admitted, register::app_otp),
        Route::post("/preferences/mfa/app/key", Admitted, register::key),
        Route::get("/preferences/mfa/recovery", Admitted, recovery::show),
        Route::post("/preferences/mfa/recovery", Admitted, recovery::make),
        Route::post("/preferences/mfa/recovery/kept", Admitted, recovery::kept),
        Route::get("/preferences/mfa/mail", Admitted, register::mail),
        Route::post("/preferences/mfa/mail/address", Admitted, register::address),
        Route::post(
            "/preferences/mfa/mail/code",
            Admitted,
            register::address_code,
        ),
        Route::post("/preferences/mfa/abandon", Admitted, register::abandon),
        Route::get("/preferences/password", Admitted, password::show),
        Route::post("/preferences/password", Admitted, password::change),
        Route::post(
            "/preferences/password/elsewhere",
            Admitted,
            password::changed_elsewhere,
        ),
        Route::get("/help", Anyone, help::show),
        Route::get("/help/pictures/{lang}/{name}", Anyone, help::picture),
    ]);
    routes
}

/// The front page redirects to the mail, or to the password page where a new password is wanted.
async fn front(admitted: crate::visit::AdmittedVisit) -> Redirect {
    Redirect::to(if admitted.visit.password_wanted {
        "/preferences/password"
    } else {
        "/mail"
    })
}
