//! Which of several processes live, and what becomes of the jobs of those that do not.
//!
//! Each node counts up a number of its own in the store. A node whose number has stood still while another counted several
//! times has gone: so no clock of any machine matters, and while the store takes no writes nobody goes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use procura_store::nodes::NodeId;
use tokio::time::sleep;

use crate::agent_auth::execute::jobs;
use crate::context::{Context, WeakContext};
use crate::error::ServiceResult;

/// Gives the first sign of life of this process. Where it is the only one, whatever ran before it has gone.
pub(crate) async fn begin(ctx: &Context) -> ServiceResult<()> {
    if ctx.is_one_of_several() {
        let mut tx = ctx.begin().await?;
        tx.beat(ctx.node()).await?;
        return Ok(tx.commit().await?);
    }
    let before = ctx.read().await?.list_nodes_of_pending_jobs().await?;
    for node in &before {
        jobs::interrupt(ctx, node).await?;
    }
    Ok(())
}

/// Gives signs of life, and looks for those of the others, for as long as anybody uses the context.
pub(crate) async fn go_on(ctx: WeakContext) {
    let mut others = Others::default();
    loop {
        sleep(BEAT_EVERY).await;
        let Some(ctx) = ctx.upgrade() else { return };
        if let Err(error) = look_around(&ctx, &mut others).await {
            tracing::warn!(%error, "signs of life of the nodes cannot be written or read");
        }
    }
}

/// Ends this process for the others: what still runs here has `patience` to finish.
pub async fn leave(ctx: &Context, patience: Duration) -> ServiceResult<()> {
    jobs::finish(ctx, patience).await?;
    if ctx.is_one_of_several() {
        let mut tx = ctx.begin().await?;
        tx.delete_node(ctx.node()).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn look_around(ctx: &Context, others: &mut Others) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    tx.beat(ctx.node()).await?;
    // In this order: a node gives its first sign of life before it begins its first job.
    let working = tx.list_nodes_of_pending_jobs().await?;
    let nodes = tx.list_nodes().await?;
    tx.commit().await?;
    let (living, gone) = others.judge(nodes);
    for node in &gone {
        tracing::warn!(%node, "a node has given no sign of life for long, and counts as gone");
        let mut tx = ctx.begin().await?;
        tx.delete_node(node).await?;
        tx.commit().await?;
    }
    for node in working.iter().filter(|node| !living.contains(node)) {
        jobs::interrupt(ctx, node).await?;
    }
    Ok(())
}

/// What was seen of each node: its number, and how often this node has looked since it moved.
#[derive(Debug, Default)]
struct Others(HashMap<NodeId, (i64, u32)>);

impl Others {
    /// Which nodes live, and which have gone. Looked at once after each sign of life of this node's own.
    fn judge(&mut self, nodes: Vec<(NodeId, i64)>) -> (HashSet<NodeId>, Vec<NodeId>) {
        let mut seen = HashMap::with_capacity(nodes.len());
        let (mut living, mut gone) = (HashSet::new(), Vec::new());
        for (node, beats) in nodes {
            let stood_still = match self.0.get(&node) {
                Some((last, looks)) if *last == beats => looks + 1,
                _ => 0,
            };
            if stood_still < GONE_AFTER {
                living.insert(node.clone());
                seen.insert(node, (beats, stood_still));
            } else {
                gone.push(node);
            }
        }
        self.0 = seen;
        (living, gone)
    }
}

/// How often a node gives a sign of life.
const BEAT_EVERY: Duration = Duration::from_secs(3);
/// After how many looks at a number that stands still: 15 seconds to 18.
const GONE_AFTER: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(beats: &[(&str, i64)]) -> Vec<(NodeId, i64)> {
        let node = |(name, beats): &(&str, i64)| (NodeId((*name).to_owned()), *beats);
        beats.iter().map(node).collect()
    }

    #[test]
    fn a_node_whose_number_stands_still_for_five_looks_has_gone() {
        let mut others = Others::default();
        for own in 0..5 {
            let (living, gone) = others.judge(nodes(&[("own", own), ("other", 7)]));
            assert_eq!((living.len(), gone.len()), (2, 0), "{own}");
        }
        let (living, gone) = others.judge(nodes(&[("own", 5), ("other", 7)]));
        assert_eq!(living, HashSet::from([NodeId("own".to_owned())]));
        assert_eq!(gone, [NodeId("other".to_owned())]);
    }

    #[test]
    fn a_node_that_moves_now_and_then_lives() {
        let mut others = Others::default();
        for look in 0..100 {
            let (living, gone) = others.judge(nodes(&[("own", look), ("other", look / 5)]));
            assert_eq!((living.len(), gone.len()), (2, 0), "{look}");
        }
    }
}
