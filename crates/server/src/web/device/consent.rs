//! The page on which a person reads a request and decides it (AAP §8.10, §8.11).
//!
//! Everything the app and its agent say is shown as their words, quoted and set apart. What each capability does
//! is said in the server's own words. Whether an answer counts is decided by the service; the page only leads there.

use askama::Template;
use procura_keys::clock::Timestamp;
use procura_people::consent::{ConsentItem, ConsentKind, ConsentView};
use procura_people::presence::{Strength, judge};
use procura_people::warning::{Warning, warnings};
use procura_service::ServiceResult;
use procura_service::people::SignedIn;

use super::adjust::{Adjust, Kind};
use super::answer::Mistake;
use super::bounds::Problems;
use super::claims::{self, ClaimRow};
use super::way::Way;
use crate::app::App;
use crate::web::form::Fields;
use crate::web::limit;
use crate::web::page::Shell;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::{Words, say};

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage {
    shell: Shell,
    /// What went wrong with the answer just given.
    problem: Option<String>,
    app: Option<String>,
    agent: String,
    known_app: bool,
    kind: ConsentKind,
    reason: Option<String>,
    message: Option<String>,
    rows: Vec<Row>,
    /// What becomes the person's with the app.
    claims: Vec<ClaimRow>,
    /// What to look at twice: about the names, and about what is asked for.
    name_warnings: Vec<String>,
    warnings: Vec<String>,
    /// What the answer is compared with; kept to show the fields once more.
    items: Vec<ConsentItem>,
    ends_by: Option<Timestamp>,
    now: Timestamp,
    way: Way,
    reference: String,
    shown: String,
    ends_at: String,
    ends_in: String,
    email: String,
    /// Whether the sign-in is recent enough to approve, or a passkey can say yes in its place.
    can_prove: bool,
    sign_in_path: String,
    /// What was typed as a reason to deny.
    denial: String,
}

impl ConsentPage {
    /// The page of a request, with what else there is to know.
    pub(super) async fn load(
        app: &App,
        person: &SignedIn,
        way: &Way,
        view: &ConsentView,
    ) -> ServiceResult<Self> {
        let claims = claims::of_request(app, person, &view.reference).await?;
        let page = Self::new(app, person, way, view);
        Ok(Self { claims, ..page })
    }

    fn new(app: &App, person: &SignedIn, way: &Way, view: &ConsentView) -> Self {
        let now = app.ctx.now();
        let fresh_for = app.ctx.policy().session.fresh_for;
        let unusual = warnings(view, &protected_names(app));
        let shown = |text: &Option<String>| text.as_deref().map(visible);
        Self {
            shell: Shell::new(app, Some(person)),
            problem: None,
            app: shown(&view.app),
            agent: visible(&view.agent),
            known_app: view.known_app,
            kind: view.kind,
            reason: shown(&view.reason),
            message: shown(&view.message),
            rows: view
                .items
                .iter()
                .map(|item| Row::new(item, view.ends_by, person, now))
                .collect(),
            claims: Vec::new(),
            name_warnings: said(&unusual, true),
            warnings: said(&unusual, false),
            items: view.items.clone(),
            ends_by: view.ends_by,
            now,
            way: way.clone(),
            reference: view.reference.clone(),
            shown: view.digest(),
            ends_at: when::moment(view.expires_at, now),
            ends_in: when::span(view.expires_at.since(now)),
            email: person.person.email.to_string(),
            can_prove: person.has_passkey
                || judge(Strength::FreshSignIn, person.session.proof, fresh_for, now).is_ok(),
            sign_in_path: way.sign_in_path(app.base_path()),
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
    pub(super) fn after(mut self, mistake: &Mistake, form: &Fields) -> Self {
        let none = Problems::new();
        let problems = match mistake {
            Mistake::Bounds(problems) => problems,
            _ => &none,
        };
        for (row, item) in self.rows.iter_mut().zip(&self.items) {
            row.checked = form.all("item").any(|id| id == row.id);
            row.adjust = Adjust::new(item, self.ends_by, self.now, Some(form), problems);
        }
        form.text("reason").clone_into(&mut self.denial);
        self.with_problem(mistake.to_string())
    }

    /// Whether there is anything that this person can approve.
    fn can_approve(&self) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| !row.needs_passkey)
    }

    fn approve_command(&self) -> String {
        self.way.approve_command(Some(&self.email))
    }

    fn some_need_a_passkey(&self) -> bool {
        self.rows.iter().any(|row| row.needs_passkey)
    }

    fn is_resuming(&self) -> bool {
        self.kind == ConsentKind::Resume
    }

    fn title(&self) -> &'static str {
        match self.kind {
            ConsentKind::Connect => "Let this agent act for you?",
            ConsentKind::Resume => "Let this agent go on?",
            ConsentKind::Extend => "Let this agent do more?",
        }
    }
}

/// Names that no app may be taken for: the server's own, and those its operator names.
fn protected_names(app: &App) -> Vec<String> {
    let own = app.ctx.provider().name.clone();
    let others = app.ctx.policy().protected_names.iter().cloned();
    others.chain([own]).collect()
}

fn said(warnings: &[Warning], about_names: bool) -> Vec<String> {
    let wanted = |warning: &&Warning| warning.is_about_names() == about_names;
    warnings
        .iter()
        .filter(wanted)
        .map(|warning| words(warning).to_string())
        .collect()
}

fn words(warning: &Warning) -> Words {
    match warning {
        Warning::Resembles { brand } => say(
            "The name looks like “{brand}”. The app chose it itself; nobody has checked whether it has to do with \
             {brand}.",
        )
        .with("brand", brand),
        Warning::Many(count) => say(
            "This is a lot to ask for at once: {count} capabilities. Leave out what the agent does not need; it can \
             ask again later.",
        )
        .with("count", count),
        other => other.to_string().into(),
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
    /// Whether the person has no passkey to show that with.
    needs_passkey: bool,
    checked: bool,
    adjust: Adjust,
}

impl Row {
    fn new(
        item: &ConsentItem,
        ends_by: Option<Timestamp>,
        person: &SignedIn,
        now: Timestamp,
    ) -> Self {
        let needs_passkey = item.strength == Strength::Verified && !person.has_passkey;
        Self {
            id: item.id.clone(),
            name: visible(&item.name),
            description: visible(&item.description),
            limits: item.limits.iter().map(limit::sentence).collect(),
            is_sensitive: item.strength == Strength::Verified,
            needs_passkey,
            checked: !needs_passkey,
            adjust: Adjust::new(item, ends_by, now, None, &Problems::new()),
        }
    }
}
