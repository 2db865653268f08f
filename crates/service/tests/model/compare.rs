//! What the model and the real service have to agree on, and what has to hold for the real one whatever the model
//! says.

use std::collections::{BTreeMap, BTreeSet};

use procura_agent_auth::agent::{Agent, AgentState};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::AgentId;
use procura_agent_auth::lifetime::state_at;
use procura_keys::clock::Timestamp;
use procura_service::Context;
use serde_json::Value;

use crate::model::{self, ABSOLUTE_LIFETIME, Model};
use crate::offers::{PROBES, allows};
use crate::world::World;

/// One agent as it really is.
struct Real {
    agent: Agent,
    host: Host,
    grants: Vec<Grant>,
}

impl Real {
    async fn load(world: &World, id: &AgentId) -> Self {
        let mut tx = world.store.read().await.unwrap();
        let agent = tx.find_agent(id).await.unwrap().unwrap();
        let host = tx.load_host(&agent.host_id).await.unwrap();
        let grants = tx.list_grants_by_agent(id).await.unwrap();
        Self {
            agent,
            host,
            grants,
        }
    }

    fn status(&self, ctx: &Context, now: i64) -> &'static str {
        let now = Timestamp::from_millis(now);
        state_at(&self.agent, &ctx.policy().lifetime, now)
            .status()
            .as_str()
    }
}

/// The first difference between the two, in words.
pub(crate) async fn difference(model: &Model, world: &World) -> Option<String> {
    let found = real(world, model.now, usize::MAX).await;
    let pairs = found.into_iter().zip(expected(model, usize::MAX));
    let mut different = pairs.filter(|(found, expected)| found != expected);
    let (found, expected) = different.next()?;
    Some(format!("{found}; and should be {expected}"))
}

/// The latest hosts and agents as they really are, in words.
pub(crate) async fn real(world: &World, now: i64, latest: usize) -> Vec<String> {
    let mut found = Vec::new();
    for (place, host) in last(&world.hosts, latest) {
        let mut tx = world.store.read().await.unwrap();
        let host = tx.load_host(&host.id).await.unwrap();
        let person = host.user_id.map(|id| world.person(&id));
        found.push(host_text(place, host.status.as_str(), person));
    }
    for (place, agent) in last(&world.agents, latest) {
        let real = Real::load(world, &agent.id).await;
        found.push(agent_text(
            place,
            real.status(&world.ctx, now),
            real.agent.user_id.as_ref().map(|id| world.person(id)),
            real.agent.last_used_at.map(Timestamp::as_millis),
            real.grants.iter().map(real_grant),
        ));
    }
    found
}

/// The same as the model has them.
pub(crate) fn expected(model: &Model, latest: usize) -> Vec<String> {
    let hosts = last(&model.hosts, latest)
        .map(|(place, host)| host_text(place, host.status.name(), host.person));
    let agents = last(&model.agents, latest).map(|(place, agent)| {
        agent_text(
            place,
            agent.status.name(),
            agent.person,
            agent.last_used,
            agent.grants.iter().map(expected_grant),
        )
    });
    hosts.chain(agents).collect()
}

fn last<T>(list: &[T], count: usize) -> impl Iterator<Item = (usize, &T)> {
    list.iter()
        .enumerate()
        .skip(list.len().saturating_sub(count))
}

fn host_text(place: usize, status: &str, person: Option<usize>) -> String {
    format!("host {place} is {status} and belongs to {person:?}")
}

fn agent_text(
    place: usize,
    status: &str,
    person: Option<usize>,
    last_used: Option<i64>,
    grants: impl Iterator<Item = String>,
) -> String {
    let grants = grants.collect::<Vec<_>>().join(", ");
    format!("agent {place} is {status}, for {person:?}, used {last_used:?}, with [{grants}]")
}

/// A grant's name and state, and for one that counts what it allows.
fn real_grant(grant: &Grant) -> String {
    let status = match &grant.state {
        GrantState::Pending { .. } => "pending",
        GrantState::Active { .. } => "active",
        GrantState::Denied {
            denied_by: Actor::Policy,
        } => "denied by policy",
        GrantState::Denied { .. } => "denied",
        GrantState::Withdrawn { .. } => "withdrawn",
        GrantState::Revoked => "ended",
    };
    let limits = grant.constraints.as_ref().map(Constraints::to_value);
    let bounds = Bounds {
        ends: grant.expires_at.map(Timestamp::as_millis),
        uses: grant.uses.map(|uses| (uses.left(), uses.allowed())),
        limits: limits.as_slice(),
    };
    grant_text(grant.capability.as_str(), status, &bounds)
}

fn expected_grant(grant: &model::Grant) -> String {
    let status = match grant.status {
        model::GrantStatus::Pending(_) => "pending",
        model::GrantStatus::Active => "active",
        model::GrantStatus::Denied { by_policy: true } => "denied by policy",
        model::GrantStatus::Denied { by_policy: false } => "denied",
        model::GrantStatus::Withdrawn => "withdrawn",
        model::GrantStatus::Ended => "ended",
    };
    let limits: Vec<_> = grant
        .sheets
        .iter()
        .map(|sheet| sheet.value().clone())
        .collect();
    let bounds = Bounds {
        ends: grant.ends,
        uses: grant.uses.map(|uses| (uses.left, uses.allowed)),
        limits: &limits,
    };
    grant_text(grant.name, status, &bounds)
}

/// What a grant is good for: until when, how often still and at first, and for what.
struct Bounds<'a> {
    ends: Option<i64>,
    uses: Option<(u32, u32)>,
    limits: &'a [Value],
}

fn grant_text(name: &str, status: &str, bounds: &Bounds<'_>) -> String {
    let counts = matches!(status, "pending" | "active");
    let allowed = || {
        let one = |probe| {
            if bounds.limits.iter().all(|limit| allows(limit, probe)) {
                '1'
            } else {
                '0'
            }
        };
        PROBES.iter().map(one).collect::<String>()
    };
    if !counts {
        return format!("{name} {status}");
    }
    let limits = (!bounds.limits.is_empty()).then(|| format!(" for {}", allowed()));
    let ends = bounds.ends.map(|end| format!(" until {end}"));
    let uses = bounds
        .uses
        .map(|(left, of)| format!(" {left} of {of} times"));
    let parts = [limits, ends, uses].map(Option::unwrap_or_default);
    format!("{name} {status}{}", parts.concat())
}

/// What was seen of the real service so far, to hold it to what may never happen.
#[derive(Default)]
pub(crate) struct Watch {
    ends: BTreeMap<usize, &'static str>,
    ended_hosts: BTreeSet<usize>,
}

impl Watch {
    /// The first property that is broken, in words.
    pub(crate) async fn broken(&mut self, model: &Model, world: &World) -> Option<String> {
        for place in 0..world.agents.len() {
            let real = Real::load(world, &world.agents[place].id).await;
            let status = real.status(&world.ctx, model.now);
            let broken = self
                .a_final_state_is_left(place, status)
                .or_else(|| outlives_its_absolute_lifetime(&real, model.now, status))
                .or_else(|| lives_on_after_its_host(&real, status))
                .or_else(|| is_wider_than_asked(&real, &model.agents[place]));
            if let Some(broken) = broken {
                return Some(format!("agent {place} {broken}"));
            }
        }
        for (place, host) in world.hosts.iter().enumerate() {
            let mut tx = world.store.read().await.unwrap();
            let has_ended = tx.load_host(&host.id).await.unwrap().status == HostStatus::Revoked;
            if !has_ended && self.ended_hosts.contains(&place) {
                return Some(format!("host {place} was revoked and came back"));
            }
            if has_ended {
                self.ended_hosts.insert(place);
            }
        }
        None
    }

    /// Terminal states are never left (§2.3).
    fn a_final_state_is_left(&mut self, place: usize, status: &'static str) -> Option<String> {
        let is_final = matches!(status, "revoked" | "rejected" | "claimed");
        match self.ends.get(&place) {
            Some(end) if *end != status => Some(format!("was {end} and became {status}")),
            Some(_) => None,
            None => {
                if is_final {
                    self.ends.insert(place, status);
                }
                None
            }
        }
    }
}

/// Nothing outlives the absolute lifetime (§2.4).
fn outlives_its_absolute_lifetime(real: &Real, now: i64, status: &str) -> Option<String> {
    let is_over = now >= real.agent.created_at.as_millis() + ABSOLUTE_LIFETIME;
    let lives = matches!(status, "pending" | "active" | "expired");
    (is_over && lives).then(|| format!("is {status} after its absolute lifetime"))
}

/// Revoking a host leaves nothing active (§2.11), not on record either.
fn lives_on_after_its_host(real: &Real, status: &str) -> Option<String> {
    let host_ended = real.host.status == HostStatus::Revoked;
    let is_stored_as_ended = matches!(
        real.agent.state,
        AgentState::Revoked { .. } | AgentState::Rejected { .. } | AgentState::Claimed { .. }
    );
    let holds = |grant: &Grant| {
        matches!(
            grant.state,
            GrantState::Active { .. } | GrantState::Pending { .. }
        )
    };
    let lives = !is_stored_as_ended || real.grants.iter().any(holds);
    (host_ended && lives).then(|| format!("is {status} or holds something after its host"))
}

/// Narrowing never widens (§2.13): a grant allows nothing that any of the limits it was made of forbids.
fn is_wider_than_asked(real: &Real, expected: &model::Agent) -> Option<String> {
    for (grant, asked) in real.grants.iter().zip(&expected.grants) {
        let GrantState::Active { .. } = grant.state else {
            continue;
        };
        let limits = grant.constraints.as_ref().map(Constraints::to_value);
        let allowed = |probe: &&serde_json::Map<String, Value>| {
            limits.as_ref().is_none_or(|limits| allows(limits, probe))
        };
        for probe in PROBES.iter().filter(allowed) {
            if !asked
                .sheets
                .iter()
                .all(|sheet| allows(sheet.value(), probe))
            {
                return Some(format!(
                    "may call {} with {probe:?}, which was forbidden",
                    grant.capability
                ));
            }
        }
    }
    None
}

/// What an agent may have after a reactivation: its host's defaults without those that somebody denied or took
/// back (§2.5, §5.6). To be asked for before, and held against what is there afterwards.
pub(crate) struct Baseline {
    place: usize,
    names: BTreeSet<String>,
}

impl Baseline {
    pub(crate) async fn of(world: &World, place: usize) -> Self {
        let real = Real::load(world, &world.agents[place].id).await;
        let refused = |name: &str| {
            real.grants.iter().any(|grant| {
                let is_refusal = match &grant.state {
                    GrantState::Withdrawn { .. } => true,
                    GrantState::Denied { denied_by } => *denied_by != Actor::Policy,
                    _ => false,
                };
                is_refusal && grant.capability.as_str() == name
            })
        };
        let defaults = real
            .host
            .default_capabilities
            .iter()
            .map(ToString::to_string);
        let names = defaults.filter(|name| !refused(name)).collect();
        Self { place, names }
    }

    pub(crate) async fn exceeded(&self, world: &World) -> Option<String> {
        let real = Real::load(world, &world.agents[self.place].id).await;
        let beyond = real.grants.iter().find(|grant| {
            let counts = matches!(
                grant.state,
                GrantState::Active { .. } | GrantState::Pending { .. }
            );
            counts && !self.names.contains(grant.capability.as_str())
        });
        beyond.map(|grant| {
            format!(
                "agent {} came back with {}, beyond its baseline",
                self.place, grant.capability
            )
        })
    }
}
