//! Requests whose agent ends between the look at their token and what they ask for.

use std::num::NonZeroU32;

use procura_agent_auth::wire::execute::ExecuteRequest;
use procura_service::agent_auth::{caller, execute, request_capability};
use procura_service::{ServiceError, ServiceResult};

use crate::history::START;
use crate::model::Outcome;
use crate::step::{
    Administration, Answer, Approver, Bounds, Claim, Configuration, Signer, Step, Who,
};
use crate::stores;
use crate::world::{Call, World, bearer};

/// An active agent that may call twice.
async fn world() -> World {
    let mut world = World::new(stores::memory(), START, Configuration::default()).await;
    let register = Step::Register {
        client: 0,
        key: 10,
        autonomous: false,
        asks: vec![ECHO],
        inbox: false,
    };
    let answer = Answer::Within(Bounds {
        uses: NonZeroU32::new(2),
        ..Bounds::default()
    });
    let approve = Step::Answer {
        request: 0,
        by: Approver::Passkey(Who::Alice),
        answer,
    };
    for step in [register, approve] {
        play(&mut world, &step).await;
    }
    world
}

async fn play(world: &mut World, step: &Step) {
    let outcome = world.play(step, START).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{step:?}: {outcome:?}");
}

/// The code that a call is refused with when this happens after its token was judged.
async fn call_refused_after(meanwhile: &Step) -> &'static str {
    let mut world = world().await;
    let Some(Call::Execute { token, call }) = world.call(&EXECUTE).await else {
        panic!("a call was sent in another form");
    };
    let admitted = caller::executing_agent(&world.ctx, &bearer(&token)).await;
    play(&mut world, meanwhile).await;
    let request = ExecuteRequest {
        capability: call.capability.to_owned(),
        arguments: Some(call.arguments),
    };
    refusal(execute::execute(&world.ctx, admitted.unwrap(), request, false).await)
}

/// The same for a request for more.
async fn request_refused_after(meanwhile: &Step) -> &'static str {
    let mut world = world().await;
    let ask = Step::Request {
        agent: 0,
        asks: vec![STATEMENT],
        claim: Claim::Absent,
        inbox: false,
    };
    let Some(Call::Request { token, request }) = world.call(&ask).await else {
        panic!("a request was sent in another form");
    };
    let admitted = caller::agent(&world.ctx, &bearer(&token)).await.unwrap();
    play(&mut world, meanwhile).await;
    refusal(request_capability::request_capability(&world.ctx, &admitted, request).await)
}

fn refusal<T>(result: ServiceResult<T>) -> &'static str {
    match result {
        Err(ServiceError::Refused(refusal)) => refusal.code_and_status().0,
        Err(ServiceError::Failed(failure)) => panic!("{failure}"),
        Ok(_) => panic!("it was not refused"),
    }
}

const REVOKE: Step = Step::Revoke {
    agent: 0,
    by: Signer::Own,
};
const REVOKE_HOST: Step = Step::RevokeHost { host: 0 };
const WITHDRAW: Step = Step::Administer(Administration::WithdrawGrant { agent: 0, grant: 0 });
const EXECUTE: Step = Step::Execute {
    agent: 0,
    call: 0,
    claim: Claim::Absent,
};

/// Places in the list of what agents ask for.
const ECHO: u8 = 0;
const STATEMENT: u8 = 8;

/// A grant that ended with its agent is no reason to ask for another one.
#[tokio::test]
async fn a_call_that_finds_no_use_to_take_is_told_what_ended() {
    for (meanwhile, code) in [
        (REVOKE, "agent_revoked"),
        (REVOKE_HOST, "host_revoked"),
        (WITHDRAW, "capability_not_granted"),
    ] {
        assert_eq!(call_refused_after(&meanwhile).await, code);
    }
}

#[tokio::test]
async fn a_late_request_is_told_what_ended() {
    for (meanwhile, code) in [(REVOKE, "agent_revoked"), (REVOKE_HOST, "host_revoked")] {
        assert_eq!(request_refused_after(&meanwhile).await, code);
    }
}
