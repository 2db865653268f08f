//! What `procurad` takes on the command line.

use std::path::PathBuf;

use clap::{Args as Section, Parser, Subcommand};
use url::Url;

use crate::telemetry::LogFormat;

/// Serves the Agent Auth Protocol in front of a service: agents register, people approve, limits hold.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// How a line of the log on standard error looks
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until told to stop (SIGTERM or Ctrl-C); open requests are finished first
    Serve(ServeCommand),
    /// Manage people, approvals, agents and the audit log, beside a running server or without one
    Admin(AdminCommand),
    /// Play one agent's whole life against the example bank, and show every exchange
    Demo(DemoCommand),
}

#[derive(Debug, Section)]
pub(crate) struct DemoCommand {
    /// Let the demo's own person approve, instead of waiting for you to do it in a browser
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Section)]
pub(crate) struct ServeCommand {
    /// The configuration file
    #[arg(long, value_name = "FILE", required_unless_present_any = ["openapi", "mcp"])]
    pub(crate) config: Option<PathBuf>,
    /// Serve the operations of this OpenAPI description, without a configuration file
    #[arg(long, value_name = "FILE-OR-URL", conflicts_with = "config")]
    pub(crate) openapi: Option<String>,
    /// Serve the tools of the MCP server that this command starts, or that is at this URL, without a configuration file
    #[arg(long, value_name = "COMMAND-OR-URL", conflicts_with_all = ["config", "openapi"])]
    pub(crate) mcp: Option<String>,
    /// The service that carries them out, if not where the description says
    #[arg(long, value_name = "URL", requires = "openapi")]
    pub(crate) upstream: Option<Url>,
    /// Where to listen; also makes the issuer when the configuration names none
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// The directory that holds everything the server keeps
    #[arg(long, value_name = "DIR", default_value = "procura-data")]
    pub(crate) data: PathBuf,
    /// Switch rate limits off, for benchmarks
    #[arg(long)]
    pub(crate) no_rate_limits: bool,
}

#[derive(Debug, Section)]
pub(crate) struct AdminCommand {
    /// The configuration file; a running server can be asked without it
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The data directory of the server
    #[arg(
        long,
        value_name = "DIR",
        default_value = "procura-data",
        global = true
    )]
    pub(crate) data: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) subject: Subject,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subject {
    /// People with an account
    #[command(subcommand)]
    People(PeopleCommand),
    /// Agents
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Hosts: the apps that agents run in
    #[command(subcommand)]
    Hosts(HostsCommand),
    /// Grants: what agents may do
    #[command(subcommand)]
    Grants(GrantsCommand),
    /// Requests that wait for an answer
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// The audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Notices to people about what waits for them
    #[command(subcommand)]
    Notifications(NotificationsCommand),
    /// The removal of what time has made useless
    #[command(subcommand)]
    Housekeeping(HousekeepingCommand),
    /// The keys that people entrusted to the server for services
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Nonces of DPoP proofs
    #[command(subcommand)]
    Nonces(NoncesCommand),
    /// Write a copy of all records into a new file, beside a running server or without one
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Put a backup in the place of the database, while no server runs; it is checked first
    Restore {
        /// The backup
        file: PathBuf,
        /// Set aside the database that is there
        #[arg(long)]
        replace: bool,
    },
    /// The configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// OpenAPI descriptions
    #[command(subcommand)]
    Openapi(OpenapiCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    /// Make an account; the password is read from standard input
    Add {
        /// The address to sign in with
        email: String,
        /// How pages address them
        #[arg(long)]
        name: Option<String>,
    },
    /// Make a link with which somebody comes in once: into a new account, or with a new passkey into theirs
    Invite {
        /// Their address
        email: String,
        /// Make them an administrator
        #[arg(long)]
        administrator: bool,
    },
    /// List people, oldest first
    List(ListArgs),
    /// Bar somebody from signing in and end their sessions
    Disable {
        /// Their address
        email: String,
    },
    /// Delete an account, revoke every app that is connected to it, and erase its activity as configured
    Remove {
        /// Their address
        email: String,
    },
    /// Print somebody's activity, for them to keep: records of the audit log as lines of JSON
    Export {
        /// Their address or identifier
        #[arg(value_name = "EMAIL-OR-ID")]
        person: String,
    },
    /// Erase somebody's activity from the audit log, whose chain still holds
    Erase {
        /// Their address or identifier
        #[arg(value_name = "EMAIL-OR-ID")]
        person: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// List agents, oldest first
    List(ListArgs),
    /// Show one agent with its grants
    Show {
        /// The agent's identifier
        agent_id: String,
    },
    /// Stop one agent for good
    Revoke {
        /// The agent's identifier
        agent_id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostsCommand {
    /// List hosts, oldest first
    List(ListArgs),
    /// Take a host in before it has any agent; you vouch for it
    Add {
        /// Its public key: a JWK
        #[arg(long, value_name = "JWK", conflicts_with_all = ["jwks_url", "kid"], required_unless_present = "jwks_url")]
        public_key: Option<String>,
        /// Where it publishes its keys instead
        #[arg(long, value_name = "URL", requires = "kid")]
        jwks_url: Option<String>,
        /// Which of the published keys it uses now
        #[arg(long, requires = "jwks_url")]
        kid: Option<String>,
        /// What it is called
        #[arg(long)]
        name: Option<String>,
        /// A capability its agents get without being asked about, in place of the configured ones; may be repeated
        #[arg(long = "default", value_name = "CAPABILITY")]
        defaults: Vec<String>,
        /// The person to link it to, by e-mail address
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
    },
    /// Link a host to a person, which vouches for it; its autonomous agents end
    Link {
        /// The host's identifier
        host_id: String,
        /// The person, by e-mail address
        #[arg(long, value_name = "EMAIL")]
        user: String,
    },
    /// Take the person off a host; its delegated agents end
    Unlink {
        /// The host's identifier
        host_id: String,
    },
    /// Stop a host and all its agents for good
    Revoke {
        /// The host's identifier
        host_id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// List the grants of an agent
    List {
        /// The agent's identifier
        agent_id: String,
    },
    /// Take one grant back; the agent goes on without it
    Revoke {
        /// The grant's identifier
        grant_id: String,
    },
}

/// Which part of a list to show.
#[derive(Debug, Section)]
pub(crate) struct ListArgs {
    /// Start after this identifier
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
    /// How many to show, at most 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List requests that wait for an answer, oldest first
    List(ListArgs),
    /// Say yes to a request; recorded as an administrator's approval
    Approve {
        /// Its user code or identifier
        #[arg(value_name = "CODE-OR-ID")]
        reference: String,
        /// The person to link the app to, by e-mail address, if it is not linked yet
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
    },
    /// Say no to a request
    Deny {
        /// Its user code or identifier
        #[arg(value_name = "CODE-OR-ID")]
        reference: String,
        /// Shown to the agent
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the last records
    Tail {
        /// How many
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: u32,
    },
    /// Print every record as a line of JSON, oldest first
    Export,
    /// Check that no record was changed, dropped or swapped
    Verify,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotificationsCommand {
    /// List notices, newest first, with what became of them; --after goes on with older ones
    List(ListArgs),
    /// Send a message by the configured mail server, and say what it answered
    Test {
        /// To whom
        #[arg(value_name = "EMAIL")]
        to: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HousekeepingCommand {
    /// Remove now what a running server removes by itself, and count it
    Run,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Seal all of them under the first key of the key file, so that the others can go, and count them
    Rewrap,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NoncesCommand {
    /// Make them with a new key before long; those that were made stay good for their time
    Rotate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is good
    Check,
    /// Write a configuration for an OpenAPI description, to --config FILE or standard output
    Init {
        /// The description
        #[arg(long, value_name = "FILE-OR-URL", required_unless_present = "mcp")]
        openapi: Option<String>,
        /// The command that starts an MCP server, or its URL, instead of a description
        #[arg(long, value_name = "COMMAND-OR-URL", conflicts_with = "openapi")]
        mcp: Option<String>,
        /// The service that carries its operations out, if not where the description says
        #[arg(long, value_name = "URL", requires = "openapi")]
        upstream: Option<Url>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OpenapiCommand {
    /// Say what would become of each operation of descriptions
    Check {
        /// Files, addresses, or folders of files
        #[arg(required = true, value_name = "FILE-OR-URL-OR-FOLDER")]
        sources: Vec<String>,
    },
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed or refused, 2 wrong usage.";
