//! One request to the service, ready to be sent, and its answer.

use std::sync::Arc;

use procura_agent_auth::approval::ApprovalError;
use procura_agent_auth::id::ApprovalId;
use procura_agent_auth::token::host::Standing;
use procura_agent_auth::token::possession::{Presentation, ProofHeader, Scheme};
use procura_agent_auth::wire::execute::ExecuteRequest;
use procura_agent_auth::wire::introspect::IntrospectRequest;
use procura_agent_auth::wire::lifecycle::{
    AgentRequest, ReactivateResponse, RotateHostKeyRequest, RotateKeyRequest,
};
use procura_agent_auth::wire::register::{
    CapabilityRequest, CapabilityResponse, RegisterRequest, RegisterResponse,
};
use procura_agent_auth::wire::status::{StatusQuery, StatusResponse};
use procura_keys::clock::Timestamp;
use procura_people::consent::{Chosen, ConsentAnswer, Limit, Range};
use procura_people::passkey::PasskeyId;
use procura_people::presence::{Confirmation, Lacking, Method};
use procura_service::admin::{self, AdminCall, AdminReply};
use procura_service::agent_auth::account::Spending;
use procura_service::agent_auth::caller::RevokingCaller;
use procura_service::agent_auth::consent::{self, ConsentError};
use procura_service::agent_auth::execute::{self, Execution};
use procura_service::agent_auth::{
    caller, introspect, reactivate, register, request_capability, revoke, revoke_host, rotate_key,
    status,
};
use procura_service::people::SignedIn;
use procura_service::{Context, ServiceError, ServiceResult};
use serde_json::Value;

use super::server::StillClock;
use crate::offers::{self, Sheet};
use crate::step::{Answer, Bounds};

/// A request.
#[derive(Clone)]
pub(crate) enum Call {
    Register {
        token: String,
        request: RegisterRequest,
    },
    Status {
        token: String,
        agent: String,
    },
    Request {
        token: String,
        request: CapabilityRequest,
    },
    Answer {
        person: Box<SignedIn>,
        id: ApprovalId,
        answer: Answer,
        at: i64,
    },
    Administer(AdminCall),
    Execute {
        token: String,
        call: offers::Call,
    },
    Introspect {
        token: String,
        call: Option<offers::Call>,
    },
    Reactivate {
        token: String,
        agent: String,
    },
    Revoke {
        token: String,
        agent: String,
    },
    RotateAgentKey {
        token: String,
        agent: String,
        key: Value,
    },
    RotateHostKey {
        token: String,
        key: Value,
    },
    RevokeHost {
        token: String,
    },
    TurnClock {
        clock: Arc<StillClock>,
        to: i64,
    },
}

/// Its answer.
pub(crate) enum Reply {
    Registered(Box<RegisterResponse>),
    Requested(Box<CapabilityResponse>),
    Reactivated(Box<ReactivateResponse>),
    Status(Box<StatusResponse>),
    Done(String),
    Refused(&'static str),
    Nothing,
    /// Something broke, which nothing should.
    Failed(String),
}

impl Call {
    pub(crate) async fn carry_out(self, ctx: &Context) -> Reply {
        self.attempt(ctx).await.unwrap_or_else(|refused| refused)
    }

    async fn attempt(self, ctx: &Context) -> Result<Reply, Reply> {
        Ok(match self {
            Self::Register { token, request } => {
                let host = caller::registering_host(ctx, &bearer(&token), "192.0.2.1").await?;
                Reply::Registered(Box::new(register::register(ctx, &host, request).await?))
            }
            Self::Status { token, agent } => {
                let host =
                    caller::host(ctx, &bearer(&token), Standing::NotEnded, Spending::Work).await?;
                let query = StatusQuery { agent_id: agent };
                Reply::Status(Box::new(status::status(ctx, &host, &query).await?))
            }
            Self::Request { token, request } => {
                let agent = caller::agent(ctx, &bearer(&token)).await?;
                let answer = request_capability::request_capability(ctx, &agent, request).await?;
                Reply::Requested(Box::new(answer))
            }
            Self::Answer {
                person,
                id,
                answer,
                at,
            } => {
                answer_as(ctx, &person, &id, answer, at).await?;
                Reply::Done(String::new())
            }
            Self::Administer(call) => match admin::run(ctx, &call).await {
                AdminReply::Done(_) => Reply::Done(String::new()),
                AdminReply::Refused(_) => Reply::Refused("administrator"),
            },
            Self::Execute { token, call } => execute_call(ctx, &token, call).await?,
            Self::Introspect { token, call } => introspection(ctx, token, call).await?,
            Self::Reactivate { token, agent } => {
                let host =
                    caller::host(ctx, &bearer(&token), Standing::Active, Spending::Work).await?;
                let request = AgentRequest { agent_id: agent };
                let answer = reactivate::reactivate(ctx, &host, &request).await?;
                Reply::Reactivated(Box::new(answer))
            }
            Self::Revoke { token, agent } => {
                let host =
                    caller::host(ctx, &bearer(&token), Standing::NotEnded, Spending::Work).await?;
                let request = AgentRequest { agent_id: agent };
                let host = RevokingCaller::Host(Box::new(host));
                Reply::Done(revoke::revoke(ctx, &host, &request).await?.status)
            }
            Self::RotateAgentKey { token, agent, key } => {
                let host =
                    caller::host(ctx, &bearer(&token), Standing::Active, Spending::Work).await?;
                let request = RotateKeyRequest {
                    agent_id: agent,
                    public_key: key,
                };
                let answer = rotate_key::rotate_key(ctx, &host, &request).await?;
                Reply::Done(answer.status.to_string())
            }
            Self::RotateHostKey { token, key } => {
                let host =
                    caller::host(ctx, &bearer(&token), Standing::Active, Spending::Work).await?;
                let request = RotateHostKeyRequest { public_key: key };
                let answer = rotate_key::rotate_host_key(ctx, &host, &request).await?;
                Reply::Done(answer.status.to_string())
            }
            Self::RevokeHost { token } => {
                let host = caller::ending_host(ctx, &bearer(&token)).await?;
                let answer = revoke_host::revoke_host(ctx, &host).await?;
                Reply::Done(answer.agents_revoked.to_string())
            }
            Self::TurnClock { clock, to } => {
                clock.set(to);
                Reply::Nothing
            }
        })
    }
}

async fn execute_call(ctx: &Context, token: &str, call: offers::Call) -> ServiceResult<Reply> {
    Ok(match execution(ctx, token, call).await? {
        Execution::Done(_) | Execution::Streaming(_) => Reply::Done("ok".to_owned()),
        Execution::Started(_) => Reply::Failed("no backend starts a job".to_owned()),
    })
}

/// A token as requests carry it, without a proof of possession.
pub(crate) fn bearer(token: &str) -> Presentation<'_> {
    Presentation {
        token,
        scheme: Scheme::Bearer,
        proof: ProofHeader::Absent,
        certificate: None,
        method: "POST",
        path: "/",
    }
}

/// A call as far as its result or the beginning of a stream.
pub(crate) async fn execution(
    ctx: &Context,
    token: &str,
    call: offers::Call,
) -> ServiceResult<Execution> {
    let agent = caller::executing_agent(ctx, &bearer(token)).await?;
    let request = ExecuteRequest {
        capability: call.capability.to_owned(),
        arguments: Some(call.arguments),
    };
    execute::execute(ctx, agent, request, false).await
}

/// Whether a token is active, and what is to be said to a call.
async fn introspection(
    ctx: &Context,
    token: String,
    call: Option<offers::Call>,
) -> ServiceResult<Reply> {
    let (capability, arguments) = call
        .map(|call| (call.capability.parse().unwrap(), call.arguments))
        .unzip();
    let request = IntrospectRequest {
        token,
        capability,
        arguments,
    };
    let answer = introspect::introspect(ctx, &request, None, "192.0.2.1").await?;
    let active = if answer.active { "active" } else { "inactive" };
    let verdict = answer.agent.and_then(|agent| agent.verdict);
    let verdict = verdict.map(|verdict| match verdict.error {
        None => " permitted".to_owned(),
        Some(body) => format!(" {}", body["error"].as_str().unwrap_or("without a code")),
    });
    Ok(Reply::Done(format!(
        "{active}{}",
        verdict.unwrap_or_default()
    )))
}

/// Reads a request and answers it, as the pages do.
async fn answer_as(
    ctx: &Context,
    person: &SignedIn,
    id: &ApprovalId,
    answer: Answer,
    at: i64,
) -> Result<(), ConsentError> {
    let Ok(view) = consent::view(ctx, person, id).await else {
        // Whoever is not shown a request may send an answer all the same.
        let items = Vec::new();
        let blind = ConsentAnswer::Approve { items };
        return consent::answer(ctx, person, id, "", &blind).await;
    };
    let items = view.items.iter().map(|item| Chosen::as_asked(&item.id));
    let answer = match answer {
        Answer::All => ConsentAnswer::Approve {
            items: items.collect(),
        },
        Answer::Half => ConsentAnswer::Approve {
            items: items.step_by(2).collect(),
        },
        Answer::Within(bounds) => ConsentAnswer::Approve {
            items: items.map(|item| bound(item, bounds, at)).collect(),
        },
        Answer::Deny => ConsentAnswer::Deny { reason: None },
    };
    let shown = view.digest();
    let person = with_gesture(person, answer.subject(&shown), at);
    consent::answer(ctx, &person, id, &shown, &answer).await
}

/// Whoever came with a passkey just now says yes with it, to this and nothing else.
fn with_gesture(person: &SignedIn, subject: [u8; 32], at: i64) -> SignedIn {
    let at = Timestamp::from_millis(at);
    let proof = person.session.proof;
    let gesture = Confirmation {
        passkey_id: PasskeyId("pky_1".to_owned()),
        subject,
        at,
    };
    SignedIn {
        confirmation: (proof.method == Method::Passkey && proof.at == at).then_some(gesture),
        ..person.clone()
    }
}

fn bound(item: Chosen, bounds: Bounds, at: i64) -> Chosen {
    let end = |wait| Timestamp::from_millis(at + wait);
    Chosen {
        expires_at: bounds.ends_in.map(end),
        uses: bounds.uses,
        limits: bounds.limits.map(limits).unwrap_or_default(),
        ..item
    }
}

/// Limits as a person draws them.
fn limits(sheet: Sheet) -> Vec<Limit> {
    let limits = sheet.value().as_object().unwrap().iter();
    let drawn = limits.map(|(field, limit)| Limit {
        field: field.clone(),
        range: match limit.get("in") {
            Some(values) => Range::OneOf(values.as_array().unwrap().clone()),
            None => Range::Numbers {
                min: limit.get("min").and_then(Value::as_number).cloned(),
                max: limit.get("max").and_then(Value::as_number).cloned(),
            },
        },
    });
    drawn.collect()
}

impl From<ServiceError> for Reply {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(refusal) => Self::Refused(refusal.code_and_status().0),
            ServiceError::Failed(failure) => Self::Failed(failure.to_string()),
        }
    }
}

impl From<ConsentError> for Reply {
    fn from(error: ConsentError) -> Self {
        Self::Refused(match error {
            ConsentError::Unknown => "unknown",
            ConsentError::NoAccount => "no_account",
            ConsentError::Refused(refused) => match refused {
                ApprovalError::Expired
                | ApprovalError::AlreadyDecided
                | ApprovalError::Cancelled
                | ApprovalError::AgentIs(_) => "closed",
                ApprovalError::OtherPerson => "other_person",
                ApprovalError::AdministratorsOnly => "administrators_only",
                ApprovalError::ForeignGrant => "foreign_grant",
                ApprovalError::Contradiction(_) => "contradiction",
                ApprovalError::AtTheDesk => "at_the_desk",
                ApprovalError::EndsBeforeItBegins => "ends_before_it_begins",
            },
            ConsentError::Lacking(Lacking::Freshness) => "sign_in_again",
            ConsentError::Lacking(Lacking::Presence) => "passkey_needed",
            ConsentError::Lacking(Lacking::FirstPasskey) => "first_passkey",
            ConsentError::Changed => "changed",
            ConsentError::Failed(error) => return error.into(),
        })
    }
}
