use serde_json::json;

use super::*;
use crate::capability::ApprovalStrength;
use crate::fixtures::{self, name, wanted};
use crate::request::Unsatisfiable;

use AutonomousPolicy::{Activate, Pending, Refuse};
use Mode::{Autonomous, Delegated};

/// What the server knows of the host that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Not,
    Waiting,
    /// Waiting, although it has a person already.
    WaitingLinked,
    Unlinked,
    Linked,
}

const STANDINGS: [Known; 5] = [
    Known::Not,
    Known::Waiting,
    Known::WaitingLinked,
    Known::Unlinked,
    Known::Linked,
];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Among the host's defaults, otherwise approved by whoever has signed in.
    Default,
    /// Among the host's defaults, though approving it takes presence.
    DefaultWithPresence,
    /// Nobody has to approve it.
    Free,
    Session,
    Presence,
    /// The proposed limits and the server's exclude each other.
    Contradictory,
}

const KINDS: [Kind; 6] = [
    Kind::Default,
    Kind::DefaultWithPresence,
    Kind::Free,
    Kind::Session,
    Kind::Presence,
    Kind::Contradictory,
];

impl Kind {
    fn ask(self) -> Wanted {
        let limits = json!({"amount": {"max": 10}});
        match self {
            Self::Default => wanted("balance", ApprovalStrength::Session, &limits),
            Self::DefaultWithPresence => wanted("pay", ApprovalStrength::Presence, &limits),
            Self::Free => wanted("echo", ApprovalStrength::None, &limits),
            Self::Session => wanted("history", ApprovalStrength::Session, &limits),
            Self::Presence => wanted("close_account", ApprovalStrength::Presence, &limits),
            Self::Contradictory => Wanted {
                constraints: Err(Unsatisfiable),
                ..wanted("echo", ApprovalStrength::None, &limits)
            },
        }
    }

    fn is_free_or_default(self) -> bool {
        matches!(self, Self::Free | Self::Default)
    }
}

fn defaults() -> Vec<CapabilityName> {
    vec![name("balance"), name("pay")]
}

fn host(known: Known) -> Option<Host> {
    let (status, user_id) = match known {
        Known::Not => return None,
        Known::Waiting => (HostStatus::Pending, None),
        Known::WaitingLinked => (HostStatus::Pending, Some(fixtures::alice())),
        Known::Unlinked => (HostStatus::Active, None),
        Known::Linked => (HostStatus::Active, Some(fixtures::alice())),
    };
    Some(Host {
        status,
        user_id,
        default_capabilities: defaults(),
        ..fixtures::host()
    })
}

/// Everybody is welcome; autonomous agents are treated as given.
fn policy(unknown: AutonomousPolicy, linked: AutonomousPolicy) -> RegistrationPolicy {
    RegistrationPolicy {
        modes: vec![Delegated, Autonomous],
        unknown_hosts: UnknownHosts::Register,
        autonomous_unknown_hosts: unknown,
        autonomous_linked_hosts: linked,
    }
}

fn register(
    mode: Mode,
    known: Known,
    kinds: &[Kind],
    policy: &RegistrationPolicy,
) -> Result<RegistrationDecision, Refusal> {
    let host = host(known);
    let applicant = Applicant {
        mode,
        host: host.as_ref(),
        new_host_defaults: &defaults(),
    };
    decide(
        applicant,
        kinds.iter().map(|kind| kind.ask()).collect(),
        policy,
    )
}

fn outcome_of_one(decision: &RegistrationDecision) -> Outcome {
    let [verdict] = decision.verdicts.as_slice() else {
        panic!("one ask has one verdict: {decision:?}");
    };
    verdict.outcome
}

// AA-2.2-05, AA-2.7-04, AA-2.8-01, AA-2.9-03, AA-2.11-02, AA-5.3-13, AA-8.10-01, AA-8.10-06
#[test]
fn what_a_delegated_agent_gets() {
    for known in STANDINGS {
        for kind in KINDS {
            let decision =
                register(Delegated, known, &[kind], &policy(Activate, Activate)).unwrap();
            let case = format!("{known:?} {kind:?}");
            let outcome = outcome_of_one(&decision);
            let granted = known == Known::Linked && kind.is_free_or_default();
            let denied = kind == Kind::Contradictory;
            match outcome {
                Outcome::Grant => assert!(granted, "{case}"),
                Outcome::AskApprover => assert!(!granted && !denied, "{case}"),
                Outcome::Deny(_) => assert!(denied, "{case}"),
            }
            let settled = known == Known::Linked && outcome != Outcome::AskApprover;
            let approver = (!settled).then_some(ApproverKind::Person);
            assert_eq!(decision.approver, approver, "{case}");
            let new_host = (known == Known::Not).then_some(HostStatus::Pending);
            assert_eq!(decision.new_host, new_host, "{case}");
        }
    }
}

/// How an autonomous agent is met, for each standing of its host and each setting that governs it.
// AA-2.2-06, AA-2.7-02, AA-2.8-01, AA-2.9-06, AA-2.11-02
#[test]
fn how_an_autonomous_agent_is_met() {
    let waits = Ok(Some(ApproverKind::Administrator));
    let cases = [
        (Known::Not, policy(Pending, Refuse), waits.clone()),
        (Known::Not, policy(Activate, Refuse), Ok(None)),
        (
            Known::Not,
            policy(Refuse, Activate),
            Err(Refusal::AutonomousRefused),
        ),
        (Known::Waiting, policy(Pending, Refuse), waits.clone()),
        (Known::Waiting, policy(Activate, Refuse), waits.clone()),
        (
            Known::Waiting,
            policy(Refuse, Activate),
            Err(Refusal::AutonomousRefused),
        ),
        (
            Known::WaitingLinked,
            policy(Activate, Activate),
            waits.clone(),
        ),
        (Known::Unlinked, policy(Activate, Refuse), Ok(None)),
        (Known::Unlinked, policy(Pending, Activate), waits.clone()),
        (
            Known::Unlinked,
            policy(Refuse, Activate),
            Err(Refusal::AutonomousRefused),
        ),
        (Known::Linked, policy(Refuse, Pending), waits),
        (Known::Linked, policy(Refuse, Activate), Ok(None)),
        (
            Known::Linked,
            policy(Activate, Refuse),
            Err(Refusal::AutonomousRefused),
        ),
    ];
    for (known, policy, expected) in cases {
        let met = register(Autonomous, known, &[], &policy);
        assert_eq!(
            met.as_ref().map(|decision| decision.approver),
            expected.as_ref().copied(),
            "{known:?} {policy:?}"
        );
        if let Ok(decision) = met {
            let status = match decision.approver {
                Some(_) => HostStatus::Pending,
                None => HostStatus::Active,
            };
            let new_host = (known == Known::Not).then_some(status);
            assert_eq!(decision.new_host, new_host, "{known:?} {policy:?}");
        }
    }
}

// AA-2.2-06, AA-2.11-02
#[test]
fn what_an_autonomous_agent_gets() {
    let policies = [policy(Activate, Activate), policy(Pending, Pending)];
    for policy in &policies {
        for known in STANDINGS {
            for kind in KINDS {
                let decision = register(Autonomous, known, &[kind], policy).unwrap();
                let at_once = decision.approver.is_none();
                let expected_grant = at_once && kind.is_free_or_default();
                let case = format!("{known:?} {kind:?} {policy:?}");
                match outcome_of_one(&decision) {
                    Outcome::Grant => assert!(expected_grant, "{case}"),
                    Outcome::AskApprover => {
                        assert!(!at_once && kind != Kind::Contradictory, "{case}");
                    }
                    Outcome::Deny(reason) => {
                        let refused = kind == Kind::Contradictory || at_once && !expected_grant;
                        assert!(refused && !reason.is_empty(), "{case}");
                    }
                }
            }
        }
    }
}

/// A new host brings no defaults of its own: the server's for new hosts count.
// AA-2.2-06
#[test]
fn an_activated_unknown_host_gets_the_defaults_for_new_hosts() {
    let applicant = Applicant {
        mode: Autonomous,
        host: None,
        new_host_defaults: &[name("history")],
    };
    let asks = vec![Kind::Session.ask(), Kind::Default.ask()];
    let decision = decide(applicant, asks, &policy(Activate, Refuse)).unwrap();
    let outcomes: Vec<_> = decision.verdicts.iter().map(|v| v.outcome).collect();
    assert_eq!(outcomes, [Outcome::Grant, Outcome::Deny(BEYOND_POLICY)]);
}

// AA-5.3-05, AA-5.3-13
#[test]
fn an_agent_may_ask_for_nothing_and_still_needs_a_trusted_host() {
    let welcome = policy(Activate, Activate);
    for known in STANDINGS {
        let decision = register(Delegated, known, &[], &welcome).unwrap();
        assert_eq!(decision.verdicts, []);
        assert_eq!(
            decision.approver.is_none(),
            known == Known::Linked,
            "{known:?}"
        );
    }
}

// AA-2.9-03, AA-5.3-13
#[test]
fn one_open_question_makes_the_agent_wait_and_keeps_what_is_granted() {
    let kinds = [Kind::Free, Kind::Session, Kind::Contradictory];
    let decision = register(Delegated, Known::Linked, &kinds, &policy(Refuse, Refuse)).unwrap();
    assert_eq!(decision.approver, Some(ApproverKind::Person));
    assert_eq!(decision.new_host, None);
    let outcomes: Vec<_> = decision.verdicts.iter().map(|v| v.outcome).collect();
    assert!(matches!(
        outcomes.as_slice(),
        [Outcome::Grant, Outcome::AskApprover, Outcome::Deny(_)]
    ));
}

// AA-2.13-03, AA-5.3-16
#[test]
fn every_verdict_but_a_contradiction_carries_the_limits() {
    for (mode, known) in [
        (Delegated, Known::Linked),
        (Delegated, Known::Not),
        (Autonomous, Known::Unlinked),
    ] {
        let decision = register(mode, known, &KINDS, &policy(Pending, Pending)).unwrap();
        let names: Vec<_> = decision.verdicts.iter().map(|v| &v.capability).collect();
        let asked: Vec<_> = KINDS.iter().map(|kind| kind.ask().name).collect();
        assert_eq!(names, asked.iter().collect::<Vec<_>>());
        for (verdict, kind) in decision.verdicts.iter().zip(KINDS) {
            let limits = match kind {
                Kind::Contradictory => None,
                _ => fixtures::constraints(&json!({"amount": {"max": 10}})),
            };
            assert_eq!(verdict.constraints, limits, "{mode} {known:?} {kind:?}");
        }
    }
}

// AA-2.2-03, AA-2.2-04
#[test]
fn a_mode_that_is_not_offered_is_refused_whoever_asks() {
    for (offered, mode) in [(Delegated, Autonomous), (Autonomous, Delegated)] {
        let policy = RegistrationPolicy {
            modes: vec![offered],
            ..policy(Activate, Activate)
        };
        for known in STANDINGS {
            let refused = register(mode, known, &[Kind::Free], &policy);
            assert_eq!(refused, Err(Refusal::UnsupportedMode(mode)));
            assert!(register(offered, known, &[Kind::Free], &policy).is_ok());
        }
    }
}

// AA-2.8-02
#[test]
fn a_server_that_adds_its_hosts_itself_turns_unknown_ones_away() {
    let policy = RegistrationPolicy {
        unknown_hosts: UnknownHosts::Refuse,
        ..policy(Activate, Activate)
    };
    for mode in [Delegated, Autonomous] {
        for known in STANDINGS {
            let refusal = register(mode, known, &[Kind::Free], &policy).err();
            let expected = (known == Known::Not).then_some(Refusal::UnknownHostsRefused);
            assert_eq!(refusal, expected, "{mode} {known:?}");
        }
    }
}
