//! The server under load.

use std::fs::read_to_string;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::args::Args;

/// In `/proc/PID/stat` times are in hundredths of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A running `procurad` with a data directory of its own. Ends when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) issuer: String,
    _data: TempDir,
}

impl Server {
    pub(crate) fn start(args: &Args) -> Result<Self> {
        let program = match &args.procurad {
            Some(program) => program.clone(),
            None => beside()?,
        };
        let data = TempDir::new()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = match args.server_core {
            Some(core) => on_core(core, program),
            None => Command::new(program),
        };
        let mut child = command
            .args([
                "serve",
                "--no-rate-limits",
                "--listen",
                &address,
                "--config",
            ])
            .arg(&args.config)
            .arg("--data")
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("procurad cannot be started")?;
        let output = child.stdout.take().context("procurad has no output")?;
        let mut server = Self {
            child,
            address,
            issuer: String::new(),
            _data: data,
        };
        // It prints its issuer when it takes connections.
        BufReader::new(output).read_line(&mut server.issuer)?;
        server.issuer.truncate(server.issuer.trim_end().len());
        ensure!(!server.issuer.is_empty(), "procurad did not start");
        Ok(server)
    }

    /// What it has used of processors since it started, on all threads.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let stat = read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before may hold anything; the fields are counted behind it.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse::<u32>)
            .sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    pub(crate) fn resident_kilobytes(&self) -> Result<u64> {
        let status = read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.split_whitespace().next());
        Ok(size.context("no VmRSS in status")?.parse()?)
    }

    /// Asks it to drain, and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        ensure!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()?
                .success(),
            "the server was gone before it was stopped"
        );
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that is kept on one core, under the process id it is started with.
pub(crate) fn on_core(core: usize, program: PathBuf) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

fn beside() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("procurad");
    ensure!(
        program.exists(),
        "{} is not there; build it or name it with --procurad",
        program.display()
    );
    Ok(program)
}
