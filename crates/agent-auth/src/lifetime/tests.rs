use procura_keys::key::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::agent::{AgentStatus, Mode};
use crate::id::{AgentId, HostId};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The example of §2.4: 30 minutes, 24 hours, 7 days.
const POLICY: LifetimePolicy = LifetimePolicy {
    session_ttl: Some(Duration::from_secs(30 * MINUTE)),
    max_lifetime: Some(Duration::from_secs(24 * HOUR)),
    absolute_lifetime: Some(Duration::from_secs(7 * DAY)),
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(0).plus(Duration::from_secs(seconds))
}

fn agent(activated: u64, used: Option<u64>) -> Agent {
    Agent {
        id: AgentId::new(at(0), [0; 10]),
        host_id: HostId::new(at(0), [0; 10]),
        user_id: None,
        name: "a".into(),
        mode: Mode::Delegated,
        public_key: SigningKey::from_seed(&[1; 32]).unwrap().public().clone(),
        jwks: None,
        state: AgentState::Active {
            activated_at: at(activated),
        },
        last_used_at: used.map(at),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn status(agent: &Agent, now: u64) -> AgentStatus {
    state_at(agent, &POLICY, at(now)).status()
}

// AA-2.4-01, AA-2.4-04
#[test]
fn thirty_minutes_without_a_request_expire_the_session() {
    let idle = agent(0, None);
    assert_eq!(status(&idle, 30 * MINUTE - 1), AgentStatus::Active);
    assert_eq!(status(&idle, 30 * MINUTE), AgentStatus::Expired);
    let used = agent(0, Some(29 * MINUTE));
    assert_eq!(status(&used, 58 * MINUTE), AgentStatus::Active);
    assert_eq!(status(&used, 59 * MINUTE), AgentStatus::Expired);
}

// AA-2.4-02, AA-2.4-04
#[test]
fn a_busy_agent_expires_after_the_maximum_lifetime() {
    let busy = agent(0, Some(24 * HOUR - 1));
    assert_eq!(status(&busy, 24 * HOUR - 1), AgentStatus::Active);
    assert_eq!(status(&busy, 24 * HOUR), AgentStatus::Expired);
}

// AA-2.4-03, AA-2.4-04, AA-2.5-03
#[test]
fn the_absolute_lifetime_revokes_even_a_reactivated_agent() {
    let fresh = agent(6 * DAY + 23 * HOUR, Some(7 * DAY - 1));
    assert_eq!(status(&fresh, 7 * DAY - 1), AgentStatus::Active);
    assert_eq!(status(&fresh, 7 * DAY), AgentStatus::Revoked);
    let mut expired = agent(0, None);
    expired.state = AgentState::Expired {
        activated_at: at(0),
    };
    assert_eq!(status(&expired, 7 * DAY), AgentStatus::Revoked);
}

#[test]
fn a_use_before_the_latest_activation_does_not_shorten_the_session() {
    let reactivated = agent(2 * DAY, Some(DAY));
    assert_eq!(
        status(&reactivated, 2 * DAY + 29 * MINUTE),
        AgentStatus::Active
    );
}

#[test]
fn clocks_that_are_off_never_end_anything() {
    let off = LifetimePolicy {
        session_ttl: None,
        max_lifetime: None,
        absolute_lifetime: None,
    };
    let agent = agent(0, None);
    assert_eq!(state_at(&agent, &off, at(1000 * DAY)), agent.state);
    assert_eq!(expires_at(&agent, &off), None);
}

/// Its wish to go on was not answered, so it is where it was before.
// AA-2.5-01
#[test]
fn an_agent_that_waits_to_go_on_falls_back_to_expired() {
    let mut agent = agent(0, None);
    let end = at(3 * DAY);
    agent.state = AgentState::NEW;
    assert_eq!(agent.state.waiting_until(Some(end)), AgentState::NEW);
    assert_eq!(state_at(&agent, &POLICY, end), AgentState::NEW);
    agent.state = AgentState::from_parts(AgentStatus::Pending, Some(at(0)))
        .unwrap()
        .waiting_until(Some(end));
    assert_eq!(agent.state.pending_until(), Some(end));
    let before = end.minus(Duration::from_millis(1));
    assert_eq!(state_at(&agent, &POLICY, before), agent.state);
    let activated_at = at(0);
    assert_eq!(
        state_at(&agent, &POLICY, end),
        AgentState::Expired { activated_at }
    );
    let revoked = state_at(&agent, &POLICY, at(8 * DAY)).status();
    assert_eq!(revoked, AgentStatus::Revoked);
}

proptest! {
    // AA-2.4-06
    #[test]
    fn the_shown_deadline_is_exactly_when_the_agent_stops(
        activated in 0..7 * DAY, used in proptest::option::of(0..7 * DAY), ttl in proptest::option::of(1..2 * DAY),
    ) {
        let policy = LifetimePolicy { session_ttl: ttl.map(Duration::from_secs), ..POLICY };
        let agent = agent(activated, used);
        let end = expires_at(&agent, &policy).unwrap();
        let before = end.minus(Duration::from_millis(1));
        prop_assert_eq!(state_at(&agent, &policy, before).status(), AgentStatus::Active);
        prop_assert_ne!(state_at(&agent, &policy, end).status(), AgentStatus::Active);
    }

    // AA-2.3-01
    #[test]
    fn whatever_the_clocks_say_is_a_legal_transition(seconds in 0..9 * DAY, used in 0..8 * DAY) {
        for status in AgentStatus::ALL {
            let mut agent = agent(0, Some(used));
            let state = AgentState::from_parts(status, Some(at(0))).unwrap();
            agent.state = state.waiting_until(Some(at(4 * DAY)));
            let now = state_at(&agent, &POLICY, at(seconds)).status();
            prop_assert!(now == status || status.may_become(now));
        }
    }
}
