//! `procurad admin`: one request to the running server, or to the store when none runs.

mod openapi;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use procura_keys::clock::Clock as _;
use procura_server::config::Config;
use procura_server::gateway::{mcp_starter, starter};
use procura_server::restore::Restore;
use procura_server::serve::{administer, ask_running, read_descriptions};
use procura_service::admin::{AdminCall, AdminReply, AdminRequest, Listing};
use procura_service::system::SystemClock;
use serde_json::{Map, Value};

use crate::args::{
    AdminCommand, AgentsCommand, ApprovalsCommand, AuditCommand, ConfigCommand, GrantsCommand,
    HostsCommand, HousekeepingCommand, ListArgs, NoncesCommand, NotificationsCommand,
    OpenapiCommand, PeopleCommand, Subject, VaultCommand,
};
use crate::output;

pub(crate) async fn run(command: AdminCommand) -> anyhow::Result<ExitCode> {
    let file = command.config.as_deref();
    let request = match command.subject {
        Subject::Openapi(OpenapiCommand::Check { sources }) => {
            return openapi::check(sources, command.json).await;
        }
        Subject::Config(config) => return self::config(config, file).await,
        Subject::Notifications(NotificationsCommand::Test { to }) => {
            return test_mail(&to, file).await;
        }
        Subject::Restore {
            file: backup,
            replace,
        } => {
            let config = Config::load(file.context("--config FILE is required")?, None)?;
            let restore = Restore {
                store: &config.store,
                data: &command.data,
                file: &backup,
                replace,
                administrator: &administrator(),
            };
            let restored = serde_json::to_value(restore.run().await?)?;
            return print(&restored, command.json);
        }
        subject => request(subject)?,
    };
    if let Some(file) = file {
        Config::load(file, None)?;
    }
    let mut call = AdminCall {
        administrator: administrator(),
        request,
    };
    if place(&mut call.request).is_some() {
        return Box::pin(export(file, &command.data, call)).await;
    }
    let value = ask(file, &command.data, &call).await?;
    print(&value, command.json)
}

/// Prints an answer. One that tells of a broken audit log is a failure.
fn print(value: &Value, json: bool) -> anyhow::Result<ExitCode> {
    let broken = value.get("broken").is_some_and(|broken| !broken.is_null());
    output::line(&if json {
        value.to_string()
    } else {
        table(value)
    })?;
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Prints all records that a request comes to, one answer after the other.
async fn export(file: Option<&Path>, data: &Path, mut call: AdminCall) -> anyhow::Result<ExitCode> {
    loop {
        let records = ask(file, data, &call).await?;
        let records = records.as_array().map_or(&[][..], Vec::as_slice);
        for record in records {
            output::line(&record.to_string())?;
        }
        let last = records
            .last()
            .and_then(|record| record["sequence"].as_i64());
        let (Some(last), Some(after)) = (last, place(&mut call.request)) else {
            return Ok(ExitCode::SUCCESS);
        };
        anyhow::ensure!(
            last > *after,
            "the audit log does not go forward after record {after}"
        );
        *after = last;
    }
}

/// Where a request for many records goes on.
fn place(request: &mut AdminRequest) -> Option<&mut i64> {
    match request {
        AdminRequest::AuditExport { after } | AdminRequest::ExportActivity { after, .. } => {
            Some(after)
        }
        _ => None,
    }
}

/// Without a configuration only a running server can answer, since nothing says where its records are.
async fn ask(file: Option<&Path>, data: &Path, call: &AdminCall) -> anyhow::Result<Value> {
    let reply = match file {
        // Read again for each request: the store takes the configuration apart when no server runs.
        Some(file) => administer(Config::load(file, None)?, data.to_owned(), call).await?,
        None => ask_running(data, call)
            .await?
            .with_context(|| format!("no server runs on {}; give --config FILE", data.display()))?,
    };
    match reply {
        AdminReply::Done(value) => Ok(value),
        AdminReply::Refused(why) => bail!(why),
    }
}

/// Checks a configuration, or writes one.
async fn config(command: ConfigCommand, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Check => {
            let file = file.context("--config FILE is required")?;
            let mut config = Config::load(file, None)?;
            let reports = read_descriptions(&mut config).await?;
            let aside: usize = reports.iter().map(|report| report.quarantined.len()).sum();
            let count = config.catalogue.iter().count();
            let file = file.display();
            output::line(&match aside {
                0 => format!("{file} is good: {count} capabilities"),
                _ => format!(
                    "{file} is good: {count} capabilities; {aside} operations cannot be offered"
                ),
            })?;
        }
        ConfigCommand::Init {
            openapi,
            mcp,
            upstream,
        } => {
            let text = match (openapi, mcp) {
                (Some(source), _) => starter(&source, upstream.as_ref()).await,
                (None, command_line) => mcp_starter(&command_line.unwrap_or_default()),
            };
            let text = text.map_err(anyhow::Error::msg)?;
            match file {
                None => output::line(text.trim_end())?,
                Some(file) => write_new(file, &text)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends a message as the configuration says, whether or not a server runs.
async fn test_mail(to: &str, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let file = file.context("--config FILE is required")?;
    let to = to.parse()?;
    let config = Config::load(file, None)?;
    let mail = config
        .mail
        .context("the configuration has no [notify.smtp]")?;
    let sent = mail.send_test(&to, &config.provider.name, SystemClock.now());
    match sent.await {
        Ok(()) => output::line(&format!("the mail server took a message to {to}"))?,
        Err(error) => bail!("the message did not go: {}", error.why),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that must not exist yet: a configuration is somebody's work.
fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = File::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", file.display()))
}

/// What is asked of the server.
fn request(subject: Subject) -> anyhow::Result<AdminRequest> {
    Ok(match subject {
        Subject::People(command) => people(command)?,
        Subject::Agents(AgentsCommand::List(list)) => AdminRequest::ListAgents(listing(list)),
        Subject::Agents(AgentsCommand::Show { agent_id }) => AdminRequest::ShowAgent { agent_id },
        Subject::Agents(AgentsCommand::Revoke { agent_id }) => {
            AdminRequest::RevokeAgent { agent_id }
        }
        Subject::Hosts(HostsCommand::List(list)) => AdminRequest::ListHosts(listing(list)),
        Subject::Hosts(HostsCommand::Add {
            public_key,
            jwks_url,
            kid,
            name,
            defaults,
            user,
        }) => AdminRequest::AddHost {
            name,
            public_key: public_key
                .map(|jwk| serde_json::from_str(&jwk))
                .transpose()
                .context("--public-key has to be a JWK")?,
            jwks: jwks_url.zip(kid),
            default_capabilities: (!defaults.is_empty()).then_some(defaults),
            user,
        },
        Subject::Hosts(HostsCommand::Link { host_id, user }) => {
            AdminRequest::LinkHost { host_id, user }
        }
        Subject::Hosts(HostsCommand::Unlink { host_id }) => AdminRequest::UnlinkHost { host_id },
        Subject::Hosts(HostsCommand::Revoke { host_id }) => AdminRequest::RevokeHost { host_id },
        Subject::Grants(GrantsCommand::List { agent_id }) => AdminRequest::ListGrants { agent_id },
        Subject::Grants(GrantsCommand::Revoke { grant_id }) => {
            AdminRequest::RevokeGrant { grant_id }
        }
        Subject::Approvals(ApprovalsCommand::List(list)) => {
            AdminRequest::ListApprovals(listing(list))
        }
        Subject::Approvals(ApprovalsCommand::Approve { reference, user }) => {
            AdminRequest::Approve { reference, user }
        }
        Subject::Approvals(ApprovalsCommand::Deny { reference, reason }) => {
            AdminRequest::Deny { reference, reason }
        }
        Subject::Audit(AuditCommand::Tail { lines }) => AdminRequest::AuditTail { count: lines },
        Subject::Audit(AuditCommand::Export) => AdminRequest::AuditExport { after: 0 },
        Subject::Audit(AuditCommand::Verify) => AdminRequest::AuditVerify,
        Subject::Notifications(NotificationsCommand::List(list)) => {
            AdminRequest::ListNotices(listing(list))
        }
        Subject::Housekeeping(HousekeepingCommand::Run) => AdminRequest::RunHousekeeping,
        Subject::Vault(VaultCommand::Rewrap) => AdminRequest::RewrapVault,
        Subject::Nonces(NoncesCommand::Rotate) => AdminRequest::RotateNonces,
        Subject::Backup { file } => {
            // The server has a working directory of its own.
            let file = std::path::absolute(file)?.into_os_string().into_string();
            let file = file.map_err(|_| anyhow::anyhow!("the path has to be valid UTF-8"))?;
            AdminRequest::BackUp { file }
        }
        Subject::Notifications(NotificationsCommand::Test { .. })
        | Subject::Config(_)
        | Subject::Openapi(_)
        | Subject::Restore { .. } => {
            bail!("this is not asked of a server")
        }
    })
}

fn people(command: PeopleCommand) -> anyhow::Result<AdminRequest> {
    Ok(match command {
        PeopleCommand::Add { email, name } => {
            let name = name.unwrap_or_else(|| email.clone());
            let password = Some(read_password()?);
            AdminRequest::AddPerson {
                email,
                name,
                password,
            }
        }
        PeopleCommand::Invite {
            email,
            administrator,
        } => AdminRequest::InvitePerson {
            email,
            administrator,
        },
        PeopleCommand::List(list) => AdminRequest::ListPeople(listing(list)),
        PeopleCommand::Disable { email } => AdminRequest::DisablePerson { email },
        PeopleCommand::Remove { email } => AdminRequest::RemovePerson { email },
        PeopleCommand::Export { person } => AdminRequest::ExportActivity { person, after: 0 },
        PeopleCommand::Erase { person } => AdminRequest::EraseActivity { person },
    })
}

fn listing(list: ListArgs) -> Listing {
    Listing {
        after: list.after,
        limit: Some(list.limit),
    }
}

/// The password on standard input: the command line would show it to everybody on the machine.
fn read_password() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        bail!(
            "give the password on standard input, such as: procurad admin people add … < password-file"
        );
    }
    let mut password = String::new();
    io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut password)
        .context("cannot read the password")?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

/// As whom the audit log records it.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn administrator() -> String {
    let name = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    name.unwrap_or_else(|_| "unknown".to_owned())
}

/// A value for people: a list of records as a table, a record as lines of name and value.
fn table(value: &Value) -> String {
    match value {
        Value::Array(rows) if rows.is_empty() => "none".to_owned(),
        Value::Array(rows) => rows_as_table(rows),
        Value::Object(members) => {
            let names = in_order(members);
            let width = names
                .iter()
                .map(|name| name.chars().count())
                .max()
                .unwrap_or(0);
            let lines = names
                .iter()
                .map(|name| format!("{name:<width$}  {}", cell(&members[*name])));
            lines.collect::<Vec<_>>().join("\n")
        }
        other => cell(other),
    }
}

fn rows_as_table(rows: &[Value]) -> String {
    let first = rows.first().and_then(Value::as_object);
    let names: Vec<_> = first
        .into_iter()
        .flat_map(in_order)
        .filter(|name| !HIDDEN.contains(name))
        .collect();
    let header: Vec<_> = names.iter().map(|name| name.to_uppercase()).collect();
    let mut lines = vec![header];
    lines.extend(
        rows.iter()
            .map(|row| names.iter().map(|name| cell(&row[*name])).collect()),
    );
    let width = |at: usize| {
        lines
            .iter()
            .map(|line: &Vec<String>| line[at].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..names.len()).map(width).collect();
    let line = |cells: &Vec<String>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Member names with what identifies a record first, then what says most about it.
fn in_order(members: &Map<String, Value>) -> Vec<&str> {
    let mut names: Vec<_> = members.keys().map(String::as_str).collect();
    names.sort_by_key(|name| {
        FIRST
            .iter()
            .position(|first| first == name)
            .unwrap_or(FIRST.len())
    });
    names
}

const FIRST: [&str; 15] = [
    "sequence",
    "reference",
    "email",
    "grant_id",
    "agent_id",
    "name",
    "agent",
    "app",
    "event",
    "outcome",
    "capability",
    "actor",
    "status",
    "mode",
    "items",
];
/// What only programs need of a list; `--json` has it.
const HIDDEN: [&str; 10] = [
    "activity_hash",
    "hash",
    "salt",
    "previous",
    "detail",
    "jti",
    "known_app",
    "kind",
    "message",
    "login_hint",
];

/// One value on one line. Control characters of strangers do not reach the terminal.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        // A list of records is shown by their names.
        Value::Array(items) if items.iter().all(|item| item["name"].is_string()) => items
            .iter()
            .filter_map(|item| item["name"].as_str())
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_line_up_and_strangers_cannot_steer_the_terminal() {
        let rows = json!([{ "agent_id": "a", "name": "x\u{1b}[2J" }, { "agent_id": "much longer", "name": null }]);
        assert_eq!(
            table(&rows),
            "AGENT_ID     NAME\na            x [2J\nmuch longer  -"
        );
        assert_eq!(table(&json!([])), "none");
        assert_eq!(table(&json!({ "a": 1, "long": "b" })), "a     1\nlong  b");
    }
}
