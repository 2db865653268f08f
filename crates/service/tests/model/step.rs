//! What may happen in a history. A step names agents, hosts and requests by their place, counted from the latest
//! and around the end, so that every selection of steps is a history too and a failing one can be made smaller.

use std::num::NonZeroU32;

use crate::offers::{Sheet, drawn};
use crate::random::Random;

/// A key by its number. Numbers below [`CLIENTS`] are the first keys of the clients.
pub(crate) type KeyNumber = u32;

/// How many clients there are: programs that hold a host key and register agents.
pub(crate) const CLIENTS: u8 = 3;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client registers an agent's key, be it new or known.
    Register {
        client: u8,
        key: KeyNumber,
        autonomous: bool,
        asks: Vec<u8>,
        inbox: bool,
    },
    /// A client begins anew, with a key that no host has.
    NewClient {
        client: u8,
        key: KeyNumber,
    },
    /// A host looks at an agent, its own or another's.
    Status {
        agent: u8,
        by: Signer,
    },
    /// An agent asks for more.
    Request {
        agent: u8,
        asks: Vec<u8>,
        claim: Claim,
        inbox: bool,
    },
    /// Somebody answers a request.
    Answer {
        request: u8,
        by: Approver,
        answer: Answer,
    },
    /// An agent calls.
    Execute {
        agent: u8,
        call: u8,
        claim: Claim,
    },
    /// A resource server asks about an agent's token, and perhaps about a call.
    Introspect {
        agent: u8,
        call: Option<u8>,
    },
    /// A token that was sent before is sent again.
    Replay {
        token: u8,
    },
    /// An agent's token, signed by somebody else.
    ForgedCall {
        agent: u8,
    },
    /// A host's token, signed by somebody else.
    ForgedHost {
        host: u8,
    },
    Reactivate {
        agent: u8,
        by: Signer,
    },
    Revoke {
        agent: u8,
        by: Signer,
    },
    RotateAgentKey {
        agent: u8,
        by: Signer,
        key: KeyNumber,
    },
    RotateHostKey {
        host: u8,
        key: KeyNumber,
    },
    RevokeHost {
        host: u8,
    },
    /// What administrators do.
    Administer(Administration),
    /// Time passes.
    Wait(Pause),
    /// The server stops, and starts with this configuration.
    Restart(Configuration),
}

/// Which host signs for an agent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer {
    Own,
    Host(u8),
}

/// What the token of an agent covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Everything granted.
    Absent,
    Nothing,
    Echo,
    Pay,
}

impl Claim {
    /// The names in the claim.
    pub(crate) fn names(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Absent => None,
            Self::Nothing => Some(&[]),
            Self::Echo => Some(&["echo"]),
            Self::Pay => Some(&["pay"]),
        }
    }

    pub(crate) fn covers(self, name: &str) -> bool {
        self.names().is_none_or(|names| names.contains(&name))
    }
}

/// Somebody with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Alice,
    Bob,
}

impl Who {
    pub(crate) const ALL: [Self; 2] = [Self::Alice, Self::Bob];

    fn pick(random: &mut Random) -> Self {
        // Mostly the same person, so that hosts get somewhere.
        if random.below(4) == 0 {
            Self::Bob
        } else {
            Self::Alice
        }
    }
}

/// Who answers a request, and what they show of themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Approver {
    Passkey(Who),
    Password(Who),
    /// With a passkey, some time ago.
    LongAgo(Who),
    Administrator {
        link_to: Option<Who>,
    },
}

impl Approver {
    /// Who it is, if it is a person.
    pub(crate) fn person(self) -> Option<Who> {
        match self {
            Self::Passkey(who) | Self::Password(who) | Self::LongAgo(who) => Some(who),
            Self::Administrator { .. } => None,
        }
    }

    fn pick(random: &mut Random) -> Self {
        let who = Who::pick(random);
        match random.below(10) {
            0..5 => Self::Passkey(who),
            5 => Self::Password(who),
            6 => Self::LongAgo(who),
            7 => Self::Administrator { link_to: Some(who) },
            _ => Self::Administrator { link_to: None },
        }
    }
}

/// What they answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes to everything.
    All,
    /// Yes to every other capability only. Administrators have no such answer and say yes to all.
    Half,
    /// Yes to everything, within bounds. Administrators have none and say yes to all as it is.
    Within(Bounds),
    Deny,
}

/// What an approver sets for each capability, on top of what is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// In how many milliseconds it ends.
    pub(crate) ends_in: Option<i64>,
    /// How often it may be used.
    pub(crate) uses: Option<NonZeroU32>,
    pub(crate) limits: Option<Sheet>,
}

impl Bounds {
    fn pick(random: &mut Random) -> Self {
        let ends_in = [0, 1, MINUTE, 4 * MINUTE, 11 * MINUTE][random.below(5) as usize];
        let uses = NonZeroU32::new(random.below(4));
        let limits = drawn(random.below(64).to_le_bytes()[0]);
        Self {
            ends_in: (random.below(3) == 0).then_some(ends_in),
            uses,
            limits: (random.below(3) == 0).then_some(limits),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Administration {
    RevokeAgent { agent: u8 },
    RevokeHost { host: u8 },
    WithdrawGrant { agent: u8, grant: u8 },
    Link { host: u8, to: Who },
    Unlink { host: u8 },
    DeletePerson(Who),
    AddPerson(Who),
}

/// For how long.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pause {
    Millis(i64),
    /// Until an agent or a request reaches the next of its ends, or a millisecond off.
    ToAgentsEnd {
        agent: u8,
        off: i64,
    },
    ToRequestsEnd {
        request: u8,
        off: i64,
    },
}

/// What the operator may change between two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) unlinked: Autonomous,
    pub(crate) linked: Autonomous,
    pub(crate) delegated_only: bool,
    pub(crate) known_hosts_only: bool,
    /// Two capabilities are not offered.
    pub(crate) smaller: bool,
}

/// What becomes of agents that act for nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Autonomous {
    Pending,
    #[default]
    Activate,
    Refuse,
}

impl Configuration {
    pub(crate) fn pick(random: &mut Random) -> Self {
        let mut policy = || match random.below(5) {
            0 | 1 => Autonomous::Activate,
            2 | 3 => Autonomous::Pending,
            _ => Autonomous::Refuse,
        };
        let (unlinked, linked) = (policy(), policy());
        Self {
            unlinked,
            linked,
            delegated_only: random.below(16) == 0,
            known_hosts_only: random.below(16) == 0,
            smaller: random.below(3) == 0,
        }
    }
}

/// Steps from a source of randomness.
pub(crate) struct Steps {
    random: Random,
    next_key: KeyNumber,
}

impl Steps {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            next_key: u32::from(CLIENTS),
        }
    }

    /// A new key, or now and then one that was used lately.
    fn key(&mut self) -> KeyNumber {
        if self.random.below(4) == 0 {
            let back = self.random.below(6) + 1;
            return self.next_key.saturating_sub(back);
        }
        self.next_key += 1;
        self.next_key - 1
    }

    /// The latest mostly.
    fn recent(&mut self) -> u8 {
        let most = [1, 2, 4, 9][self.random.below(4) as usize];
        self.small(most)
    }

    fn small(&mut self, below: u32) -> u8 {
        self.random.below(below).to_le_bytes()[0]
    }

    fn client(&mut self) -> u8 {
        self.small(u32::from(CLIENTS))
    }

    fn asks(&mut self) -> Vec<u8> {
        let count = [0, 1, 1, 2, 2, 3][self.random.below(6) as usize];
        (0..count).map(|_| self.small(64)).collect()
    }

    fn answer(&mut self) -> Answer {
        match self.random.below(8) {
            0..3 => Answer::All,
            3 => Answer::Half,
            4 => Answer::Deny,
            _ => Answer::Within(Bounds::pick(&mut self.random)),
        }
    }

    fn signer(&mut self) -> Signer {
        if self.random.below(10) == 0 {
            Signer::Host(self.small(4))
        } else {
            Signer::Own
        }
    }

    fn claim(&mut self) -> Claim {
        match self.random.below(16) {
            0 => Claim::Nothing,
            1 => Claim::Echo,
            2 => Claim::Pay,
            _ => Claim::Absent,
        }
    }

    fn pause(&mut self) -> Pause {
        let off = [-1, 0, 0, 1][self.random.below(4) as usize];
        match self.random.below(8) {
            0 => Pause::ToRequestsEnd {
                request: self.recent(),
                off,
            },
            1..4 => Pause::ToAgentsEnd {
                agent: self.recent(),
                off,
            },
            _ => Pause::Millis(PAUSES[self.random.below(10) as usize]),
        }
    }

    fn administration(&mut self) -> Administration {
        let who = Who::pick(&mut self.random);
        match self.random.below(14) {
            0 => Administration::RevokeAgent {
                agent: self.recent(),
            },
            1 => Administration::RevokeHost {
                host: self.recent(),
            },
            2..5 => Administration::WithdrawGrant {
                agent: self.recent(),
                grant: self.small(4),
            },
            5..8 => Administration::Link {
                host: self.recent(),
                to: who,
            },
            8..10 => Administration::Unlink {
                host: self.recent(),
            },
            10 => Administration::DeletePerson(who),
            _ => Administration::AddPerson(who),
        }
    }
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        Some(match self.random.below(100) {
            0..14 => Step::Register {
                client: self.client(),
                key: self.key(),
                autonomous: self.random.below(3) == 0,
                asks: self.asks(),
                inbox: self.random.below(4) == 0,
            },
            14 => Step::NewClient {
                client: self.client(),
                key: self.key(),
            },
            15..21 => Step::Status {
                agent: self.recent(),
                by: self.signer(),
            },
            21..31 => Step::Request {
                agent: self.recent(),
                asks: self.asks(),
                claim: self.claim(),
                inbox: self.random.below(3) == 0,
            },
            31..48 => Step::Answer {
                request: self.recent(),
                by: Approver::pick(&mut self.random),
                answer: self.answer(),
            },
            48..66 => Step::Execute {
                agent: self.recent(),
                call: self.small(64),
                claim: self.claim(),
            },
            66..68 => Step::Introspect {
                agent: self.recent(),
                call: (self.random.below(2) == 0).then(|| self.small(64)),
            },
            68..71 => Step::Replay {
                token: self.recent(),
            },
            71 => Step::ForgedCall {
                agent: self.recent(),
            },
            72 => Step::ForgedHost {
                host: self.recent(),
            },
            73..79 => Step::Reactivate {
                agent: self.recent(),
                by: self.signer(),
            },
            79..81 => Step::Revoke {
                agent: self.recent(),
                by: self.signer(),
            },
            81..83 => Step::RotateAgentKey {
                agent: self.recent(),
                by: self.signer(),
                key: self.key(),
            },
            83..85 => Step::RotateHostKey {
                host: self.recent(),
                key: self.key(),
            },
            85 => Step::RevokeHost {
                host: self.recent(),
            },
            86..91 => Step::Administer(self.administration()),
            91..98 => Step::Wait(self.pause()),
            _ => Step::Restart(Configuration::pick(&mut self.random)),
        })
    }
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
/// About each clock: the token's, the request's, and the three of an agent.
const PAUSES: [i64; 10] = [
    1,
    20 * SECOND,
    45 * SECOND,
    89 * SECOND,
    90 * SECOND,
    4 * MINUTE,
    6 * MINUTE,
    11 * MINUTE,
    40 * MINUTE,
    70 * MINUTE,
];
