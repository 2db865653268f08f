use proptest::prelude::*;

use super::*;
use crate::audit::AuditEntry;

fn entry(n: i64) -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_millis(n),
        event: "agent.registered".into(),
        actor: "host:h".into(),
        user_id: None,
        host_id: Some("h".into()),
        agent_id: Some(format!("a{n}")),
        capability: None,
        outcome: "ok".into(),
        jti: None,
        detail: json!({}),
    }
}

fn append(log: &mut Vec<AuditRecord>, entry: AuditEntry) {
    let last = log.last().map(|record| (record.sequence, record.hash));
    log.push(AuditRecord::following(last, entry, &[7; 32]));
}

fn log() -> Vec<AuditRecord> {
    let mut log = Vec::new();
    for n in 1..=4 {
        append(&mut log, entry(n));
    }
    log
}

fn about(event: &str, detail: Value) -> AuditEntry {
    AuditEntry {
        event: event.into(),
        detail,
        ..entry(9)
    }
}

fn check(log: &[AuditRecord]) -> Result<CheckedLog, ChainBreak> {
    let mut check = ChainCheck::default();
    log.iter().try_for_each(|record| check.add(record))?;
    check.finish()
}

#[test]
fn a_change_a_drop_and_a_swap_are_found() {
    assert_eq!(check(&log()).unwrap().records, 4);
    let gap = ChainBreak::Gap {
        expected: 2,
        found: 3,
    };
    let mut changed = log();
    changed[1].outcome = "agent_revoked".into();
    assert_eq!(check(&changed), Err(ChainBreak::Changed(2)));
    let mut changed = log();
    changed[1].activity.as_mut().unwrap().agent_id = None;
    assert_eq!(check(&changed), Err(ChainBreak::Changed(2)));
    let mut dropped = log();
    dropped.remove(1);
    assert_eq!(check(&dropped), Err(gap));
    let mut swapped = log();
    swapped.swap(1, 2);
    assert_eq!(check(&swapped), Err(gap));
}

#[test]
fn a_record_made_anew_does_not_fit_the_ones_after() {
    let mut forged = log();
    let mut entry = forged[1].entry().unwrap();
    entry.agent_id = Some("other".into());
    forged[1] = AuditRecord::following(Some((1, forged[0].hash)), entry, &[7; 32]);
    assert_eq!(check(&forged), Err(ChainBreak::Unchained(3)));
}

// AA-9.2-02
#[test]
fn what_was_erased_on_record_leaves_the_log_whole() {
    let mut log = log();
    let whole = log.clone();
    let places = Places::of(&[1, 3]);
    log[0].activity = None;
    log[2].activity = None;
    append(&mut log, about(ERASED, Erasure::detail("person", &places)));
    let checked = check(&log).unwrap();
    assert_eq!(checked.erased, 2);
    assert_eq!(checked.erasures[0].places, places);
    assert_eq!(log[3].hash, whole[3].hash);
}

#[test]
fn what_is_gone_without_a_record_is_missed() {
    let mut silent = log();
    silent[1].activity = None;
    assert_eq!(check(&silent), Err(ChainBreak::Lost(2)));
    let others = Erasure::detail("person", &Places::of(&[1, 3, 4]));
    append(&mut silent, about(ERASED, others));
    assert_eq!(check(&silent), Err(ChainBreak::Lost(2)));
}

// AA-9.2-01
#[test]
fn a_log_may_begin_where_it_was_cut_off_on_record() {
    let mut log = log();
    let detail = Cut::detail(&log[1]);
    append(&mut log, about(CUT, detail));
    let checked = check(&log[2..]).unwrap();
    assert_eq!((checked.first, checked.cuts.len()), (Some(3), 1));
    for more in [1, 3, 4] {
        let begins = i64::try_from(more).unwrap() + 1;
        assert_eq!(check(&log[more..]), Err(ChainBreak::CutOff(begins)));
    }
}

#[test]
fn a_cut_of_another_log_confirms_nothing() {
    let mut log = log();
    let mut detail = Cut::detail(&log[1]);
    detail["hash"] = json!(to_base64url(&[1; 32]));
    append(&mut log, about(CUT, detail));
    assert_eq!(check(&log[2..]), Err(ChainBreak::CutOff(3)));
}

proptest! {
    #[test]
    fn places_print_short_and_read_back(places in prop::collection::btree_set(1..60i64, 1..40)) {
        let sorted: Vec<_> = places.iter().copied().collect();
        let all = Places::of(&sorted);
        prop_assert_eq!(all.count(), i64::try_from(sorted.len()).unwrap());
        prop_assert_eq!(Places::read(&all.to_string()), Some(all));
    }

    #[test]
    fn removing_places_leaves_the_others(
        left in prop::collection::btree_set(1..60i64, 0..40),
        right in prop::collection::btree_set(1..60i64, 0..40),
    ) {
        let sorted = |set: &std::collections::BTreeSet<i64>| set.iter().copied().collect::<Vec<_>>();
        let mut rest = Places::of(&sorted(&left));
        rest.remove_all(&Places::of(&sorted(&right)));
        let expected: Vec<_> = left.difference(&right).copied().collect();
        let found: Vec<_> = (1..60)
            .filter(|place| rest.runs.iter().any(|(first, last)| (*first..=*last).contains(place)))
            .collect();
        prop_assert_eq!(found, expected);
    }
}
