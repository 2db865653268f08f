//! Reading claims by name and type.

use procura_keys::clock::Timestamp;
use serde_json::{Map, Value};

use super::{TokenDefect, Window};

/// The claims that every token has (§4.2, §4.3).
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) jti: String,
    iat: Timestamp,
    nbf: Option<Timestamp>,
    exp: Timestamp,
}

impl Common {
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, TokenDefect> {
        Self::read_from(text(claims, "iss")?, claims)
    }

    /// As [`read`](Self::read), for a token whose `iss` was read already.
    pub(super) fn read_from(iss: String, claims: &Map<String, Value>) -> Result<Self, TokenDefect> {
        Ok(Self {
            iss,
            aud: audience(claims)?,
            iat: moment(claims, "iat")?,
            nbf: claims
                .get("nbf")
                .map(|_| moment(claims, "nbf"))
                .transpose()?,
            exp: moment(claims, "exp")?,
            jti: name_of_token(claims)?,
        })
    }

    /// Exact comparison: no prefix, no normalisation (§8.18).
    pub(super) fn is_for_one_of(&self, audiences: &[&str]) -> Result<(), TokenDefect> {
        if audiences.contains(&self.aud.as_str()) {
            Ok(())
        } else {
            Err(TokenDefect::WrongAudience(audiences.join(" or ")))
        }
    }

    pub(super) fn judge_times(
        &self,
        window: Window,
        now: Timestamp,
    ) -> Result<Timestamp, TokenDefect> {
        // No part of the protocol, and still a limit that its signer set (RFC 7519 §4.1.5).
        if self.nbf.is_some_and(|nbf| nbf > now.plus(window.skew)) {
            return Err(TokenDefect::NotYetValid);
        }
        window.judge(self.iat, self.exp, now)
    }
}

/// `jti`: the token's own name.
pub(super) fn name_of_token(claims: &Map<String, Value>) -> Result<String, TokenDefect> {
    let jti = text(claims, "jti")?;
    if (1..=MAX_JTI).contains(&jti.len()) {
        Ok(jti)
    } else {
        Err(TokenDefect::BadClaim {
            name: "jti",
            expected: "a string of 1 to 256 bytes",
        })
    }
}

pub(super) fn text(claims: &Map<String, Value>, name: &'static str) -> Result<String, TokenDefect> {
    optional_text(claims, name)?.ok_or(TokenDefect::BadClaim {
        name,
        expected: "a string",
    })
}

pub(super) fn optional_text(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, TokenDefect> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenDefect::BadClaim {
            name,
            expected: "a string",
        }),
    }
}

/// A list of one audience is that audience; a list of several is meant for others too and refused.
fn audience(claims: &Map<String, Value>) -> Result<String, TokenDefect> {
    match claims.get("aud") {
        Some(Value::String(aud)) => Ok(aud.clone()),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(aud)] => Ok(aud.clone()),
            _ => Err(TokenDefect::BadClaim {
                name: "aud",
                expected: "one string",
            }),
        },
        _ => Err(TokenDefect::BadClaim {
            name: "aud",
            expected: "one string",
        }),
    }
}

pub(super) fn moment(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Timestamp, TokenDefect> {
    let defect = TokenDefect::BadClaim {
        name,
        expected: "a number of seconds since 1970",
    };
    let Some(number) = claims.get(name).and_then(Value::as_number) else {
        return Err(defect);
    };
    if let Some(seconds) = number.as_i64() {
        return Ok(Timestamp::from_seconds(seconds));
    }
    match number.as_f64() {
        Some(seconds) if seconds.abs() < LATEST => Ok(Timestamp::from_millis(to_millis(seconds))),
        _ => Err(defect),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "called for values below LATEST only"
)]
fn to_millis(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

const MAX_JTI: usize = 256;
/// Seconds until the year 33658: well past any sensible token.
const LATEST: f64 = 1e12;
