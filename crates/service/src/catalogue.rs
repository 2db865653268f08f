//! Everything the server offers: one list, whatever its capabilities come from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use procura_adapters::Backend;
use procura_agent_auth::capability::{ApprovalStrength, CapabilityName, Form, Offer};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::token::possession::Demand;
use procura_agent_auth::wire::capability::Capability;

use serde_json::Value;

use crate::output::Checked;
use crate::schema::{InputSchema, SchemaError};

/// The capabilities of a server, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    offered: BTreeMap<CapabilityName, Arc<Offered>>,
}

/// One capability: what is shown of it, what approving it takes, and what carries it out.
pub struct Offered {
    /// What clients see; without its schemas, if they are packed. See [`in_full`](Self::in_full).
    pub shown: Capability,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Whether every host has it as a default.
    pub is_default: bool,
    /// Limits on every grant of it.
    pub imposed: Option<Constraints>,
    /// What agents have to show beside a token to use it.
    pub possession: Demand,
    /// What grants of it are for. With one, a grant from before it changed is not good for it.
    pub form: Option<Form>,
    /// The arguments it takes, if it says.
    pub input: Option<InputSchema>,
    /// What carries it out.
    pub backend: Arc<dyn Backend>,
    packed: Option<Packed>,
}

/// Schemas as text, which takes a tenth of the memory.
struct Packed {
    input: Option<Arc<str>>,
    output: Option<Arc<str>>,
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
            form: None,
            input,
            backend,
            packed: None,
        })
    }

    /// Keeps the schemas as text, and the input's compiled only once it is needed. For capabilities that come by
    /// the thousand, most of which nobody calls.
    pub fn pack(&mut self) {
        let text = |schema: Value| Arc::<str>::from(schema.to_string());
        let input = self.shown.input.take().map(text);
        let output = self.shown.output.take().map(text);
        self.input = input.clone().map(InputSchema::deferred);
        self.packed = Some(Packed { input, output });
    }

    /// What clients see, schemas and all.
    pub fn in_full(&self) -> Capability {
        let mut shown = self.shown.clone();
        if let Some(packed) = &self.packed {
            let read = |text: &Option<Arc<str>>| serde_json::from_str(text.as_deref()?).ok();
            shown.input = read(&packed.input);
            shown.output = read(&packed.output);
        }
        shown
    }

    /// From here on, a result that does not fit the output schema is a failure of the backend.
    pub fn check_output(&mut self) -> Result<(), SchemaError> {
        let output = self.shown.output.as_ref().unwrap_or(&Value::Bool(true));
        self.backend = Arc::new(Checked::new(Arc::clone(&self.backend), output)?);
        Ok(())
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
    pub fn add(&mut self, offered: impl Into<Arc<Offered>>) -> Result<(), NameTaken> {
        let offered = offered.into();
        let name = offered.shown.name.clone();
        if self.offered.contains_key(&name) {
            return Err(NameTaken);
        }
        self.offered.insert(name, offered);
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

    /// What grants of a capability that are made now are for.
    pub fn form(&self, name: &CapabilityName) -> Option<Form> {
        self.find(name)?.form
    }

    /// What new hosts get as defaults.
    pub fn defaults(&self) -> Vec<CapabilityName> {
        self.iter()
            .filter(|offered| offered.is_default)
            .map(|offered| offered.shown.name.clone())
            .collect()
    }
}
