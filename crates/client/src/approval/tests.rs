use serde_json::{Value, json};

use super::*;
use crate::connect::{Connect, Connected};
use crate::fake::{BANK, Stage, ok, outage, refusal, registered, status};

const STATUS: &str = "GET /agent/status";

async fn pending(stage: &Stage) -> Pending {
    stage.on("POST /agent/register", ok(&registered("pending")));
    let request = Connect::new("Helper").with_capability("check_balance", None);
    match stage.client.connect(BANK, request).await.unwrap() {
        Connected::Pending(pending) => pending,
        Connected::Active(_) => panic!("not pending"),
    }
}

async fn wait(stage: &Stage) -> (Result<AgentStanding, ClientError>, Vec<Progress>) {
    let pending = pending(stage).await;
    let mut seen = Vec::new();
    let mut progress = |it: &Progress| seen.push(it.clone());
    let result = stage
        .client
        .wait_for_approval(&pending, &mut progress)
        .await;
    (result, seen)
}

fn answer(state: &str) -> Value {
    status(
        state,
        &json!([{ "capability": "check_balance", "status": state }]),
    )
}

/// The seconds between the registration and each question.
fn asked_at(stage: &Stage) -> Vec<u64> {
    let start = stage.sent("POST /agent/register")[0].at;
    let questions = stage.sent(STATUS);
    questions
        .iter()
        .map(|it| it.at.since(start).as_secs())
        .collect()
}

// AA-5.3-19, AA-6.4-06, AA-7.1-01, AA-7.3-01, AA-4.2-05
#[tokio::test]
async fn the_server_is_asked_at_its_interval_until_it_is_approved() {
    let stage = Stage::new();
    stage
        .on(STATUS, ok(&answer("pending")))
        .on(STATUS, ok(&answer("pending")));
    stage.on(STATUS, ok(&answer("active")));
    let (result, progress) = wait(&stage).await;
    assert_eq!(result.unwrap().status, "active");
    assert_eq!(asked_at(&stage), [5, 10, 15]);
    let left = |seconds| Progress::StillPending {
        remaining: Duration::from_secs(seconds),
    };
    assert_eq!(progress, [left(55), left(50)]);
    let question = &stage.sent(STATUS)[0];
    assert_eq!(question.url.query(), Some("agent_id=agt_1"));
    assert_eq!(question.typ.as_deref(), Some("host+jwt"));
    assert_eq!(question.claims["aud"], BANK);
    let kept = stage.client.profile().connection("agt_1").unwrap();
    assert_eq!((kept.status.as_str(), kept.approval), ("active", None));
}

// AA-6.4-06, AA-7.1-05
#[tokio::test]
async fn a_denial_ends_the_waiting_and_is_not_retried() {
    let stage = Stage::new();
    let denied = json!([{ "capability": "check_balance", "status": "denied", "reason": "No." }]);
    stage.on(STATUS, ok(&status("rejected", &denied)));
    let (result, _) = wait(&stage).await;
    let ClientError::NotApproved(reason) = result.unwrap_err() else {
        panic!("not a denial");
    };
    let no = Some("No.".to_owned());
    assert_eq!(reason, NotApproved::Denied { reason: no });
    assert_eq!(stage.sent("POST /agent/register").len(), 1);
    assert_eq!(stage.sent(STATUS).len(), 1);
    assert!(stage.client.profile().connections().unwrap().is_empty());
}

// AA-5.3-19, AA-6.4-06
#[tokio::test]
async fn it_is_over_when_the_time_is_up() {
    let stage = Stage::new();
    stage.on(STATUS, ok(&answer("pending")));
    let (result, _) = wait(&stage).await;
    assert!(matches!(
        result,
        Err(ClientError::NotApproved(NotApproved::Expired))
    ));
    assert_eq!(asked_at(&stage).last(), Some(&60));
    // The key is kept: the decision may have been on its way.
    assert_eq!(stage.client.profile().connections().unwrap().len(), 1);
}

// AA-8.13-05
#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_is() {
    let stage = Stage::new();
    stage.on(
        STATUS,
        refusal(429, "rate_limited").header("retry-after", "20"),
    );
    stage.on(STATUS, ok(&answer("pending")));
    stage.on(STATUS, ok(&answer("active")));
    let (result, progress) = wait(&stage).await;
    assert!(result.is_ok());
    assert_eq!(asked_at(&stage), [5, 25, 30]);
    let after = Duration::from_secs(20);
    assert!(matches!(&progress[0], Progress::AskingLater { after: it, .. } if *it == after));
}

// AA-8.13-06
#[tokio::test]
async fn without_a_stated_delay_the_questions_become_rarer() {
    let stage = Stage::new();
    for _ in 0..5 {
        stage.on(STATUS, refusal(429, "rate_limited"));
    }
    stage.on(STATUS, ok(&answer("active")));
    wait(&stage).await.0.unwrap();
    // 1, 2 and 4 s are less than the interval; then 8 and 16 s.
    assert_eq!(asked_at(&stage), [5, 10, 15, 20, 28, 44]);
}

#[tokio::test]
async fn slow_down_adds_five_seconds_for_good() {
    let stage = Stage::new();
    stage.on(STATUS, refusal(400, "slow_down"));
    stage.on(STATUS, ok(&answer("pending")));
    stage.on(STATUS, ok(&answer("active")));
    wait(&stage).await.0.unwrap();
    assert_eq!(asked_at(&stage), [5, 15, 25]);
}

#[tokio::test]
async fn an_outage_does_not_end_the_waiting() {
    let stage = Stage::new();
    stage.on(STATUS, outage());
    stage.on(STATUS, refusal(500, "internal_error"));
    stage.on(STATUS, ok(&answer("active")));
    wait(&stage).await.0.unwrap();
    assert_eq!(asked_at(&stage), [5, 10, 15]);
}

#[tokio::test]
async fn refusals_that_decide_end_the_waiting() {
    let ends = [
        (
            refusal(400, "access_denied"),
            Some(NotApproved::Denied { reason: None }),
        ),
        (refusal(400, "expired_token"), Some(NotApproved::Expired)),
        (refusal(403, "host_revoked"), None),
    ];
    for (reply, expected) in ends {
        let stage = Stage::new();
        stage.on(STATUS, reply);
        let (result, _) = wait(&stage).await;
        match (result.unwrap_err(), expected) {
            (ClientError::NotApproved(reason), Some(expected)) => assert_eq!(reason, expected),
            (ClientError::Refused(refused), None) => assert!(refused.is("host_revoked")),
            (error, _) => panic!("{error}"),
        }
        assert_eq!(stage.sent(STATUS).len(), 1);
    }
}

#[tokio::test]
async fn waiting_can_go_on_in_another_process() {
    let stage = Stage::new();
    let started = pending(&stage).await;
    stage.on(STATUS, ok(&answer("active")));
    let resumed = stage.client.pending("agt_1").unwrap();
    assert_eq!(resumed, started);
    stage
        .client
        .wait_for_approval(&resumed, &mut |_| {})
        .await
        .unwrap();
    let error = stage.client.pending("agt_1").unwrap_err();
    assert!(matches!(
        error,
        ClientError::Caller(CallerError::NotWaiting(_))
    ));
}

#[tokio::test]
async fn the_status_of_another_agent_is_not_taken_for_this_one_s() {
    let stage = Stage::new();
    let mut other = answer("active");
    other["agent_id"] = json!("agt_2");
    stage.on(STATUS, ok(&other));
    let (result, _) = wait(&stage).await;
    assert!(matches!(result, Err(ClientError::BadAnswer { .. })));
}

/// A server that never decides is given up after a day at most, whatever it says about time.
#[tokio::test]
async fn nobody_is_waited_for_without_end() {
    let forever = u64::MAX.to_string();
    let answers = [
        ok(&answer("pending")),
        refusal(429, "rate_limited").header("retry-after", &forever),
        refusal(503, "internal_error").header("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
        refusal(400, "slow_down"),
        outage(),
    ];
    for reply in answers {
        let stage = Stage::new();
        let mut registered = crate::fake::registered("pending");
        registered["approval"]["expires_in"] = json!(u64::MAX);
        registered["approval"]["interval"] = json!(u64::MAX);
        stage.on("POST /agent/register", ok(&registered));
        stage.on(STATUS, reply);
        let request = Connect::new("Helper").with_capability("check_balance", None);
        let Connected::Pending(pending) = stage.client.connect(BANK, request).await.unwrap() else {
            panic!("not pending");
        };
        let before = stage.client.now();
        let result = stage.client.wait_for_approval(&pending, &mut |_| {}).await;
        assert!(matches!(
            result.unwrap_err(),
            ClientError::NotApproved(NotApproved::Expired)
        ));
        let waited = stage.client.now().since(before);
        assert!(waited <= Duration::from_hours(25), "{waited:?}");
        assert!(stage.sent(STATUS).len() <= 25);
    }
}
