//! How many notices went how since the start, for `/metrics`.

use std::collections::BTreeMap;

use procura_agent_auth::notice::NoticeState;

/// What happened to a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// It was made.
    Queued,
    /// An attempt to send it failed.
    Failed,
    /// It was taken.
    Delivered,
    /// It was given up.
    Dead,
    /// It had nothing to say any more, or nobody to say it to.
    Dropped,
}

impl Happening {
    /// The label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }

    /// What it is to get into a state.
    pub(super) fn of(state: NoticeState) -> Self {
        match state {
            NoticeState::Waiting => Self::Queued,
            NoticeState::Delivered => Self::Delivered,
            NoticeState::Dead => Self::Dead,
            NoticeState::Dropped => Self::Dropped,
        }
    }
}

/// How often each thing happened, by receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(String, Happening), u64>);

impl Tally {
    pub(crate) fn count(&mut self, receiver: &str, happening: Happening) {
        *self.0.entry((receiver.to_owned(), happening)).or_default() += 1;
    }

    /// Receiver, what happened, and how often. What never happened is absent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Happening, u64)> {
        let entries = self.0.iter();
        entries.map(|((receiver, happening), count)| (receiver.as_str(), *happening, *count))
    }
}
