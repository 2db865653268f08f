//! What a notice says to a person who reads it themselves.

use procura_agent_auth::notice::{Audience, Notice};
use procura_people::consent::ConsentView;
use procura_people::person::{Email, PersonId};

use crate::agent_auth::consent::{ConsentError, File};
use crate::context::Context;
use crate::error::ServiceResult;

/// A notice in full: names in it come from strangers.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The address of the person it is to; absent for whoever runs the server, and for an account that is gone.
    pub to: Option<Email>,
    /// What is asked for.
    pub requests: Vec<ConsentView>,
}

/// Reads what a notice is about. What is gone by now is left out.
pub async fn letter(ctx: &Context, notice: &Notice) -> ServiceResult<Letter> {
    let mut tx = ctx.read().await?;
    let person = match &notice.audience {
        Audience::Person(user) => tx.find_person(&PersonId(user.0.clone())).await?,
        Audience::Administrators => None,
    };
    let mut requests = Vec::with_capacity(notice.requests.len());
    for request in &notice.requests {
        match File::load(tx.as_mut(), &request.approval_id).await {
            Ok(file) => requests.push(file.view(ctx)),
            Err(ConsentError::Failed(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(Letter {
        to: person.map(|person| person.email),
        requests,
    })
}
