//! What a person is told when a request cannot be shown or an answer does not count.

use http::StatusCode;
use procura_agent_auth::approval::ApprovalError;
use procura_people::presence::Lacking;
use procura_service::agent_auth::consent::ConsentError;
use procura_service::people::SignedIn;

use super::way::Way;
use crate::web::notice::Notice;
use crate::web::words::say;

/// The notice for an error, as `person` reads it.
pub(super) fn refused(error: ConsentError, person: &SignedIn, way: &Way) -> Notice {
    let notice = match error {
        ConsentError::Unknown => gone(way, "unknown_request", "This request is not here any more")
            .say("It was never made, or was removed since. Start again in the app."),
        ConsentError::NoAccount => conflict(way, "no_account", "Your account is closed")
            .say("Nothing was decided. Ask whoever runs this service if that is wrong."),
        ConsentError::Refused(error) => by_the_rules(&error, person, way),
        ConsentError::Lacking(lacking) => lacking_proof(lacking, person, way),
        ConsentError::Changed => conflict(way, "request_changed", "The request has changed")
            .say("Read it again before you decide.")
            .link("Read the request", way.path()),
        ConsentError::Failed(error) => error.into(),
    };
    notice.to(person)
}

fn by_the_rules(error: &ApprovalError, person: &SignedIn, way: &Way) -> Notice {
    match error {
        ApprovalError::Expired => gone(way, "request_expired", "This request has expired")
            .say("Nothing was approved. Requests stay open for a few minutes only.")
            .say(said(
                way,
                "Start again in the app, and it will show you a new code.",
                "Start again in the app if you still want it.",
            )),
        ApprovalError::AlreadyDecided => conflict(way, "already_decided", "This request has been answered")
            .say(said(
                way,
                "A request is answered once, and its code does not work a second time.",
                "A request is answered once.",
            ))
            .say("If this was not you, stop the agent: ask an administrator to revoke it."),
        ApprovalError::Cancelled => gone(way, "request_cancelled", "This request was withdrawn")
            .say(said(
                way,
                "The app cancelled it or replaced it with a newer one. Look for the newest code in the app.",
                "The app cancelled it or replaced it with a newer one.",
            )),
        ApprovalError::AgentIs(_) => conflict(way, "agent_moved_on", "This agent is not waiting any more")
            .say("The agent that asked is not waiting any more, so there is nothing left to decide.")
            .say("Start again in the app if you still want it."),
        ApprovalError::OtherPerson => forbidden(way, "other_person", "This app belongs to another account")
            .say("It was connected by somebody else, who alone can decide what its agents may do.")
            .say(
                say("You are signed in as {email}. If the other account is yours as well, sign out and use that one.")
                    .with("email", &person.person.email),
            ),
        ApprovalError::AdministratorsOnly => {
            forbidden(way, "administrators_only", "An administrator has to decide this")
                .say("This agent acts on its own and for nobody in particular, so no single person can approve it.")
                .command("An administrator approves it on the server with", way.approve_command(None))
        }
        ApprovalError::AtTheDesk => forbidden(way, "at_the_desk", "Whoever runs this server decides this")
            .say(error.to_string())
            .command("An administrator approves it on the server with", way.approve_command(None)),
        ApprovalError::ForeignGrant | ApprovalError::EndsBeforeItBegins | ApprovalError::Contradiction(_) => {
            Notice::new(StatusCode::UNPROCESSABLE_ENTITY, "not_applicable", "This answer does not fit the request")
                .say(error.to_string())
                .link("Back to the request", way.path())
        }
    }
}

fn lacking_proof(lacking: Lacking, person: &SignedIn, way: &Way) -> Notice {
    match lacking {
        Lacking::Freshness => forbidden(way, "stale_sign_in", "Sign in again to decide this")
            .say("Deciding takes a sign-in from the last few minutes. Nothing was approved yet.")
            .link("Back to the request", way.path()),
        Lacking::Presence | Lacking::FirstPasskey if person.has_passkey => {
            forbidden(way, "presence_needed", "This takes your passkey")
                .say("Something you chose can change things in your name. Go back, press Approve, and use your passkey when your browser asks for it. That takes JavaScript.")
                .say("Nothing was approved yet.")
                .link("Back to the request", way.path())
        }
        Lacking::Presence | Lacking::FirstPasskey => forbidden(way, "presence_needed", "A password is not enough for this")
            .say(
                "Something you chose can change things in your name. An agent that uses your browser could fill in \
                 your password, so approving this takes a passkey, which only you can use.",
            )
            .say("Nothing was approved yet. You can go back and approve the rest without it.")
            .command("Or an administrator approves the whole request on the server with", way.approve_command(Some(person.person.email.as_str())))
            .link("Back to the request", way.path()),
    }
}

fn gone(way: &Way, code: &'static str, title: &'static str) -> Notice {
    elsewhere(way, Notice::new(StatusCode::GONE, code, title))
}

fn conflict(way: &Way, code: &'static str, title: &'static str) -> Notice {
    elsewhere(way, Notice::new(StatusCode::CONFLICT, code, title))
}

fn forbidden(way: &Way, code: &'static str, title: &'static str) -> Notice {
    elsewhere(way, Notice::new(StatusCode::FORBIDDEN, code, title))
}

fn elsewhere(way: &Way, notice: Notice) -> Notice {
    let (label, path) = way.to_others();
    notice.link(label, path)
}

/// What is said of a request with a code, or of one in an inbox.
fn said(way: &Way, with_code: &'static str, in_inbox: &'static str) -> &'static str {
    match way {
        Way::Code(_) => with_code,
        Way::Inbox(_) => in_inbox,
    }
}
