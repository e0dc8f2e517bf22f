//! The table of all addresses, as data: the router is built from it, and a test walks it.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::config::Context;
use crate::{assets, mail, pages};

/// Who gets anything from a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Whoever proved a password: to sign out.
    Signed,
    /// Who owes a factor: to prove or register one.
    Owing,
    /// Who may open mail.
    Seated,
}

/// One address and method.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with axum's placeholders.
    pub path: &'static str,
    /// Who gets anything from it.
    pub who: Who,
    handler: MethodRouter<Arc<Context>>,
}

impl Route {
    /// A page.
    pub fn get<H: Handler<T, Arc<Context>>, T: 'static>(
        path: &'static str,
        who: Who,
        handler: H,
    ) -> Self {
        Self {
            method: Method::GET,
            path,
            who,
            handler: on(MethodFilter::GET, handler),
        }
    }

    /// Something that changes something.
    pub fn post<H: Handler<T, Arc<Context>>, T: 'static>(
        path: &'static str,
        who: Who,
        handler: H,
    ) -> Self {
        Self {
            method: Method::POST,
            path,
            who,
            handler: on(MethodFilter::POST, handler),
        }
    }
}

/// Every route of the webmail.
#[must_use]
pub fn all() -> Vec<Route> {
    let mut routes = vec![Route::get("/assets/{name}", Who::Anyone, assets::serve)];
    routes.extend(pages::routes());
    routes.extend(mail::routes());
    routes
}

/// Builds the router of a table.
pub(crate) fn router(routes: Vec<Route>) -> Router<Arc<Context>> {
    routes.into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.handler)
    })
}
