//! Agents.

use std::sync::Arc;

use procura_agent_auth::agent::{Agent, AgentJwks, AgentState, AgentStatus, Mode};
use procura_agent_auth::host::Host;
use procura_agent_auth::id::AgentId;

use super::samples::{agent, at, host, jwks_url, key, page, user};
use crate::agent_auth::{AgentChange, AgentFilter};
use crate::{Store, StoreError, Transaction};

/// By identifier and by key.
pub async fn an_agent_comes_back_as_it_was_in_every_state(store: &Arc<dyn Store>) {
    let mut agents = every_state(&host(1));
    agents.push(Agent {
        jwks: Some(AgentJwks {
            url: jwks_url(1),
            kid: "2026 \u{1f511}".to_owned(),
        }),
        ..agent(99, &host(1))
    });
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1)], &agents).await;
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    for agent in agents {
        let found = tx.find_agent(&agent.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&agent));
        let found = tx
            .find_agent_by_key(&agent.host_id, &agent.thumbprint())
            .await;
        assert_eq!(found.unwrap(), Some(agent));
    }
}

/// Also when its key is another host's agent's.
pub async fn an_unknown_agent_is_absent(store: &Arc<dyn Store>) {
    let known = agent(1, &host(1));
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[host(1), host(2)],
        std::slice::from_ref(&known),
    )
    .await;
    assert_eq!(tx.find_agent(&agent(2, &host(1)).id).await.unwrap(), None);
    let elsewhere = tx.find_agent_by_key(&host(2).id, &known.thumbprint()).await;
    assert_eq!(elsewhere.unwrap(), None);
}

/// Whatever state the agent is in. Under another host the key is free.
pub async fn a_key_belongs_to_one_agent_of_a_host(store: &Arc<dyn Store>) {
    let revoked = Agent {
        state: agent(1, &host(1)).state.revoked(),
        ..agent(1, &host(1))
    };
    let elsewhere = Agent {
        public_key: key(1),
        ..agent(2, &host(2))
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1), host(2)], &[revoked, elsewhere]).await;
    tx.commit().await.unwrap();

    let same_key = Agent {
        public_key: key(1),
        ..agent(3, &host(1))
    };
    let same_id = Agent {
        public_key: key(3),
        ..agent(1, &host(1))
    };
    for double in [same_key, same_id] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.insert_agent(&double).await;
        assert!(matches!(refused, Err(StoreError::Conflict("agent"))));
    }
}

/// Each filter alone, both and none.
pub async fn agents_are_listed_by_host_and_state_page_by_page(store: &Arc<dyn Store>) {
    let (one, other) = (host(1), host(2));
    let expired = |number, host: &Host| Agent {
        state: AgentState::Expired {
            activated_at: at(0),
        },
        ..agent(number, host)
    };
    let agents = [
        agent(1, &one),
        agent(2, &other),
        expired(3, &one),
        expired(4, &other),
        expired(5, &one),
        agent(6, &one),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one.clone(), other.clone()], &agents).await;

    let cases = [
        (None, None, vec![1, 2, 3, 4, 5, 6]),
        (Some(&one), None, vec![1, 3, 5, 6]),
        (None, Some(AgentStatus::Expired), vec![3, 4, 5]),
        (Some(&one), Some(AgentStatus::Expired), vec![3, 5]),
        (Some(&other), Some(AgentStatus::Revoked), vec![]),
    ];
    for (host, status, expected) in cases {
        let filter = AgentFilter {
            host_id: host.map(|host| host.id.clone()),
            status,
        };
        let expected: Vec<_> = expected.iter().map(|n| agent(*n, &one).id).collect();
        for limit in 1..=7 {
            let listed = pages(tx.as_mut(), &filter, limit).await;
            assert_eq!(listed, expected, "{filter:?} by {limit}");
        }
    }
}

/// The second of two equal changes finds another state, and so does one of an agent that is not
/// there.
pub async fn an_agent_changes_from_the_expected_state_only(store: &Arc<dyn Store>) {
    let waiting = Agent {
        state: AgentState::NEW,
        ..agent(1, &host(1))
    };
    let approve = AgentChange {
        id: waiting.id.clone(),
        from: AgentStatus::Pending,
        to: AgentState::Active {
            activated_at: at(10),
        },
        user_id: Some(user(1)),
        at: at(10),
    };
    let revoke = AgentChange {
        from: AgentStatus::Active,
        to: approve.to.revoked(),
        user_id: None,
        at: at(11),
        ..approve.clone()
    };
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[host(1)],
        &[waiting.clone(), agent(2, &host(1))],
    )
    .await;
    tx.apply_agent(&approve).await.unwrap();
    tx.apply_agent(&revoke).await.unwrap();
    let revoked = Agent {
        state: revoke.to,
        user_id: Some(user(1)),
        updated_at: at(11),
        ..waiting
    };
    assert_eq!(tx.find_agent(&revoked.id).await.unwrap(), Some(revoked));
    let bystander = agent(2, &host(1));
    assert_eq!(tx.find_agent(&bystander.id).await.unwrap(), Some(bystander));
    tx.commit().await.unwrap();

    let of_nobody = AgentChange {
        id: agent(3, &host(1)).id,
        ..approve.clone()
    };
    for impossible in [approve, revoke, of_nobody] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.apply_agent(&impossible).await;
        assert!(matches!(refused, Err(StoreError::Conflict("agent"))));
    }
}

/// The old key then finds nothing, another agent's key is taken unless that agent has another host,
/// and whoever comes second finds that the key has changed.
pub async fn a_new_key_of_an_agent_replaces_the_expected_one(store: &Arc<dyn Store>) {
    let (one, two, elsewhere) = (agent(1, &host(1)), agent(2, &host(1)), agent(3, &host(2)));
    let (id, old) = (one.id.clone(), one.thumbprint());
    let agents = [one.clone(), two.clone(), elsewhere];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1), host(2)], &agents).await;
    let same = tx.rotate_agent_key(&id, &old, &key(1), at(9)).await;
    same.unwrap();
    let new = tx.rotate_agent_key(&id, &old, &key(3), at(10)).await;
    new.unwrap();
    let rotated = Agent {
        public_key: key(3),
        updated_at: at(10),
        ..one
    };
    let found = tx.find_agent_by_key(&host(1).id, &old).await;
    assert_eq!(found.unwrap(), None);
    let found = tx
        .find_agent_by_key(&host(1).id, &rotated.thumbprint())
        .await;
    assert_eq!(found.unwrap(), Some(rotated.clone()));
    assert_eq!(tx.find_agent(&two.id).await.unwrap(), Some(two));
    tx.commit().await.unwrap();

    let unknown = agent(9, &host(1));
    let cases = [
        (&id, old, key(4)),
        (&id, rotated.thumbprint(), key(2)),
        (&unknown.id, unknown.thumbprint(), key(4)),
    ];
    for (id, from, to) in cases {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.rotate_agent_key(id, &from, &to, at(11)).await;
        assert!(matches!(refused, Err(StoreError::Conflict("agent"))));
    }
}

/// Not even within one call, and agents that are not there are skipped.
pub async fn uses_of_agents_never_move_back(store: &Arc<dyn Store>) {
    let (one, two) = (agent(1, &host(1)), agent(2, &host(1)));
    let nobody = agent(3, &host(1)).id;
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1)], &[one.clone(), two.clone()]).await;
    let batch = [
        (one.id.clone(), at(3)),
        (one.id.clone(), at(5)),
        (one.id.clone(), at(4)),
        (nobody, at(9)),
    ];
    tx.touch_agents(&batch).await.unwrap();
    tx.touch_agents(&[(one.id.clone(), at(2)), (two.id.clone(), at(1))])
        .await
        .unwrap();
    tx.touch_agents(&[]).await.unwrap();
    for (agent, last) in [(one, at(5)), (two, at(1))] {
        let used = Agent {
            last_used_at: Some(last),
            ..agent
        };
        assert_eq!(tx.find_agent(&used.id).await.unwrap(), Some(used));
    }
}

/// The size of a batch that many callers share.
pub async fn hundreds_of_uses_are_noted_at_once(store: &Arc<dyn Store>) {
    let agents: Vec<_> = (0..300).map(|number| agent(number, &host(1))).collect();
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1)], &agents).await;
    let batch: Vec<_> = (1u64..)
        .zip(&agents)
        .map(|(second, agent)| (agent.id.clone(), at(second)))
        .collect();
    tx.touch_agents(&batch).await.unwrap();
    let listed = tx
        .list_agents(&AgentFilter::default(), page(None, 1000))
        .await;
    let last: Vec<_> = listed
        .unwrap()
        .into_iter()
        .map(|agent| agent.last_used_at)
        .collect();
    let expected: Vec<_> = (1..=300).map(|second| Some(at(second))).collect();
    assert_eq!(last, expected);
}

/// Delegated agents, those that wait, those that have ended and other hosts' stay as they are
/// (§2.10).
pub async fn claiming_ends_autonomous_agents_that_have_acted(store: &Arc<dyn Store>) {
    let mut agents = every_state(&host(1));
    agents.push(Agent {
        mode: Mode::Delegated,
        ..agent(20, &host(1))
    });
    agents.push(agent(21, &host(2)));
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1), host(2)], &agents).await;
    let claimed = tx.claim_agents_of_host(&host(1).id, &user(9), at(30)).await;
    let mut expected = Vec::new();
    for agent in agents
        .iter_mut()
        .filter(|agent| agent.host_id == host(1).id)
    {
        if let (
            Mode::Autonomous,
            AgentState::Active { activated_at }
            | AgentState::Expired { activated_at }
            | AgentState::Pending {
                activated_at: Some(activated_at),
                ..
            },
        ) = (agent.mode, agent.state)
        {
            agent.state = AgentState::Claimed { activated_at };
            agent.user_id = Some(user(9));
            agent.updated_at = at(30);
            expected.push(agent.id.clone());
        }
    }
    assert_eq!(claimed.unwrap(), expected);
    assert_eq!(all(tx.as_mut()).await, agents);
    let again = tx.claim_agents_of_host(&host(1).id, &user(8), at(31)).await;
    assert_eq!(again.unwrap(), []);
}

/// Those that are younger, have ended, or are another host's stay as they are.
pub async fn revoking_can_keep_to_the_oldest(store: &Arc<dyn Store>) {
    let made = |number: u32, seconds| Agent {
        created_at: at(seconds),
        ..agent(number, &host(1))
    };
    let mut agents = vec![made(1, 10), made(2, 11), made(3, 12), made(4, 10)];
    // One of them waits to go on, and waits no longer.
    agents[1].state = AgentState::Pending {
        activated_at: Some(at(12)),
        until: Some(at(90)),
    };
    agents[3].state = AgentState::Rejected { activated_at: None };
    agents.push(Agent {
        created_at: at(10),
        ..agent(21, &host(2))
    });
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1), host(2)], &agents).await;
    let revoked = tx.revoke_agents_made_by(&host(1).id, at(11), at(30)).await;
    assert_eq!(
        revoked.unwrap(),
        [agents[0].id.clone(), agents[1].id.clone()]
    );
    for agent in &mut agents[..2] {
        agent.state = agent.state.revoked();
        agent.updated_at = at(30);
    }
    assert_eq!(all(tx.as_mut()).await, agents);
}

/// Those that have ended and other hosts' stay as they are.
pub async fn revoking_reaches_every_agent_that_has_not_ended(store: &Arc<dyn Store>) {
    let mut agents = every_state(&host(1));
    agents.push(agent(21, &host(2)));
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[host(1), host(2)], &agents).await;
    let revoked = tx.revoke_agents_of_host(&host(1).id, None, at(30)).await;
    let mut expected = Vec::new();
    for agent in agents
        .iter_mut()
        .filter(|agent| agent.host_id == host(1).id)
    {
        let ended = [
            AgentStatus::Revoked,
            AgentStatus::Rejected,
            AgentStatus::Claimed,
        ];
        if !ended.contains(&agent.state.status()) {
            agent.state = agent.state.revoked();
            agent.updated_at = at(30);
            expected.push(agent.id.clone());
        }
    }
    assert_eq!(revoked.unwrap(), expected);
    assert_eq!(all(tx.as_mut()).await, agents);
}

/// Agents of the other stay as they are.
pub async fn revoking_can_keep_to_one_mode(store: &Arc<dyn Store>) {
    let delegated = Agent {
        mode: Mode::Delegated,
        ..agent(2, &host(1))
    };
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[host(1)],
        &[agent(1, &host(1)), delegated.clone()],
    )
    .await;
    let host = host(1).id;
    let revoked = tx.revoke_agents_of_host(&host, Some(Mode::Delegated), at(30));
    assert_eq!(revoked.await.unwrap(), [delegated.id]);
    let revoked = tx.revoke_agents_of_host(&host, Some(Mode::Delegated), at(31));
    assert_eq!(revoked.await.unwrap(), []);
    let states: Vec<_> = all(tx.as_mut())
        .await
        .iter()
        .map(|agent| agent.state.status())
        .collect();
    assert_eq!(states, [AgentStatus::Active, AgentStatus::Revoked]);
}

/// At the latest when it is committed.
pub async fn an_agent_needs_its_host(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_agent(&agent(1, &host(1))).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));

    let mut tx = store.begin().await.unwrap();
    tx.insert_agent(&agent(1, &host(1))).await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.commit().await.unwrap();
}

/// One agent in each state and, where a state may lack it, with and without a start.
fn every_state(host: &Host) -> Vec<Agent> {
    let mut agents = Vec::new();
    let resuming = AgentState::Pending {
        activated_at: Some(at(4)),
        until: Some(at(90)),
    };
    agents.push(Agent {
        state: resuming,
        ..agent(0, host)
    });
    for status in AgentStatus::ALL {
        for activated_at in [Some(at(4)), None] {
            if let Some(state) = AgentState::from_parts(status, activated_at) {
                let number = u32::try_from(agents.len()).unwrap();
                agents.push(Agent {
                    state,
                    user_id: activated_at.map(|_| user(1)),
                    last_used_at: activated_at,
                    ..agent(number, host)
                });
            }
        }
    }
    agents
}

async fn insert(tx: &mut dyn Transaction, hosts: &[Host], agents: &[Agent]) {
    for host in hosts {
        tx.insert_host(host).await.unwrap();
    }
    for agent in agents {
        tx.insert_agent(agent).await.unwrap();
    }
}

async fn all(tx: &mut dyn Transaction) -> Vec<Agent> {
    let agents = tx
        .list_agents(&AgentFilter::default(), page(None, 1000))
        .await;
    agents.unwrap()
}

async fn pages(tx: &mut dyn Transaction, filter: &AgentFilter, limit: u32) -> Vec<AgentId> {
    let mut listed: Vec<AgentId> = Vec::new();
    loop {
        let rows = tx
            .list_agents(filter, page(listed.last().cloned(), limit))
            .await
            .unwrap();
        if rows.is_empty() {
            return listed;
        }
        assert!(rows.len() <= usize::try_from(limit).unwrap());
        for agent in rows {
            assert!(!listed.contains(&agent.id), "{} is listed twice", agent.id);
            listed.push(agent.id);
        }
    }
}
