//! What servers say of calls that are under way, and who hears it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Who listens, by the name their call goes by.
#[derive(Debug, Default)]
pub(super) struct Board {
    listeners: Mutex<HashMap<ProgressToken, mpsc::Sender<Value>>>,
    /// Held from before a call is sent until its listener is known, so that the first word is heard, too.
    pub(super) sending: tokio::sync::Mutex<()>,
}

impl Board {
    /// Hears what is said of a call, until the receiver goes.
    pub(super) fn listen(&self, token: ProgressToken) -> mpsc::Receiver<Value> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        self.lock().insert(token, sender);
        receiver
    }

    pub(super) fn forget(&self, token: &ProgressToken) {
        self.lock().remove(token);
    }

    /// Passes a word on. Whoever cannot keep up misses some, and nobody waits for them.
    pub(super) async fn say(&self, said: ProgressNotificationParam) {
        drop(self.sending.lock().await);
        let listener = self.lock().get(&said.progress_token).cloned();
        if let Some(listener) = listener {
            let _ = listener.try_send(piece(said));
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProgressToken, mpsc::Sender<Value>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn piece(said: ProgressNotificationParam) -> Value {
    let mut piece = json!({ "progress": said.progress });
    if let Some(total) = said.total {
        piece["total"] = json!(total);
    }
    if let Some(message) = said.message {
        piece["message"] = message.chars().take(MAX_MESSAGE).collect::<String>().into();
    }
    piece
}

/// How many words may wait for a slow listener.
const AHEAD: usize = 16;
/// Of one word, in characters.
const MAX_MESSAGE: usize = 1000;

#[cfg(test)]
mod tests {
    use rmcp::model::NumberOrString;

    use super::*;

    fn said(token: i64, progress: f64, message: &str) -> ProgressNotificationParam {
        let said = json!({ "progressToken": token, "progress": progress, "message": message });
        serde_json::from_value(said).unwrap()
    }

    #[tokio::test]
    async fn words_reach_whoever_listens_for_their_call_and_no_more_than_they_can_take() {
        let board = Board::default();
        let token = |number| ProgressToken(NumberOrString::Number(number));
        let mut one = board.listen(token(1));
        let mut other = board.listen(token(2));
        board.say(said(3, 1.0, "nobody")).await;
        for _ in 0..100 {
            board.say(said(1, 1.0, &"x".repeat(5000))).await;
        }
        board.say(said(2, 0.5, "half")).await;
        board.forget(&token(2));
        board.say(said(2, 1.0, "late")).await;
        assert_eq!(
            other.recv().await,
            Some(json!({ "progress": 0.5, "message": "half" }))
        );
        assert_eq!(other.recv().await, None);
        let mut heard = Vec::new();
        while let Ok(word) = one.try_recv() {
            heard.push(word);
        }
        assert_eq!(heard.len(), AHEAD);
        assert_eq!(
            heard[0]["message"].as_str().map(str::len),
            Some(MAX_MESSAGE)
        );
    }
}
