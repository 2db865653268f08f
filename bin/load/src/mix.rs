//! Which kinds of request there are, and in what proportion they are sent.

use std::str::FromStr;

use anyhow::{Context as _, Error, Result, ensure};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Execute,
    Status,
    Introspect,
    Register,
    Revoke,
    Forged,
    Misdirected,
    Replayed,
    Expired,
}

impl Kind {
    const ASKED_FOR: [Self; 5] = [
        Self::Execute,
        Self::Status,
        Self::Introspect,
        Self::Register,
        Self::Revoke,
    ];
    const HOSTILE: [Self; 4] = [
        Self::Forged,
        Self::Misdirected,
        Self::Replayed,
        Self::Expired,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Status => "status",
            Self::Introspect => "introspect",
            Self::Register => "register",
            Self::Revoke => "revoke",
            Self::Forged => "forged",
            Self::Misdirected => "misdirected",
            Self::Replayed => "replayed",
            Self::Expired => "expired",
        }
    }

    /// The status and the code a server that does its work answers with.
    pub(crate) fn expected(self) -> (u16, Option<&'static str>) {
        if Self::HOSTILE.contains(&self) {
            (401, Some("invalid_jwt"))
        } else {
            (200, None)
        }
    }
}

/// Kinds with their parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mix(Vec<(Kind, i64)>);

impl FromStr for Mix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let part = |item: &str| {
            let (name, parts) = item.split_once('=').context("each item is KIND=PARTS")?;
            let kind = Kind::ASKED_FOR.into_iter().find(|kind| kind.name() == name);
            let kind = kind.with_context(|| format!("there is no kind `{name}`"))?;
            Ok((kind, i64::from(parts.parse::<u16>()?)))
        };
        let parts = text.split(',').map(part).collect::<Result<Vec<_>>>()?;
        ensure!(
            parts.iter().any(|(_, parts)| *parts > 0),
            "a mix has at least one part"
        );
        Ok(Self(parts))
    }
}

impl Mix {
    /// `count` kinds, spread evenly: each is where it has fallen behind its share the most.
    pub(crate) fn kinds(&self, hostile_percent: u32, count: u32) -> Vec<Kind> {
        let hostile = i64::from(hostile_percent);
        let all: i64 = self.0.iter().map(|(_, parts)| parts).sum();
        let good = self
            .0
            .iter()
            .map(|(kind, parts)| (*kind, parts * (100 - hostile) * 4));
        let bad = Kind::HOSTILE.into_iter().map(|kind| (kind, all * hostile));
        let shares: Vec<_> = good.chain(bad).collect();
        let total: i64 = shares.iter().map(|(_, share)| share).sum();
        let mut behind = vec![0; shares.len()];
        let mut kinds = Vec::new();
        for _ in 0..count {
            for (behind, (_, share)) in behind.iter_mut().zip(&shares) {
                *behind += share;
            }
            let most = behind.iter().enumerate().max_by_key(|(_, behind)| **behind);
            if let Some((index, _)) = most {
                behind[index] -= total;
                kinds.push(shares[index].0);
            }
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_sent_in_its_proportions() {
        let mix: Mix = "execute=3,status=1".parse().unwrap();
        let kinds = mix.kinds(20, 1000);
        let count = |kind| kinds.iter().filter(|it| **it == kind).count();
        assert_eq!(count(Kind::Execute), 600);
        assert_eq!(count(Kind::Status), 200);
        for hostile in Kind::HOSTILE {
            assert_eq!(count(hostile), 50);
        }
        assert_eq!(kinds.len(), 1000);
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        for text in [
            "",
            "execute",
            "execute=x",
            "dance=1",
            "forged=1",
            "execute=0",
        ] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
