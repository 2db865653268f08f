//! Asking the person behind the MCP client (elicitation), in whichever way the session has.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult,
    ProgressNotificationParam,
};
use rmcp::service::{RequestContext, RoleServer};
use url::Url;

use super::Server;

/// One tool call, and who made it.
pub(super) struct Session<'a> {
    pub(super) server: &'a Server,
    request: &'a CallToolRequestParams,
    context: &'a RequestContext<RoleServer>,
}

/// What the person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Yes, or that they have done it.
    Yes,
    /// No, or nothing.
    No,
    /// The client cannot ask them.
    CannotBeAsked,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        server: &'a Server,
        request: &'a CallToolRequestParams,
        context: &'a RequestContext<RoleServer>,
    ) -> Self {
        Self {
            server,
            request,
            context,
        }
    }

    /// What a call that goes on after a question left itself to remember. The client hands it back and may hand
    /// back anything: it is a name to look up, never a fact.
    pub(super) fn resumed(&self) -> Option<&str> {
        self.request.request_state.as_deref()
    }

    /// Asks for a plain yes.
    pub(super) async fn confirm(&self, message: String) -> Result<Said, CallToolResponse> {
        if !self.can_ask(Way::Form) {
            return Ok(Said::CannotBeAsked);
        }
        // An object without members: yes and no are the client's own buttons.
        let Ok(schema) = ElicitationSchema::builder().build() else {
            return Ok(Said::CannotBeAsked);
        };
        let question = ElicitRequestParams::FormElicitationParams {
            meta: None,
            message,
            requested_schema: schema,
        };
        self.ask(question, None).await
    }

    /// Sends the person to a page. `name` identifies the visit, and comes back with [`resumed`](Self::resumed).
    pub(super) async fn send_to(
        &self,
        page: &Url,
        message: String,
        name: &str,
    ) -> Result<Said, CallToolResponse> {
        if !self.can_ask(Way::Url) {
            return Ok(Said::CannotBeAsked);
        }
        let question = ElicitRequestParams::UrlElicitationParams {
            meta: None,
            message,
            url: page.to_string(),
            elicitation_id: name.to_owned(),
        };
        self.ask(question, Some(name.to_owned())).await
    }

    /// Tells the client how far a call has come, if it wants to know.
    pub(super) async fn progress(&self, done: u32, message: String) {
        if let Some(token) = self.context.meta.get_progress_token() {
            let report = ProgressNotificationParam::new(token, f64::from(done));
            // A client that does not listen any more is no reason to stop.
            let _ = self
                .context
                .peer
                .notify_progress(report.with_message(message))
                .await;
        }
    }

    /// Waits until the client calls this off.
    pub(super) async fn called_off(&self) {
        self.context.ct.cancelled().await;
    }

    /// Tells the client that the list of tools has changed.
    pub(super) async fn tools_changed(&self) {
        if self.server.capability_tools {
            let _ = self.context.peer.notify_tool_list_changed().await;
        }
    }

    /// The client's name for itself, to name an agent after.
    pub(super) fn client_name(&self) -> Option<String> {
        let info = self.context.client_info()?;
        Some(info.title.unwrap_or(info.name))
    }

    /// Up to 2025-11-25 a server asks while a call runs; from 2026-07-28 on it ends the call with its questions,
    /// and the client repeats it with the answers.
    async fn ask(
        &self,
        question: ElicitRequestParams,
        state: Option<String>,
    ) -> Result<Said, CallToolResponse> {
        let answered = self.request.input_responses.as_ref();
        if let Some(answer) = answered.and_then(|answers| answers.get(QUESTION)) {
            let answer = serde_json::from_value::<ElicitResult>(answer.clone());
            return Ok(answer.map_or(Said::No, |answer| said(&answer)));
        }
        let version = self.context.protocol_version();
        if version.is_some_and(|version| version.has_initialize()) {
            let answer = self.context.peer.create_elicitation(question).await;
            return Ok(answer.map_or(Said::CannotBeAsked, |answer| said(&answer)));
        }
        let question = InputRequest::Elicitation(ElicitRequest::new(question));
        let questions = InputRequests::from_iter([(QUESTION.to_owned(), question)]);
        let needed = InputRequiredResult::new(Some(questions), state);
        Err(CallToolResponse::InputRequired(needed))
    }

    fn can_ask(&self, way: Way) -> bool {
        let capabilities = self.context.client_capabilities();
        let Some(asks) = capabilities.and_then(|it| it.elicitation) else {
            return false;
        };
        match way {
            // Clients that say nothing more specific have forms.
            Way::Form => asks.form.is_some() || asks.url.is_none(),
            Way::Url => asks.url.is_some(),
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    Form,
    Url,
}

fn said(answer: &ElicitResult) -> Said {
    match answer.action {
        ElicitationAction::Accept => Said::Yes,
        _ => Said::No,
    }
}

/// The name of the one question a call asks.
const QUESTION: &str = "person";
