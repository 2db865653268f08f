//! What came of an answer.

use askama::Template;
use procura_keys::clock::Timestamp;
use procura_people::consent::{Chosen, ConsentAnswer, ConsentItem, ConsentKind, ConsentView};
use procura_service::agent_auth::consent as requests;
use procura_service::people::SignedIn;

use crate::app::App;
use crate::web::page::Shell;
use crate::web::text::visible;
use crate::web::when;

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
        let replaced = |limit: &&String| {
            let mut fields = own.iter().map(|own| format!("{}: ", own.field));
            fields.any(|field| limit.starts_with(&field))
        };
        let mut limits: Vec<_> = (item.limits.iter())
            .filter(|limit| !replaced(limit))
            .map(|limit| visible(limit))
            .collect();
        limits.extend(own.iter().map(|limit| visible(&requests::sentence(limit))));
        if let Some(uses) = choice.and_then(|choice| choice.uses) {
            limits.push(match uses.get() {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            });
        }
        if let Some(end) = choice.and_then(|choice| choice.expires_at) {
            limits.push(format!("until {}", when::moment(end, now)));
        }
        Self {
            name: visible(&item.name),
            description: visible(&item.description),
            limits,
        }
    }
}
