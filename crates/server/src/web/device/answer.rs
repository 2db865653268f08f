//! What a sent consent form says.

use procura_agent_auth::text::{MAX_REMARK, clean};
use procura_people::consent::{ConsentAnswer, ConsentView};

use crate::web::form::Fields;

/// Reads the answer to a request from its form.
pub(super) fn read_answer(form: &Fields, view: &ConsentView) -> Result<ConsentAnswer, Mistake> {
    match form.text("decision") {
        "approve" => Ok(ConsentAnswer::Approve {
            items: chosen(form, view)?,
        }),
        "deny" => Ok(ConsentAnswer::Deny {
            reason: reason(form.text("reason"))?,
        }),
        _ => Err(Mistake::NoDecision),
    }
}

/// Why a form is not an answer. Shown above the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    /// Neither button was used, so no page of ours sent this.
    #[error("Use one of the two buttons.")]
    NoDecision,
    /// Approving nothing looks like a decision and is none.
    #[error("Choose at least one capability to approve, or deny the request.")]
    NothingChosen,
    /// The reason for a denial cannot be passed on.
    #[error("The reason has to be readable text of at most {MAX_REMARK} characters.")]
    Reason,
}

fn chosen(form: &Fields, view: &ConsentView) -> Result<Vec<String>, Mistake> {
    let sent = |id: &str| form.all("item").any(|item| item == id);
    let items: Vec<_> = view
        .items
        .iter()
        .map(|item| &item.id)
        .filter(|id| sent(id))
        .cloned()
        .collect();
    if items.is_empty() && !view.items.is_empty() {
        Err(Mistake::NothingChosen)
    } else {
        Ok(items)
    }
}

fn reason(typed: &str) -> Result<Option<String>, Mistake> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    clean(typed, MAX_REMARK).map(Some).ok_or(Mistake::Reason)
}

#[cfg(test)]
mod tests {
    use procura_keys::clock::Timestamp;
    use procura_people::consent::{ConsentItem, ConsentKind};
    use procura_people::presence::Strength;

    use super::*;

    fn view(ids: &[&str]) -> ConsentView {
        let item = |id: &&str| ConsentItem {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            description: String::new(),
            limits: Vec::new(),
            strength: Strength::FreshSignIn,
        };
        ConsentView {
            reference: "apr_1".to_owned(),
            app: None,
            agent: "a".to_owned(),
            known_app: false,
            kind: ConsentKind::Connect,
            reason: None,
            message: None,
            items: ids.iter().map(item).collect(),
            expires_at: Timestamp::from_millis(0),
        }
    }

    fn read(form: &str, ids: &[&str]) -> Result<ConsentAnswer, Mistake> {
        read_answer(&Fields::parse(form.as_bytes()), &view(ids))
    }

    #[test]
    fn only_items_of_the_request_are_chosen() {
        let items = |ids: &[&str]| {
            Ok(ConsentAnswer::Approve {
                items: ids.iter().map(|id| (*id).to_owned()).collect(),
            })
        };
        assert_eq!(
            read("decision=approve&item=b&item=x", &["a", "b"]),
            items(&["b"])
        );
        assert_eq!(read("decision=approve", &[]), items(&[]));
        assert_eq!(
            read("decision=approve", &["a"]),
            Err(Mistake::NothingChosen)
        );
        assert_eq!(
            read("decision=approve&item=x", &["a"]),
            Err(Mistake::NothingChosen)
        );
    }

    #[test]
    fn a_reason_is_cleaned_and_bounded() {
        let deny = |reason: Option<&str>| {
            Ok(ConsentAnswer::Deny {
                reason: reason.map(str::to_owned),
            })
        };
        assert_eq!(read("decision=deny&reason=+&item=a", &["a"]), deny(None));
        assert_eq!(
            read("decision=deny&reason=not%0Anow%E2%80%AE", &["a"]),
            deny(Some("not now"))
        );
        let long = format!("decision=deny&reason={}", "a".repeat(MAX_REMARK + 1));
        assert_eq!(read(&long, &["a"]), Err(Mistake::Reason));
    }

    #[test]
    fn a_form_without_a_decision_decides_nothing() {
        assert_eq!(read("item=a", &["a"]), Err(Mistake::NoDecision));
        assert_eq!(
            read("decision=Approve&item=a", &["a"]),
            Err(Mistake::NoDecision)
        );
    }
}
