//! How an approver learns of a request (§7): which method it takes (§7.5), the methods of a server's own (§10.10.3), and
//! how many requests may wait in a person's inbox at once (§7.2).

use std::time::Duration;

use procura_keys::clock::Timestamp;
use serde::Deserialize;

use crate::approval::Approval;
use crate::host::Host;
use crate::id::{HostId, UserId};
use crate::refusal::Refusal;
use crate::request::ApproverKind;

/// A method of approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The approver types a code that the client shows them (§7.1). Every server has it.
    DeviceAuthorization,
    /// The request waits in the approver's inbox (§7.2).
    Ciba,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::DeviceAuthorization, Self::Ciba];

    /// The form on the wire and in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceAuthorization => "device_authorization",
            Self::Ciba => "ciba",
        }
    }
}

/// A method of the server's own (§10.10.3): a desk, say, where whoever runs the server answers by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomMethod {
    /// What it is called in `approval_methods` and `approval.method`.
    pub name: String,
    /// What the client tells its person.
    pub instructions: String,
    /// Where to turn, if there is such a place.
    pub url: Option<String>,
}

impl CustomMethod {
    /// Whether a method may be called this: short, of plain characters, and not like one of the protocol's.
    pub fn may_be_called(name: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(is_plain)
            && Method::ALL.iter().all(|method| method.as_str() != name)
    }
}

/// The method of the server's own that a client prefers. Without that preference none is chosen: a client that does
/// not know it could not follow it.
pub fn custom<'a>(
    offered: &'a [CustomMethod],
    preferred: Option<&str>,
) -> Option<&'a CustomMethod> {
    offered
        .iter()
        .find(|method| preferred == Some(method.name.as_str()))
}

/// The person into whose inbox a request goes; without one it gets a code.
///
/// `prefers_inbox` says what happens where the client has no preference: it is for servers that notify people of
/// what waits for them. Only the person to whom the host belongs already is ever asked this way. Whom the client names as
/// `login_hint` plays no part, so an answer cannot tell who has an account, and nobody's inbox can be
/// filled by strangers.
pub fn inbox_of<'a>(
    offered: &[Method],
    preferred: Option<&str>,
    approver: ApproverKind,
    host: &'a Host,
    prefers_inbox: bool,
) -> Option<&'a UserId> {
    // Where nobody is notified of what waits in an inbox, a client has to want it there.
    let wants_it_there = match preferred {
        None => prefers_inbox,
        Some(preferred) => preferred == Method::Ciba.as_str(),
    };
    let is_possible = offered.contains(&Method::Ciba) && approver == ApproverKind::Person;
    host.user_id
        .as_ref()
        .filter(|_| is_possible && wants_it_there)
}

/// How many requests may wait in an inbox at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxLimits {
    /// Of all hosts.
    pub per_person: usize,
    /// Of one host.
    pub per_host: usize,
}

impl InboxLimits {
    /// Whether one more request of `host` fits beside those that are `waiting`. A refusal says when
    /// the first of them runs out.
    pub fn require_room(
        &self,
        waiting: &[Approval],
        host: &HostId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let of_host = |approval: &&Approval| approval.host_id == *host;
        let retry_after = if waiting.iter().filter(of_host).count() >= self.per_host {
            until_first(waiting.iter().filter(of_host), now)
        } else if waiting.len() >= self.per_person {
            until_first(waiting.iter(), now)
        } else {
            return Ok(());
        };
        Err(Refusal::RateLimited { retry_after })
    }
}

fn until_first<'a>(waiting: impl Iterator<Item = &'a Approval>, now: Timestamp) -> Duration {
    let left = waiting.map(|approval| approval.expires_at.since(now));
    left.min().unwrap_or_default()
}

/// The longest name of a method of the server's own, in characters.
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, NOW, alice, approval, seconds};

    const BOTH: &[Method] = &Method::ALL;
    const CODES: &[Method] = &[Method::DeviceAuthorization];

    // AA-7.2-01, AA-7.5-02, AA-7.5-03
    #[test]
    fn a_request_goes_to_the_inbox_of_the_person_the_host_belongs_to_or_gets_a_code() {
        use ApproverKind::{Administrator, Person};
        let (code, inbox) = (None, Some(alice()));
        let cases = [
            (BOTH, None, Person, true, &code),
            (BOTH, Some("ciba"), Person, true, &inbox),
            (BOTH, Some("carrier_pigeon"), Person, true, &code),
            (BOTH, Some("device_authorization"), Person, true, &code),
            (BOTH, Some("ciba"), Person, false, &code),
            (BOTH, None, Person, false, &code),
            (BOTH, Some("ciba"), Administrator, true, &code),
            (CODES, Some("ciba"), Person, true, &code),
            (CODES, None, Person, true, &code),
        ];
        for (offered, preferred, approver, linked, expected) in cases {
            let mut host = fixtures::host();
            host.user_id = host.user_id.filter(|_| linked);
            let chosen = inbox_of(offered, preferred, approver, &host, false);
            assert_eq!(
                chosen,
                expected.as_ref(),
                "{offered:?} {preferred:?} {approver:?} {linked}"
            );
        }
    }

    // AA-7.5-02, AA-7.5-03
    #[test]
    fn a_server_that_notifies_people_may_prefer_the_inbox() {
        use ApproverKind::{Administrator, Person};
        let host = fixtures::host();
        for (preferred, approver, expected) in [
            (None, Person, true),
            (Some("ciba"), Person, true),
            (Some("device_authorization"), Person, false),
            (Some("carrier_pigeon"), Person, false),
            (None, Administrator, false),
        ] {
            let chosen = inbox_of(BOTH, preferred, approver, &host, true);
            assert_eq!(chosen.is_some(), expected, "{preferred:?} {approver:?}");
        }
        assert_eq!(inbox_of(CODES, None, Person, &host, true), None);
    }

    // AA-10.10.3-01, AA-7.5-02
    #[test]
    fn a_method_of_the_servers_own_is_chosen_by_whoever_prefers_it() {
        let desk = CustomMethod {
            name: "desk".to_owned(),
            instructions: "Call the desk".to_owned(),
            url: None,
        };
        let offered = [desk];
        assert_eq!(custom(&offered, Some("desk")), Some(&offered[0]));
        for other in [None, Some("ciba"), Some("Desk"), Some("")] {
            assert_eq!(custom(&offered, other), None, "{other:?}");
        }
    }

    // AA-10.10.3-01
    #[test]
    fn a_method_of_the_servers_own_has_a_name_of_its_own() {
        for (name, expected) in [
            ("desk", true),
            ("front_desk_2", true),
            ("", false),
            ("ciba", false),
            ("device_authorization", false),
            ("The desk", false),
            ("bürö", false),
        ] {
            assert_eq!(CustomMethod::may_be_called(name), expected, "{name}");
        }
        assert!(!CustomMethod::may_be_called(&"a".repeat(65)));
    }

    /// `mine` requests of this host and `others` of another one, each ending a second after the last.
    fn waiting(mine: u64, others: u64) -> Vec<Approval> {
        let ending = |after| Approval {
            expires_at: NOW.plus(seconds(after)),
            ..approval()
        };
        let elsewhere = |after| Approval {
            host_id: HostId::new(NOW, [77; 10]),
            ..ending(after)
        };
        let others = (1..=others).map(elsewhere);
        others.chain((11..11 + mine).map(ending)).collect()
    }

    // AA-7.2-06
    #[test]
    fn an_inbox_takes_so_many_requests_of_a_host_and_so_many_of_all() {
        let limits = InboxLimits {
            per_person: 4,
            per_host: 2,
        };
        let after = |count| {
            let retry_after = seconds(count);
            Err(Refusal::RateLimited { retry_after })
        };
        for (mine, others, expected) in [
            (0, 0, Ok(())),
            (1, 2, Ok(())),
            (0, 3, Ok(())),
            (2, 0, after(11)),
            (2, 1, after(11)),
            (0, 4, after(1)),
            (1, 3, after(1)),
        ] {
            let host = fixtures::host().id;
            let answer = limits.require_room(&waiting(mine, others), &host, NOW);
            assert_eq!(answer, expected, "{mine} {others}");
        }
    }
}
