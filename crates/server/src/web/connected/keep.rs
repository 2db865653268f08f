//! `/activity/export` and `/activity/delete`: a person's activity is theirs to take along and to have erased
//! (AAP §9.2).

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use procura_agent_auth::grant::Actor;
use procura_agent_auth::id::UserId;
use procura_people::person::PersonId;
use procura_service::{ServiceError, activity};

use super::Answer;
use super::done::Done;
use crate::app::App;
use crate::web::signed::Signed;

/// `GET /activity/export`: all of it as JSON lines, part by part.
pub(super) async fn export(State(app): State<App>, Signed(person): Signed) -> Answer {
    let parts = stream::unfold(Some((app, person.person.id, 0)), async |left| {
        let (app, person, after) = left?;
        match part(&app, &person, after).await {
            Ok((lines, last)) => {
                let last = last?;
                Some((Ok(lines), Some((app, person, last))))
            }
            Err(error) => {
                tracing::error!(%error, "an export of activity broke off");
                Some((Err(error), None))
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/jsonl; charset=utf-8"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"activity.jsonl\"",
        ),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// The lines after a place, and the place of the last one.
async fn part(
    app: &App,
    person: &PersonId,
    after: i64,
) -> Result<(String, Option<i64>), ServiceError> {
    let records = activity::export_activity(&app.ctx, person, after).await?;
    let last = records.last().and_then(|last| last["sequence"].as_i64());
    let mut lines = String::new();
    for record in &records {
        lines.push_str(&record.to_string());
        lines.push('\n');
    }
    Ok((lines, last))
}

/// `POST /activity/delete`.
pub(super) async fn delete(State(app): State<App>, Signed(person): Signed) -> Answer {
    let id = &person.person.id;
    let actor = Actor::User(UserId(id.to_string())).to_record();
    activity::delete_activity(&app.ctx, &actor, id).await?;
    let query = Done::Deleted.query();
    Ok(Redirect::to(&format!("{}/activity{query}", app.base_path())).into_response())
}
