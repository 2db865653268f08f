//! What was done a moment ago, carried in an address from the form to the page behind it.

/// Something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Done {
    Grant,
    Agent,
    App,
    Unlinked,
    Everything,
    Renamed,
    Deleted,
    Barred,
}

impl Done {
    /// The query that says so.
    pub(in crate::web) fn query(self) -> String {
        format!("?done={}", self.name())
    }

    /// What an address says was done, in words. Whatever is none of these is left out: an address is no place
    /// for words that a page then says in its own name.
    pub(in crate::web) fn read(name: &str) -> Option<&'static str> {
        ALL.into_iter()
            .find(|done| done.name() == name)
            .map(Self::words)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Agent => "agent",
            Self::App => "app",
            Self::Unlinked => "unlinked",
            Self::Everything => "everything",
            Self::Renamed => "renamed",
            Self::Deleted => "deleted",
            Self::Barred => "barred",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Grant => "Taken back. The agent cannot do this any more.",
            Self::Agent => "The agent is stopped.",
            Self::App => "The app and all its agents are stopped.",
            Self::Unlinked => "The app is not connected any more, and its agents are stopped.",
            Self::Everything => "Everything is stopped. No app is connected.",
            Self::Renamed => "The name is saved.",
            Self::Deleted => "Your activity up to now is erased for good.",
            Self::Barred => "They cannot sign in any more.",
        }
    }
}

const ALL: [Done; 8] = [
    Done::Grant,
    Done::Agent,
    Done::App,
    Done::Unlinked,
    Done::Everything,
    Done::Renamed,
    Done::Deleted,
    Done::Barred,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_are_said() {
        for done in ALL {
            let query = done.query();
            let name = query.strip_prefix("?done=").unwrap();
            assert_eq!(Done::read(name), Some(done.words()));
        }
        assert_eq!(Done::read("You won!"), None);
        assert_eq!(Done::read(""), None);
    }
}
