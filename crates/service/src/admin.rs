//! What administrators do from the command line: one request, one answer, the same for a running server (over
//! its socket) and for a store that nobody has open.

mod agents;
mod approvals;
mod backup;
mod error;
mod hosts;
mod log;
mod notices;
mod people;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::error::{AdminError, refused, shown};
use crate::context::Context;
use crate::people::vault::{self, VaultError};
use crate::{housekeeping, secrets};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminCall {
    /// The name under which it is recorded: the operating system's user.
    pub administrator: String,
    /// What is asked.
    pub request: AdminRequest,
}

impl AdminCall {
    /// Who asks, as the audit log names them.
    fn actor(&self) -> String {
        format!("administrator:{}", self.administrator)
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Make an account.
    AddPerson {
        /// The address to sign in with.
        email: String,
        /// How pages address them.
        name: String,
        /// Their password.
        password: Option<String>,
    },
    /// Make a link with which somebody comes in once: into a new account, or into theirs.
    InvitePerson {
        /// Their address.
        email: String,
        /// Whether they administer the server.
        administrator: bool,
    },
    /// List people.
    ListPeople(Listing),
    /// Bar somebody from signing in.
    DisablePerson {
        /// Their address.
        email: String,
    },
    /// Delete an account, and revoke everything that acts for it.
    RemovePerson {
        /// Their address.
        email: String,
    },
    /// The activity of somebody, for them to keep.
    ExportActivity {
        /// Their address or, after their account was deleted, their identifier.
        person: String,
        /// After this place in the log.
        after: i64,
    },
    /// Erase the activity of somebody for good.
    EraseActivity {
        /// Their address or, after their account was deleted, their identifier.
        person: String,
    },
    /// List agents.
    ListAgents(Listing),
    /// Show one agent with its grants.
    ShowAgent {
        /// The agent.
        agent_id: String,
    },
    /// Stop one agent for good.
    RevokeAgent {
        /// The agent.
        agent_id: String,
    },
    /// List hosts.
    ListHosts(Listing),
    /// Take a host in before it has any agent.
    AddHost {
        /// What it is called.
        name: Option<String>,
        /// Its key, a JWK. Without one, the host publishes its keys.
        public_key: Option<Value>,
        /// Where it publishes its keys, and the `kid` of the one it uses.
        jwks: Option<(String, String)>,
        /// Capabilities its agents get without being asked about; those of new hosts without it.
        default_capabilities: Option<Vec<String>>,
        /// The address of the person to link it to.
        user: Option<String>,
    },
    /// Link a host to a person.
    LinkHost {
        /// The host.
        host_id: String,
        /// The person's address.
        user: String,
    },
    /// Take the person off a host; its delegated agents end.
    UnlinkHost {
        /// The host.
        host_id: String,
    },
    /// Stop a host and all its agents for good.
    RevokeHost {
        /// The host.
        host_id: String,
    },
    /// List the grants of an agent.
    ListGrants {
        /// The agent.
        agent_id: String,
    },
    /// Take one grant back.
    RevokeGrant {
        /// The grant.
        grant_id: String,
    },
    /// List requests that wait for an answer.
    ListApprovals(Listing),
    /// Say yes to a request.
    Approve {
        /// Its user code or identifier.
        reference: String,
        /// The address of the person to link the app to, if it is not linked yet.
        user: Option<String>,
    },
    /// Say no to a request.
    Deny {
        /// Its user code or identifier.
        reference: String,
        /// Shown to the agent.
        reason: Option<String>,
    },
    /// List notices, newest first, with what became of them.
    ListNotices(Listing),
    /// The last records of the audit log.
    AuditTail {
        /// How many, at most 1000.
        count: u32,
    },
    /// Records of the audit log in order.
    AuditExport {
        /// After this place.
        after: i64,
    },
    /// Check the whole audit log.
    AuditVerify,
    /// Remove what time has made useless.
    RunHousekeeping,
    /// Put people's keys for services under the first key of the key file.
    RewrapVault,
    /// Make DPoP nonces with a new key.
    RotateNonces,
    /// Write a copy of all records into a new file.
    BackUp {
        /// Its absolute path.
        file: String,
    },
}

/// A part of a list, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The identifier after which to start.
    pub after: Option<String>,
    /// How many, at most 1000.
    pub limit: Option<u32>,
}

/// The answer: a JSON value, or what went wrong in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// Done.
    Done(Value),
    /// Not done.
    Refused(String),
}

/// Carries out a request.
pub async fn run(ctx: &Context, call: &AdminCall) -> AdminReply {
    match answer(ctx, call).await {
        Ok(value) => AdminReply::Done(value),
        Err(AdminError::Failed(error)) => {
            tracing::error!(%error, "an administrator's request failed");
            AdminReply::Refused(error.to_string())
        }
        Err(AdminError::Refused(why)) => AdminReply::Refused(why),
    }
}

async fn answer(ctx: &Context, call: &AdminCall) -> Result<Value, AdminError> {
    match &call.request {
        AdminRequest::AddPerson {
            email,
            name,
            password,
        } => people::add(ctx, call, email, name, password.as_deref()).await,
        AdminRequest::InvitePerson {
            email,
            administrator,
        } => people::invite(ctx, call, email, *administrator).await,
        AdminRequest::ListPeople(listing) => people::list(ctx, listing).await,
        AdminRequest::DisablePerson { email } => people::disable(ctx, call, email).await,
        AdminRequest::RemovePerson { email } => people::remove(ctx, call, email).await,
        AdminRequest::ExportActivity { person, after } => people::export(ctx, person, *after).await,
        AdminRequest::EraseActivity { person } => people::erase(ctx, call, person).await,
        AdminRequest::ListAgents(listing) => agents::list(ctx, listing).await,
        AdminRequest::ShowAgent { agent_id } => agents::show(ctx, agent_id).await,
        AdminRequest::RevokeAgent { agent_id } => agents::revoke(ctx, call, agent_id).await,
        AdminRequest::ListHosts(listing) => hosts::list(ctx, listing).await,
        AdminRequest::AddHost {
            name,
            public_key,
            jwks,
            default_capabilities,
            user,
        } => {
            let wish = hosts::NewHost {
                name: name.as_deref(),
                public_key: public_key.as_ref(),
                jwks: jwks.as_ref(),
                default_capabilities: default_capabilities.as_deref(),
                user: user.as_deref(),
            };
            hosts::add(ctx, call, wish).await
        }
        AdminRequest::LinkHost { host_id, user } => hosts::link(ctx, call, host_id, user).await,
        AdminRequest::UnlinkHost { host_id } => hosts::unlink(ctx, call, host_id).await,
        AdminRequest::RevokeHost { host_id } => hosts::revoke(ctx, call, host_id).await,
        AdminRequest::ListGrants { agent_id } => agents::grants(ctx, agent_id).await,
        AdminRequest::RevokeGrant { grant_id } => agents::revoke_grant(ctx, call, grant_id).await,
        AdminRequest::ListApprovals(listing) => approvals::list(ctx, listing).await,
        AdminRequest::Approve { reference, user } => {
            approvals::approve(ctx, call, reference, user.as_deref()).await
        }
        AdminRequest::Deny { reference, reason } => {
            approvals::deny(ctx, call, reference, reason.clone()).await
        }
        AdminRequest::ListNotices(listing) => notices::list(ctx, listing).await,
        AdminRequest::AuditTail { count } => log::tail(ctx, *count).await,
        AdminRequest::AuditExport { after } => log::export(ctx, *after).await,
        AdminRequest::AuditVerify => log::verify(ctx).await,
        AdminRequest::RunHousekeeping => {
            shown(&housekeeping::run(ctx, &call.actor(), ctx.now()).await?)
        }
        AdminRequest::RotateNonces => {
            secrets::rotate_nonces(ctx, &call.actor()).await?;
            Ok(json!({ "rotated": true }))
        }
        AdminRequest::RewrapVault => match vault::rewrap(ctx, &call.actor()).await {
            Ok(count) => Ok(json!({ "rewrapped": count })),
            Err(VaultError::Failed(error)) => Err(error.into()),
            Err(error) => Err(refused(error.to_string())),
        },
        AdminRequest::BackUp { file } => backup::write(ctx, call, file).await,
    }
}
