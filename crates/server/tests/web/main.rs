//! The pages as a browser sees them, over HTTP: one file for each page, and one for what holds for all.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    reason = "the pages need a part of what the protocol's tests need"
)]
mod support;

mod account;
mod accounts;
mod admin;
mod arrival;
mod authenticator;
mod bounds;
mod browser;
mod connected;
mod decision;
mod device;
mod embedded;
mod home;
mod inbox;
mod language;
mod login;
mod mail;
mod openid;
mod passkey;
mod push;
mod refused;
mod safety;
