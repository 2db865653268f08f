//! The few files that pages refer to. They are part of the program.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use procura_keys::digest::{sha256, to_base64url};

use crate::app::App;

pub(super) fn routes() -> Router<App> {
    ASSETS.into_iter().fold(Router::new(), |router, asset| {
        let etag = format!("\"{}\"", to_base64url(&sha256(asset.text.as_bytes())));
        router.route(
            asset.path,
            get(async move |headers: HeaderMap| serve(asset, &etag, &headers)),
        )
    })
}

#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 2] = [
    Asset {
        path: "/assets/procura.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("../../assets/procura.css"),
    },
    Asset {
        path: "/assets/logo.svg",
        content_type: "image/svg+xml",
        text: include_str!("../../assets/logo.svg"),
    },
];

/// The browser keeps the file and asks each time whether it changed, so that an upgrade shows at once.
fn serve(asset: Asset, etag: &str, headers: &HeaderMap) -> Response {
    let shared = [(CACHE_CONTROL, "no-cache"), (ETAG, etag)];
    if headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known == etag)
    {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    (shared, [(CONTENT_TYPE, asset.content_type)], asset.text).into_response()
}
