//! Capabilities as the rules see them: a name, what approving it takes, and limits the server imposes (§2.12).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::constraint::Constraints;

/// An opaque capability identifier, compared byte for byte (§2.14).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CapabilityName(String);

impl CapabilityName {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CapabilityName {
    type Error = NotACapabilityName;

    fn try_from(text: String) -> Result<Self, NotACapabilityName> {
        let acceptable =
            !text.is_empty() && text.len() <= MAX_BYTES && !text.chars().any(char::is_control);
        if acceptable {
            Ok(Self(text))
        } else {
            Err(NotACapabilityName)
        }
    }
}

impl std::str::FromStr for CapabilityName {
    type Err = NotACapabilityName;

    fn from_str(text: &str) -> Result<Self, NotACapabilityName> {
        Self::try_from(text.to_owned())
    }
}

impl From<CapabilityName> for String {
    fn from(name: CapabilityName) -> Self {
        name.0
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a capability name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a capability name has 1 to 128 bytes and no control characters")]
pub struct NotACapabilityName;

/// What it takes to approve a capability (§8.11). Ordered from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStrength {
    /// Nobody has to approve it.
    None,
    /// A person who has just signed in.
    Session,
    /// A person whose presence a passkey has verified, or an administrator out of band.
    Presence,
}

/// What a capability was when somebody looked at it, apart from the words about it: SHA-256 of whatever decides what a
/// call of it does. Capabilities whose makers may change them without the operator have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form(pub [u8; 32]);

/// What a server offers under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The capability.
    pub name: CapabilityName,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Limits that hold for every grant, whatever was asked (§2.13).
    pub imposed: Option<Constraints>,
}

const MAX_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    // AA-2.14-02
    #[test]
    fn names_are_opaque_and_compared_byte_for_byte() {
        let name = |text: &str| text.parse::<CapabilityName>();
        assert_eq!(
            name("Check.Balance/v2").unwrap().as_str(),
            "Check.Balance/v2"
        );
        assert_ne!(name("check_balance"), name("Check_Balance"));
        assert_ne!(name("é"), name("e\u{301}"));
        for text in ["", "a\nb", &"x".repeat(129)] {
            assert_eq!(name(text), Err(NotACapabilityName), "{text:?}");
        }
    }
}
