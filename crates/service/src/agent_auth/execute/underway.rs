//! The time between the record that a call began and its end.

use std::sync::Arc;

use super::Running;
use crate::context::Context;

/// Records that a call was left halfway, unless it is told that it ended. A call is left when its agent goes away: what
/// waits for the backend is dropped then, and the backend is told to stop.
pub(super) struct Underway<'c> {
    ctx: &'c Context,
    running: Arc<Running>,
    ended: bool,
}

impl<'c> Underway<'c> {
    pub(super) fn begin(ctx: &'c Context, running: &Arc<Running>) -> Self {
        Self {
            ctx,
            running: Arc::clone(running),
            ended: false,
        }
    }

    pub(super) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (ctx, running) = (self.ctx.clone(), Arc::clone(&self.running));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = running.finish(&ctx, "aborted").await {
                    tracing::error!(%error, "the end of a call could not be recorded");
                }
            });
        }
    }
}
