//! Processes that are killed, and many at once on one directory: no key is lost, nothing is registered twice.
#![expect(
    clippy::unwrap_used,
    reason = "a program or server that does not start fails the test"
)]

mod service;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use self::service::{Moment, Service};

/// One profile and the services it is used with.
struct World {
    home: TempDir,
    service: Service,
}

impl World {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            service: Service::start(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_procura"));
        command.args(["--allow-loopback-http", "--json", "--data"]);
        command.arg(self.home.path()).args(words);
        // The keychain of whoever runs the tests is not theirs.
        command.env("PROCURA_NO_KEYCHAIN", "1");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn done(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn connect_words(&self) -> [&str; 4] {
        ["connect", &self.service.issuer, "-c", "echo"]
    }

    /// Starts a command and kills it as soon as `service` holds a request to `path`.
    fn kill_at(&self, service: &Service, path: &'static str, moment: Moment, words: &[&str]) {
        let reached = service.hold(path, moment);
        let child = self.command(words).spawn().unwrap();
        reached.recv_timeout(PATIENCE).unwrap();
        killed(child);
        service.speak();
    }

    /// Starts a command and kills it as soon as there is something at this place of its directory.
    fn kill_when_there_is(&self, name: &str, words: &[&str]) {
        let mut child = self.command(words).spawn().unwrap();
        let begun = Instant::now();
        while !is_something(&self.home.path().join(name)) {
            let is_over = child.try_wait().unwrap().is_some();
            assert!(!is_over, "it ended without {name}");
            assert!(begun.elapsed() < PATIENCE, "no {name}");
            std::thread::yield_now();
        }
        killed(child);
    }

    /// Starts a command and kills it once it has shown this to the person.
    fn kill_when_it_says(&self, text: &str, words: &[&str]) {
        let mut child = self.command(words).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        assert!(lines.any(|line| line.contains(text)), "{text}");
        killed(child);
    }

    /// One agent and one host, known to the service by keys that are here, and nothing beside them.
    fn require_whole(&self) {
        assert_eq!(self.service.agents(), 1, "registered once");
        let listed = self.done(&["connections"]);
        assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
        self.done(&["execute", "echo", "{}"]);
        self.done(&["status"]);
        assert_eq!(self.files("agents"), 1);
        assert_eq!(self.files("intents"), 0, "nothing half done");
        assert_eq!(self.service.host(), Some(self.thumbprint()));
    }

    fn thumbprint(&self) -> String {
        let shown = self.done(&["host", "show"]);
        shown["thumbprint"].as_str().unwrap().to_owned()
    }

    fn files(&self, folder: &str) -> usize {
        let folder = self.home.path().join(folder);
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter(|it| is_json(&it.path())).count()
    }

    /// Whether a key is kept that is to follow another.
    fn has_next(&self) -> bool {
        let agents = std::fs::read_dir(self.home.path().join("agents")).unwrap();
        let agents = agents.map(|it| it.unwrap().path());
        let mut files = agents.chain([self.home.path().join("host.json")]);
        files.any(|it| std::fs::read_to_string(it).unwrap().contains("\"next\""))
    }
}

fn killed(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn is_something(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut files) => files.any(|it| is_json(&it.unwrap().path())),
        Err(_) => path.is_file(),
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "json")
}

/// Killed before the answer of the registration is kept, the same command takes it up again.
#[test]
fn a_connect_that_was_killed_before_it_was_registered_is_taken_up_again() {
    for (path, moment) in [
        (DISCOVERY, Moment::Before),
        (DISCOVERY, Moment::After),
        (REGISTER, Moment::Before),
        (REGISTER, Moment::After),
    ] {
        let world = World::new();
        let connect = world.connect_words();
        for _ in 0..2 {
            world.kill_at(&world.service, path, moment, &connect);
        }
        world.done(&connect);
        world.require_whole();
        // What is done is done: the next one is another agent.
        world.done(&connect);
        assert_eq!(world.service.agents(), 2);
    }
}

/// The moments that no server sees: a file has just been written.
#[test]
fn a_connect_that_was_killed_after_any_of_its_files_is_taken_up_again() {
    for name in ["providers", "intents", "host.json"] {
        let world = World::new();
        let connect = world.connect_words();
        world.kill_when_there_is(name, &connect);
        let had_answer = world.files("agents") > 0;
        if !had_answer {
            world.done(&connect);
        }
        world.require_whole();
    }
}

type Step<'a> = (&'a str, &'a dyn Fn(&World));

/// From then on the agent is there, and its approval is waited for by its identifier.
#[test]
fn a_connect_that_was_killed_while_it_waited_is_waited_for_again() {
    let steps: [Step; 4] = [
        ("the answer was kept", &|world| {
            world.kill_when_there_is("agents", &world.connect_words());
        }),
        ("the approval was shown", &|world| {
            world.kill_when_it_says("To approve, open", &world.connect_words());
        }),
        ("nobody had decided", &|world| {
            world.kill_at(
                &world.service,
                STATUS,
                Moment::After,
                &world.connect_words(),
            );
        }),
        ("somebody had decided", &|world| {
            let reached = world.service.hold(STATUS, Moment::Before);
            let child = world.command(&world.connect_words()).spawn().unwrap();
            reached.recv_timeout(PATIENCE).unwrap();
            world.service.set_waiting(false);
            killed(child);
            world.service.speak();
        }),
    ];
    for (step, kill) in steps {
        let world = World::new();
        world.service.set_waiting(true);
        kill(&world);
        world.service.set_waiting(false);
        let standing = world.done(&["status", "--wait"]);
        assert_eq!(standing["status"], "active", "{step}");
        let left = world.files("intents");
        if left > 0 {
            // The answer was kept, but not yet that it was: the same command finds it.
            world.done(&world.connect_words());
        }
        world.require_whole();
    }
}

#[test]
fn a_wait_that_was_killed_when_the_answer_came_is_repeated() {
    let world = World::new();
    world.service.set_waiting(true);
    world.done(&[&world.connect_words()[..], &["--no-wait"]].concat());
    world.service.set_waiting(false);
    for moment in [Moment::Before, Moment::After] {
        world.kill_at(&world.service, STATUS, moment, &["status", "--wait"]);
    }
    assert_eq!(world.done(&["status", "--wait"])["status"], "active");
    world.require_whole();
}

#[test]
fn a_rotation_of_an_agent_s_key_that_was_killed_leaves_keys_that_work() {
    for moment in [Moment::Before, Moment::After] {
        for goes_on_first in [false, true] {
            let world = World::new();
            world.done(&world.connect_words());
            for _ in 0..2 {
                world.kill_at(&world.service, ROTATE, moment, &["rotate", "agt_0_"]);
                assert!(world.has_next(), "both keys are kept");
                if goes_on_first {
                    world.done(&["execute", "echo", "{}"]);
                }
            }
            world.done(&["rotate", "agt_0_"]);
            assert!(!world.has_next());
            world.require_whole();
        }
    }
}

/// At two services, each of which may or may not have heard of the new key.
#[test]
fn a_rotation_of_the_host_s_key_that_was_killed_leaves_keys_that_work() {
    for (at_first, moment) in [
        (true, Moment::Before),
        (true, Moment::After),
        (false, Moment::Before),
        (false, Moment::After),
    ] {
        let world = World::new();
        let other = Service::start();
        world.done(&["connect", &world.service.issuer, "-c", "echo"]);
        world.done(&["connect", &other.issuer, "-c", "echo", "--name", "other"]);
        let before = world.thumbprint();
        let is_first = world.service.issuer < other.issuer;
        let held = if is_first == at_first {
            &world.service
        } else {
            &other
        };
        let list = |service: &Service| world.done(&["capabilities", &service.issuer]);
        for _ in 0..2 {
            world.kill_at(held, ROTATE_HOST, moment, &["rotate", "--host"]);
            assert!(world.has_next(), "both keys are kept");
        }
        list(&world.service);
        list(&other);
        world.done(&["rotate", "--host"]);
        assert!(!world.has_next());
        assert_ne!(world.thumbprint(), before);
        for service in [&world.service, &other] {
            assert_eq!(service.host(), Some(world.thumbprint()));
            assert_eq!(service.agents(), 1);
            list(service);
        }
    }
}

#[test]
fn processes_at_the_same_time_disturb_nobody() {
    crowd(6, Duration::from_secs(3));
}

/// `cargo test -p procura --test crash -- --ignored`
#[test]
#[ignore = "runs for a minute"]
fn twenty_processes_for_a_minute_disturb_nobody() {
    crowd(20, Duration::from_mins(1));
}

/// Connects, looks, calls and rotates in that many processes at a time, on one directory, for that long. They share one
/// agent, and have as many of their own as they like.
fn crowd(size: usize, time: Duration) {
    let world = World::new();
    let service = &world.service;
    let end = Instant::now() + time;
    let shared = world.done(&world.connect_words());
    let shared = shared["agent_id"].as_str().unwrap();
    let connected: usize = std::thread::scope(|scope| {
        let work = || {
            let mut connected = 0;
            while Instant::now() < end {
                world.done(&["connect", &service.issuer]);
                connected += 1;
                world.done(&["capabilities", &service.issuer]);
                world.done(&["rotate", "--host"]);
                world.done(&["rotate", shared]);
                world.done(&["execute", shared, "echo", "{}"]);
                world.done(&["connections"]);
            }
            connected
        };
        let workers: Vec<_> = (0..size).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    let connected: usize = connected + 1;
    assert_eq!(service.agents(), connected, "each registered once");
    let listed = world.done(&["connections"]);
    assert_eq!(listed.as_array().unwrap().len(), connected, "none lost");
    assert_eq!(world.files("intents"), 0, "nothing half done");
    // Every process has ended, so a rotation that one began is over, or can be.
    world.done(&["rotate", "--host"]);
    assert!(!world.has_next());
    assert_eq!(service.host(), Some(world.thumbprint()));
    for agent in listed.as_array().unwrap() {
        let agent = agent["agent_id"].as_str().unwrap();
        world.done(&["execute", agent, "echo", "{}"]);
    }
}

const DISCOVERY: &str = "/.well-known/agent-configuration";
const REGISTER: &str = "/agent/register";
const STATUS: &str = "/agent/status";
const ROTATE: &str = "/agent/rotate-key";
const ROTATE_HOST: &str = "/host/rotate-key";
const PATIENCE: Duration = Duration::from_secs(30);
