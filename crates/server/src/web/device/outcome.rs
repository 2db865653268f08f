//! What came of an answer.

use askama::Template;
use procura_keys::clock::Timestamp;
use procura_people::consent::{Chosen, ConsentAnswer, ConsentItem, ConsentKind, ConsentView};
use procura_people::limit::HeldTo;
use procura_service::agent_auth::consent as requests;
use procura_service::people::SignedIn;

use crate::app::App;
use crate::web::limit;
use crate::web::page::Shell;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

#[derive(Template)]
#[template(path = "outcome.html")]
pub(super) struct OutcomePage {
    shell: Shell,
    agent: String,
    is_new_agent: bool,
    denied: bool,
    /// The reason that the agent is told.
    reason: Option<String>,
    granted: Vec<Line>,
    left_out: Vec<Line>,
}

impl OutcomePage {
    pub(super) fn new(
        app: &App,
        person: &SignedIn,
        view: &ConsentView,
        answer: &ConsentAnswer,
    ) -> Self {
        let now = app.ctx.now();
        let (denied, chosen, reason) = match answer {
            ConsentAnswer::Approve { items } => (false, items.as_slice(), None),
            // A reason travels with the items, so without any it reaches nobody.
            ConsentAnswer::Deny { reason } => {
                let told = reason.clone().filter(|_| !view.items.is_empty());
                (true, [].as_slice(), told)
            }
        };
        let choice = |item: &ConsentItem| chosen.iter().find(|one| one.id == item.id);
        let (granted, left_out) = view
            .items
            .iter()
            .partition::<Vec<_>, _>(|item| choice(item).is_some());
        Self {
            shell: Shell::new(app, Some(person)),
            agent: visible(&view.agent),
            is_new_agent: view.kind != ConsentKind::Extend,
            denied,
            reason,
            granted: (granted.into_iter())
                .map(|item| Line::new(item, choice(item), now))
                .collect(),
            left_out: (left_out.into_iter())
                .map(|item| Line::new(item, None, now))
                .collect(),
        }
    }
}

impl OutcomePage {
    fn title(&self) -> &'static str {
        match (self.denied, self.left_out.is_empty()) {
            (true, _) => "Denied",
            (false, true) => "Approved",
            (false, false) => "Approved in part",
        }
    }
}

/// One capability, decided.
struct Line {
    name: String,
    description: String,
    limits: Vec<String>,
}

impl Line {
    fn new(item: &ConsentItem, choice: Option<&Chosen>, now: Timestamp) -> Self {
        let own = choice.map_or(&[][..], |choice| choice.limits.as_slice());
        // A limit of one's own takes the place of the one asked for.
        let replaced = |limit: &&HeldTo| own.iter().any(|own| own.field == limit.field);
        let kept = item.limits.iter().filter(|limit| !replaced(limit));
        let mut limits: Vec<_> = kept.map(limit::sentence).collect();
        let own = own.iter().flat_map(requests::own_limit);
        limits.extend(own.map(|own| limit::sentence(&own)));
        if let Some(uses) = choice.and_then(|choice| choice.uses) {
            limits.push(match uses.get() {
                1 => say("once").to_string(),
                times => say("{times} times").with("times", times).to_string(),
            });
        }
        if let Some(end) = choice.and_then(|choice| choice.expires_at) {
            limits.push(
                say("until {end}")
                    .with("end", when::moment(end, now))
                    .to_string(),
            );
        }
        Self {
            name: visible(&item.name),
            description: visible(&item.description),
            limits,
        }
    }
}
