//! A route, as data: the router is built from the table of all routes ([`crate::routes`]), and tests walk that table.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::config::Context;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Everyone who proved a password, to sign out.
    Signed,
    /// Those who owe a factor, to prove or register one.
    Owing,
    /// Those who may open mail.
    Admitted,
}

/// One address and method.
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path, with axum's placeholders.
    pub path: &'static str,
    /// Who may use it. The handler's parameters enforce it, not this field.
    pub who: Who,
    handler: MethodRouter<Arc<Context>>,
}

impl Route {
    /// A route that shows a page.
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

    /// A route that changes something.
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

/// Builds the router from a table of routes.
pub(crate) fn router(routes: Vec<Route>) -> Router<Arc<Context>> {
    routes.into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.handler)
    })
}
