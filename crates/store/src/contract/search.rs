//! Finding records among many.

use std::sync::Arc;

use procura_agent_auth::agent::{Agent, AgentState, AgentStatus, Mode};
use procura_agent_auth::grant::GrantState;
use procura_agent_auth::host::{Host, HostStatus};
use procura_people::person::Person;

use super::samples::{agent, at, entry, grant, host, page, person, user};
use crate::audit::{AuditEntry, AuditRecord};
use crate::search::{AgentSearch, AuditSearch, HostSearch};
use crate::{Store, Transaction};

/// Each page goes on where the one before ended.
pub async fn agents_are_found_newest_first(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let agents = insert_agents(tx.as_mut()).await;
    let everything = AgentSearch::default();
    let first = tx.search_agents(&everything, page(None, 2)).await.unwrap();
    assert_eq!(first, [agents[3].clone(), agents[2].clone()]);
    let next = page(Some(agents[2].id.clone()), 9);
    let second = tx.search_agents(&everything, next).await.unwrap();
    assert_eq!(second, [agents[1].clone(), agents[0].clone()]);
}

/// One condition or several, in any combination.
pub async fn agents_are_found_by_what_they_are(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let agents = insert_agents(tx.as_mut()).await;
    let by_host = AgentSearch {
        host_id: Some(agents[0].host_id.clone()),
        ..AgentSearch::default()
    };
    let by_user = AgentSearch {
        user_id: Some(user(1)),
        ..AgentSearch::default()
    };
    let by_status = AgentSearch {
        status: Some(AgentStatus::Active),
        ..AgentSearch::default()
    };
    let by_mode = AgentSearch {
        mode: Some(Mode::Delegated),
        ..AgentSearch::default()
    };
    let cases = [
        (by_host.clone(), vec![1, 0]),
        (by_user.clone(), vec![2, 0]),
        (by_status.clone(), vec![3, 1, 0]),
        (by_mode.clone(), vec![2, 0]),
        (
            AgentSearch {
                status: by_status.status,
                ..by_user.clone()
            },
            vec![0],
        ),
        (
            AgentSearch {
                mode: Some(Mode::Autonomous),
                ..by_host.clone()
            },
            vec![1],
        ),
        (
            AgentSearch {
                user_id: by_user.user_id,
                status: Some(AgentStatus::Revoked),
                ..by_host
            },
            vec![],
        ),
        (
            AgentSearch {
                mode: by_mode.mode,
                ..by_status
            },
            vec![0],
        ),
    ];
    for (search, expected) in cases {
        let found = tx.search_agents(&search, page(None, 9)).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|at| agents[at].clone()).collect();
        assert_eq!(found, expected, "{search:?}");
    }
}

/// In the order of their names, page by page, also where names are the same.
pub async fn agents_are_found_by_how_their_names_begin(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let host = host(1);
    tx.insert_host(&host).await.unwrap();
    let written = [
        "mail",
        "Mailer",
        "mail",
        "Maple",
        "nail",
        "MAIL",
        "100%_\u{e9}",
    ];
    let mut agents = Vec::new();
    for (number, name) in (1..).zip(written) {
        let one = Agent {
            name: name.to_owned(),
            ..agent(number, &host)
        };
        tx.insert_agent(&one).await.unwrap();
        agents.push(one);
    }
    let order: [(&str, &[usize]); 6] = [
        ("Mail", &[0, 2, 5, 1]),
        ("ma", &[0, 2, 5, 1, 3]),
        ("maile", &[1]),
        ("100%_\u{e9}", &[6]),
        ("%", &[]),
        ("x", &[]),
    ];
    for (prefix, expected) in order {
        let search = AgentSearch {
            name: Some(prefix.to_owned()),
            ..AgentSearch::default()
        };
        let mut found = Vec::new();
        loop {
            let after = found.last().map(|agent: &Agent| agent.id.clone());
            let more = tx.search_agents(&search, page(after, 2)).await.unwrap();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        let expected: Vec<_> = expected.iter().map(|at| agents[*at].clone()).collect();
        assert_eq!(found, expected, "{prefix}");
    }
    let both = AgentSearch {
        name: Some("ma".to_owned()),
        status: Some(AgentStatus::Revoked),
        ..AgentSearch::default()
    };
    assert_eq!(tx.search_agents(&both, page(None, 9)).await.unwrap(), []);
}

/// By state, by person and by name.
pub async fn hosts_are_found(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let named = |number, name: Option<&str>| Host {
        name: name.map(str::to_owned),
        ..host(number)
    };
    let hosts = [
        named(1, Some("Laptop")),
        Host {
            user_id: Some(user(1)),
            status: HostStatus::Revoked,
            ..named(2, Some("lab"))
        },
        Host {
            user_id: Some(user(1)),
            ..named(3, None)
        },
    ];
    for host in &hosts {
        tx.insert_host(host).await.unwrap();
    }
    let everything = HostSearch::default();
    let of_user = HostSearch {
        user_id: Some(user(1)),
        ..HostSearch::default()
    };
    let active = HostSearch {
        status: Some(HostStatus::Active),
        ..HostSearch::default()
    };
    let by_name = HostSearch {
        name: Some("LA".to_owned()),
        ..HostSearch::default()
    };
    let cases = [
        (everything.clone(), vec![2, 1, 0]),
        (of_user.clone(), vec![2, 1]),
        (active.clone(), vec![2, 0]),
        (by_name.clone(), vec![1, 0]),
        (
            HostSearch {
                status: active.status,
                ..of_user.clone()
            },
            vec![2],
        ),
        (
            HostSearch {
                status: active.status,
                ..by_name.clone()
            },
            vec![0],
        ),
        (
            HostSearch {
                user_id: of_user.user_id,
                ..by_name.clone()
            },
            vec![1],
        ),
    ];
    for (search, expected) in cases {
        let found = tx.search_hosts(&search, page(None, 9)).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|at| hosts[at].clone()).collect();
        assert_eq!(found, expected, "{search:?}");
    }
    for (search, after, next) in [(everything, 2, 1), (by_name, 1, 0)] {
        let after = page(Some(hosts[after].id.clone()), 1);
        let found = tx.search_hosts(&search, after).await.unwrap();
        assert_eq!(found, [hosts[next].clone()]);
    }
}

/// In the order of their addresses, whenever they were added.
pub async fn persons_are_found_by_how_their_addresses_begin(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let mut people = Vec::new();
    for (number, email) in (1..).zip(["bob@a.example", "alice@a.example", "alan@b.example"]) {
        let person = Person {
            email: email.parse().unwrap(),
            ..person(number)
        };
        tx.insert_person(&person).await.unwrap();
        people.push(person);
    }
    let found = tx.search_persons("al", page(None, 9)).await.unwrap();
    assert_eq!(found, [people[2].clone(), people[1].clone()]);
    let first = tx.search_persons("", page(None, 1)).await.unwrap();
    assert_eq!(first, [people[2].clone()]);
    let next = page(Some(people[2].email.clone()), 9);
    let rest = tx.search_persons("", next).await.unwrap();
    assert_eq!(rest, [people[1].clone(), people[0].clone()]);
    assert_eq!(tx.search_persons("%", page(None, 9)).await.unwrap(), []);
}

/// Those of active grants only.
pub async fn holders_of_a_capability_are_listed_newest_first(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    let host = host(1);
    tx.insert_host(&host).await.unwrap();
    let agents = [agent(1, &host), agent(2, &host), agent(3, &host)];
    let mut grants = Vec::new();
    for (number, agent) in (1..).zip(&agents) {
        tx.insert_agent(agent).await.unwrap();
        grants.push(grant(number, agent, "echo"));
    }
    grants[1].state = GrantState::Revoked;
    grants.push(grant(4, &agents[0], "other"));
    for grant in &grants {
        tx.insert_grant(grant).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let echo = "echo".parse().unwrap();
    let holders = tx.list_holders(&echo, page(None, 9)).await.unwrap();
    assert_eq!(holders, [grants[2].clone(), grants[0].clone()]);
    let next = page(Some(grants[2].id.clone()), 9);
    let holders = tx.list_holders(&echo, next).await.unwrap();
    assert_eq!(holders, [grants[0].clone()]);
}

/// Newest first, at the given places only.
pub async fn records_are_found_by_what_they_are_about(store: &Arc<dyn Store>) {
    let text = |text: &str| Some(text.to_owned());
    let entries = vec![
        entry(1),
        AuditEntry {
            user_id: text("usr_1"),
            agent_id: text("agt_1"),
            host_id: text("hst_1"),
            capability: text("echo"),
            ..entry(2)
        },
        AuditEntry {
            user_id: text("usr_1"),
            agent_id: text("agt_2"),
            outcome: "refused".to_owned(),
            ..entry(3)
        },
        AuditEntry {
            event: "host.linked".to_owned(),
            user_id: text("usr_1"),
            host_id: text("hst_1"),
            ..entry(4)
        },
        AuditEntry {
            agent_id: text("agt_1\u{0}"),
            capability: text("\\0"),
            ..entry(5)
        },
    ];
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(entries).await.unwrap();
    let search = |change: fn(&mut AuditSearch)| {
        let mut search = AuditSearch::default();
        change(&mut search);
        search
    };
    let cases: [(AuditSearch, &[i64]); 9] = [
        (AuditSearch::default(), &[5, 4, 3, 2, 1]),
        (search(|it| it.user_id = Some("usr_1".into())), &[4, 3, 2]),
        (search(|it| it.agent_id = Some("agt_1".into())), &[2]),
        (search(|it| it.host_id = Some("hst_1".into())), &[4, 2]),
        (search(|it| it.event = Some("host.linked".into())), &[4]),
        (search(|it| it.outcome = Some("refused".into())), &[3]),
        (search(|it| it.capability = Some("\\0".into())), &[5]),
        (
            search(|it| {
                it.user_id = Some("usr_1".into());
                it.outcome = Some("ok".into());
            }),
            &[4, 2],
        ),
        (
            search(|it| {
                it.agent_id = Some("agt_1".into());
                it.user_id = Some("usr_2".into());
            }),
            &[],
        ),
    ];
    let (start, end) = (6, 1);
    for (search, expected) in cases {
        let found = tx.search_audit(&search, 1..6, 9).await.unwrap();
        assert_eq!(places(&found), expected, "{search:?}");
        let middle = tx.search_audit(&search, 2..4, 9).await.unwrap();
        let inside = expected.iter().copied().filter(|at| (2..4).contains(at));
        assert_eq!(places(&middle), inside.collect::<Vec<_>>(), "{search:?}");
        let nowhere = tx.search_audit(&search, start..end, 9).await.unwrap();
        assert_eq!(nowhere, []);
        let one = tx.search_audit(&search, 1..6, 1).await.unwrap();
        assert_eq!(places(&one), expected[..expected.len().min(1)]);
    }
}

fn places(records: &[AuditRecord]) -> Vec<i64> {
    records.iter().map(|record| record.sequence).collect()
}

/// Two of one host and two of another; two that act for a person, of which one has ended.
async fn insert_agents(tx: &mut dyn Transaction) -> Vec<Agent> {
    let hosts = [host(1), host(2)];
    for host in &hosts {
        tx.insert_host(host).await.unwrap();
    }
    let delegated = |agent: Agent| Agent {
        mode: Mode::Delegated,
        user_id: Some(user(1)),
        ..agent
    };
    let agents = vec![
        delegated(agent(1, &hosts[0])),
        agent(2, &hosts[0]),
        Agent {
            state: AgentState::Revoked {
                activated_at: Some(at(0)),
            },
            ..delegated(agent(3, &hosts[1]))
        },
        agent(4, &hosts[1]),
    ];
    for agent in &agents {
        tx.insert_agent(agent).await.unwrap();
    }
    agents
}
