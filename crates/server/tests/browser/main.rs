//! The pages in a real Chromium with a virtual authenticator: passkeys, approvals, and the attacks on them.
//!
//! `PROCURA_TEST_CHROMIUM` names the program where it is not found by itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    reason = "the pages need a part of what the protocol's tests need"
)]
mod support;

#[path = "../web/authenticator.rs"]
#[expect(dead_code, reason = "the tests of passkeys need more")]
mod authenticator;
#[path = "../web/browser.rs"]
#[expect(dead_code, reason = "the tests of the pages need more")]
mod browser;

mod account;
mod approval;
mod attacks;
mod chromium;
mod devices;
mod first_run;
mod live;
mod openid;
#[path = "../web/openid/provider.rs"]
#[expect(dead_code, reason = "the tests of signing in elsewhere need more")]
mod provider;
mod reach;
mod scene;
#[expect(dead_code, reason = "the example needs more")]
mod showcase;
