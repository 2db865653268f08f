//! The few files that pages refer to. They are part of the program.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use procura_keys::digest::{sha256, to_base64url};

use super::notice::Notice;

/// `GET /assets/{name}`. The browser keeps the file and asks each time whether it changed, so that an upgrade
/// shows at once.
pub(super) async fn show(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Notice> {
    let Path(name) = name.map_err(|_| Notice::not_found())?;
    let asset = ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .ok_or_else(Notice::not_found)?;
    let etag = format!("\"{}\"", to_base64url(&sha256(asset.text.as_bytes())));
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| *known == etag);
    let shared = [(CACHE_CONTROL, "no-cache".to_owned()), (ETAG, etag)];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, shared).into_response());
    }
    Ok((shared, [(CONTENT_TYPE, asset.content_type)], asset.text).into_response())
}

struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 6] = [
    Asset {
        name: "procura.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("../../assets/procura.css"),
    },
    Asset {
        name: "passkey.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/passkey.js"),
    },
    Asset {
        name: "push.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/push.js"),
    },
    Asset {
        name: "push-worker.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/push-worker.js"),
    },
    Asset {
        name: "live.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/live.js"),
    },
    Asset {
        name: "logo.svg",
        content_type: "image/svg+xml",
        text: include_str!("../../assets/logo.svg"),
    },
];
