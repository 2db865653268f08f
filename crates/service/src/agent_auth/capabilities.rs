//! `GET /capability/list` and `GET /capability/describe` (§5.2, §5.2.1).

use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::possession::Presentation;
use procura_agent_auth::token::{FORM, TokenDefect, agent};
use procura_agent_auth::wire::capability::{
    Capability, CapabilitySummary, DescribeQuery, GrantStatus, ListQuery, ListResponse,
};
use procura_keys::digest::{from_base64url, to_base64url};
use procura_keys::jwt::Unverified;

use super::caller::{self, AgentCaller};
use crate::catalogue::Offered;
use crate::context::Context;
use crate::error::ServiceResult;

/// Who looks at capabilities.
#[derive(Debug)]
pub enum Viewer {
    /// Anybody, or a host: both see what is offered.
    Anyone,
    /// An agent, which also sees what it holds.
    Agent(Box<AgentCaller>),
}

/// Verifies whoever looks. No token is fine; a token that does not verify is not.
pub async fn viewer(
    ctx: &Context,
    sent: Option<&Presentation<'_>>,
    address: &str,
) -> ServiceResult<Viewer> {
    let Some(sent) = sent else {
        caller::stranger(ctx, address)?;
        return if ctx.policy().public_capabilities {
            Ok(Viewer::Anyone)
        } else {
            Err(Refusal::AuthenticationRequired.into())
        };
    };
    let typ = Unverified::parse(sent.token, FORM)
        .map_err(TokenDefect::from)?
        .typ;
    if typ.as_deref() == Some(agent::TYPE) {
        return Ok(Viewer::Agent(Box::new(caller::agent(ctx, sent).await?)));
    }
    // A host that is unknown or waits for approval may look before it registers anything.
    caller::visiting_host(ctx, sent).await?;
    Ok(Viewer::Anyone)
}

/// Lists what is offered, by name, a page at a time.
pub fn list(ctx: &Context, viewer: &Viewer, query: &ListQuery) -> ServiceResult<ListResponse> {
    let limit = match query.limit {
        None => MAX_PAGE,
        Some(limit @ 1..=MAX_PAGE) => limit,
        Some(_) => {
            return Err(Refusal::invalid(format!("limit has to be 1 to {MAX_PAGE}.")).into());
        }
    };
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let words: Vec<_> = query
        .query
        .iter()
        .flat_map(|q| q.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    let catalogue = ctx.catalogue();
    let later = catalogue
        .iter()
        .filter(|offered| after.as_ref().is_none_or(|name| offered.shown.name > *name));
    let mut found = later.filter(|offered| matches(offered, &words));
    let page: Vec<_> = found.by_ref().take(limit as usize).collect();
    let has_more = found.next().is_some();
    let last = page
        .last()
        .map(|offered| to_base64url(offered.shown.name.as_str().as_bytes()));
    Ok(ListResponse {
        capabilities: page
            .iter()
            .map(|offered| {
                let grant_status = grant_status(viewer, offered);
                let summary = offered.shown.summary();
                CapabilitySummary {
                    grant_status,
                    ..summary
                }
            })
            .collect(),
        next_cursor: last.filter(|_| has_more),
        has_more,
    })
}

/// Describes one capability in full.
pub fn describe(
    ctx: &Context,
    viewer: &Viewer,
    query: &DescribeQuery,
) -> ServiceResult<Capability> {
    let catalogue = ctx.catalogue();
    let name = query.name.parse::<CapabilityName>().ok();
    let offered = name.and_then(|name| catalogue.find(&name));
    if let Some(offered) = offered {
        Ok(Capability {
            grant_status: grant_status(viewer, offered),
            ..offered.in_full()
        })
    } else {
        let name = query.name.chars().take(MAX_SHOWN_NAME).collect();
        Err(Refusal::CapabilityNotFound { name }.into())
    }
}

fn grant_status(viewer: &Viewer, offered: &Offered) -> Option<GrantStatus> {
    match viewer {
        Viewer::Anyone => None,
        Viewer::Agent(caller) => {
            let name = &offered.shown.name;
            let held = |grant: &procura_agent_auth::grant::Grant| {
                grant.capability == *name && grant.is_effective(caller.now)
            };
            let granted = caller.token.covers(name) && caller.snapshot.grants.iter().any(held);
            Some(if granted {
                GrantStatus::Granted
            } else {
                GrantStatus::NotGranted
            })
        }
    }
}

/// Every word of the query stands somewhere in the name or the description.
fn matches(offered: &Offered, words: &[String]) -> bool {
    let text = format!("{} {}", offered.shown.name, offered.shown.description)
        .to_lowercase()
        .replace('_', " ");
    words
        .iter()
        .all(|word| text.contains(&word.replace('_', " ")))
}

fn read_cursor(cursor: &str) -> Result<CapabilityName, Refusal> {
    from_base64url(cursor)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| Refusal::invalid("cursor is not a next_cursor of this server."))
}

const MAX_PAGE: u32 = 100;
const MAX_SHOWN_NAME: usize = 128;
