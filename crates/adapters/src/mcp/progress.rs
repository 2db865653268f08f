//! What servers say of calls that are under way, and who hears it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Who listens, by the name their call goes by.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    /// Held while a call is sent: what it is called is known only afterwards.
    pub(super) sending: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    listeners: HashMap<ProgressToken, mpsc::Sender<Value>>,
    /// What was said of calls that nobody listens for yet, while one is sent.
    early: Option<Vec<ProgressNotificationParam>>,
}

impl Board {
    /// Keeps what is said from now on until somebody listens.
    pub(super) fn expect(&self) {
        self.lock().early = Some(Vec::new());
    }

    /// Hears what is said of a call, until the receiver goes.
    pub(super) fn listen(&self, token: ProgressToken) -> mpsc::Receiver<Value> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut state = self.lock();
        for said in state.early.take().into_iter().flatten() {
            if said.progress_token == token {
                let _ = sender.try_send(piece(said));
            }
        }
        state.listeners.insert(token, sender);
        receiver
    }

    pub(super) fn forget(&self, token: &ProgressToken) {
        self.lock().listeners.remove(token);
    }

    /// Passes a word on. Whoever cannot keep up misses some, and nobody waits for them.
    pub(super) fn say(&self, said: ProgressNotificationParam) {
        let mut state = self.lock();
        if let Some(listener) = state.listeners.get(&said.progress_token) {
            let _ = listener.try_send(piece(said));
        } else if let Some(early) = &mut state.early
            && early.len() < AHEAD
        {
            early.push(said);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().listeners.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    async fn what_is_said_before_somebody_can_listen_is_heard_first() {
        let board = Board::default();
        let token = |number| ProgressToken(NumberOrString::Number(number));
        board.say(said(1, 0.1, "nobody asked yet"));
        board.expect();
        board.say(said(1, 0.5, "early"));
        board.say(said(2, 0.5, "of another"));
        let mut one = board.listen(token(1));
        board.say(said(1, 1.0, "late"));
        board.forget(&token(1));
        let mut heard = Vec::new();
        while let Some(word) = one.recv().await {
            heard.push(word["message"].clone());
        }
        assert_eq!(heard, ["early", "late"]);
    }

    #[tokio::test]
    async fn words_reach_whoever_listens_for_their_call_and_no_more_than_they_can_take() {
        let board = Board::default();
        let token = |number| ProgressToken(NumberOrString::Number(number));
        let mut one = board.listen(token(1));
        let mut other = board.listen(token(2));
        board.say(said(3, 1.0, "nobody"));
        for _ in 0..100 {
            board.say(said(1, 1.0, &"x".repeat(5000)));
        }
        board.say(said(2, 0.5, "half"));
        board.forget(&token(2));
        board.say(said(2, 1.0, "late"));
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
