//! What administrators do. What they are refused has no code.

use super::{GrantStatus, HostStatus, Model, Person, Result, nth};
use crate::step::{Administration, Who};

impl Model {
    pub(super) fn administer(&mut self, what: Administration) -> Result<Option<String>> {
        let done = match what {
            Administration::RevokeAgent { agent } => {
                nth(self.agents.len(), agent).map(|agent| self.end_by_decision(agent))
            }
            Administration::RevokeHost { host } => {
                nth(self.hosts.len(), host).map(|host| self.revoke_live_host(host))
            }
            Administration::WithdrawGrant { agent, grant } => nth(self.agents.len(), agent)
                .and_then(|agent| {
                    let grant = nth(self.agents[agent].grants.len(), grant)?;
                    Some(self.withdraw(agent, grant))
                }),
            Administration::Link { host, to } => {
                nth(self.hosts.len(), host).map(|host| self.link_by_administrator(host, to))
            }
            Administration::Unlink { host } => {
                nth(self.hosts.len(), host).map(|host| self.unlink(host))
            }
            Administration::DeletePerson(who) => Some(self.delete(who)),
            Administration::AddPerson(who) => Some(self.add(who)),
        };
        match done {
            None => Ok(None),
            Some(Ok(())) => Ok(Some(String::new())),
            Some(Err(_)) => Err("administrator"),
        }
    }

    fn revoke_live_host(&mut self, host: usize) -> Result<()> {
        if self.hosts[host].status == HostStatus::Revoked {
            return Err("host_revoked");
        }
        self.end_host(host);
        Ok(())
    }

    fn withdraw(&mut self, agent: usize, grant: usize) -> Result<()> {
        let grant = &mut self.agents[agent].grants[grant];
        if grant.status != GrantStatus::Active {
            return Err("not active");
        }
        grant.status = GrantStatus::Withdrawn;
        Ok(())
    }

    fn link_by_administrator(&mut self, host: usize, to: Who) -> Result<()> {
        let person = self.existing(to).ok_or("unknown")?;
        match (self.hosts[host].status, self.hosts[host].person) {
            (HostStatus::Revoked, _) => Err("host_revoked"),
            (_, Some(owner)) if owner == person => Ok(()),
            (_, Some(_)) => Err("linked"),
            (_, None) => {
                self.link(host, person);
                Ok(())
            }
        }
    }

    /// The agents that acted for the person end; those that act for nobody go on.
    fn unlink(&mut self, host: usize) -> Result<()> {
        self.hosts[host].person.take().ok_or("not linked")?;
        self.tell_all_of(host);
        for agent in 0..self.agents.len() {
            let one = &self.agents[agent];
            if one.host == host && !one.autonomous && !one.status.is_final() {
                self.end(agent, super::AgentStatus::Revoked);
            }
        }
        Ok(())
    }

    /// Everything that acts for a person ends with their account. What it held and asked for goes with it (§2.6).
    fn delete(&mut self, who: Who) -> Result<()> {
        let person = self.existing(who).ok_or("unknown")?;
        self.people[person].exists = false;
        for host in 0..self.hosts.len() {
            let is_theirs = self.hosts[host].person == Some(person);
            if is_theirs && self.hosts[host].status != HostStatus::Revoked {
                self.end_host(host);
            }
        }
        for agent in &mut self.agents {
            if agent.person == Some(person) && agent.status.is_final() {
                agent.grants.clear();
            }
        }
        for request in &mut self.requests {
            let agent = &self.agents[request.agent];
            request.is_gone |= agent.person == Some(person) && agent.status.is_final();
        }
        Ok(())
    }

    fn add(&mut self, who: Who) -> Result<()> {
        if self.existing(who).is_some() {
            return Err("taken");
        }
        self.people.push(Person { who, exists: true });
        Ok(())
    }
}
