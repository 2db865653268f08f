//! Everything the server offers: one list, whatever its capabilities come from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use procura_adapters::Backend;
use procura_agent_auth::capability::{ApprovalStrength, CapabilityName, Offer};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::token::possession::Demand;
use procura_agent_auth::wire::capability::Capability;

use crate::schema::{InputSchema, SchemaError};

/// The capabilities of a server, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    offered: BTreeMap<CapabilityName, Arc<Offered>>,
}

/// One capability: what is shown of it, what approving it takes, and what carries it out.
pub struct Offered {
    /// What clients see.
    pub shown: Capability,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Whether every host has it as a default.
    pub is_default: bool,
    /// Limits on every grant of it.
    pub imposed: Option<Constraints>,
    /// What agents have to show beside a token to use it.
    pub possession: Demand,
    /// The arguments it takes, if it says.
    pub input: Option<InputSchema>,
    /// What carries it out.
    pub backend: Arc<dyn Backend>,
}

impl Offered {
    /// Puts a capability together and compiles its input schema.
    pub fn new(
        shown: Capability,
        approval: ApprovalStrength,
        backend: Arc<dyn Backend>,
    ) -> Result<Self, SchemaError> {
        let input = shown.input.as_ref().map(InputSchema::compile).transpose()?;
        Ok(Self {
            shown,
            approval,
            is_default: false,
            imposed: None,
            possession: Demand::None,
            input,
            backend,
        })
    }
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offered({})", self.shown.name)
    }
}

/// Another capability has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this name is used twice; names have to differ")]
pub struct NameTaken;

impl Catalogue {
    /// Adds a capability, unless its name is taken.
    pub fn add(&mut self, offered: Offered) -> Result<(), NameTaken> {
        let name = offered.shown.name.clone();
        if self.offered.contains_key(&name) {
            return Err(NameTaken);
        }
        self.offered.insert(name, Arc::new(offered));
        Ok(())
    }

    /// The capability of this name.
    pub fn find(&self, name: &CapabilityName) -> Option<&Arc<Offered>> {
        self.offered.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Offered>> {
        self.offered.values()
    }

    /// What the rules need to know of a capability.
    pub fn offer(&self, name: &CapabilityName) -> Option<Offer> {
        let offered = self.find(name)?;
        Some(Offer {
            name: name.clone(),
            approval: offered.approval,
            imposed: offered.imposed.clone(),
        })
    }

    /// What new hosts get as defaults.
    pub fn defaults(&self) -> Vec<CapabilityName> {
        self.iter()
            .filter(|offered| offered.is_default)
            .map(|offered| offered.shown.name.clone())
            .collect()
    }
}
