//! The real program, backed up while it works, and what a restored one knows.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its scene has failed"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use procura_agent_auth::agent::Mode;
use procura_client::{
    Client, Connect, Connected, FetchTransport, Options, Parts, Profile, Request, Transport as _,
};
use serde_json::{Value, json};
use tempfile::TempDir;

// AA-4.6-01
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_restored_with_everything_acknowledged_before_it() {
    let scene = Scene::new();
    let server = scene.serve("data");
    let agent = scene.agent("Worker").await;
    let revoked = scene.agent("Fired").await;
    let too_late = scene.execution(&revoked);
    scene.client().disconnect(&revoked).await.unwrap();
    let used = scene.execution(&agent);
    assert_eq!(send(&used).await, (200, None));

    let load = Load::start(&scene, &agent);
    load.until_it_has_done(20).await;
    let acknowledged = load.done();
    let file = scene.file("backup.db");
    let made = scene
        .admin("data", &["backup", file.to_str().unwrap()])
        .await;
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    load.until_it_has_done(load.done() + 20).await;
    load.stop().await;
    drop(server);

    let restored = scene.restore("restored", &file, &[]).await;
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let said: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!(said["broken"], Value::Null);
    let _server = scene.serve("restored");
    assert_eq!(send(&used).await, (401, Some("invalid_jwt".to_owned())));
    assert_eq!(send(&scene.execution(&agent)).await, (200, None));
    let refused = send(&too_late).await;
    assert_eq!(refused, (403, Some("agent_revoked".to_owned())));

    let verified = scene.admin("restored", &["audit", "verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    let log = scene.admin("restored", &["audit", "export"]).await;
    let log = String::from_utf8(log.stdout).unwrap();
    let started = log.matches("\"capability.started\"").count();
    assert!(started > acknowledged, "{started} of {acknowledged}");
    assert!(log.contains("store.restored"));
}

#[tokio::test]
async fn a_restore_replaces_nothing_unasked_and_nothing_that_is_served() {
    let scene = Scene::new();
    let server = scene.serve("data");
    let file = scene.file("backup.db");
    let backup = ["backup", file.to_str().unwrap()];
    assert_eq!(scene.admin("data", &backup).await.status.code(), Some(0));
    let again = scene.admin("data", &backup).await;
    assert!(said(&again, 1).contains("backup.db cannot be written"));
    // The log of the live server says that there is a copy of it.
    let tail = scene.admin("data", &["audit", "tail"]).await;
    assert!(
        String::from_utf8(tail.stdout)
            .unwrap()
            .contains("store.backed_up")
    );
    let running = scene.restore("data", &file, &["--replace"]).await;
    assert!(said(&running, 1).contains("is in use by a running procurad"));
    drop(server);

    let unasked = scene.restore("data", &file, &[]).await;
    assert!(said(&unasked, 1).contains("with --replace it is set aside"));
    let replaced = scene.restore("data", &file, &["--replace"]).await;
    assert_eq!(replaced.status.code(), Some(0), "{replaced:?}");
    assert!(scene.file("data/replaced.db").exists());
    // Offline, it is a store like any other.
    let second = scene.file("second.db");
    let offline = scene
        .admin("data", &["backup", second.to_str().unwrap()])
        .await;
    assert_eq!(offline.status.code(), Some(0), "{offline:?}");
}

#[tokio::test]
async fn what_is_no_sound_backup_changes_nothing() {
    let scene = Scene::new();
    let server = scene.serve("data");
    let file = scene.file("backup.db");
    scene
        .admin("data", &["backup", file.to_str().unwrap()])
        .await;
    drop(server);
    let before = fs::read(scene.file("data/procura.db")).unwrap();

    let other = scene.file("other.db");
    fs::write(&other, "nothing of the kind").unwrap();
    let refused = scene.restore("data", &other, &["--replace"]).await;
    assert!(said(&refused, 1).contains("not a database of procurad"));

    // Somebody rewrote history and left the pages in order.
    let mut bytes = fs::read(&file).unwrap();
    let event = b"person.added";
    let at = bytes
        .windows(event.len())
        .position(|at| at == event)
        .unwrap();
    bytes[at..at + event.len()].copy_from_slice(b"person.hired");
    fs::write(&other, bytes).unwrap();
    let refused = scene.restore("data", &other, &["--replace"]).await;
    assert!(said(&refused, 1).contains("its audit log is broken: record 1 was changed"));

    assert_eq!(fs::read(scene.file("data/procura.db")).unwrap(), before);
    assert!(!scene.file("data/restoring.db").exists());
    assert!(!scene.file("data/replaced.db").exists());
}

#[tokio::test]
async fn records_in_postgresql_are_left_to_its_own_tools() {
    let scene = Scene::new();
    let text = fs::read_to_string(&scene.config).unwrap();
    let text = format!("{text}\n[store]\nurl = \"postgres://nobody@127.0.0.1:1/none\"\n");
    fs::write(&scene.config, text).unwrap();
    let refused = scene.restore("data", Path::new("backup.db"), &[]).await;
    assert!(said(&refused, 1).contains("pg_restore --clean"));
}

/// Calls one after the other, until it is told to stop.
struct Load {
    done: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(scene: &Scene, agent: &str) -> Self {
        let (done, stopped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let workers = (0..4).map(|_| {
            let (done, stopped) = (Arc::clone(&done), Arc::clone(&stopped));
            let (client, issuer, agent) = (scene.client(), scene.issuer(), agent.to_owned());
            tokio::spawn(async move {
                while !stopped.load(Ordering::SeqCst) {
                    let call = execution(&client, &agent, &issuer);
                    assert_eq!(send(&call).await, (200, None));
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let workers = workers.collect();
        Self {
            done,
            stopped,
            workers,
        }
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    async fn until_it_has_done(&self, count: usize) {
        while self.done() < count {
            assert!(self.workers.iter().all(|worker| !worker.is_finished()));
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.stopped.store(true, Ordering::SeqCst);
        for worker in self.workers {
            worker.await.unwrap();
        }
    }
}

/// A folder with everything of one test, and the address its servers listen at.
struct Scene {
    directory: TempDir,
    config: PathBuf,
    listen: String,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("procura.toml");
        fs::write(&config, CONFIG).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap().to_string();
        Self {
            directory,
            config,
            listen,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.listen)
    }

    fn serve(&self, data: &str) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_procurad"))
            .args(["serve", "--no-rate-limits", "--listen", &self.listen])
            .arg("--config")
            .arg(&self.config)
            .arg("--data")
            .arg(self.file(data))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim_end(), self.issuer());
        Server(child)
    }

    /// Each with connections of its own, on one profile.
    fn client(&self) -> Client {
        let profile = Profile::open(self.file("client")).unwrap();
        let options = Options {
            allow_loopback_http: true,
            ..Options::default()
        };
        Client::new(profile, options, Parts::system(true).unwrap())
    }

    async fn agent(&self, name: &str) -> String {
        let ask = Connect {
            mode: Mode::Autonomous,
            ..Connect::new(name).with_capability("echo", None)
        };
        match self.client().connect(&self.issuer(), ask).await.unwrap() {
            Connected::Active(agent) => agent.agent_id,
            Connected::Pending(_) => panic!("the agent waits"),
        }
    }

    fn execution(&self, agent: &str) -> Request {
        execution(&self.client(), agent, &self.issuer())
    }

    async fn restore(&self, data: &str, file: &Path, more: &[&str]) -> Output {
        let arguments = [&["--json", "restore", file.to_str().unwrap()], more].concat();
        self.admin(data, &arguments).await
    }

    /// Runs beside the load of the test, not in its place.
    async fn admin(&self, data: &str, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_procurad"));
        command.arg("admin").args(arguments);
        command.arg("--config").arg(&self.config);
        command.arg("--data").arg(self.file(data));
        command.output().await.unwrap()
    }
}

/// Ends by SIGKILL.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One execution as it travels, to be sent as often as a test likes.
fn execution(client: &Client, agent: &str, issuer: &str) -> Request {
    let location = format!("{issuer}/capability/execute");
    let token = client.sign_jwt(agent, Some(&location), None).unwrap().token;
    let mut request = Request::get(location.parse().unwrap());
    request.method = Method::POST;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request.headers.insert(AUTHORIZATION, bearer);
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(CONTENT_TYPE, json);
    let body = json!({ "capability": "echo", "arguments": {} });
    request.body = Some(body.to_string().into());
    request
}

async fn send(request: &Request) -> (u16, Option<String>) {
    let wire = FetchTransport::new(true).unwrap();
    let answer = wire.send(request.clone()).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let code = body["error"].as_str().map(str::to_owned);
    (answer.status.as_u16(), code)
}

fn said(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

const CONFIG: &str = r#"
[provider]
name = "echo"
description = "Returns what it was sent"

[autonomous]
unknown_hosts = "activate"

[[capability]]
name = "echo"
description = "Returns its arguments"
approval = "none"
default = true
respond = { value = "${arguments}" }

[[development.person]]
email = "alice@example.com"
name = "Alice"
password = "correct horse battery staple"
"#;
