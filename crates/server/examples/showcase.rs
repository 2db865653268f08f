//! A bank with people, apps and agents in every state, for looking at its pages.
//!
//! ```sh
//! cargo run -p procura-server --example showcase
//! ```
//!
//! It prints one line of JSON: the address, a session cookie for each person, and every page worth a look. It
//! serves them until its input ends. `docs/pages/look.mjs` makes screenshots of them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "an example that fails by panicking and prints where to look"
)]

#[path = "../tests/web/authenticator.rs"]
#[expect(dead_code, reason = "the tests of passkeys need more")]
mod authenticator;
#[path = "../tests/web/browser.rs"]
#[expect(dead_code, reason = "the tests of the pages need more")]
mod browser;
#[path = "../tests/web/openid/provider.rs"]
#[expect(dead_code, reason = "the tests of signing in elsewhere need more")]
mod provider;
#[path = "../tests/browser/scene.rs"]
mod scene;
#[path = "../tests/browser/showcase.rs"]
#[expect(dead_code, reason = "the test that visits every page needs more")]
mod showcase;
#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests of the protocol need more")]
mod support;

use std::io::Read as _;

use showcase::Showcase;

#[tokio::main]
async fn main() {
    let (bank, shown) = Showcase::open().await;
    println!("{}", shown.to_value(&bank));
    let waited = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    waited.await.unwrap().unwrap();
}
