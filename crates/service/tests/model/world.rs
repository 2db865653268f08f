//! The real thing: the service on a store, played through signed tokens.

mod call;
mod sending;
mod server;
mod signing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use procura_agent_auth::id::{AgentId, ApprovalId, HostId, UserId};
use procura_agent_auth::wire::approval::ApprovalObject;
use procura_agent_auth::wire::grant::GrantObject;
use procura_agent_auth::wire::status::StatusResponse;
use procura_keys::clock::Timestamp;
use procura_people::person::Person;
use procura_service::agent_auth::consent;
use procura_service::people;
use procura_service::{Context, JournalHandle};
use procura_store::Store;

pub(crate) use self::call::{Call, Reply, bearer, execution};
use self::server::StillClock;
use self::signing::Keys;
use crate::model::{Outcome, nth};
use crate::step::{Administration, CLIENTS, Configuration, KeyNumber, Step, Who};

/// The service with everything that the other side of its doors knows. Places in its lists are those of the model.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ctx: Context,
    pub(crate) hosts: Vec<RealHost>,
    pub(crate) agents: Vec<RealAgent>,
    clock: Arc<StillClock>,
    journal: Option<JournalHandle>,
    keys: Keys,
    requests: Vec<ApprovalId>,
    clients: Vec<KeyNumber>,
    people: Vec<(Who, Person)>,
    tokens: Vec<SentToken>,
}

pub(crate) struct RealHost {
    pub(crate) id: HostId,
    key: KeyNumber,
}

pub(crate) struct RealAgent {
    pub(crate) id: AgentId,
    host: usize,
    key: KeyNumber,
}

struct SentToken {
    text: String,
    of_host: bool,
    agent: usize,
}

impl World {
    /// A server on this store, which may have records of other worlds.
    pub(crate) async fn new(store: Arc<dyn Store>, now: i64, configuration: Configuration) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let clock = Arc::new(StillClock::new(now));
        let (ctx, journal) = server::start(Arc::clone(&store), &clock, configuration).await;
        let mut world = Self {
            store,
            ctx,
            clock,
            journal: Some(journal),
            hosts: Vec::new(),
            agents: Vec::new(),
            keys: Keys::of_world(number),
            requests: Vec::new(),
            clients: (0..u32::from(CLIENTS)).collect(),
            people: Vec::new(),
            tokens: Vec::new(),
        };
        for who in Who::ALL {
            world.add_person(who).await.unwrap();
        }
        world
    }

    /// Another process on the same records.
    pub(crate) async fn another(store: Arc<dyn Store>, now: i64) -> Context {
        let clock = Arc::new(StillClock::new(now));
        server::start(store, &clock, Configuration::default())
            .await
            .0
    }

    /// Plays a step. Time is the model's: it knows what a pause is for.
    pub(crate) async fn play(&mut self, step: &Step, now: i64) -> Outcome {
        match *step {
            Step::Wait(_) => {
                self.clock.set(now);
                Outcome::Nothing
            }
            Step::Restart(configuration) => {
                self.restart(configuration).await;
                Outcome::Nothing
            }
            Step::NewClient { client, key } => {
                if self.hosts.iter().all(|host| host.key != key) {
                    self.clients[usize::from(client)] = key;
                }
                Outcome::Nothing
            }
            Step::Administer(Administration::AddPerson(who)) => match self.add_person(who).await {
                Ok(()) => Outcome::Done(String::new()),
                Err(_) => Outcome::Refused("administrator"),
            },
            _ => {
                let Some(call) = self.call(step).await else {
                    return Outcome::Nothing;
                };
                let reply = call.carry_out(&self.ctx).await;
                self.note(step, reply).await
            }
        }
    }

    async fn restart(&mut self, configuration: Configuration) {
        let (ctx, journal) =
            server::start(Arc::clone(&self.store), &self.clock, configuration).await;
        self.ctx = ctx;
        // With the old context went the last who could write to the old journal.
        if let Some(old) = self.journal.replace(journal) {
            old.finished().await;
        }
    }

    async fn add_person(&mut self, who: Who) -> Result<(), people::AccountError> {
        let name = format!("{who:?}.{}", self.keys.world());
        let email = format!("{name}@example.com").parse().unwrap();
        let person = people::add_person(&self.ctx, "test", email, name, None).await?;
        self.people.push((who, person));
        Ok(())
    }

    /// Learns from an answer what a client learns, and returns what there is to see.
    pub(crate) async fn note(&mut self, step: &Step, reply: Reply) -> Outcome {
        match reply {
            Reply::Refused(code) => Outcome::Refused(code),
            Reply::Failed(why) => Outcome::Failed(why),
            Reply::Nothing => Outcome::Nothing,
            Reply::Done(seen) => {
                self.note_key(step);
                Outcome::Done(seen)
            }
            Reply::Status(status) => Outcome::Done(self.standing(&status)),
            Reply::Registered(answer) => {
                if let Step::Register { client, key, .. } = *step {
                    let host = self.note_host(&answer.host_id, usize::from(client));
                    if self.agents.iter().all(|agent| agent.id != answer.agent_id) {
                        self.agents.push(RealAgent {
                            id: answer.agent_id.clone(),
                            host,
                            key,
                        });
                    }
                }
                self.note_request(&answer.agent_id, answer.approval.as_ref())
                    .await;
                let shown = shown(&answer.agent_capability_grants);
                Outcome::Done(format!("{} {shown}", answer.status))
            }
            Reply::Requested(answer) => {
                self.note_request(&answer.agent_id, answer.approval.as_ref())
                    .await;
                let status = answer.status.unwrap_or_default();
                Outcome::Done(format!(
                    "{status} {}",
                    shown(&answer.agent_capability_grants)
                ))
            }
            Reply::Reactivated(answer) => {
                self.note_request(&answer.agent.agent_id, answer.approval.as_ref())
                    .await;
                Outcome::Done(self.standing(&answer.agent))
            }
        }
    }

    fn note_host(&mut self, id: &HostId, client: usize) -> usize {
        let known = self.hosts.iter().position(|host| host.id == *id);
        known.unwrap_or_else(|| {
            let key = self.clients[client];
            self.hosts.push(RealHost {
                id: id.clone(),
                key,
            });
            self.hosts.len() - 1
        })
    }

    fn note_key(&mut self, step: &Step) {
        match *step {
            Step::RotateAgentKey { agent, key, .. } => {
                if let Some(agent) = nth(self.agents.len(), agent) {
                    self.agents[agent].key = key;
                }
            }
            Step::RotateHostKey { host, key } => {
                if let Some(host) = nth(self.hosts.len(), host) {
                    let old = std::mem::replace(&mut self.hosts[host].key, key);
                    for client in &mut self.clients {
                        if *client == old {
                            *client = key;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    async fn note_request(&mut self, agent: &AgentId, opened: Option<&ApprovalObject>) {
        let Some(opened) = opened else { return };
        let id = if let Some(code) = &opened.user_code {
            consent::find_by_code(&self.ctx, code).await.unwrap()
        } else {
            let mut tx = self.store.read().await.unwrap();
            let open = tx.list_open_approvals_by_agent(agent).await.unwrap();
            // Several of one moment are in no order.
            let mut new = open.into_iter().map(|request| request.id);
            new.find(|id| !self.requests.contains(id)).unwrap()
        };
        self.requests.push(id);
    }

    fn account(&self, who: Who) -> &Person {
        let latest = self.people.iter().rev().find(|(one, _)| *one == who);
        &latest.unwrap().1
    }

    /// What a host is told about an agent, as the model says it.
    fn standing(&self, status: &StatusResponse) -> String {
        let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
        format!(
            "{} [{}] for {:?}, activated {:?}, expires {:?}",
            status.status,
            shown(&status.agent_capability_grants),
            status.user_id.as_ref().map(|id| self.person(id)),
            millis(status.activated_at),
            millis(status.expires_at),
        )
    }

    pub(crate) fn millis(&self) -> i64 {
        self.clock.millis()
    }

    /// Time passes as one of the things that happen at once.
    pub(crate) fn turn_clock(&self, to: i64) -> Call {
        let clock = Arc::clone(&self.clock);
        Call::TurnClock { clock, to }
    }

    /// The request that a step names.
    pub(crate) fn request(&self, number: u8) -> Option<&ApprovalId> {
        nth(self.requests.len(), number).map(|place| &self.requests[place])
    }

    /// The place of a person.
    pub(crate) fn person(&self, id: &UserId) -> usize {
        let is_them = |(_, person): &(Who, Person)| person.id.to_string() == id.0;
        self.people.iter().position(is_them).unwrap()
    }
}

fn shown(grants: &[GrantObject]) -> String {
    let one = |grant: &GrantObject| {
        let uses = grant.uses_left.zip(grant.uses_allowed);
        let uses = uses.map_or(String::new(), |(left, allowed)| {
            format!(":{left} of {allowed}")
        });
        format!("{}:{}{uses}", grant.capability, grant.status)
    };
    grants.iter().map(one).collect::<Vec<_>>().join(" ")
}
