//! Identifiers: a prefix that says what is named, then a UUIDv7 in 32 hexadecimal digits.
//!
//! They sort by creation time and are opaque on the wire (§3).

use std::fmt;

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Builder;

macro_rules! identifier {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new identifier from the present time and ten random bytes.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                Self(generate($prefix, now, random))
            }

            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                if is_well_formed(&text, $prefix) {
                    Ok(Self(text))
                } else {
                    Err(NotAnId($prefix))
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::try_from(text.to_owned())
            }
        }
    };
}

identifier!(
    HostId,
    "hst_",
    "Names a host (§3.1). It stays the same when the host's key changes."
);
identifier!(
    AgentId,
    "agt_",
    "Names an agent (§3.2); the `sub` of its tokens."
);
identifier!(
    GrantId,
    "grt_",
    "Names one grant of one capability to one agent (§3.3)."
);
identifier!(
    ApprovalId,
    "apr_",
    "Names one request for a person's or administrator's decision (§7)."
);

identifier!(
    NoticeId,
    "ntc_",
    "Names one notice about requests that wait for a decision (§7.2)."
);

/// Whom the server's own account system knows under this name. Opaque to the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserId(pub String);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that does not name what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an identifier of the form {0}<32 hexadecimal digits>")]
pub struct NotAnId(&'static str);

fn generate(prefix: &str, now: Timestamp, random: [u8; 10]) -> String {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let uuid = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    format!("{prefix}{}", uuid.simple())
}

fn is_well_formed(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_identifiers_sort_after_earlier_ones() {
        let early = AgentId::new(Timestamp::from_millis(1_000), [0xff; 10]);
        let late = AgentId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late);
    }

    #[test]
    fn only_the_own_prefix_is_accepted() {
        let id = AgentId::new(Timestamp::from_millis(1_000), [3; 10]);
        assert_eq!(id.as_str().parse::<AgentId>(), Ok(id.clone()));
        assert!(id.as_str().parse::<HostId>().is_err());
        for text in [
            "",
            "agt_",
            "agt_XYZ",
            "agt_0195f0e8c3b07abc8def0123456789AB",
        ] {
            assert!(text.parse::<AgentId>().is_err(), "{text}");
        }
    }
}
