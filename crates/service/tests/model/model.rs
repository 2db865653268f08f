//! The model: what the specification and `docs/decisions.md` say, written down as slowly and plainly as possible.
//!
//! It calls none of the rules it is there to check. Everything is in vectors, a number is a place in one of them,
//! time passes by looking at everything that may end, and a limit is the paper it was written on.

mod administration;
mod approval;
mod call;
mod grant;
mod lifecycle;
mod registration;

pub(crate) use self::grant::{Grant, GrantStatus, Uses};
use crate::offers;
use crate::step::{Autonomous, CLIENTS, Claim, Configuration, KeyNumber, Pause, Signer, Step, Who};

/// The clocks of §2.4 and of a request, in milliseconds.
pub(crate) const SESSION_TTL: i64 = 10 * 60 * 1000;
pub(crate) const MAX_LIFETIME: i64 = 60 * 60 * 1000;
pub(crate) const ABSOLUTE_LIFETIME: i64 = 4 * 60 * 60 * 1000;
pub(crate) const REQUEST_LIFETIME: i64 = 5 * 60 * 1000;
/// Sixty seconds, and thirty for clocks that differ.
const TOKEN_LIFETIME: i64 = 90 * 1000;
/// How many requests an inbox holds, of all hosts and of one.
pub(crate) const INBOX: usize = 3;
pub(crate) const INBOX_OF_ONE_HOST: usize = 2;

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was nobody to do it.
    Nothing,
    /// It was done; this is what there is to see.
    Done(String),
    /// It was refused, with this code.
    Refused(&'static str),
    /// It broke, which the model never does.
    Failed(String),
}

/// What an operation returns inside the model.
type Result<T> = std::result::Result<T, &'static str>;

/// Somebody's account, by its place. A person who comes back has a new one.
pub(crate) type PersonNumber = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostStatus {
    Pending,
    Active,
    Revoked,
}

impl HostStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) key: KeyNumber,
    pub(crate) status: HostStatus,
    pub(crate) person: Option<PersonNumber>,
    pub(crate) defaults: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AgentStatus {
    Pending,
    Active,
    Expired,
    Revoked,
    Rejected,
    Claimed,
}

impl AgentStatus {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Revoked | Self::Rejected | Self::Claimed)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Rejected => "rejected",
            Self::Claimed => "claimed",
        }
    }

    /// The code that an agent in this state gets for every call.
    fn require_active(self) -> Result<()> {
        match self {
            Self::Active => Ok(()),
            Self::Pending => Err("agent_pending"),
            Self::Expired => Err("agent_expired"),
            Self::Revoked => Err("agent_revoked"),
            Self::Rejected => Err("agent_rejected"),
            Self::Claimed => Err("agent_claimed"),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) host: usize,
    pub(crate) key: KeyNumber,
    pub(crate) autonomous: bool,
    pub(crate) status: AgentStatus,
    pub(crate) person: Option<PersonNumber>,
    pub(crate) created: i64,
    pub(crate) activated: Option<i64>,
    /// When it falls back to expired, because nobody answered its wish to go on (§5.6).
    pub(crate) waits_until: Option<i64>,
    pub(crate) last_used: Option<i64>,
    /// Its absolute lifetime is over, and nobody has been told yet.
    pub(crate) untold: bool,
    pub(crate) grants: Vec<Grant>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) agent: usize,
    pub(crate) purpose: Purpose,
    pub(crate) for_administrators: bool,
    pub(crate) inbox: Option<PersonNumber>,
    pub(crate) expires: i64,
    pub(crate) is_open: bool,
    /// It went with the account of the person its agent acted for.
    pub(crate) is_gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The agent waits until it is answered.
    Activation,
    /// The agent goes on meanwhile.
    Capabilities,
}

#[derive(Clone, Debug)]
struct Person {
    who: Who,
    exists: bool,
}

/// A token that was sent.
#[derive(Clone, Debug)]
struct Token {
    /// Whose it is, or if it is a host's, whom it asks about.
    agent: usize,
    of_host: bool,
    key: KeyNumber,
    issuer: KeyNumber,
    issued: i64,
    claim: Claim,
    is_used: bool,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) now: i64,
    pub(crate) hosts: Vec<Host>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) requests: Vec<Request>,
    configuration: Configuration,
    clients: Vec<KeyNumber>,
    people: Vec<Person>,
    tokens: Vec<Token>,
}

/// The place that a step names, counted from the latest.
pub(crate) fn nth(length: usize, number: u8) -> Option<usize> {
    (length > 0).then(|| length - 1 - usize::from(number) % length)
}

impl Model {
    pub(crate) fn new(now: i64, configuration: Configuration) -> Self {
        let person = |who| Person { who, exists: true };
        Self {
            now,
            configuration,
            hosts: Vec::new(),
            agents: Vec::new(),
            requests: Vec::new(),
            clients: (0..u32::from(CLIENTS)).collect(),
            people: Who::ALL.map(person).to_vec(),
            tokens: Vec::new(),
        }
    }

    /// Plays a step.
    pub(crate) fn play(&mut self, step: &Step) -> Outcome {
        match self.attempt(step) {
            Ok(Some(seen)) => Outcome::Done(seen),
            Ok(None) => Outcome::Nothing,
            Err(code) => Outcome::Refused(code),
        }
    }

    fn attempt(&mut self, step: &Step) -> Result<Option<String>> {
        let agent_of = |number| nth(self.agents.len(), number);
        let host_of = |number| nth(self.hosts.len(), number);
        match *step {
            Step::Register {
                client,
                key,
                autonomous,
                ref asks,
                inbox,
            } => {
                let key_of_host = self.clients[usize::from(client)];
                let asks = offers::asks(asks);
                self.register(key_of_host, key, autonomous, &asks, inbox)
                    .map(Some)
            }
            Step::NewClient { client, key } => {
                if self.hosts.iter().all(|host| host.key != key) {
                    self.clients[usize::from(client)] = key;
                }
                Ok(None)
            }
            Step::Status { agent, by } => agent_of(agent)
                .map(|agent| self.status(agent, by))
                .transpose(),
            Step::Request {
                agent,
                ref asks,
                claim,
                inbox,
            } => {
                let asks = offers::asks(asks);
                agent_of(agent)
                    .map(|agent| self.request(agent, &asks, claim, inbox))
                    .transpose()
            }
            Step::Answer {
                request,
                by,
                answer,
            } => nth(self.requests.len(), request)
                .map(|request| self.answer(request, by, answer).map(|()| String::new()))
                .transpose(),
            Step::Execute { agent, call, claim } => {
                let call = offers::call(call);
                agent_of(agent)
                    .map(|agent| self.execute(agent, &call, claim))
                    .transpose()
            }
            Step::Introspect { agent, call } => {
                let call = call.map(offers::call);
                Ok(agent_of(agent).map(|agent| self.introspect(agent, call.as_ref())))
            }
            Step::Replay { token } => nth(self.tokens.len(), token)
                .map(|token| self.replay(token))
                .transpose(),
            Step::ForgedCall { agent } => agent_of(agent).map_or(Ok(None), |_| Err("invalid_jwt")),
            Step::ForgedHost { host } => host_of(host).map_or(Ok(None), |_| Err("invalid_jwt")),
            Step::Reactivate { agent, by } => agent_of(agent)
                .map(|agent| self.reactivate(agent, by))
                .transpose(),
            Step::Revoke { agent, by } => agent_of(agent)
                .map(|agent| self.revoke(agent, by))
                .transpose(),
            Step::RotateAgentKey { agent, by, key } => agent_of(agent)
                .map(|agent| self.rotate_agent_key(agent, by, key))
                .transpose(),
            Step::RotateHostKey { host, key } => host_of(host)
                .map(|host| self.rotate_host_key(host, key))
                .transpose(),
            Step::RevokeHost { host } => {
                host_of(host).map(|host| self.revoke_host(host)).transpose()
            }
            Step::Administer(what) => self.administer(what),
            Step::Wait(pause) => {
                self.wait(pause);
                Ok(None)
            }
            Step::Restart(configuration) => {
                self.configuration = configuration;
                Ok(None)
            }
        }
    }

    /// Where a pause ends, and what has ended by then.
    fn wait(&mut self, pause: Pause) {
        let until = match pause {
            Pause::Millis(millis) => self.now + millis,
            Pause::ToAgentsEnd { agent, off } => {
                let Some(agent) = nth(self.agents.len(), agent) else {
                    return;
                };
                let agent = &self.agents[agent];
                let mut ends = vec![agent.created + ABSOLUTE_LIFETIME];
                ends.extend(agent.waits_until);
                ends.extend(agent.grants.iter().filter_map(|grant| grant.ends));
                if let Some(activated) = agent.activated {
                    ends.push(activated + MAX_LIFETIME);
                    ends.push(agent.last_used.unwrap_or(0).max(activated) + SESSION_TTL);
                }
                ends.retain(|end| *end + off > self.now);
                ends.into_iter().min().map_or(self.now, |end| end + off)
            }
            Pause::ToRequestsEnd { request, off } => {
                let Some(request) = nth(self.requests.len(), request) else {
                    return;
                };
                self.requests[request].expires + off
            }
        };
        self.now = self.now.max(until);
        for agent in &mut self.agents {
            if !agent.status.is_final() && self.now >= agent.created + ABSOLUTE_LIFETIME {
                agent.status = AgentStatus::Revoked;
                agent.untold = true;
            }
            let waited = agent.waits_until.is_some_and(|end| self.now >= end);
            if agent.status == AgentStatus::Pending && waited {
                agent.status = AgentStatus::Expired;
            }
            let Some(activated) = agent.activated else {
                continue;
            };
            let last_used = agent.last_used.unwrap_or(0).max(activated);
            let is_over =
                self.now >= activated + MAX_LIFETIME || self.now >= last_used + SESSION_TTL;
            if agent.status == AgentStatus::Active && is_over {
                agent.status = AgentStatus::Expired;
            }
        }
    }

    pub(crate) fn is_expired(&self, agent: usize) -> bool {
        self.agents[agent].status == AgentStatus::Expired
    }

    /// The latest account of somebody.
    fn account(&self, who: Who) -> PersonNumber {
        let of_theirs = |person: &Person| person.who == who;
        self.people.iter().rposition(of_theirs).unwrap_or(0)
    }

    fn existing(&self, who: Who) -> Option<PersonNumber> {
        Some(self.account(who)).filter(|person| self.people[*person].exists)
    }

    /// The key by which a host signs that asks about an agent.
    fn signer(&self, agent: usize, by: Signer) -> KeyNumber {
        let host = match by {
            Signer::Own => self.agents[agent].host,
            Signer::Host(number) => nth(self.hosts.len(), number).unwrap_or(0),
        };
        self.hosts[host].key
    }

    /// A host's token is judged (§4.5.1). A pending host may do little.
    fn admit_host(&self, key: KeyNumber, pending_too: bool) -> Result<usize> {
        let host = self
            .hosts
            .iter()
            .position(|host| host.key == key)
            .ok_or("invalid_jwt")?;
        match self.hosts[host].status {
            HostStatus::Active => Ok(host),
            HostStatus::Pending if pending_too => Ok(host),
            HostStatus::Pending => Err("host_pending"),
            HostStatus::Revoked => Err("host_revoked"),
        }
    }

    /// As above, for a host that names an agent, which has to be its own.
    fn admit_host_of(&self, agent: usize, by: Signer, pending_too: bool) -> Result<()> {
        let host = self.admit_host(self.signer(agent, by), pending_too)?;
        if self.agents[agent].host == host {
            Ok(())
        } else {
            Err("unauthorized")
        }
    }

    /// An agent's token is judged (§4.5), and used up.
    fn admit_agent(&mut self, token: &mut Token) -> Result<()> {
        let agent = &self.agents[token.agent];
        let host = &self.hosts[agent.host];
        let is_signed = token.key == agent.key && token.issuer == host.key;
        if !is_signed || self.now >= token.issued + TOKEN_LIFETIME {
            return Err("invalid_jwt");
        }
        if host.status == HostStatus::Revoked {
            return Err("host_revoked");
        }
        if agent.untold {
            self.tell(token.agent);
            return Err("absolute_lifetime_exceeded");
        }
        agent.status.require_active()?;
        if host.status == HostStatus::Pending {
            return Err("host_pending");
        }
        if std::mem::replace(&mut token.is_used, true) {
            return Err("invalid_jwt");
        }
        self.agents[token.agent].last_used = Some(self.now);
        Ok(())
    }

    /// A token that the agent signs now.
    fn new_token(&self, agent: usize, claim: Claim) -> Token {
        let of = &self.agents[agent];
        Token {
            agent,
            of_host: false,
            key: of.key,
            issuer: self.hosts[of.host].key,
            issued: self.now / 1000 * 1000,
            claim,
            is_used: false,
        }
    }

    /// From now on it is on record that an agent's absolute lifetime is over.
    fn tell(&mut self, agent: usize) {
        self.agents[agent].untold = false;
        self.end_grants(agent);
    }

    /// Everything that an agent holds or asks for is over.
    fn end_grants(&mut self, agent: usize) {
        for grant in &mut self.agents[agent].grants {
            if matches!(grant.status, GrantStatus::Active | GrantStatus::Pending(_)) {
                grant.status = GrantStatus::Ended;
            }
        }
        for request in &mut self.requests {
            if request.agent == agent {
                request.is_open = false;
            }
        }
    }

    /// An agent ends.
    fn end(&mut self, agent: usize, status: AgentStatus) {
        self.agents[agent].status = status;
        self.end_grants(agent);
    }

    /// What becomes of autonomous agents of this host, or of a new one.
    fn autonomous_policy(&self, host: Option<usize>) -> Autonomous {
        let Some(host) = host.map(|host| &self.hosts[host]) else {
            return self.configuration.unlinked;
        };
        match (host.status, host.person, self.configuration.unlinked) {
            (HostStatus::Pending, _, Autonomous::Activate) => Autonomous::Pending,
            (HostStatus::Pending, _, unlinked) | (_, None, unlinked) => unlinked,
            (_, Some(_), _) => self.configuration.linked,
        }
    }

    /// Whether a person vouches for a host, so that its delegated agents get its defaults.
    fn is_trusted(&self, host: usize) -> bool {
        self.hosts[host].status == HostStatus::Active && self.hosts[host].person.is_some()
    }

    /// Writes a request for approval down. Fails when the inbox it belongs into is full.
    fn open(
        &mut self,
        agent: usize,
        purpose: Purpose,
        for_administrators: bool,
        wants_inbox: bool,
    ) -> Result<usize> {
        let host = self.agents[agent].host;
        let inbox = self.hosts[host]
            .person
            .filter(|_| wants_inbox && !for_administrators);
        if let Some(person) = inbox {
            let waiting = self.requests.iter().filter(|request| {
                request.is_open && self.now < request.expires && request.inbox == Some(person)
            });
            let of_all = waiting.clone().count();
            let of_host = waiting
                .filter(|request| self.agents[request.agent].host == host)
                .count();
            if of_all >= INBOX || of_host >= INBOX_OF_ONE_HOST {
                return Err("rate_limited");
            }
        }
        self.requests.push(Request {
            agent,
            purpose,
            for_administrators,
            inbox,
            expires: self.now + REQUEST_LIFETIME,
            is_open: true,
            is_gone: false,
        });
        Ok(self.requests.len() - 1)
    }
}
