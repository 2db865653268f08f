use super::*;
use crate::fixtures::{NOW, alice, approval, seconds};

fn policy() -> NoticePolicy {
    NoticePolicy {
        receivers: Vec::new(),
        prefers_inbox: false,
        quiet: seconds(60),
        quiet_per_app: seconds(120),
        unheeded: Unheeded {
            count: NonZeroU32::new(3).unwrap(),
            per: seconds(3600),
        },
        tries: 3,
        max_waiting: 10,
        keep: seconds(1),
    }
}

fn asked_by(host: u8) -> Approval {
    Approval {
        host_id: HostId::new(NOW, [host; 10]),
        channel: Channel::Inbox { user_id: alice() },
        ..approval()
    }
}

/// Plans a notice about a request of `host`, `after` seconds, and keeps it.
fn ask(notices: &mut Vec<Notice>, host: u8, after: u64) -> usize {
    ask_after(notices, &BTreeSet::new(), host, after)
}

/// The same after some requests were approved.
fn ask_after(
    notices: &mut Vec<Notice>,
    approved: &BTreeSet<ApprovalId>,
    host: u8,
    after: u64,
) -> usize {
    let new = NewNotice {
        id: NoticeId::new(NOW, [u8::try_from(notices.len()).unwrap(); 10]),
        receiver: "pager",
        audience: &Audience::Person(alice()),
    };
    let mut request = asked_by(host);
    let mut random = [host; 10];
    random[..8].copy_from_slice(&after.to_be_bytes());
    request.id = ApprovalId::new(NOW, random);
    let recent = Recent {
        notices: notices.as_slice(),
        approved,
    };
    match plan(recent, &request, new, &policy(), NOW.plus(seconds(after))) {
        Plan::Insert(notice) => notices.push(notice),
        Plan::Update(notice) => {
            let at = notices.iter().position(|one| one.id == notice.id);
            notices[at.unwrap()] = notice;
        }
    }
    notices.len()
}

fn deliver(notice: &mut Notice) {
    let at = notice.due_at;
    notice.attempt(seconds(60), at);
    notice.settle(Ok(()), 3, at);
}

fn failed(for_good: bool) -> Undelivered {
    Undelivered {
        why: "answered 500".to_owned(),
        for_good,
    }
}

fn planned(notice: &Notice) -> u64 {
    notice.planned_at.since(NOW).as_secs()
}

// AA-7.2-06
#[test]
fn the_first_request_is_told_at_once_and_the_next_ones_together() {
    let mut notices = Vec::new();
    ask(&mut notices, 1, 0);
    assert_eq!(planned(&notices[0]), 0);
    deliver(&mut notices[0]);
    assert_eq!(ask(&mut notices, 2, 10), 2);
    assert_eq!(ask(&mut notices, 3, 20), 2);
    assert_eq!(planned(&notices[1]), 60);
    assert_eq!(notices[1].requests.len(), 2);
}

#[test]
fn an_app_that_asks_again_is_quiet_for_longer_unless_another_one_asks() {
    let mut notices = Vec::new();
    ask(&mut notices, 1, 0);
    deliver(&mut notices[0]);
    assert_eq!(ask(&mut notices, 1, 70), 2);
    assert_eq!(planned(&notices[1]), 120);
    assert_eq!(ask(&mut notices, 2, 80), 2);
    assert_eq!(planned(&notices[1]), 80);
    assert_eq!(notices[1].requests.len(), 2);
}

// AA-7.2-06
#[test]
fn an_app_that_is_left_unapproved_is_told_of_so_often_and_no_more() {
    let mut notices = Vec::new();
    for (asked, told) in [(0, 0), (130, 130), (260, 260), (390, 3600), (4000, 4000)] {
        ask(&mut notices, 1, asked);
        let last = notices.last_mut().unwrap();
        assert_eq!(planned(last), told, "asked after {asked} s");
        if told == asked {
            deliver(last);
        } else {
            // The request ends before.
            last.state = NoticeState::Dropped;
        }
    }
    // Another app is not quieter for it.
    ask(&mut notices, 2, 4100);
    assert_eq!(planned(notices.last().unwrap()), 4100);
}

#[test]
fn an_app_that_is_approved_is_told_of_each_time() {
    let (mut notices, mut approved) = (Vec::new(), BTreeSet::new());
    for asked in [0, 130, 260, 390, 520] {
        ask_after(&mut notices, &approved, 1, asked);
        let last = notices.last_mut().unwrap();
        assert_eq!(planned(last), asked);
        deliver(last);
        approved.insert(last.requests[0].approval_id.clone());
    }
}

#[test]
fn the_approval_of_one_app_speaks_for_no_other() {
    let mut notices = Vec::new();
    let mut approved = BTreeSet::new();
    for asked in [0, 130, 260] {
        ask(&mut notices, 1, asked);
        ask(&mut notices, 2, asked);
        let last = notices.last_mut().unwrap();
        assert_eq!(last.requests.len(), 2);
        approved.insert(last.requests[1].approval_id.clone());
        deliver(last);
    }
    ask_after(&mut notices, &approved, 1, 390);
    assert_eq!(planned(notices.last().unwrap()), 3600);
}

#[test]
fn what_is_being_sent_takes_nothing_in() {
    let mut notices = Vec::new();
    ask(&mut notices, 1, 0);
    notices[0].attempt(seconds(60), NOW);
    assert_eq!(ask(&mut notices, 2, 1), 2);
    assert_eq!(notices[0].requests.len(), 1);
}

#[test]
fn a_notice_that_was_never_sent_keeps_nobody_quiet() {
    let mut notices = Vec::new();
    ask(&mut notices, 1, 0);
    notices[0].state = NoticeState::Dropped;
    ask(&mut notices, 1, 1);
    assert_eq!(planned(&notices[1]), 1);
}

#[test]
fn a_bundle_has_a_largest_size() {
    let mut notices = Vec::new();
    for _ in 0..=MAX_REQUESTS {
        ask(&mut notices, 1, 0);
    }
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].requests.len(), MAX_REQUESTS);
}

#[test]
fn a_failed_notice_is_tried_again_ever_later_and_is_dead_at_last() {
    let mut notices = Vec::new();
    ask(&mut notices, 1, 0);
    let notice = &mut notices[0];
    let mut seen = Vec::new();
    for _ in 0..3 {
        notice.attempt(seconds(60), NOW);
        notice.settle(Err(failed(false)), 3, NOW);
        seen.push((notice.state, notice.due_at.since(NOW).as_secs()));
    }
    assert_eq!(
        seen,
        [
            (NoticeState::Waiting, 10),
            (NoticeState::Waiting, 40),
            (NoticeState::Dead, 160)
        ]
    );
    assert_eq!(notice.error.as_deref(), Some("answered 500"));
    assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
}

#[test]
fn what_failed_for_good_is_not_tried_again() {
    let mut notices = Vec::new();
    ask(&mut notices, 1, 0);
    notices[0].attempt(seconds(60), NOW);
    notices[0].settle(Err(failed(true)), 3, NOW);
    assert_eq!(notices[0].state, NoticeState::Dead);
}

#[test]
fn nobody_is_told_of_a_request_with_a_code_but_administrators_of_theirs() {
    let mut request = asked_by(1);
    assert_eq!(Audience::of(&request), Some(Audience::Person(alice())));
    request.channel = Channel::Code { digest: [0; 32] };
    request.approver = ApproverKind::Person;
    assert_eq!(Audience::of(&request), None);
    request.approver = ApproverKind::Administrator;
    assert_eq!(Audience::of(&request), Some(Audience::Administrators));
    request.approver = ApproverKind::Person;
    request.channel = Channel::Custom {
        method: "desk".to_owned(),
    };
    assert_eq!(Audience::of(&request), Some(Audience::Administrators));
}
