//! Capabilities derived from an OpenAPI description, 3.0 or 3.1.
//!
//! [`load`] reads a description with the documents it refers to; [`derive()`] turns each operation into a name, a
//! description, an input and an output schema, and a [`Plan`](crate::http::Plan). An operation that cannot be
//! carried out is set aside with the reason, and the rest serve.
//!
//! Arguments are the parameters by name and, where the body is an object whose members are known, these members;
//! any other body is the argument `body`. A name that is taken is prefixed with its place: `query_id`, `body_id`.

mod arguments;
mod body;
mod derive;
mod flatten;
pub(crate) mod found;
pub(crate) mod glob;
mod input;
pub(crate) mod name;
mod operation;
mod parameter;
mod reference;
pub mod rule;
mod schema;
mod server;
mod source;
mod style;
mod text;

pub use self::derive::{Derivation, Derived, Quarantined, Selection, derive};
pub use self::operation::Operation;
pub use self::reference::Documents;
pub use self::source::{LoadError, Source, load};

/// Why an operation, or a part of it, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// A reference leads nowhere.
    #[error("{0:?} cannot be resolved: {1}")]
    Reference(String, String),
    /// Something is not of the type it has to be.
    #[error("{0} is not {1}")]
    Type(String, &'static str),
    /// Something OpenAPI allows and nobody here can carry out.
    #[error("{0}")]
    Unsupported(String),
}

#[cfg(test)]
mod tests;
