//! The page on which a person reads a request and decides it (AAP §8.10, §8.11).
//!
//! Everything the app and its agent say is shown as their words, quoted and set apart. What each capability does
//! is said in the server's own words. Whether an answer counts is decided by the service; the page only leads there.

use askama::Template;
use procura_keys::clock::Timestamp;
use procura_people::consent::{ConsentItem, ConsentKind, ConsentView};
use procura_people::presence::{Lacking, Proof, Strength, judge};
use procura_service::people::SignedIn;

use super::answer::Mistake;
use super::code::TypedCode;
use crate::app::App;
use crate::web::form::Fields;
use crate::web::page::Shell;
use crate::web::text::visible;
use crate::web::when;

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage {
    shell: Shell,
    /// What went wrong with the answer just given.
    problem: Option<String>,
    app: Option<String>,
    agent: String,
    known_app: bool,
    is_new_agent: bool,
    reason: Option<String>,
    message: Option<String>,
    rows: Vec<Row>,
    code: TypedCode,
    reference: String,
    shown: String,
    ends_at: String,
    ends_in: String,
    email: String,
    /// Whether the sign-in is recent enough to approve.
    is_fresh: bool,
    sign_in_path: String,
    /// What was typed as a reason to deny.
    denial: String,
}

impl ConsentPage {
    pub(super) fn new(app: &App, person: &SignedIn, code: &TypedCode, view: &ConsentView) -> Self {
        let now = app.ctx.now();
        let fresh_for = app.ctx.policy().session.fresh_for;
        let shown = |text: &Option<String>| text.as_deref().map(visible);
        Self {
            shell: Shell::new(app, Some(person)),
            problem: None,
            app: shown(&view.app),
            agent: visible(&view.agent),
            known_app: view.known_app,
            is_new_agent: view.kind != ConsentKind::Extend,
            reason: shown(&view.reason),
            message: shown(&view.message),
            rows: view
                .items
                .iter()
                .map(|item| Row::new(item, person, now))
                .collect(),
            code: code.clone(),
            reference: view.reference.clone(),
            shown: view.digest(),
            ends_at: when::moment(view.expires_at, now),
            ends_in: when::span(view.expires_at.since(now)),
            email: person.person.email.to_string(),
            is_fresh: judge(Strength::FreshSignIn, person.session.proof, fresh_for, now).is_ok(),
            sign_in_path: code.sign_in_path(app.base_path()),
            denial: String::new(),
        }
    }

    /// The page once more, with what is wrong above it.
    pub(super) fn with_problem(self, problem: String) -> Self {
        Self {
            problem: Some(problem),
            ..self
        }
    }

    /// The page once more after a mistake in the form, as the person had filled it in.
    pub(super) fn after(mut self, mistake: Mistake, form: &Fields) -> Self {
        for row in &mut self.rows {
            row.checked = form.all("item").any(|id| id == row.id);
        }
        form.text("reason").clone_into(&mut self.denial);
        self.with_problem(mistake.to_string())
    }

    /// Whether there is anything that this person can approve.
    fn can_approve(&self) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| !row.needs_passkey)
    }

    fn approve_command(&self) -> String {
        self.code.approve_command(Some(&self.email))
    }

    fn some_need_a_passkey(&self) -> bool {
        self.rows.iter().any(|row| row.needs_passkey)
    }

    /// Whether the list is longer than people weigh item by item.
    fn is_broad(&self) -> bool {
        self.rows.len() >= BROAD
    }
}

/// One capability that is asked for.
struct Row {
    id: String,
    name: String,
    description: String,
    limits: Vec<String>,
    /// Whether it changes something, so that a human has to be shown to be there.
    is_sensitive: bool,
    /// Whether the person has not shown that, and cannot by signing in again the same way.
    needs_passkey: bool,
    checked: bool,
}

impl Row {
    fn new(item: &ConsentItem, person: &SignedIn, now: Timestamp) -> Self {
        let needs_passkey = is_beyond(item.strength, person.session.proof, now);
        Self {
            id: item.id.clone(),
            name: visible(&item.name),
            description: visible(&item.description),
            limits: item.limits.iter().map(|limit| visible(limit)).collect(),
            is_sensitive: item.strength == Strength::Verified,
            needs_passkey,
            checked: !needs_passkey,
        }
    }
}

/// Whether even a sign-in this very moment, by the same means, would not be enough.
fn is_beyond(required: Strength, proof: Proof, now: Timestamp) -> bool {
    let renewed = Proof { at: now, ..proof };
    judge(required, renewed, std::time::Duration::MAX, now) == Err(Lacking::Presence)
}

/// From how many capabilities on the page says that it is a lot (§8.10).
const BROAD: usize = 8;
