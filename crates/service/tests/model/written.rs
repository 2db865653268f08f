//! Histories that somebody wrote down, since random ones hardly get there.

use std::num::NonZeroU32;

use crate::history::History;
use crate::step::{Answer, Approver, Bounds, Claim, Configuration, Pause, Signer, Step, Who};
use crate::stores;

async fn play(steps: Vec<Step>) {
    let configuration = Configuration::default();
    let history = History {
        configuration,
        steps,
    };
    history.play(stores::memory()).await.unwrap();
}

fn answer(by: Approver, answer: Answer) -> Step {
    let request = 0;
    Step::Answer {
        request,
        by,
        answer,
    }
}

const ALICE: Approver = Approver::Passkey(Who::Alice);
const MINUTE: i64 = 60 * 1000;
const ECHO: u8 = 0;

fn register() -> Step {
    Step::Register {
        client: 0,
        key: 10,
        autonomous: false,
        asks: vec![ECHO],
        inbox: false,
    }
}

const STATUS: Step = Step::Status {
    agent: 0,
    by: Signer::Own,
};
const EXECUTE: Step = Step::Execute {
    agent: 0,
    call: 0,
    claim: Claim::Absent,
};

#[tokio::test]
async fn an_agent_that_waits_to_go_on_and_asks_again_waits_for_the_new_request() {
    let nobody = Approver::Administrator { link_to: None };
    let reactivate = Step::Reactivate {
        agent: 0,
        by: Signer::Own,
    };
    play(vec![
        register(),
        answer(nobody, Answer::All),
        Step::Wait(Pause::ToAgentsEnd { agent: 0, off: 0 }),
        reactivate,
        Step::Wait(Pause::Millis(4 * MINUTE)),
        register(),
        Step::Wait(Pause::Millis(2 * MINUTE)),
        STATUS,
        answer(ALICE, Answer::All),
        EXECUTE,
    ])
    .await;
}

#[tokio::test]
async fn what_is_used_up_can_be_asked_for_again() {
    let once = Answer::Within(Bounds {
        uses: NonZeroU32::new(1),
        ..Bounds::default()
    });
    let request = Step::Request {
        agent: 0,
        asks: vec![ECHO],
        claim: Claim::Absent,
        inbox: false,
    };
    play(vec![
        register(),
        answer(ALICE, once),
        EXECUTE,
        EXECUTE,
        request,
        answer(ALICE, once),
        EXECUTE,
        EXECUTE,
    ])
    .await;
}
