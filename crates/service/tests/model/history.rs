//! Histories: played on both sides, and made smaller when the two disagree.

use std::sync::Arc;

use procura_store::Store;

use crate::compare::{Baseline, Watch, difference};
use crate::model::{Model, Outcome, nth};
use crate::narrowing::Asked;
use crate::random::Random;
use crate::step::{Configuration, Step, Steps};
use crate::world::World;

/// 2026-02-25T10:00:00Z.
pub(crate) const START: i64 = 1_772_013_600_000;

/// How many steps a history has.
pub(crate) const LENGTH: usize = 250;
/// After how many of them everything is compared, and not only what the step returned.
const LOOK_EVERY: usize = 25;

/// A sequence of steps, and what the server is configured for at its start.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) configuration: Configuration,
    pub(crate) steps: Vec<Step>,
}

/// Where the two sides part.
#[derive(Debug)]
pub(crate) struct Divergence {
    /// After how many steps.
    at: usize,
    what: String,
}

impl History {
    pub(crate) fn random(seed: u64) -> Self {
        let configuration = Configuration::pick(&mut Random::new(!seed));
        let steps = Steps::new(seed).take(LENGTH).collect();
        Self {
            configuration,
            steps,
        }
    }

    /// Plays it on a store.
    pub(crate) async fn play(&self, store: Arc<dyn Store>) -> Result<(), Divergence> {
        let mut model = Model::new(START, self.configuration);
        let mut world = World::new(store, START, self.configuration).await;
        let mut watch = Watch::default();
        for (at, step) in self.steps.iter().enumerate() {
            let diverges = |what| Divergence { at: at + 1, what };
            play_step(&mut model, &mut world, step)
                .await
                .map_err(diverges)?;
            if (at + 1) % LOOK_EVERY == 0 || at + 1 == self.steps.len() {
                let found = match watch.broken(&model, &world).await {
                    None => difference(&model, &world).await,
                    broken => broken,
                };
                found.map_or(Ok(()), |what| Err(diverges(what)))?;
            }
        }
        Ok(())
    }

    /// The smallest history found that goes wrong too, by leaving steps out: first many at once, then few.
    pub(crate) async fn smallest(mut self, store: Arc<dyn Store>) -> (Self, Divergence) {
        let mut found = self.play(Arc::clone(&store)).await.unwrap_err();
        self.steps.truncate(found.at);
        let mut width = self.steps.len() / 2;
        while width > 0 {
            let mut start = 0;
            while start < self.steps.len() {
                let mut shorter = self.clone();
                let end = (start + width).min(shorter.steps.len());
                shorter.steps.drain(start..end);
                match shorter.play(Arc::clone(&store)).await {
                    Ok(()) => start += width,
                    Err(divergence) => {
                        shorter.steps.truncate(divergence.at);
                        (self, found) = (shorter, divergence);
                    }
                }
            }
            width /= 2;
        }
        (self, found)
    }
}

/// Plays one step on both sides. The error says where they part.
async fn play_step(model: &mut Model, world: &mut World, step: &Step) -> Result<(), String> {
    let baseline = match step {
        Step::Reactivate { agent, .. } => match nth(world.agents.len(), *agent) {
            Some(place) => Some(Baseline::of(world, place).await),
            None => None,
        },
        _ => None,
    };
    let was_expired = matches!(step, Step::Reactivate { agent, .. }
        if nth(model.agents.len(), *agent).is_some_and(|place| model.is_expired(place)));
    let asked = Asked::before(world, step).await;
    let expected = model.play(step);
    let real = world.play(step, model.now).await;
    if real != expected {
        return Err(format!(
            "{step:?} gave {real:?}, and should have given {expected:?}"
        ));
    }
    let Outcome::Done(_) = real else {
        return Ok(());
    };
    let exceeded = match baseline.filter(|_| was_expired) {
        Some(baseline) => baseline.exceeded(world).await,
        None => None,
    };
    let widened = match asked {
        Some(asked) => asked.widened(world).await,
        None => None,
    };
    exceeded.or(widened).map_or(Ok(()), Err)
}

/// Plays at least `steps` steps in histories of this seed and the ones after it. Fails with the smallest history that
/// goes wrong.
pub(crate) async fn play_many(
    name: &str,
    steps: usize,
    seed: u64,
    mut store: impl AsyncFnMut() -> Arc<dyn Store>,
) {
    let histories = steps.div_ceil(LENGTH);
    crate::report::line(&format!(
        "{name}: {histories} histories of {LENGTH} steps, from seed {seed} (PROCURA_MODEL_SEED)"
    ));
    for number in 0..histories {
        let seed = seed + number as u64;
        let history = History::random(seed);
        if history.play(store().await).await.is_err() {
            let (smallest, divergence) = history.smallest(store().await).await;
            let configuration = smallest.configuration;
            let steps: Vec<_> = smallest
                .steps
                .iter()
                .map(|step| format!("    {step:?}"))
                .collect();
            panic!(
                "{name}, seed {seed}, step {}: {}\nwith {configuration:?}\n{}\n",
                divergence.at,
                divergence.what,
                steps.join("\n"),
            );
        }
    }
}
