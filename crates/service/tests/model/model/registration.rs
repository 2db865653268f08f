//! Registering, and asking for more (§5.3, §5.4).

use super::grant::shown;
use super::{Agent, AgentStatus, Grant, GrantStatus, Host, HostStatus, Model, Purpose, Result};
use crate::offers::{self, Ask, PROBES, Sheet, Takes, allows};
use crate::step::{Autonomous, Claim, KeyNumber};

impl Model {
    pub(super) fn register(
        &mut self,
        host_key: KeyNumber,
        key: KeyNumber,
        autonomous: bool,
        asks: &[Ask],
        inbox: bool,
    ) -> Result<String> {
        let host = match self.admit_host(host_key, true) {
            Err("invalid_jwt") => None,
            found => Some(found?),
        };
        require_known_operators(asks)?;
        let same = |agent: &Agent| Some(agent.host) == host && agent.key == key;
        if let Some(agent) = self.agents.iter().position(same) {
            return self.register_again(agent, inbox);
        }
        let asks = self.distinct_and_offered(asks)?;
        if autonomous && self.configuration.delegated_only {
            return Err("unsupported_mode");
        }
        if host.is_none() && self.configuration.known_hosts_only {
            return Err("dynamic_host_registration_disabled");
        }
        let policy = self.autonomous_policy(host);
        if autonomous && policy == Autonomous::Refuse {
            return Err("unsupported_mode");
        }
        let before = self.clone();
        let at_once = autonomous && policy == Autonomous::Activate;
        let host = host.unwrap_or_else(|| self.new_host(host_key, at_once));
        let policy_decides = at_once || (!autonomous && self.is_trusted(host));
        let status_of = |ask: &Ask| {
            if !self.is_possible(ask) {
                Some(GrantStatus::Denied { by_policy: true })
            } else if policy_decides && self.is_automatic(host, ask.name) {
                Some(GrantStatus::Active)
            } else {
                at_once.then_some(GrantStatus::Denied { by_policy: true })
            }
        };
        let grants: Vec<_> = asks.iter().map(|ask| (*ask, status_of(ask))).collect();
        let waits = !policy_decides || grants.iter().any(|(_, status)| status.is_none());
        let agent = self.new_agent(host, key, autonomous, waits);
        let opened = self.open_if(waits, agent, Purpose::Activation, autonomous, inbox);
        let opened = opened.inspect_err(|_| *self = before)?;
        self.add_grants(agent, &grants, opened);
        Ok(self.seen(agent))
    }

    /// The first request counts, with a new code.
    fn register_again(&mut self, agent: usize, inbox: bool) -> Result<String> {
        if self.agents[agent].status != AgentStatus::Pending {
            return Err("agent_exists");
        }
        let before = self.clone();
        let mut for_administrators = self.agents[agent].autonomous;
        for request in &mut self.requests {
            if request.agent == agent && request.is_open {
                for_administrators = request.for_administrators;
                request.is_open = false;
            }
        }
        let opened = self.open(agent, Purpose::Activation, for_administrators, inbox);
        let opened = opened.inspect_err(|_| *self = before)?;
        // It waits for this request from now on, and no longer for an earlier one.
        if let Some(until) = &mut self.agents[agent].waits_until {
            *until = self.requests[opened].expires;
        }
        for grant in &mut self.agents[agent].grants {
            if matches!(grant.status, GrantStatus::Pending(_)) {
                grant.status = GrantStatus::Pending(opened);
            }
        }
        Ok(self.seen(agent))
    }

    pub(super) fn request(
        &mut self,
        agent: usize,
        asks: &[Ask],
        claim: Claim,
        inbox: bool,
    ) -> Result<String> {
        let mut token = self.new_token(agent, claim);
        self.admit_agent(&mut token)?;
        require_known_operators(asks)?;
        if asks.is_empty() {
            return Err("invalid_request");
        }
        if asks.iter().any(|ask| !claim.covers(ask.name)) {
            return Err("capability_not_granted");
        }
        let asks = self.distinct_and_offered(asks)?;
        let before = self.clone();
        let answered = self.answer_asks(agent, &asks, inbox);
        answered.inspect_err(|_| *self = before)
    }

    fn answer_asks(&mut self, agent: usize, asks: &[Ask], inbox: bool) -> Result<String> {
        let mut answers = Vec::new();
        for ask in asks {
            let held = self.agents[agent]
                .grants
                .iter()
                .find(|grant| grant.name == ask.name && self.is_enough(grant, ask));
            if let Some(held) = held {
                answers.push((*ask, None, Some(held.clone())));
                continue;
            }
            let status = self.status_of_ask(agent, ask);
            self.replace_pending(agent, ask.name);
            answers.push((*ask, status, None));
        }
        if answers.iter().all(|(_, _, held)| held.is_some()) {
            return Err("already_granted");
        }
        let waits = answers
            .iter()
            .any(|(_, status, held)| status.is_none() && held.is_none());
        let for_administrators = self.agents[agent].autonomous;
        let purpose = Purpose::Capabilities;
        let opened = self.open_if(waits, agent, purpose, for_administrators, inbox)?;
        let mut listed = Vec::new();
        for (ask, status, held) in answers {
            if let Some(held) = held {
                listed.push(held);
            } else {
                self.add_grants(agent, &[(ask, status)], opened);
                listed.extend(self.agents[agent].grants.last().cloned());
            }
        }
        let status = if waits { "pending" } else { "active" };
        Ok(format!("{status} {}", shown(&listed, self.now)))
    }

    /// What becomes of an ask for more; nothing yet when somebody has to decide. What somebody decided before
    /// stands, and what policy granted within narrower limits is no reason to widen them.
    fn status_of_ask(&self, agent: usize, ask: &Ask) -> Option<GrantStatus> {
        let agent = &self.agents[agent];
        let was_decided = agent.grants.iter().any(|grant| {
            let is_decision = match grant.status {
                GrantStatus::Active | GrantStatus::Withdrawn => true,
                GrantStatus::Denied { by_policy } => !by_policy,
                GrantStatus::Pending(_) | GrantStatus::Ended => false,
            };
            grant.name == ask.name && is_decision
        });
        if !self.is_possible(ask) {
            Some(GrantStatus::Denied { by_policy: true })
        } else if !was_decided && self.is_automatic(agent.host, ask.name) {
            Some(GrantStatus::Active)
        } else {
            None
        }
    }

    /// An earlier request for the same thing is dropped, and what carried it if nothing is left of that.
    fn replace_pending(&mut self, agent: usize, name: &str) {
        let mut dropped = Vec::new();
        for grant in &mut self.agents[agent].grants {
            if let GrantStatus::Pending(request) = grant.status
                && grant.name == name
            {
                grant.status = GrantStatus::Ended;
                dropped.push(request);
            }
        }
        for request in dropped {
            let waits = |grant: &Grant| grant.status == GrantStatus::Pending(request);
            if !self.agents[agent].grants.iter().any(waits) {
                self.requests[request].is_open = false;
            }
        }
    }

    fn open_if(
        &mut self,
        waits: bool,
        agent: usize,
        purpose: Purpose,
        for_administrators: bool,
        inbox: bool,
    ) -> Result<Option<usize>> {
        if waits {
            self.open(agent, purpose, for_administrators, inbox)
                .map(Some)
        } else {
            Ok(None)
        }
    }

    /// Adds grants. Those without a status wait for the request.
    pub(super) fn add_grants(
        &mut self,
        agent: usize,
        grants: &[(Ask, Option<GrantStatus>)],
        opened: Option<usize>,
    ) {
        for (ask, status) in grants {
            let waiting = opened.map(GrantStatus::Pending);
            let grant = Grant {
                name: ask.name,
                status: status.or(waiting).unwrap_or(GrantStatus::Ended),
                sheets: self.sheets(ask),
                ends: None,
                uses: None,
            };
            self.agents[agent].grants.push(grant);
        }
    }

    fn new_host(&mut self, key: KeyNumber, active: bool) -> usize {
        let offered = offers::offered(self.configuration);
        let defaults = offered
            .filter(|offer| offer.is_default)
            .map(|offer| offer.name);
        self.hosts.push(Host {
            key,
            status: if active {
                HostStatus::Active
            } else {
                HostStatus::Pending
            },
            person: None,
            defaults: defaults.collect(),
        });
        self.hosts.len() - 1
    }

    fn new_agent(&mut self, host: usize, key: KeyNumber, autonomous: bool, waits: bool) -> usize {
        self.agents.push(Agent {
            host,
            key,
            autonomous,
            status: if waits {
                AgentStatus::Pending
            } else {
                AgentStatus::Active
            },
            person: self.hosts[host].person.filter(|_| !autonomous),
            created: self.now,
            activated: (!waits).then_some(self.now),
            waits_until: None,
            last_used: None,
            untold: false,
            grants: Vec::new(),
        });
        self.agents.len() - 1
    }

    fn seen(&self, agent: usize) -> String {
        let agent = &self.agents[agent];
        format!("{} {}", agent.status.name(), shown(&agent.grants, self.now))
    }

    fn distinct_and_offered(&self, asks: &[Ask]) -> Result<Vec<Ask>> {
        let mut distinct: Vec<Ask> = Vec::new();
        for ask in asks {
            match distinct.iter().find(|other| other.name == ask.name) {
                Some(other) if other.limits != ask.limits => return Err("invalid_request"),
                Some(_) => {}
                None => distinct.push(*ask),
            }
        }
        let offered = |ask: &Ask| offers::find(ask.name, self.configuration).is_some();
        if distinct.iter().all(offered) {
            Ok(distinct)
        } else {
            Err("invalid_capabilities")
        }
    }

    /// All limits that would hold at once.
    fn sheets(&self, ask: &Ask) -> Vec<Sheet> {
        let offer = offers::find(ask.name, self.configuration);
        let imposed = offer.and_then(|offer| offer.imposed);
        ask.limits.into_iter().chain(imposed).collect()
    }

    fn is_possible(&self, ask: &Ask) -> bool {
        leaves_something(&self.sheets(ask))
    }

    /// Whether nobody has to approve it under this host.
    fn is_automatic(&self, host: usize, name: &str) -> bool {
        match offers::find(name, self.configuration).map(|offer| offer.takes) {
            Some(Takes::Nothing) => true,
            Some(Takes::SignIn) => self.hosts[host].defaults.contains(&name),
            Some(Takes::Presence) | None => false,
        }
    }

    /// Whether a grant covers everything that is asked for, and is good for a call.
    fn is_enough(&self, grant: &Grant, ask: &Ask) -> bool {
        let all_allow =
            |sheets: &[Sheet], probe| sheets.iter().all(|sheet| allows(sheet.value(), probe));
        let asked = self.sheets(ask);
        grant.is_in_force(self.now)
            && grant.has_uses_left()
            && self.is_possible(ask)
            && PROBES
                .iter()
                .filter(|probe| all_allow(&asked, probe))
                .all(|probe| all_allow(&grant.sheets, probe))
    }
}

/// Whether there is a call that all limits allow.
pub(super) fn leaves_something(sheets: &[Sheet]) -> bool {
    PROBES
        .iter()
        .any(|probe| sheets.iter().all(|sheet| allows(sheet.value(), probe)))
}

fn require_known_operators(asks: &[Ask]) -> Result<()> {
    let is_unknown = |ask: &Ask| ask.limits.is_some_and(Sheet::is_unknown);
    if asks.iter().any(is_unknown) {
        Err("unknown_constraint_operator")
    } else {
        Ok(())
    }
}
