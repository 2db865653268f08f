//! Races: several things happen at once, and what came of them has to be what the model allows for them in some
//! order.

use std::num::NonZeroU32;
use std::sync::Arc;

use procura_store::Store;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::compare::{expected, real};
use crate::history::START;
use crate::model::{Model, Outcome};
use crate::random::Random;
use crate::step::{
    Administration, Answer, Approver, Bounds, Claim, Configuration, KeyNumber, Pause, Signer, Step,
    Who,
};
use crate::world::{Call, World};

/// A world serves so many rounds. A day later the next one begins, for which nothing of this one matters.
const ROUNDS_OF_A_WORLD: u64 = 25;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// How many things happen at once.
const RACERS: usize = 5;

/// Plays races on a store. Each round is of one kind, in turn.
pub(crate) async fn race_many(
    name: &str,
    rounds: u64,
    seed: u64,
    mut store: impl AsyncFnMut() -> Arc<dyn Store>,
) {
    crate::report::line(&format!(
        "{name}: {rounds} races, from seed {seed} (PROCURA_MODEL_SEED)"
    ));
    let mut approvals = 0;
    let mut track = Track::start(store().await, 0).await;
    for round in 0..rounds {
        if round % ROUNDS_OF_A_WORLD == 0 {
            track = Track::start(store().await, round / ROUNDS_OF_A_WORLD).await;
        }
        let mut random = Random::new(seed + round);
        let kind = &KINDS[usize::try_from(round).unwrap() % KINDS.len()];
        let result = match kind {
            Kind::Steps(kind) => track.race(&kind(), &mut random).await,
            Kind::OneToken => track.race_with_one_token().await,
            Kind::LastUse => track.race_for_the_last_use().await,
        };
        match result {
            Ok(won) => approvals += won,
            Err(why) => panic!("{name}, round {round} of seed {seed}: {why}"),
        }
    }
    assert!(
        approvals > 0 || rounds == 0,
        "{name}: no request was ever approved"
    );
    crate::report::line(&format!(
        "{name}: {approvals} requests were approved, each once"
    ));
}

enum Kind {
    Steps(fn() -> Race),
    OneToken,
    LastUse,
}

static KINDS: [Kind; 7] = [
    Kind::Steps(registration),
    Kind::Steps(escalation),
    Kind::Steps(reactivation),
    Kind::Steps(claiming),
    Kind::Steps(using_up),
    Kind::OneToken,
    Kind::LastUse,
];

/// What leads to a race, and what may happen in it.
struct Race {
    before: Vec<Step>,
    racers: Vec<Step>,
}

/// A new agent waits: approve, approve as somebody else, deny, revoke, expire, execute.
fn registration() -> Race {
    Race {
        before: vec![register(false, &[ECHO, PAY]), NEARLY_EXPIRED],
        racers: vec![
            answer(Approver::Passkey(Who::Alice), Answer::All),
            answer(Approver::Passkey(Who::Bob), Answer::All),
            answer(Approver::Administrator { link_to: None }, Answer::Deny),
            answer(Approver::Password(Who::Bob), Answer::Deny),
            REVOKE,
            EXPIRE,
            EXECUTE,
            LINK_TO_BOB,
        ],
    }
}

/// An active agent waits for more.
fn escalation() -> Race {
    let asks = vec![STATEMENT, PAY];
    Race {
        before: vec![
            register(false, &[ECHO]),
            answer(Approver::Passkey(Who::Alice), Answer::All),
            Step::Request {
                agent: 0,
                asks,
                claim: Claim::Absent,
                inbox: false,
            },
            NEARLY_EXPIRED,
        ],
        racers: vec![
            answer(Approver::Passkey(Who::Alice), Answer::Half),
            answer(Approver::Administrator { link_to: None }, Answer::All),
            answer(Approver::Password(Who::Alice), Answer::Deny),
            REVOKE,
            EXPIRE,
            EXECUTE,
            Step::RevokeHost { host: 0 },
            Step::Administer(Administration::WithdrawGrant { agent: 0, grant: 2 }),
            Step::Administer(Administration::Unlink { host: 0 }),
        ],
    }
}

/// An expired agent comes back, or does not.
fn reactivation() -> Race {
    let reactivate = || Step::Reactivate {
        agent: 0,
        by: Signer::Own,
    };
    Race {
        before: vec![
            register(false, &[ECHO, STATEMENT]),
            answer(Approver::Passkey(Who::Alice), Answer::All),
            Step::Wait(Pause::ToAgentsEnd { agent: 0, off: 0 }),
        ],
        racers: vec![
            reactivate(),
            reactivate(),
            REVOKE,
            EXECUTE,
            Step::RevokeHost { host: 0 },
            Step::Administer(Administration::WithdrawGrant { agent: 0, grant: 1 }),
            Step::Administer(Administration::Unlink { host: 0 }),
        ],
    }
}

/// A host gets a person while its autonomous agent works.
fn claiming() -> Race {
    let worker = 1;
    Race {
        before: vec![register(true, &[ECHO]), register(false, &[ECHO])],
        racers: vec![
            answer(Approver::Passkey(Who::Alice), Answer::All),
            answer(Approver::Passkey(Who::Bob), Answer::All),
            LINK_TO_BOB,
            Step::Execute {
                agent: worker,
                call: 0,
                claim: Claim::Absent,
            },
            Step::Introspect {
                agent: worker,
                call: None,
            },
            Step::Revoke {
                agent: worker,
                by: Signer::Own,
            },
            Step::RevokeHost { host: 0 },
        ],
    }
}

/// A grant has two uses left, while it is taken back or asked for again.
fn using_up() -> Race {
    let asks = vec![ECHO];
    Race {
        before: vec![
            register(false, &[ECHO]),
            answer(Approver::Passkey(Who::Alice), times(3)),
            EXECUTE,
        ],
        racers: vec![
            EXECUTE,
            EXECUTE,
            EXECUTE,
            Step::Introspect {
                agent: 0,
                call: Some(0),
            },
            Step::Request {
                agent: 0,
                asks,
                claim: Claim::Absent,
                inbox: false,
            },
            REVOKE,
            Step::RevokeHost { host: 0 },
            Step::Administer(Administration::WithdrawGrant { agent: 0, grant: 0 }),
        ],
    }
}

/// A registration with a key to be filled in.
fn register(autonomous: bool, asks: &[u8]) -> Step {
    let (client, key, inbox) = (0, 0, false);
    Step::Register {
        client,
        key,
        autonomous,
        asks: asks.to_vec(),
        inbox,
    }
}

fn answer(by: Approver, answer: Answer) -> Step {
    Step::Answer {
        request: 0,
        by,
        answer,
    }
}

/// Yes to everything, so many times.
fn times(uses: u32) -> Answer {
    Answer::Within(Bounds {
        uses: NonZeroU32::new(uses),
        ..Bounds::default()
    })
}

/// Places in the list of what agents ask for.
const ECHO: u8 = 0;
const STATEMENT: u8 = 8;
const PAY: u8 = 21;

/// Tokens that are signed now are still good when the request has expired.
const NEARLY_EXPIRED: Step = Step::Wait(Pause::ToRequestsEnd {
    request: 0,
    off: -20_000,
});
const EXPIRE: Step = Step::Wait(Pause::ToRequestsEnd { request: 0, off: 0 });
const REVOKE: Step = Step::Revoke {
    agent: 0,
    by: Signer::Own,
};
const EXECUTE: Step = Step::Execute {
    agent: 0,
    call: 0,
    claim: Claim::Absent,
};
const LINK_TO_BOB: Step = Step::Administer(Administration::Link {
    host: 0,
    to: Who::Bob,
});

/// Both sides, from one race to the next.
struct Track {
    model: Model,
    world: World,
    next_key: KeyNumber,
}

impl Track {
    async fn start(store: Arc<dyn Store>, number: u64) -> Self {
        let now = START + i64::try_from(number).unwrap() * DAY;
        let configuration = Configuration::default();
        Self {
            model: Model::new(now, configuration),
            world: World::new(store, now, configuration).await,
            next_key: 100,
        }
    }

    /// Runs one race, and returns how many answers said yes and counted: none or one.
    async fn race(&mut self, race: &Race, random: &mut Random) -> Result<usize, String> {
        self.lead_to(&race.before).await?;
        let steps = some_of(&race.racers, random);
        let outcomes = self.run(&steps).await;
        let said_yes = |(step, outcome): &(&Step, &Outcome)| {
            let yes = matches!(
                step,
                Step::Answer {
                    answer: Answer::All | Answer::Half | Answer::Within(_),
                    ..
                }
            );
            yes && matches!(outcome, Outcome::Done(_))
        };
        let won = steps.iter().zip(&outcomes).filter(said_yes).count();
        let happened = || {
            let one = |(step, outcome)| format!("    {step:?}: {outcome:?}");
            let lines: Vec<_> = steps.iter().zip(&outcomes).map(one).collect();
            lines.join("\n")
        };
        if won > 1 {
            return Err(format!(
                "a request was approved {won} times\n{}",
                happened()
            ));
        }
        let found = real(&self.world, self.world_now(), LATEST).await;
        let raced: Vec<_> = steps.iter().zip(&outcomes).collect();
        match explained(&self.model, &raced, &found) {
            Some(model) => self.model = model,
            None => {
                return Err(format!(
                    "no order explains this:\n{}\nwith {found:#?}",
                    happened()
                ));
            }
        }
        // What the service remembers of the agents has to be from after the race.
        for agent in 0..2 {
            let (call, claim) = (ECHO, Claim::Absent);
            let execute = Step::Execute { agent, call, claim };
            let then = |why| format!("{why}\nafter:\n{}", happened());
            self.play_on_both(&execute).await.map_err(then)?;
        }
        Ok(won)
    }

    /// One token in many hands is good once.
    async fn race_with_one_token(&mut self) -> Result<usize, String> {
        self.lead_to(&[register(true, &[ECHO])]).await?;
        let call = self.world.call(&EXECUTE).await.unwrap();
        self.model.play(&EXECUTE);
        let calls = vec![(EXECUTE, call); RACERS];
        self.only_one_succeeds(calls, "invalid_jwt").await
    }

    /// The last use is good for one of many calls.
    async fn race_for_the_last_use(&mut self) -> Result<usize, String> {
        let before = [
            register(false, &[ECHO]),
            answer(Approver::Passkey(Who::Alice), times(2)),
            EXECUTE,
        ];
        self.lead_to(&before).await?;
        let mut calls = Vec::new();
        for _ in 0..RACERS {
            let call = self.world.call(&EXECUTE).await.unwrap();
            self.model.play(&EXECUTE);
            calls.push((EXECUTE, call));
        }
        self.only_one_succeeds(calls, "limit_exceeded").await
    }

    /// The others are refused with this code, and so is on record what the model says.
    async fn only_one_succeeds(
        &mut self,
        calls: Vec<(Step, Call)>,
        code: &'static str,
    ) -> Result<usize, String> {
        let outcomes = self.all_at_once(calls).await;
        let count = |wanted: fn(&Outcome, &str) -> bool| {
            outcomes
                .iter()
                .filter(|outcome| wanted(outcome, code))
                .count()
        };
        let accepted = count(|outcome, _| matches!(outcome, Outcome::Done(_)));
        let refused = count(|outcome, code| matches!(outcome, Outcome::Refused(is) if *is == code));
        if (accepted, refused) != (1, RACERS - 1) {
            return Err(format!("only one was to succeed: {outcomes:?}"));
        }
        let found = real(&self.world, self.world_now(), LATEST).await;
        let should_be = expected(&self.model, LATEST);
        if found == should_be {
            Ok(0)
        } else {
            Err(format!("{found:#?} and not {should_be:#?}"))
        }
    }

    fn world_now(&self) -> i64 {
        self.world.millis()
    }

    /// Plays what comes before, one after another and on both sides, with keys of its own.
    async fn lead_to(&mut self, steps: &[Step]) -> Result<(), String> {
        let client = Step::NewClient {
            client: 0,
            key: self.new_key(),
        };
        for step in std::iter::once(&client).chain(steps) {
            let mut step = step.clone();
            if let Step::Register { key, .. } = &mut step {
                *key = self.new_key();
            }
            self.play_on_both(&step).await?;
        }
        Ok(())
    }

    async fn play_on_both(&mut self, step: &Step) -> Result<(), String> {
        let expected = self.model.play(step);
        let real = self.world.play(step, self.model.now).await;
        if real == expected {
            Ok(())
        } else {
            Err(format!("{step:?} gave {real:?} and not {expected:?}"))
        }
    }

    fn new_key(&mut self) -> KeyNumber {
        self.next_key += 1;
        self.next_key
    }

    async fn run(&mut self, steps: &[Step]) -> Vec<Outcome> {
        let mut calls = Vec::new();
        for step in steps {
            let call = if let Step::Wait(_) = step {
                let mut later = self.model.clone();
                later.play(step);
                self.world.turn_clock(later.now)
            } else {
                self.world.call(step).await.unwrap()
            };
            calls.push((step.clone(), call));
        }
        self.all_at_once(calls).await
    }

    async fn all_at_once(&mut self, calls: Vec<(Step, Call)>) -> Vec<Outcome> {
        let start = Arc::new(Barrier::new(calls.len()));
        let mut racing = JoinSet::new();
        let mut steps = Vec::new();
        for (place, (step, call)) in calls.into_iter().enumerate() {
            let (ctx, start) = (self.world.ctx.clone(), Arc::clone(&start));
            racing.spawn(async move {
                start.wait().await;
                (place, call.carry_out(&ctx).await)
            });
            steps.push(step);
        }
        let mut replies = racing.join_all().await;
        replies.sort_by_key(|(place, _)| *place);
        let mut outcomes = Vec::new();
        for ((_, reply), step) in replies.into_iter().zip(&steps) {
            outcomes.push(self.world.note(step, reply).await);
        }
        outcomes
    }
}

fn some_of(steps: &[Step], random: &mut Random) -> Vec<Step> {
    let mut left = steps.to_vec();
    let mut some = Vec::new();
    while some.len() < RACERS && !left.is_empty() {
        let place = random.below(u32::try_from(left.len()).unwrap());
        some.push(left.swap_remove(usize::try_from(place).unwrap()));
    }
    some
}

/// The model after these steps, in an order in which each goes as it went and all end in what was found.
fn explained(model: &Model, raced: &[(&Step, &Outcome)], found: &[String]) -> Option<Model> {
    if raced.is_empty() {
        return (expected(model, LATEST) == found).then(|| model.clone());
    }
    for next in 0..raced.len() {
        let (step, outcome) = raced[next];
        let mut after = model.clone();
        // Whoever was told to read again has not done anything.
        let changed = *outcome == Outcome::Refused("changed");
        if changed || after.play(step) == *outcome {
            let mut left = raced.to_vec();
            left.remove(next);
            if let Some(explained) = explained(&after, &left, found) {
                return Some(explained);
            }
        }
    }
    None
}

/// Only the latest host and agents take part.
const LATEST: usize = 2;
