//! For how long a token is good, and its `jti` remembered (§4.6, §8.2).

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::fixtures::seconds;

fn issued(iat: i64, exp: i64) -> Draft {
    Draft::agent()
        .claim("iat", NOW.as_seconds() + iat)
        .claim("exp", NOW.as_seconds() + exp)
}

fn millis_after_now(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

/// Both kinds of token at once, since one window serves both.
fn refusal_at(draft: &Draft, window: Window, millis: i64) -> Option<Refusal> {
    let server = Server {
        window,
        now: millis_after_now(millis),
        ..Server::new()
    };
    let host = Draft::host()
        .claim("iat", draft.claims["iat"].clone())
        .claim("exp", draft.claims["exp"].clone());
    let refusal = server.agent_refusal(draft);
    assert_eq!(server.host_refusal(&host), refusal);
    refusal
}

// AA-4.5-09, AA-4.5.1-05, AA-8.2-01, AA-8.2-02
#[test]
fn a_token_is_good_from_skew_before_iat_to_skew_after_exp() {
    let cases = [
        (issued(0, 60), -30_001, Some(TokenDefect::IssuedInTheFuture)),
        (issued(0, 60), -30_000, None),
        (issued(0, 60), 0, None),
        (issued(0, 60), 89_999, None),
        (issued(0, 60), 90_000, Some(TokenDefect::Expired)),
        (issued(0, 1), 30_999, None),
        (issued(0, 1), 31_000, Some(TokenDefect::Expired)),
    ];
    for (draft, millis, defect) in cases {
        assert_eq!(
            refusal_at(&draft, Window::default(), millis),
            defect.map(invalid),
            "{millis}"
        );
    }
}

// AA-8.2-02
#[test]
fn a_token_from_more_than_thirty_seconds_ahead_is_refused() {
    let ahead = |seconds| refusal_at(&issued(seconds, seconds + 60), Window::default(), 0);
    assert_eq!(ahead(29), None);
    assert_eq!(ahead(30), None);
    assert_eq!(ahead(31), Some(invalid(TokenDefect::IssuedInTheFuture)));
}

#[test]
fn a_far_exp_does_not_keep_an_old_token_alive() {
    let draft = issued(0, 100_000);
    assert_eq!(refusal_at(&draft, Window::default(), 89_999), None);
    assert_eq!(
        refusal_at(&draft, Window::default(), 90_000),
        Some(invalid(TokenDefect::TooOld(seconds(60))))
    );
    let forever = Draft::agent().claim("exp", i64::MAX);
    let verified = Server::new().verify_agent(&forever.text()).unwrap();
    assert_eq!(verified.forget_at(), NOW.plus(seconds(90)));
}

#[test]
fn a_token_that_ends_before_it_begins_is_refused() {
    for exp in [0, -1, -1_000] {
        assert_eq!(
            refusal_at(&issued(0, exp), Window::default(), 0),
            Some(invalid(TokenDefect::ExpiresBeforeIssued))
        );
    }
    let turned = Draft::agent().claim("iat", i64::MAX).claim("exp", i64::MIN);
    assert_eq!(
        Server::new().agent_refusal(&turned),
        Some(invalid(TokenDefect::ExpiresBeforeIssued))
    );
}

// AA-8.2-05
#[test]
fn a_tighter_window_is_obeyed() {
    let window = Window {
        skew: seconds(5),
        max_age: seconds(30),
    };
    let draft = issued(0, 30);
    assert_eq!(refusal_at(&draft, window, 34_999), None);
    assert_eq!(
        refusal_at(&draft, window, 36_000),
        Some(invalid(TokenDefect::Expired))
    );
    assert_eq!(
        refusal_at(&draft, window, -6_000),
        Some(invalid(TokenDefect::IssuedInTheFuture))
    );
}

proptest! {
    /// The set of seen `jti` may drop an entry at `forget_at` and not a moment earlier: nothing that is still
    /// accepted is forgotten, and nothing that can no longer be accepted is kept.
    // AA-4.6-01, AA-8.2-04, AA-10.3-01
    #[test]
    fn a_jti_is_remembered_for_exactly_as_long_as_its_token_is_good(
        iat in -120_i64..120,
        life in 1_i64..200,
        skew in 0_u64..=30,
        max_age in 1_u64..120,
        other in -200_000_i64..400_000,
    ) {
        let window = Window { skew: seconds(skew), max_age: seconds(max_age) };
        let token = issued(iat, iat + life).text();
        let accepted_at = |now: Timestamp| {
            let server = Server { window, now, ..Server::new() };
            server.verify_agent(&token).ok().map(|verified| verified.forget_at())
        };
        let issued_at = millis_after_now(iat * 1000);
        let forget_at = accepted_at(issued_at).unwrap();
        prop_assert_eq!(accepted_at(forget_at.minus(Duration::from_millis(1))), Some(forget_at));
        prop_assert_eq!(accepted_at(forget_at), None);
        let other = millis_after_now(other);
        if let Some(same) = accepted_at(other) {
            prop_assert_eq!(same, forget_at);
            prop_assert!(other < forget_at);
        }
    }
}
