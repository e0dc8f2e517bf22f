//! The table of all routes.

use crate::route::{Route, Who};
use crate::{assets, mail, pages};

/// Every route of the webmail.
#[must_use]
pub fn all() -> Vec<Route> {
    let mut routes = vec![Route::get("/assets/{name}", Who::Anyone, assets::serve)];
    routes.extend(pages::routes());
    routes.extend(mail::routes());
    routes
}
