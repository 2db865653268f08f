//! Coming back, ending, and changing keys (§5.5 to §5.10).

use super::grant::shown;
use super::{
    ABSOLUTE_LIFETIME, AgentStatus, Grant, GrantStatus, HostStatus, MAX_LIFETIME, Model, Purpose,
    Result, SESSION_TTL,
};
use crate::offers::{self, Ask};
use crate::step::{Autonomous, Claim, KeyNumber, Signer};

impl Model {
    pub(super) fn status(&mut self, agent: usize, by: Signer) -> Result<String> {
        let key = self.signer(agent, by);
        let token = self.new_token(agent, Claim::Absent);
        self.tokens.push(super::Token {
            of_host: true,
            key,
            issuer: key,
            ..token
        });
        self.status_by(self.tokens.len() - 1)
    }

    /// Everything a host is told about an agent.
    pub(super) fn standing(&self, agent: usize) -> String {
        let agent = &self.agents[agent];
        // What has not been written down yet is over all the same.
        let live =
            |grant: &&Grant| !agent.untold || matches!(grant.status, GrantStatus::Denied { .. });
        let activated = agent.activated.unwrap_or(0);
        let idle = agent.last_used.unwrap_or(0).max(activated) + SESSION_TTL;
        let expires = idle
            .min(activated + MAX_LIFETIME)
            .min(agent.created + ABSOLUTE_LIFETIME);
        let expires = (agent.status == AgentStatus::Active).then_some(expires);
        format!(
            "{} [{}] for {:?}, activated {:?}, expires {expires:?}",
            agent.status.name(),
            shown(agent.grants.iter().filter(live), self.now),
            agent.person,
            agent.activated,
        )
    }

    pub(super) fn reactivate(&mut self, agent: usize, by: Signer) -> Result<String> {
        self.admit_host_of(agent, by, false)?;
        if self.agents[agent].untold {
            self.tell(agent);
            return Err("absolute_lifetime_exceeded");
        }
        if self.agents[agent].status == AgentStatus::Active {
            return Ok(self.standing(agent));
        }
        if self.agents[agent].status != AgentStatus::Expired {
            self.agents[agent].status.require_active()?;
        }
        let (host, autonomous) = (self.agents[agent].host, self.agents[agent].autonomous);
        let at_once = match self.autonomous_policy(Some(host)) {
            _ if !autonomous => self.is_trusted(host),
            Autonomous::Refuse => return Err("unsupported_mode"),
            policy => policy == Autonomous::Activate,
        };
        let asks = self.returning(agent);
        self.end_grants(agent);
        let mut opened = None;
        if at_once {
            self.agents[agent].status = AgentStatus::Active;
            self.agents[agent].activated = Some(self.now);
            self.agents[agent].waits_until = None;
        } else {
            self.agents[agent].status = AgentStatus::Pending;
            let request = self.open(agent, Purpose::Activation, autonomous, false)?;
            self.agents[agent].waits_until = Some(self.requests[request].expires);
            opened = Some(request);
        }
        let status = at_once.then_some(GrantStatus::Active);
        let grants: Vec<_> = asks.into_iter().map(|ask| (ask, status)).collect();
        self.add_grants(agent, &grants, opened);
        Ok(self.standing(agent))
    }

    /// The defaults that nobody denied or took back from this agent.
    fn returning(&self, agent: usize) -> Vec<Ask> {
        let agent = &self.agents[agent];
        let is_refusal = |grant: &Grant| {
            matches!(
                grant.status,
                GrantStatus::Withdrawn | GrantStatus::Denied { by_policy: false }
            )
        };
        let comes_back = |name: &&&str| {
            let refused = |grant: &Grant| grant.name == **name && is_refusal(grant);
            !agent.grants.iter().any(refused) && offers::find(name, self.configuration).is_some()
        };
        let defaults = self.hosts[agent.host].defaults.iter().filter(comes_back);
        defaults.map(|name| Ask { name, limits: None }).collect()
    }

    pub(super) fn revoke(&mut self, agent: usize, by: Signer) -> Result<String> {
        self.admit_host_of(agent, by, true)?;
        self.end_by_decision(agent)?;
        Ok("revoked".to_owned())
    }

    /// Nothing happens to an agent that is revoked already.
    pub(super) fn end_by_decision(&mut self, agent: usize) -> Result<()> {
        match self.agents[agent].status {
            AgentStatus::Revoked => {}
            AgentStatus::Rejected => return Err("agent_rejected"),
            AgentStatus::Claimed => return Err("agent_claimed"),
            _ => self.end(agent, AgentStatus::Revoked),
        }
        Ok(())
    }

    pub(super) fn rotate_agent_key(
        &mut self,
        agent: usize,
        by: Signer,
        key: KeyNumber,
    ) -> Result<String> {
        self.admit_host_of(agent, by, false)?;
        let status = self.agents[agent].status;
        if status != AgentStatus::Expired {
            status.require_active()?;
        }
        let host = self.agents[agent].host;
        let mut of_host = self.agents.iter().filter(|other| other.host == host);
        if of_host.any(|other| other.key == key) {
            return Err("invalid_request");
        }
        self.agents[agent].key = key;
        Ok(status.name().to_owned())
    }

    pub(super) fn rotate_host_key(&mut self, host: usize, key: KeyNumber) -> Result<String> {
        let old = self.hosts[host].key;
        self.admit_host(old, false)?;
        if self.hosts.iter().any(|other| other.key == key) {
            return Err("invalid_request");
        }
        self.hosts[host].key = key;
        for client in &mut self.clients {
            if *client == old {
                *client = key;
            }
        }
        Ok("active".to_owned())
    }

    pub(super) fn revoke_host(&mut self, host: usize) -> Result<String> {
        self.admit_host(self.hosts[host].key, false)?;
        Ok(self.end_host(host).to_string())
    }

    /// Ends a host with all its agents, and counts those that had not ended.
    pub(super) fn end_host(&mut self, host: usize) -> usize {
        self.hosts[host].status = HostStatus::Revoked;
        self.tell_all_of(host);
        let mut ended = 0;
        for agent in 0..self.agents.len() {
            if self.agents[agent].host == host && !self.agents[agent].status.is_final() {
                self.end(agent, AgentStatus::Revoked);
                ended += 1;
            }
        }
        ended
    }
}
