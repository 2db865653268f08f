//! What came of an answer.

use askama::Template;
use procura_people::consent::{ConsentAnswer, ConsentKind, ConsentView};
use procura_service::people::SignedIn;

use crate::app::App;
use crate::web::page::Shell;
use crate::web::text::visible;

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
        let (denied, chosen, reason) = match answer {
            ConsentAnswer::Approve { items } => (false, items.as_slice(), None),
            // A reason travels with the items, so without any it reaches nobody.
            ConsentAnswer::Deny { reason } => {
                let told = reason.clone().filter(|_| !view.items.is_empty());
                (true, [].as_slice(), told)
            }
        };
        let (granted, left_out) = view
            .items
            .iter()
            .partition::<Vec<_>, _>(|item| chosen.contains(&item.id));
        Self {
            shell: Shell::new(app, Some(person)),
            agent: visible(&view.agent),
            is_new_agent: view.kind != ConsentKind::Extend,
            denied,
            reason,
            granted: granted.into_iter().map(Line::new).collect(),
            left_out: left_out.into_iter().map(Line::new).collect(),
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
    fn new(item: &procura_people::consent::ConsentItem) -> Self {
        Self {
            name: visible(&item.name),
            description: visible(&item.description),
            limits: item.limits.iter().map(|limit| visible(limit)).collect(),
        }
    }
}
