//! Servers that others published, as they come from their registries: needs Node, npm and, the first time, the registry.
//! What was run in which version stands in docs/interop.md.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use procura_service::admin::AdminRequest;
use serde_json::json;

use super::agent::{Agent, comes_true, events};
use super::{Server, ask, free_address};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_listed_approved_limited_called_streamed_recorded_and_revoked() {
    let Some(packages) = packages() else { return };
    let program = program(&packages, "everything");
    everything(&format!("node '{}'", program.display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_over_http_as_well() {
    let Some(packages) = packages() else { return };
    let address = free_address();
    let mut command = Command::new("node");
    command.arg(program(&packages, "everything"));
    let port = address.rsplit(':').next().unwrap();
    command.arg("streamableHttp").env("PORT", port);
    let _process = Process::start(&mut command);
    let answers = || async { TcpStream::connect(&address).is_ok() };
    assert!(comes_true(answers).await, "it does not start");
    everything(&format!("http://{address}/mcp")).await;
}

/// From the list of its tools to a call that a revocation ends.
async fn everything(behind: &str) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = Server::start(&data, &["--mcp", behind]);
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let listed = agent.done("list_capabilities", &json!({ "provider": server.issuer }));
    let wanted = json!([
        { "name": "echo" },
        { "name": "get_sum", "constraints": { "a": { "max": 10 } } },
        { "name": "get_structured_content" },
        { "name": "get_tiny_image" },
        { "name": LONG, "constraints": { "steps": { "max": 600 } } },
    ]);
    for one in wanted.as_array().unwrap() {
        assert!(
            listed.to_string().contains(&one["name"].to_string()),
            "{listed}"
        );
    }
    let id = agent.connect(&server.issuer, &data, &wanted).await;

    let echoed = agent.executed(&id, "echo", &json!({ "message": "\u{1f980} \"'\n" }));
    assert_eq!(echoed["data"], "Echo: \u{1f980} \"'\n");
    let sum = agent.executed(&id, "get_sum", &json!({ "a": 10, "b": 4.5 }));
    assert_eq!(sum["data"], "The sum of 10 and 4.5 is 14.5.");
    let beyond = agent.not_executed(&id, "get_sum", &json!({ "a": 10.5, "b": 1 }));
    assert!(beyond.contains("constraint_violated"), "{beyond}");
    let wrong = agent.not_executed(&id, "get_sum", &json!({ "a": 1, "b": "1" }));
    assert!(wrong.contains("invalid_request"), "{wrong}");
    let place = json!({ "location": "Chicago" });
    let weather = agent.executed(&id, "get_structured_content", &place);
    assert_eq!(weather["data"]["temperature"], 36);
    let image = agent.executed(&id, "get_tiny_image", &json!({}));
    let kinds = image["data"]["content"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "image", "text"]);

    let call = agent.executing(&id, LONG, &json!({ "duration": 0.3, "steps": 3 }));
    for step in 1..=3 {
        let told = json!({ "progress": f64::from(step), "total": 3.0 });
        assert_eq!(agent.progress(), told);
    }
    let result = agent.answer(call)["structuredContent"].to_string();
    assert!(result.contains("operation completed"), "{result}");

    let call = agent.executing(&id, LONG, &json!({ "duration": 120, "steps": 600 }));
    agent.progress();
    let agent_id = id.clone();
    ask(&data, AdminRequest::RevokeAgent { agent_id }).await;
    let cut = agent.answer(call);
    assert!(cut.to_string().contains("agent_revoked"), "{cut}");
    let refused = agent.not_executed(&id, "echo", &json!({ "message": "x" }));
    assert!(refused.contains("agent_revoked"), "{refused}");

    let recorded = events(&data, &id).await;
    let count = |event: &str| recorded.iter().filter(|one| *one == event).count();
    assert_eq!(count("capability.finished ok"), 5, "{recorded:?}");
    assert_eq!(count("capability.refused constraint_violated"), 1);
    assert_eq!(count("capability.finished agent_revoked"), 1);
    let said = server.end();
    assert!(said.contains("0 cannot be"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_files_and_of_memory_are_called_side_by_side() {
    let Some(packages) = packages() else { return };
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("files");
    fs::create_dir(&files).unwrap();
    let remembered = directory.path().join("memory.jsonl");
    let variable = format!("MEMORY_FILE_PATH={}", remembered.display());
    let config = [
        PROVIDER.to_owned(),
        section(
            "files",
            "node",
            &[program(&packages, "filesystem").as_path(), &files],
        ),
        section(
            "memory",
            "env",
            &[
                Path::new(&variable),
                Path::new("node"),
                &program(&packages, "memory"),
            ],
        ),
    ];
    let (mut server, data) = serve(directory.path(), &config.concat());
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let (mine, other) = (files.join("mine.txt"), files.join("other.txt"));
    fs::write(&other, "not for agents").unwrap();
    let only_mine = json!({ "path": { "in": [mine] } });
    let wanted = json!([
        { "name": "files_write_file", "constraints": only_mine },
        { "name": "files_read_text_file", "constraints": { "path": { "not_in": [other] } } },
        { "name": "memory_create_entities" },
        { "name": "memory_read_graph" },
    ]);
    let id = agent.connect(&server.issuer, &data, &wanted).await;

    let write = |path: &Path| json!({ "path": path, "content": "hello" });
    agent.executed(&id, "files_write_file", &write(&mine));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "hello");
    let beyond = agent.not_executed(&id, "files_write_file", &write(&other));
    assert!(beyond.contains("constraint_violated"), "{beyond}");
    assert_eq!(fs::read_to_string(&other).unwrap(), "not for agents");
    let read = agent.executed(&id, "files_read_text_file", &json!({ "path": mine }));
    assert_eq!(read["data"], json!({ "content": "hello" }));
    // Within its grant, and refused by the server itself.
    let outside = json!({ "path": "/etc/hostname" });
    let refused = agent.not_executed(&id, "files_read_text_file", &outside);
    assert!(refused.contains("upstream_refused"), "{refused}");

    let ada = json!({ "name": "Ada", "entityType": "person", "observations": ["programs"] });
    agent.executed(&id, "memory_create_entities", &json!({ "entities": [ada] }));
    let graph = agent.executed(&id, "memory_read_graph", &json!({}));
    assert_eq!(graph["data"], json!({ "entities": [ada], "relations": [] }));
    assert!(fs::read_to_string(&remembered).unwrap().contains("Ada"));
    let said = server.end();
    assert!(!said.contains("not offered"), "{said}");
}

#[ignore = "needs Python with venv, and the registry of its packages the first time"]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_python_is_called() {
    let directory = tempfile::tempdir().unwrap();
    let python = python();
    let args = ["-m", "mcp_server_time", "--local-timezone", "UTC"].map(Path::new);
    let section = section("time", python.to_str().unwrap(), &args);
    let (mut server, data) = serve(directory.path(), &[PROVIDER, &section].concat());
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let wanted = json!([{
        "name": "time_convert_time",
        "constraints": { "source_timezone": { "in": ["UTC", "Nowhere/Land"] } },
    }]);
    let id = agent.connect(&server.issuer, &data, &wanted).await;
    let convert = |zone: &str| json!({ "source_timezone": zone, "time": "12:00", "target_timezone": "Asia/Tokyo" });
    let converted = agent.executed(&id, "time_convert_time", &convert("UTC"));
    assert!(
        converted.to_string().contains("T21:00:00+09:00"),
        "{converted}"
    );
    let beyond = agent.not_executed(&id, "time_convert_time", &convert("Europe/Berlin"));
    assert!(beyond.contains("constraint_violated"), "{beyond}");
    let unknown = agent.not_executed(&id, "time_convert_time", &convert("Nowhere/Land"));
    assert!(unknown.contains("upstream_refused"), "{unknown}");
    let said = server.end();
    assert!(!said.contains("not offered"), "{said}");
}

/// A process that ends with the test.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}; {NEEDED}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves what a configuration says. The server, and where its data is.
fn serve(directory: &Path, config: &str) -> (Server, PathBuf) {
    let file = directory.join("procura.toml");
    fs::write(&file, config).unwrap();
    let data = directory.join("data");
    let server = Server::start(&data, &["--config", file.to_str().unwrap()]);
    (server, data)
}

fn section(name: &str, command: &str, args: &[&Path]) -> String {
    let prefix = format!("{name}_");
    let table = json!({ "name": name, "prefix": prefix, "command": command, "args": args });
    let members = table.as_object().unwrap().iter();
    let lines = members.map(|(key, value)| format!("{key} = {value}\n"));
    format!("[[mcp]]\n{}", lines.collect::<String>())
}

fn program(packages: &Path, server: &str) -> PathBuf {
    let package = format!("node_modules/@modelcontextprotocol/server-{server}/dist/index.js");
    packages.join(package)
}

/// The folder with the packages of the lock file, which are installed once; nothing where they are not wanted.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says what they want"
)]
fn packages() -> Option<PathBuf> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    if std::env::var_os("PROCURA_TEST_NO_PEERS").is_some() {
        return None;
    }
    let install = |folder: &Path| {
        let ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(ci).current_dir(folder));
    };
    let files = ["package-lock.json", "package.json"];
    Some(FOLDER.get_or_init(|| installed(&files, install)).clone())
}

/// A Python that has the packages of `requirements.txt`.
fn python() -> PathBuf {
    let folder = installed(&["requirements.txt"], |folder| {
        let venv = folder.join("venv");
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        let pip = ["-m", "pip", "install", "--quiet", "--requirement"];
        let mut command = Command::new(venv.join("bin/python"));
        run(command.args(pip).arg(folder.join("requirements.txt")));
    });
    folder.join("venv/bin/python")
}

/// Has the packages that the first of these files names installed beside copies of them, unless they are already.
fn installed(files: &[&str], install: impl Fn(&Path)) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/published");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("published")
        .join(Path::new(files[0]).with_extension(""));
    fs::create_dir_all(&folder).unwrap();
    let wanted = fs::read(source.join(files[0])).unwrap();
    let there = folder.join("installed");
    if fs::read(&there).is_ok_and(|it| it == wanted) {
        return folder;
    }
    for name in files {
        fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    install(&folder);
    fs::write(there, wanted).unwrap();
    folder
}

fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; {NEEDED}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}\n{NEEDED}");
}

const LONG: &str = "trigger_long_running_operation";
const PROVIDER: &str = "[provider]\nname = \"desk\"\ndescription = \"Files and memory\"\n";
const NEEDED: &str = "the tests with servers that others published need Node 20 or newer, npm (Debian: apt-get install nodejs npm) \
    and a package registry that npm can reach; PROCURA_TEST_NO_PEERS=1 leaves them out";
