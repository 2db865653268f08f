//! What a sent consent form says.

use procura_agent_auth::text::{MAX_REMARK, clean};
use procura_keys::clock::Timestamp;
use procura_people::consent::{Chosen, ConsentAnswer, ConsentItem, ConsentView};

use super::bounds::{self, Problems};
use crate::web::form::Fields;

/// Reads the answer to a request from its form.
pub(super) fn read_answer(
    form: &Fields,
    view: &ConsentView,
    now: Timestamp,
) -> Result<ConsentAnswer, Mistake> {
    match form.text("decision") {
        "approve" => Ok(ConsentAnswer::Approve {
            items: chosen(form, view, now)?,
        }),
        "deny" => Ok(ConsentAnswer::Deny {
            reason: reason(form.text("reason"))?,
        }),
        _ => Err(Mistake::NoDecision),
    }
}

/// Why a form is not an answer. Shown above the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::web) enum Mistake {
    /// Neither button was used, so no page of ours sent this.
    #[error("Use one of the two buttons.")]
    NoDecision,
    /// Approving nothing looks like a decision and is none.
    #[error("Choose at least one capability to approve, or deny the request.")]
    NothingChosen,
    /// The reason for a denial cannot be passed on.
    #[error("The reason has to be readable text of at most {MAX_REMARK} characters.")]
    Reason,
    /// Bounds that cannot be set. Each is shown at its field.
    #[error("Nothing was approved yet: look at the marked fields.")]
    Bounds(Problems),
}

fn chosen(form: &Fields, view: &ConsentView, now: Timestamp) -> Result<Vec<Chosen>, Mistake> {
    let sent = |item: &&ConsentItem| form.all("item").any(|id| id == item.id);
    let (mut items, mut problems) = (Vec::new(), Problems::new());
    for item in view.items.iter().filter(sent) {
        match bounds::read(form, item, now) {
            Ok(chosen) => items.push(chosen),
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        Err(Mistake::Bounds(problems))
    } else if items.is_empty() && !view.items.is_empty() {
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
    use procura_people::consent::ConsentKind;
    use procura_people::presence::Strength;

    use super::*;

    fn view(ids: &[&str]) -> ConsentView {
        let item = |id: &&str| ConsentItem {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            description: String::new(),
            limits: Vec::new(),
            adjustable: Vec::new(),
            strength: Strength::FreshSignIn,
            form: None,
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
            ends_by: None,
        }
    }

    fn read(form: &str, ids: &[&str]) -> Result<ConsentAnswer, Mistake> {
        let now = Timestamp::from_millis(0);
        read_answer(&Fields::parse(form.as_bytes()), &view(ids), now)
    }

    #[test]
    fn only_items_of_the_request_are_chosen() {
        let items = |ids: &[&str]| {
            Ok(ConsentAnswer::Approve {
                items: ids.iter().map(|id| Chosen::as_asked(*id)).collect(),
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
    fn only_bounds_of_what_is_chosen_matter() {
        let form = "decision=approve&item=a&uses-a=0&uses-b=0";
        match read(form, &["a", "b"]) {
            Err(Mistake::Bounds(found)) => {
                assert_eq!(found.keys().collect::<Vec<_>>(), ["uses-a"]);
            }
            other => panic!("{other:?}"),
        }
        assert!(read("decision=approve&item=b&uses-a=0", &["a", "b"]).is_ok());
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
