//! The pages people use: signing in, finding a request by its code, deciding it.
//!
//! Rendered on the server; a script is needed for passkeys and devices, and keeps some pages up to date. What strangers wrote
//! is shown as quoted text (AAP §8.10), a decision takes a fresh sign-in (§8.11), and no other site can send a form or
//! frame a page.

mod account;
mod accounts;
mod admin;
mod arrival;
mod assets;
mod connected;
mod device;
mod form;
mod gesture;
mod headers;
mod home;
mod inbox;
mod limit;
mod login;
mod next;
mod notice;
mod origin;
mod page;
mod session;
mod signed;
pub(crate) mod text;
mod ticket;
pub(crate) mod when;
mod words;

use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state, map_response, map_response_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::HeaderMap;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::app::App;
use notice::Notice;
use origin::Origin;

/// The page for a path at which nothing is served.
pub(crate) async fn not_found(app: App, headers: &HeaderMap) -> Response {
    words::in_language_of(headers, async {
        let page = notice::render(State(app), Notice::not_found().into_response()).await;
        headers::protect(page).await
    })
    .await
}

/// The routes of the pages.
pub(crate) fn routes(app: &App) -> Router<App> {
    let own = Origin::of_issuer(&app.ctx.provider().issuer);
    let csrf = CsrfLayer::new()
        .add_trusted_origin(own.as_str())
        .unwrap_or_default();
    let signing_in = match app.people {
        None => own_accounts(),
        Some(_) => Router::new().route("/login", get(login::elsewhere::show)),
    };
    Router::new()
        .route("/", get(home::show))
        .merge(signing_in)
        .merge(connected::routes())
        .merge(admin::routes())
        .route("/account", get(account::show))
        .route("/account/push", post(account::push::add))
        .route("/account/push/remove", post(account::push::remove))
        .route("/account/mail", post(account::mail::change))
        .route("/account/mail/{token}", get(account::mail::confirm))
        .merge(accounts::routes(app))
        .route("/device", get(device::show).post(device::decide))
        .route("/device/challenge", post(device::challenge))
        .route("/inbox", get(inbox::show))
        .route("/inbox/{reference}", get(device::show_from_inbox))
        .route("/language", post(words::set))
        .route("/assets/{name}", get(assets::show))
        .method_not_allowed_fallback(async || Notice::wrong_method())
        .layer(
            csrf.with_rejection_response(|_: ProtectionError| Notice::cross_site().into_response()),
        )
        .layer(from_fn_with_state(own, origin::require_own))
        .layer(map_response_with_state(app.clone(), notice::render))
        .layer(map_response(headers::protect))
        .layer(from_fn(words::speak))
}

/// The ways in and out of accounts that are the server's own.
fn own_accounts() -> Router<App> {
    Router::new()
        .route("/login", get(login::show).post(login::sign_in))
        .route("/login/challenge", post(login::passkey::challenge))
        .route("/login/passkey", post(login::passkey::sign_in))
        .route(
            "/login/recovery",
            get(login::recovery::show).post(login::recovery::sign_in),
        )
        .route(
            "/login/openid/{provider}",
            get(login::openid::finish).post(login::openid::begin),
        )
        .route("/logout", post(login::sign_out))
        .route("/setup/{token}", get(arrival::show).post(arrival::arrive))
        .route("/setup/{token}/challenge", post(arrival::challenge))
        .route("/invite/{token}", get(arrival::show).post(arrival::arrive))
        .route("/invite/{token}/challenge", post(arrival::challenge))
        .route("/signup", get(arrival::show_sign_up).post(arrival::sign_up))
        .route("/signup/challenge", post(arrival::sign_up_challenge))
        .route("/account/challenge", post(account::challenge))
        .route("/account/passkeys", post(account::add_passkey))
        .route(
            "/account/passkeys/challenge",
            post(account::passkey_challenge),
        )
        .route("/account/passkeys/{id}/name", post(account::rename_passkey))
        .route(
            "/account/passkeys/{id}/remove",
            post(account::remove_passkey),
        )
        .route("/account/password", post(account::set_password))
        .route("/account/recovery", post(account::make_recovery_codes))
        .route("/account/openid/{provider}", post(account::openid::connect))
        .route(
            "/account/openid/{provider}/remove",
            post(account::openid::disconnect),
        )
        .route("/account/sessions/end", post(account::end_sessions))
}
