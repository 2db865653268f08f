//! Answering a request (§7, §8.11), and what a link does (§2.9, §2.10).

use super::registration::leaves_something;
use super::{
    AgentStatus, Grant, GrantStatus, HostStatus, Model, PersonNumber, Purpose, Result, Uses,
};
use crate::offers::{self, Takes};
use crate::step::{Answer, Approver, Bounds};

impl Model {
    pub(super) fn answer(&mut self, number: usize, by: Approver, answer: Answer) -> Result<()> {
        let Approver::Administrator { link_to } = by else {
            let person = self.require_entitled(number, by)?;
            self.require_sensible(number, answer)?;
            self.require_shown_enough(number, by, answer)?;
            self.write_answer(number, answer, Some(person));
            return Ok(());
        };
        // What administrators are refused has no code, and they say yes to everything or no.
        let link_to = link_to.filter(|_| answer != Answer::Deny);
        let person = link_to.map(|who| self.existing(who).ok_or("administrator"));
        let person = person.transpose()?;
        self.require_waiting(number).map_err(|_| "administrator")?;
        let answer = match answer {
            Answer::Deny => Answer::Deny,
            Answer::All | Answer::Half | Answer::Within(_) => Answer::All,
        };
        self.write_answer(number, answer, person);
        Ok(())
    }

    /// This person may answer this request now.
    fn require_entitled(&self, number: usize, by: Approver) -> Result<PersonNumber> {
        let request = self.requests[number];
        let agent = &self.agents[request.agent];
        let who = by.person().ok_or("not a person")?;
        let person = self.account(who);
        if request.is_gone || request.inbox.is_some_and(|inbox| inbox != person) {
            return Err("unknown");
        }
        self.existing(who).ok_or("no_account")?;
        self.require_waiting(number)?;
        if request.for_administrators || agent.autonomous {
            return Err("administrators_only");
        }
        let owner = self.hosts[agent.host].person;
        if owner.is_some_and(|owner| owner != person) {
            return Err("other_person");
        }
        Ok(person)
    }

    /// The request is open, in time, and its agent is where it was.
    fn require_waiting(&self, number: usize) -> Result<()> {
        let request = self.requests[number];
        let expected = match request.purpose {
            Purpose::Activation => AgentStatus::Pending,
            Purpose::Capabilities => AgentStatus::Active,
        };
        let waits = self.agents[request.agent].status == expected;
        if request.is_open && self.now < request.expires && waits {
            Ok(())
        } else {
            Err("closed")
        }
    }

    /// What is granted has to begin before it ends, and to allow something.
    fn require_sensible(&self, number: usize, answer: Answer) -> Result<()> {
        let Answer::Within(bounds) = answer else {
            return Ok(());
        };
        let grants = &self.agents[self.requests[number].agent].grants;
        for place in self.chosen(number, answer) {
            if bounds.ends_in.is_some_and(|wait| wait <= 0) {
                return Err("ends_before_it_begins");
            }
            let mut sheets = grants[place].sheets.clone();
            sheets.extend(bounds.limits);
            if !leaves_something(&sheets) {
                return Err("contradiction");
            }
        }
        Ok(())
    }

    /// Saying no takes nothing; saying yes a sign-in of the last minutes, or for what needs presence a gesture with a
    /// passkey for this very answer, which no sign-in stands in for.
    fn require_shown_enough(&self, number: usize, by: Approver, answer: Answer) -> Result<()> {
        if answer == Answer::Deny {
            return Ok(());
        }
        let agent = &self.agents[self.requests[number].agent];
        let needs_presence = self.chosen(number, answer).into_iter().any(|place| {
            let offer = offers::find(agent.grants[place].name, self.configuration);
            offer.is_none_or(|offer| offer.takes == Takes::Presence)
        });
        match by {
            Approver::Password(_) | Approver::LongAgo(_) if needs_presence => Err("passkey_needed"),
            Approver::LongAgo(_) => Err("sign_in_again"),
            _ => Ok(()),
        }
    }

    /// The places of the grants that an answer says yes to.
    fn chosen(&self, number: usize, answer: Answer) -> Vec<usize> {
        let grants = &self.agents[self.requests[number].agent].grants;
        let places = 0..grants.len();
        let waiting = places.filter(|place| grants[*place].status == GrantStatus::Pending(number));
        match answer {
            Answer::All | Answer::Within(_) => waiting.collect(),
            Answer::Half => waiting.step_by(2).collect(),
            Answer::Deny => Vec::new(),
        }
    }

    fn write_answer(&mut self, number: usize, answer: Answer, person: Option<PersonNumber>) {
        let request = self.requests[number];
        let chosen = self.chosen(number, answer);
        self.requests[number].is_open = false;
        let now = self.now;
        let grants = self.agents[request.agent].grants.iter_mut();
        for (place, grant) in grants.enumerate() {
            if grant.status == GrantStatus::Pending(number) {
                grant.status = if chosen.contains(&place) {
                    GrantStatus::Active
                } else {
                    GrantStatus::Denied { by_policy: false }
                };
                if let (GrantStatus::Active, Answer::Within(bounds)) = (grant.status, answer) {
                    bind(grant, bounds, now);
                }
            }
        }
        if answer != Answer::Deny {
            self.approve(request.agent, request.purpose, person);
        } else if request.purpose == Purpose::Activation {
            // The host may try again with another agent.
            self.end(request.agent, AgentStatus::Rejected);
        }
    }

    fn approve(&mut self, agent: usize, purpose: Purpose, person: Option<PersonNumber>) {
        let host = self.agents[agent].host;
        let is_delegated = !self.agents[agent].autonomous;
        self.hosts[host].status = HostStatus::Active;
        if let (Some(person), true, None) = (person, is_delegated, self.hosts[host].person) {
            self.link(host, person);
        }
        if purpose == Purpose::Activation {
            self.agents[agent].status = AgentStatus::Active;
            self.agents[agent].activated = Some(self.now);
            self.agents[agent].waits_until = None;
        }
        if is_delegated && self.hosts[host].person.is_some() {
            self.agents[agent].person = self.hosts[host].person;
        }
    }

    /// A host belongs to a person from now on. Its autonomous agents that have acted end, and what they did is
    /// that person's.
    pub(super) fn link(&mut self, host: usize, person: PersonNumber) {
        self.hosts[host].status = HostStatus::Active;
        self.hosts[host].person = Some(person);
        self.tell_all_of(host);
        for agent in 0..self.agents.len() {
            let one = &self.agents[agent];
            let has_acted = one.activated.is_some() && !one.status.is_final();
            if one.host == host && one.autonomous && has_acted {
                self.end(agent, AgentStatus::Claimed);
                self.agents[agent].person = Some(person);
            }
        }
    }

    /// Whatever ends agents of a host writes down first whose time was over already.
    pub(super) fn tell_all_of(&mut self, host: usize) {
        for agent in 0..self.agents.len() {
            if self.agents[agent].host == host && self.agents[agent].untold {
                self.tell(agent);
            }
        }
    }
}

/// An approver's bounds hold on top of everything else.
fn bind(grant: &mut Grant, bounds: Bounds, now: i64) {
    grant.sheets.extend(bounds.limits);
    grant.ends = bounds.ends_in.map(|wait| now + wait);
    grant.uses = bounds.uses.map(|uses| Uses {
        allowed: uses.get(),
        left: uses.get(),
    });
}
