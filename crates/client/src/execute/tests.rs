use std::time::Duration;

use http::HeaderMap;
use procura_keys::clock::{Clock as _, Timestamp};
use serde_json::json;

use super::*;
use crate::error::CallerError;
use crate::fake::{BANK, Reply, Stage, bank, events, ok, outage, refusal};
use crate::provider::ProviderDefect;

const EXECUTE: &str = "POST /capability/execute";
const DESCRIBE: &str = "GET /capability/describe";
const JOB: &str = "GET /jobs/1";

/// A connected agent at a bank that describes `check_balance`.
async fn stage() -> Stage {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(
        DESCRIBE,
        ok(&json!({ "name": "check_balance", "description": "Check" })),
    );
    stage
}

fn arguments() -> Option<Map<String, Value>> {
    json!({ "account_id": "acc_1" }).as_object().cloned()
}

async fn run(stage: &Stage) -> Result<Executed, ClientError> {
    stage
        .client
        .execute("agt_1", "check_balance", arguments())
        .await
}

fn pending() -> Reply {
    let body = json!({ "status": "pending", "status_url": "https://bank.example/jobs/1" });
    Reply::Answer(202, HeaderMap::new(), body.to_string())
}

// AA-2.12-03, AA-2.15-01, AA-2.15-02, AA-4.3-05, AA-6.10-01, AA-6.10-02
#[tokio::test]
async fn a_call_goes_to_the_default_location_with_a_token_for_it_and_nothing_else() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": { "balance": 7 } })));
    let done = run(&stage).await.unwrap();
    assert_eq!(done, Executed::Result(json!({ "balance": 7 })));
    let sent = &stage.sent(EXECUTE)[0];
    assert_eq!(sent.url.as_str(), "https://bank.example/capability/execute");
    assert_eq!(sent.typ.as_deref(), Some("agent+jwt"));
    assert_eq!(
        sent.claims["aud"],
        "https://bank.example/capability/execute"
    );
    assert_eq!(sent.claims["sub"], "agt_1");
    assert_eq!(sent.claims["capabilities"], json!(["check_balance"]));
    assert_eq!(
        sent.body,
        json!({ "capability": "check_balance", "arguments": { "account_id": "acc_1" } })
    );
}

// AA-2.15-01, AA-2.15-06, AA-4.3-05
#[tokio::test]
async fn a_location_of_its_own_changes_the_url_and_the_audience_only() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": 1 })));
    run(&stage).await.unwrap();
    let elsewhere = "https://api.bank.example/run";
    let described = json!({ "name": "check_balance", "description": "d", "location": elsewhere });
    stage.now_on(DESCRIBE, ok(&described));
    stage.clock.turn(Duration::from_hours(1));
    stage.on("POST /run", ok(&json!({ "data": 2 })));
    run(&stage).await.unwrap();
    let (default, own) = (&stage.sent(EXECUTE)[0], &stage.sent("POST /run")[0]);
    assert_eq!(own.url.as_str(), elsewhere);
    assert_eq!(own.claims["aud"], elsewhere);
    assert_eq!(own.body, default.body);
    let names = |headers: &HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&own.headers), names(&default.headers));
}

// AA-4.3-06
#[tokio::test]
async fn a_location_is_looked_up_as_the_agent_and_kept_for_a_while() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": 1 })));
    run(&stage).await.unwrap();
    run(&stage).await.unwrap();
    let lookups = stage.sent(DESCRIBE);
    assert_eq!(lookups.len(), 1);
    assert_eq!(lookups[0].url.query(), Some("name=check_balance"));
    assert_eq!(lookups[0].typ.as_deref(), Some("agent+jwt"));
    assert_eq!(lookups[0].claims["aud"], BANK);
    stage.clock.turn(Duration::from_mins(5));
    run(&stage).await.unwrap();
    assert_eq!(stage.sent(DESCRIBE).len(), 2);
}

// AA-2.14-01
#[tokio::test]
async fn names_are_sent_and_looked_up_as_they_are() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": 1 })));
    for name in ["Check_Balance", "check_balance", "check_balance/v2"] {
        stage.client.execute("agt_1", name, None).await.unwrap();
    }
    let sent: Vec<_> = stage.sent(EXECUTE).into_iter().map(|it| it.body).collect();
    let sent = sent.iter().map(|body| body["capability"].as_str().unwrap());
    assert_eq!(
        sent.collect::<Vec<_>>(),
        ["Check_Balance", "check_balance", "check_balance/v2"]
    );
    assert_eq!(stage.sent(DESCRIBE).len(), 3);
}

// AA-5.2.1-03
#[tokio::test]
async fn a_capability_without_arguments_is_called_without_any() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": [] })));
    stage
        .client
        .execute("agt_1", "list_accounts", None)
        .await
        .unwrap();
    assert_eq!(
        stage.sent(EXECUTE)[0].body,
        json!({ "capability": "list_accounts" })
    );
}

#[tokio::test]
async fn a_refusal_keeps_its_code_status_and_data() {
    let stage = stage().await;
    let body = json!({
        "error": "constraint_violated",
        "message": "Too much.",
        "violations": [{ "field": "amount", "constraint": { "max": 1000 }, "actual": 5000 }],
    });
    stage.on(
        EXECUTE,
        Reply::Answer(403, HeaderMap::new(), body.to_string()),
    );
    let error = run(&stage).await.unwrap_err();
    let refused = error.refused().unwrap();
    assert!(refused.is("constraint_violated"));
    assert_eq!(
        (refused.status, refused.message.as_str()),
        (403, "Too much.")
    );
    assert_eq!(refused.details["violations"][0]["actual"], 5000);
    assert_eq!(stage.sent(EXECUTE).len(), 1);
}

// AA-5.13-16
#[tokio::test]
async fn a_refused_token_is_replaced_once_by_the_server_s_clock() {
    let stage = stage().await;
    let late = refusal(401, "invalid_jwt").header("date", "Mon, 02 Feb 2026 03:00:00 GMT");
    stage
        .on(EXECUTE, late)
        .on(EXECUTE, ok(&json!({ "data": 1 })));
    run(&stage).await.unwrap();
    let sent = stage.sent(EXECUTE);
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0].claims["jti"], sent[1].claims["jti"]);
    assert_eq!(
        sent[0].claims["iat"],
        json!(stage.clock.now().as_seconds() - 5)
    );
    let server = 1_770_001_200;
    assert_eq!(sent[1].claims["iat"], json!(server - 5));
    // What was learned serves the next call, too.
    run(&stage).await.unwrap();
    assert_eq!(stage.sent(EXECUTE)[2].claims["iat"], json!(server - 5));
}

// AA-5.13-16
#[tokio::test]
async fn a_token_refused_twice_is_an_error() {
    let stage = stage().await;
    stage.on(EXECUTE, refusal(401, "invalid_jwt"));
    assert!(
        run(&stage)
            .await
            .unwrap_err()
            .refused()
            .unwrap()
            .is("invalid_jwt")
    );
    // The last one says nothing of the host, as some servers want it.
    assert_eq!(stage.sent(EXECUTE).len(), 3);
}

#[tokio::test]
async fn nothing_but_a_refused_token_is_sent_again() {
    let replies = [
        outage(),
        refusal(500, "internal_error"),
        refusal(429, "rate_limited"),
        refusal(409, "already_granted"),
        refusal(401, "authentication_required"),
        Reply::Answer(307, HeaderMap::new(), String::new()),
        ok(&json!({ "strange": true })),
    ];
    for reply in replies {
        let stage = stage().await;
        stage.on(EXECUTE, reply);
        assert!(run(&stage).await.is_err());
        assert_eq!(stage.sent(EXECUTE).len(), 1);
    }
}

// AA-5.13-16, AA-6.5-03
#[tokio::test]
async fn an_ended_agent_is_remembered_as_ended() {
    let ends = [
        ("agent_expired", "expired"),
        ("agent_revoked", "revoked"),
        ("absolute_lifetime_exceeded", "revoked"),
        ("agent_claimed", "claimed"),
    ];
    for (code, status) in ends {
        let stage = stage().await;
        stage.on(EXECUTE, refusal(403, code));
        run(&stage).await.unwrap_err();
        assert_eq!(
            stage.client.profile().connection("agt_1").unwrap().status,
            status
        );
        let refused = stage.client.sign_jwt("agt_1", None, None);
        let expected = CallerError::NotActive(status.to_owned());
        assert!(matches!(refused, Err(ClientError::Caller(error)) if error == expected));
    }
}

// AA-5.2.1-06, AA-10.6-04
#[tokio::test]
async fn an_invalid_request_comes_with_the_schema_as_it_is_now() {
    let stage = stage().await;
    stage.on(EXECUTE, refusal(400, "invalid_request"));
    let schema = json!({ "type": "object", "required": ["account"] });
    let described = json!({ "name": "check_balance", "description": "d", "input": schema });
    stage.on(DESCRIBE, ok(&described));
    let error = run(&stage).await.unwrap_err();
    assert_eq!(error.refused().unwrap().hint, Some(Hint::Input(schema)));
    // The location is looked up again, too.
    run(&stage).await.unwrap_err();
    assert_eq!(stage.sent(DESCRIBE).len(), 4);
}

// AA-10.6-04
#[tokio::test]
async fn an_unknown_capability_comes_with_those_that_are_known() {
    let stage = stage().await;
    stage.now_on(DESCRIBE, refusal(404, "capability_not_found"));
    stage.on(EXECUTE, refusal(404, "capability_not_found"));
    let listed = json!({ "capabilities": [{ "name": "pay", "description": "Pay", "grant_status": "granted" }] });
    stage.on("GET /capability/list", ok(&listed));
    let error = run(&stage).await.unwrap_err();
    let pay = vec!["pay".to_owned()];
    assert_eq!(error.refused().unwrap().hint, Some(Hint::Available(pay)));
}

// AA-10.6-03
#[tokio::test]
async fn what_one_agent_learned_of_a_location_is_not_used_for_another() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": 1 })));
    run(&stage).await.unwrap();
    let mut other = crate::fake::registered("active");
    other["agent_id"] = json!("agt_2");
    stage.now_on("POST /agent/register", ok(&other));
    stage
        .client
        .connect(BANK, crate::Connect::new("Other"))
        .await
        .unwrap();
    stage
        .client
        .execute("agt_2", "check_balance", None)
        .await
        .unwrap();
    let lookups = stage.sent(DESCRIBE);
    assert_eq!(
        (&lookups[0].claims["sub"], &lookups[1].claims["sub"]),
        (&json!("agt_1"), &json!("agt_2"))
    );
}

// AA-5.11-11, AA-5.11-14, AA-6.10-03
#[tokio::test]
async fn a_job_is_asked_for_less_and_less_often_with_fresh_tokens() {
    let stage = stage().await;
    stage.on(EXECUTE, pending());
    for _ in 0..3 {
        stage.on(JOB, pending());
    }
    stage.on(JOB, ok(&json!({ "status": "completed", "result": [1] })));
    assert_eq!(run(&stage).await.unwrap().into_value(), json!([1]));
    let polls = stage.sent(JOB);
    let start = stage.sent(EXECUTE)[0].at;
    let seconds = |at: Timestamp| at.since(start).as_secs();
    let times: Vec<_> = polls.iter().map(|it| seconds(it.at)).collect();
    assert_eq!(times, [1, 3, 7, 15]);
    let mut names: Vec<_> = polls
        .iter()
        .map(|it| it.claims["jti"].to_string())
        .collect();
    names.dedup();
    assert_eq!(names.len(), 4);
    for poll in &polls {
        assert_eq!(poll.typ.as_deref(), Some("agent+jwt"));
        assert_eq!(
            poll.claims["aud"],
            "https://bank.example/capability/execute"
        );
    }
}

// AA-5.11-14, AA-8.13-05
#[tokio::test]
async fn a_server_sets_the_pace_of_the_questions_for_a_job() {
    let stage = stage().await;
    stage.on(EXECUTE, pending().header("retry-after", "10"));
    stage.on(
        JOB,
        refusal(429, "rate_limited").header("retry-after", "40"),
    );
    stage.on(JOB, ok(&json!({ "status": "completed", "result": 1 })));
    run(&stage).await.unwrap();
    let start = stage.sent(EXECUTE)[0].at;
    let times = stage
        .sent(JOB)
        .into_iter()
        .map(|it| it.at.since(start).as_secs());
    assert_eq!(times.collect::<Vec<_>>(), [10, 50]);
}

#[tokio::test]
async fn a_job_that_fails_is_a_refusal_and_one_that_never_ends_is_left() {
    let stage = stage().await;
    stage.on(EXECUTE, pending());
    let failed = json!({ "status": "failed", "error": { "error": "broke", "message": "Sorry" } });
    stage.on(JOB, ok(&failed));
    assert!(
        run(&stage)
            .await
            .unwrap_err()
            .refused()
            .unwrap()
            .is("broke")
    );
    stage.now_on(JOB, pending());
    let error = run(&stage).await.unwrap_err();
    assert!(
        matches!(error, ClientError::JobStillRunning { waited, .. } if waited >= Duration::from_mins(10))
    );
}

// AA-8.12-13, AA-8.12-14, AA-8.12-16
#[tokio::test]
async fn a_job_elsewhere_is_not_asked_for() {
    for url in [
        "https://evil.example/jobs/1",
        "https://bank.example:8443/jobs/1",
        "http://bank.example/jobs/1",
        "http://127.0.0.1/jobs/1",
        "https://127.0.0.1/jobs/1",
        "https://10.0.0.1/jobs/1",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/jobs/1",
        "https://localhost/jobs/1",
        "/jobs/1",
    ] {
        let stage = stage().await;
        let body = json!({ "status": "pending", "status_url": url });
        stage.on(
            EXECUTE,
            Reply::Answer(202, HeaderMap::new(), body.to_string()),
        );
        assert!(
            matches!(run(&stage).await, Err(ClientError::BadAnswer { .. })),
            "{url}"
        );
        assert!(stage.sent(JOB).is_empty());
    }
}

// AA-5.11-21, AA-5.11-22, AA-5.11-24
#[tokio::test]
async fn a_stream_is_handed_on_until_it_says_that_it_is_done() {
    let stage = stage().await;
    let body = "data: 1\n\nevent: data\ndata: 2\n\nevent: mood\ndata: x\n\nevent: done\ndata: {\"n\":2}\n\ndata: 3\n\n";
    stage.on(EXECUTE, events(body));
    let mut heard = Vec::new();
    let mut listener = |chunk: &Value| heard.push(chunk.clone());
    let done = stage
        .client
        .execute_streaming("agt_1", "watch", None, &mut listener)
        .await
        .unwrap();
    assert_eq!(heard, [json!(1), json!(2)]);
    assert_eq!(
        done,
        Executed::Stream {
            chunks: heard,
            last: Some(json!({ "n": 2 }))
        }
    );
    assert_eq!(
        run(&stage).await.unwrap().into_value(),
        json!([1, 2, { "n": 2 }])
    );
}

// AA-5.11-23
#[tokio::test]
async fn a_stream_that_breaks_off_or_fails_is_an_error() {
    let stage = stage().await;
    stage.on(EXECUTE, events("data: 1\n\n"));
    let error = run(&stage).await.unwrap_err();
    assert!(
        error.to_string().contains("broke off after 1 chunks"),
        "{error}"
    );
    let failed =
        "data: 1\n\nevent: error\ndata: {\"error\":\"agent_revoked\",\"message\":\"m\"}\n\n";
    stage.now_on(EXECUTE, events(failed));
    assert!(
        run(&stage)
            .await
            .unwrap_err()
            .refused()
            .unwrap()
            .is("agent_revoked")
    );
    stage.now_on(EXECUTE, events("data: no json\n\n"));
    assert!(matches!(
        run(&stage).await,
        Err(ClientError::BadAnswer { .. })
    ));
}

#[tokio::test]
async fn a_location_that_is_not_https_is_not_called() {
    let stage = stage().await;
    let described = json!({ "name": "check_balance", "description": "d", "location": "http://127.0.0.1:1/run" });
    stage.now_on(DESCRIBE, ok(&described));
    let error = run(&stage).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::BadProvider {
            defect: ProviderDefect::BadLocation { .. },
            ..
        }
    ));
}

// AA-5.1-06
#[tokio::test]
async fn without_a_default_location_the_execute_endpoint_is_it() {
    let stage = Stage::new();
    let mut document = bank();
    document.as_object_mut().unwrap().remove("default_location");
    document["endpoints"] = json!({ "execute": "/run" });
    stage.now_on("GET /.well-known/agent-configuration", ok(&document));
    stage.connected().await;
    stage.on(DESCRIBE, refusal(404, "capability_not_found"));
    stage.on("POST /run", ok(&json!({ "data": 1 })));
    run(&stage).await.unwrap();
    assert_eq!(
        stage.sent("POST /run")[0].claims["aud"],
        "https://bank.example/run"
    );
}

// AA-2.2-07
#[tokio::test]
async fn calls_at_the_same_time_have_tokens_of_their_own() {
    let stage = stage().await;
    stage.on(EXECUTE, ok(&json!({ "data": 1 })));
    let calls = (0..20).map(|_| run(&stage));
    for result in futures_util::future::join_all(calls).await {
        result.unwrap();
    }
    let sent = stage.sent(EXECUTE);
    let names: std::collections::BTreeSet<_> =
        sent.iter().map(|it| it.claims["jti"].to_string()).collect();
    assert_eq!(names.len(), 20);
}

// AA-2.13-08
#[tokio::test]
async fn nothing_is_sent_under_a_grant_that_is_wider_than_what_was_asked_for() {
    let stage = Stage::new();
    let mut answer = crate::fake::registered("active");
    let limits = json!({ "amount": { "max": 9000 } });
    answer["agent_capability_grants"] = json!([
        { "capability": "check_balance", "status": "active", "constraints": limits },
        { "capability": "transfer", "status": "active", "constraints": limits },
    ]);
    stage.on("POST /agent/register", ok(&answer));
    stage.on(DESCRIBE, ok(&json!({ "name": "x", "description": "d" })));
    stage.on(EXECUTE, ok(&json!({ "data": 1 })));
    let narrow = || Some(json!({ "amount": { "max": 10 } }));
    let request = crate::Connect::new("Helper")
        .with_capability("check_balance", narrow())
        .with_capability("transfer", Some(limits));
    let client = &stage.client;
    client.connect(BANK, request).await.unwrap();

    let is_refused = |error: ClientError| matches!(error, ClientError::WiderGrant(it) if it.capability == "check_balance");
    assert!(is_refused(run(&stage).await.unwrap_err()));
    assert!(is_refused(
        client.sign_jwt("agt_1", None, None).err().unwrap()
    ));
    let names = ["check_balance".to_owned()];
    let signed = client.sign_jwt("agt_1", None, Some(&names));
    assert!(is_refused(signed.err().unwrap()));
    assert!(stage.sent(EXECUTE).is_empty());
    client.execute("agt_1", "transfer", None).await.unwrap();
    let names = ["transfer".to_owned()];
    client.sign_jwt("agt_1", None, Some(&names)).unwrap();
}

#[tokio::test]
async fn a_clock_that_cannot_be_is_not_believed() {
    let stage = stage().await;
    for date in [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Tue, 03 Feb 2026 02:40:01 GMT",
        "yesterday",
    ] {
        stage.now_on(EXECUTE, refusal(401, "invalid_jwt").header("date", date));
        run(&stage).await.unwrap_err();
    }
    let sent = stage.sent(EXECUTE);
    assert_eq!(sent.len(), 12);
    let now = stage.clock.now().as_seconds();
    for it in sent {
        assert_eq!(it.claims["iat"], json!(now - 5));
        assert_eq!(it.claims["exp"], json!(now + 55));
    }
}

/// However long a server wants to be left alone, the waiting ends when it was said to.
#[tokio::test]
async fn a_job_is_not_waited_for_longer_than_was_said() {
    let stage = stage().await;
    stage.on(
        EXECUTE,
        pending().header("retry-after", "18446744073709551615"),
    );
    stage.on(JOB, pending());
    let before = stage.clock.now();
    let error = run(&stage).await.unwrap_err();
    assert!(
        matches!(error, ClientError::JobStillRunning { .. }),
        "{error}"
    );
    let waited = stage.clock.now().since(before);
    assert_eq!(waited, Duration::from_mins(10));
    assert!(stage.sent(JOB).is_empty());
}
