//! Calls, introspection, and tokens that come twice (§4.6, §5.11, §5.12).

use super::{Model, Result, TOKEN_LIFETIME, Token};
use crate::offers::{self, Call, fits_schema};
use crate::step::Claim;

impl Model {
    pub(super) fn execute(&mut self, agent: usize, call: &Call, claim: Claim) -> Result<String> {
        let token = self.new_token(agent, claim);
        self.tokens.push(token);
        self.execute_by(self.tokens.len() - 1, call)
    }

    fn execute_by(&mut self, place: usize, call: &Call) -> Result<String> {
        let mut token = self.tokens[place].clone();
        let admitted = self.admit_agent(&mut token);
        self.tokens[place] = token.clone();
        admitted?;
        let grant = self.permit(&token, call)?;
        let offer = offers::find(call.capability, self.configuration);
        if offer.is_some_and(|offer| offer.location.is_some()) {
            return Err("invalid_request");
        }
        self.take_a_use(token.agent, grant);
        Ok("ok".to_owned())
    }

    /// The grant that a call goes by.
    fn permit(&self, token: &Token, call: &Call) -> Result<usize> {
        let grants = &self.agents[token.agent].grants;
        let places = 0..grants.len();
        let of_this_name = places.filter(|place| grants[*place].name == call.capability);
        let on_record: Vec<usize> = of_this_name.collect();
        if offers::find(call.capability, self.configuration).is_none() {
            return Err(if on_record.is_empty() {
                "capability_not_found"
            } else {
                "capability_not_granted"
            });
        }
        let mut permitting = on_record;
        permitting.retain(|place| grants[*place].is_in_force(self.now));
        if !token.claim.covers(call.capability) || permitting.is_empty() {
            return Err("capability_not_granted");
        }
        permitting.retain(|place| grants[*place].allows(&call.arguments));
        if permitting.is_empty() {
            return Err("constraint_violated");
        }
        let grant = self.good_for_a_call(token.agent, &permitting)?;
        if fits_schema(call.capability, &call.arguments) {
            Ok(grant)
        } else {
            Err("invalid_request")
        }
    }

    /// Whether the token is active, and whether a call would be permitted. A use like every other, of the token and
    /// the agent, and with a yes to the call also of the grant.
    pub(super) fn introspect(&mut self, agent: usize, call: Option<&Call>) -> String {
        let mut token = self.new_token(agent, Claim::Absent);
        if self.admit_agent(&mut token).is_err() {
            return "inactive".to_owned();
        }
        let Some(call) = call else {
            return "active".to_owned();
        };
        match self.permit(&token, call) {
            Ok(grant) => {
                self.take_a_use(agent, grant);
                "active permitted".to_owned()
            }
            Err(code) => format!("active {code}"),
        }
    }

    /// A look at the status, or a call of `echo`, by a token that was sent before.
    pub(super) fn replay(&mut self, place: usize) -> Result<String> {
        if self.tokens[place].of_host {
            self.status_by(place)
        } else {
            self.execute_by(place, &offers::call(0))
        }
    }

    pub(super) fn status_by(&mut self, place: usize) -> Result<String> {
        let token = &self.tokens[place];
        let (key, agent) = (token.key, token.agent);
        let is_known = self.hosts.iter().any(|host| host.key == key);
        if !is_known || self.now >= token.issued + TOKEN_LIFETIME {
            return Err("invalid_jwt");
        }
        let host = self.admit_host(key, true)?;
        if std::mem::replace(&mut self.tokens[place].is_used, true) {
            return Err("invalid_jwt");
        }
        if self.agents[agent].host != host {
            return Err("unauthorized");
        }
        Ok(self.standing(agent))
    }
}
