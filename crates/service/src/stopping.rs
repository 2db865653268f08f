//! The end of a process, in two steps: first no new work is to come, then what would go on for long ends.

use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Serving,
    Leaving,
    Ending,
}

/// Whether this process is about to end. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Stopping(watch::Sender<Stage>);

impl Stopping {
    /// From now on, whoever spreads requests is to look for another server. Requests are served as before.
    pub fn leave(&self) {
        self.advance(Stage::Leaving);
    }

    /// Ends what would go on for long.
    pub fn end_streams(&self) {
        self.advance(Stage::Ending);
    }

    /// Whether no new work is to come.
    pub fn is_leaving(&self) -> bool {
        *self.0.borrow() >= Stage::Leaving
    }

    /// Waits until what would go on for long has to end.
    pub(crate) async fn streams_end(&self) {
        let mut stage = self.0.subscribe();
        // The sender is right here, so that this ends in no other way.
        let _ = stage.wait_for(|stage| *stage == Stage::Ending).await;
    }

    fn advance(&self, to: Stage) {
        self.0.send_if_modified(|stage| {
            let further = to > *stage;
            *stage = to.max(*stage);
            further
        });
    }
}
