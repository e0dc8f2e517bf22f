//! The style sheet, scripts and pictures that pages refer to. The URL of each contains a hash of its content, so
//! browsers may cache it for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::csrf::content_hash;
use crate::error::WebError;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            content: include_str!(concat!("../assets/", $name)),
        }
    };
}

const ASSETS: &[Asset] = &[
    Asset {
        name: "style.css",
        content_type: "text/css; charset=utf-8",
        // Browsers load one style sheet; we keep it in two files.
        content: concat!(
            include_str!("../assets/style.css"),
            include_str!("../assets/mail.css")
        ),
    },
    asset!("page.js", "text/javascript; charset=utf-8"),
    Asset {
        name: "codes.js",
        content_type: "text/javascript; charset=utf-8",
        // The webmail and the OTP app check codes with the same script.
        content: concat!(
            include_str!("../../../apps/otp/codes.js"),
            include_str!("../assets/code-field.js")
        ),
    },
    asset!("companion.js", "text/javascript; charset=utf-8"),
    asset!("mail.js", "text/javascript; charset=utf-8"),
    asset!("logo.svg", "image/svg+xml"),
];

/// The URL paths, in the order of [`ASSETS`].
static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
    ASSETS
        .iter()
        .map(|asset| {
            let hash = content_hash(asset.content.as_bytes());
            let (stem, end) = asset.name.split_once('.').unwrap_or((asset.name, ""));
            format!("/assets/{stem}.{hash}.{end}")
        })
        .collect()
});

/// The URL path of an asset. For an unknown name it is a path that answers 404.
pub(crate) fn path(name: &str) -> &'static str {
    ASSETS
        .iter()
        .zip(PATHS.iter())
        .find_map(|(asset, path)| (asset.name == name).then_some(path.as_str()))
        .unwrap_or("/assets/none")
}

/// Serves the asset whose file name, with hash, is in the path.
pub(crate) async fn serve(Path(wanted): Path<String>) -> Result<Response, WebError> {
    ASSETS
        .iter()
        .zip(PATHS.iter())
        .find(|(_, path)| path.strip_prefix("/assets/") == Some(&wanted))
        .map(|(asset, _)| {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::VARY, "Accept-Encoding"),
            ];
            (headers, asset.content).into_response()
        })
        .ok_or(WebError::NotFound)
}
