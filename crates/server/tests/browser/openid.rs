//! Signing in at a provider that others wrote, `oidc-provider` in a process of its own, with a real browser in between.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use procura_keys::clock::Clock as _;
use procura_service::system::SystemClock;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::chromium::World;
use crate::support::flows::ALICE;
use crate::support::signers::TestHost;
use crate::support::steady::TestClock;
use crate::support::{Setup, extended};

/// A running provider.
struct Provider {
    issuer: String,
    said: Lines<BufReader<ChildStdout>>,
    heard: ChildStdin,
    /// Ends with this.
    _process: Child,
}

impl Provider {
    async fn start() -> Self {
        let folder = installed().await;
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{NEEDED} ({error})"));
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self {
            issuer: said.next_line().await.unwrap().unwrap(),
            said,
            heard: process.stdin.take().unwrap(),
            _process: process,
        }
    }

    /// Says where it may send people back to.
    async fn sends_back_to(&mut self, redirect_uri: &str) {
        let line = format!("{redirect_uri}\n");
        self.heard.write_all(line.as_bytes()).await.unwrap();
        assert_eq!(self.said.next_line().await.unwrap().unwrap(), "ready");
    }
}

/// A bank at which people sign in by this provider, and a browser that visits it.
struct Visit {
    world: World,
    provider: Provider,
    _secret: TempDir,
}

impl Visit {
    async fn start() -> Self {
        let mut provider = Provider::start().await;
        let folder = TempDir::new().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "a secret+\n").unwrap();
        let config = extended(&format!(
            "[[sign_in.openid]]\nid = 'acme'\nname = 'Acme'\nissuer = '{}'\nclient_id = 'procura'\n\
             client_secret_file = '{}'\nsign_up = true\ndomains = ['example.com']",
            provider.issuer,
            secret.display()
        ));
        let world = World::with(Setup {
            config,
            clock: Arc::new(TestClock::default()),
            ..Setup::default()
        })
        .await;
        let redirect_uri = format!("{}/login/openid/acme", world.bank.issuer);
        provider.sends_back_to(&redirect_uri).await;
        Self {
            world,
            provider,
            _secret: folder,
        }
    }

    /// Signs in at the provider, and says yes if it asks what may be told.
    async fn sign_in_there(&self) {
        let world = &self.world;
        // The provider's clock goes by itself.
        let late = SystemClock.now().since(world.bank.now());
        world.bank.clock.advance(late);
        world
            .press("form[action$='/login/openid/acme'] button")
            .await;
        let there = format!(
            "location.href.startsWith('{}') && !!document.querySelector('[name=login]')",
            self.provider.issuer
        );
        world.until(&there).await;
        world.fill("[name=login]", "alice").await;
        world.fill("[name=password]", "x").await;
        world.press("button[type=submit]").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_at_a_real_provider_and_anew_to_decide_something() {
    let visit = Visit::start().await;
    let world = &visit.world;
    world.open("/login").await;
    visit.sign_in_there().await;
    world
        .until("!!document.querySelector('[name=prompt][value=consent]')")
        .await;
    world.press("button[type=submit]").await;
    world.see("Connected apps").await;
    world.open("/account").await;
    world.see(ALICE).await;

    let wish =
        json!({ "name": "Helper", "host_name": "Laptop", "capabilities": ["check_balance"] });
    let (_, answer) = world.bank.register(&TestHost::new(), &wish).await;
    let page = format!("/device?code={}", answer.user_code());
    world.open(&page).await;
    world.press("a[href*='/login?next=']").await;
    world.see("within the last few minutes").await;
    visit.sign_in_there().await;
    world.arrive(&page).await;
    world.press("button[value=approve]").await;
    world.see("Approved").await;
    let recorded = &world.bank.records_of("approval.granted").await[0];
    assert_eq!(recorded["detail"]["proof"], "openid");

    // Their browser is known there still; here, it is somebody who just came.
    world.press("form[action$='/logout'] button").await;
    world.see("You are signed out.").await;
    world
        .press("form[action$='/login/openid/acme'] button")
        .await;
    world.see("Connected apps").await;
    visit.world.close().await;
}

/// Where the provider lies with what it needs, as the lock file beside the test says.
async fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openid-provider");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("provider.mjs"),
        include_str!("openid/provider.mjs"),
    )
    .unwrap();
    let lock = include_str!("openid/package-lock.json");
    let done = folder.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return folder;
    }
    std::fs::write(
        folder.join("package.json"),
        include_str!("openid/package.json"),
    )
    .unwrap();
    std::fs::write(folder.join("package-lock.json"), lock).unwrap();
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output();
    let npm = tokio::time::timeout(PATIENCE, npm).await.unwrap();
    let npm = npm.unwrap_or_else(|error| panic!("{NEEDED} ({error})"));
    let said = String::from_utf8_lossy(&npm.stderr);
    assert!(npm.status.success(), "npm could not install it: {said}");
    std::fs::write(done, lock).unwrap();
    folder
}

const NEEDED: &str = "an OpenID provider is needed: apt-get install nodejs npm (Node.js 20 or later); \
    its packages are fetched once by npm";
const PATIENCE: Duration = Duration::from_mins(5);
