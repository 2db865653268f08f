//! A PostgreSQL server for the time of one test run.
//!
//! It is started by the first test that needs it, with its files in a temporary folder and a socket there
//! as its only door. The shell it runs under waits for the end of the test process, however that comes,
//! then stops it and removes the folder.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A running server.
pub(crate) struct Server {
    programs: PathBuf,
    folder: PathBuf,
    /// Its standard input stays open until this process ends.
    _shell: Child,
}

impl Server {
    /// The one of this test run.
    pub(crate) fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// Where one of its databases is.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://procura@localhost/{database}?host={folder}")
    }

    /// Runs statements in one of its databases, past every store.
    pub(crate) fn run(&self, database: &str, sql: &str) {
        let done = Command::new(self.programs.join("psql"))
            .args(["--quiet", "--no-psqlrc", "--output=/dev/null"])
            .args(["--set=ON_ERROR_STOP=1", "--command", sql])
            .arg(self.url(database))
            .status();
        assert!(done.is_ok_and(|status| status.success()), "psql: {sql}");
    }

    fn start() -> Self {
        let programs = find_programs();
        let folder = TempDir::new().unwrap().keep();
        let mut shell = Command::new("sh");
        if fs::metadata(&folder).unwrap().uid() == 0 {
            let (user, group) = unprivileged();
            chown(&folder, Some(user), Some(group)).unwrap();
            shell.uid(user).gid(group);
        }
        let mut shell = shell
            .args(["-c", SCRIPT, "sh"])
            .args([&programs, &folder])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until_ready(&mut shell);
        Self {
            programs,
            folder,
            _shell: shell,
        }
    }
}

/// Says which version it is and `ready` when the server takes connections, or why it does not. The server is
/// stopped by its process id.
const SCRIPT: &str = r#"
    trap '' INT
    if {
        "$1/initdb" -D "$2/cluster" -U procura --auth=trust -E UTF8 --no-sync &&
        "$1/pg_ctl" -D "$2/cluster" -w -o "-c listen_addresses= -k $2 -c max_connections=400 \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off" start
    } >"$2/log" 2>&1 </dev/null
    then
        "$1/psql" -X -At -h "$2" -U procura -d postgres -c "SELECT version()" </dev/null
        echo ready
        exec >/dev/null
        read -r _
        kill -QUIT "$(head -n 1 "$2/cluster/postmaster.pid")"
        while [ -e "$2/cluster/postmaster.pid" ]; do sleep 0.1; done
    else
        cat "$2/log"
    fi
    rm -rf "$2"
"#;

fn wait_until_ready(shell: &mut Child) {
    let mut said = String::new();
    let mut output = shell.stdout.take().unwrap();
    output.read_to_string(&mut said).unwrap();
    let Some(version) = said.strip_suffix("ready\n") else {
        panic!("PostgreSQL did not start:\n{said}");
    };
    // Unlike what a test prints, this is in the log of every run: proof of what the tests ran against.
    let _ = write!(std::io::stderr(), "tests run against {version}");
}

/// The folder of `initdb`: the one the environment names, or the newest that Debian has installed.
fn find_programs() -> PathBuf {
    let found = named().or_else(newest_of_debian).unwrap_or_default();
    assert!(
        found.join("initdb").is_file(),
        "PostgreSQL is missing: there is no initdb in {}. Install it with `apt-get install \
        postgresql`, or name the folder of initdb in PROCURA_TEST_POSTGRES_BIN.",
        found.display()
    );
    found
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration to read it from"
)]
fn named() -> Option<PathBuf> {
    std::env::var_os("PROCURA_TEST_POSTGRES_BIN").map(PathBuf::from)
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions
        .filter_map(|version| Some(version.ok()?.path()))
        .filter(|version| version.join("bin/initdb").is_file())
        .max_by_key(number)
        .map(|version| version.join("bin"))
}

/// PostgreSQL refuses to run as root, so then it runs as the user that its package makes.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = users.lines().find(|line| line.starts_with("postgres:"));
    let ids = user.and_then(|line| {
        let mut fields = line.split(':').skip(2);
        let mut id = || fields.next()?.parse().ok();
        Some((id()?, id()?))
    });
    ids.unwrap_or_else(|| {
        panic!("run the tests as a user other than root, or add one named postgres")
    })
}
