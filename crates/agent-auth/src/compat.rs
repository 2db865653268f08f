//! What a server lets pass for the sake of deployed clients that do not follow the specification, and what a client
//! does for the sake of such servers. This is the whole list: nothing else changes with it. Strict unless configured.

use serde::{Deserialize, Serialize};

/// Whose deviations are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// Nobody's.
    #[default]
    Strict,
    /// Those of the better-auth implementation and the clients made for it.
    BetterAuth,
}

impl Compat {
    /// An agent JWT may lack `iss` (§4.3). The key to verify it with comes from `sub`, so it proves as much
    /// without. A wrong `iss` is refused all the same.
    pub fn accepts_missing_issuer(self) -> bool {
        self == Self::BetterAuth
    }

    /// A client leaves `iss` out of agent JWTs (§4.3): these servers refuse the thumbprint that belongs there. Whoever
    /// verifies such a token finds the key by `sub`, so it proves as much without.
    pub fn omits_issuer(self) -> bool {
        self == Self::BetterAuth
    }

    /// Autonomous agents of hosts that belong to nobody are active at once unless the configuration says
    /// otherwise (§2.8).
    pub fn activates_autonomous(self) -> bool {
        self == Self::BetterAuth
    }

    /// An agent may revoke itself with its own JWT, and nobody else with it (§5.7).
    pub fn accepts_revocation_by_agents(self) -> bool {
        self == Self::BetterAuth
    }

    /// The token that started a job may ask for that job as often as it likes, until it is too old (§5.11).
    pub fn accepts_token_of_job(self) -> bool {
        self == Self::BetterAuth
    }

    /// Where the discovery document is served beside its place in the specification, from the root of the
    /// origin (§5.1).
    pub fn discovery_paths(self) -> &'static [&'static str] {
        match self {
            Self::Strict => &[],
            Self::BetterAuth => &[
                "/api/auth/agent-configuration",
                "/api/auth/agent/agent-configuration",
            ],
        }
    }
}
