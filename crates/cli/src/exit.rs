//! Exit codes: what a script has to tell apart.

use std::process::ExitCode;

use procura_client::ClientError;

use crate::error::CommandError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The command line is wrong, or names something unknown.
    Usage = 2,
    /// The server refused.
    Refused = 3,
    /// The approval was denied, or nobody gave it in time.
    NotApproved = 4,
    /// The server cannot be reached, or does not speak the protocol.
    Server = 5,
    /// The local state cannot be used.
    LocalState = 6,
}

impl Exit {
    /// Whose turn it is after this error.
    pub(crate) fn of(error: &CommandError) -> Self {
        match error {
            CommandError::Usage(_) | CommandError::NoTerminal => Self::Usage,
            CommandError::NoHome
            | CommandError::Passphrase(..)
            | CommandError::Terminal(_)
            | CommandError::Keychain(_)
            | CommandError::Runtime(_) => Self::LocalState,
            #[cfg(feature = "mcp")]
            CommandError::Mcp(_) | CommandError::Token(..) | CommandError::Listen(..) => {
                Self::LocalState
            }
            CommandError::Client(error) => match error {
                ClientError::Caller(_) => Self::Usage,
                ClientError::Refused(_) => Self::Refused,
                ClientError::NotApproved(_) => Self::NotApproved,
                ClientError::Unreachable(_)
                | ClientError::BadProvider { .. }
                | ClientError::BadAnswer { .. }
                | ClientError::JobStillRunning { .. }
                | ClientError::WiderGrant(_) => Self::Server,
                ClientError::Profile(_) | ClientError::Key(_) | ClientError::Encoding(_) => {
                    Self::LocalState
                }
            },
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
