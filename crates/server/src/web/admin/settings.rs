//! `GET /admin/settings`: the settings in effect, to be read. Secrets are not among them.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use procura_agent_auth::notice::NoticePolicy;
use procura_agent_auth::registration::{AutonomousPolicy, UnknownHosts};
use procura_service::limits::{Rate, Rates};
use procura_service::people::openid::{OpenIdProvider, OpenIdSettings};
use procura_service::{ArgumentsPolicy, Policy, Provider};

use super::{Part, shell};
use crate::app::App;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::words::say;

pub(super) async fn show(State(app): State<App>, Admin(admin): Admin) -> Response {
    let policy = app.ctx.policy();
    page(&SettingsPage {
        shell: shell(&app, admin.person()),
        here: Part::Settings,
        groups: vec![
            provider(app.ctx.provider(), policy),
            registration(policy),
            lifetimes(policy),
            approval(policy),
            signing_in(&app),
            notices(&policy.notices),
            limits(app.ctx.limits().rates()),
        ],
    })
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    shell: Shell,
    here: Part,
    groups: Vec<Group>,
}

/// Settings that belong together.
struct Group {
    name: &'static str,
    settings: Vec<(&'static str, String)>,
}

fn provider(provider: &Provider, policy: &Policy) -> Group {
    let callers = &policy.introspection_callers;
    let names: Vec<_> = callers.iter().map(|caller| caller.name.as_str()).collect();
    let introspection = if names.is_empty() {
        "everybody".to_owned()
    } else {
        names.join(", ")
    };
    Group {
        name: "Server",
        settings: vec![
            ("Name", provider.name.clone()),
            ("Description", provider.description.clone()),
            ("Issuer", provider.issuer.clone()),
            ("Capabilities shown to", {
                let shown = if policy.public_capabilities {
                    "everybody"
                } else {
                    "hosts and agents"
                };
                shown.to_owned()
            }),
            ("May introspect", introspection),
        ],
    }
}

fn registration(policy: &Policy) -> Group {
    let modes: Vec<_> = policy.modes().iter().map(|mode| mode.as_str()).collect();
    let registration = &policy.registration;
    let unknown = match registration.unknown_hosts {
        UnknownHosts::Register => "taken in, until somebody decides",
        UnknownHosts::Refuse => "turned away",
    };
    let autonomous = |policy| {
        let words = match policy {
            AutonomousPolicy::Pending => "an administrator decides",
            AutonomousPolicy::Activate => "get the defaults at once",
            AutonomousPolicy::Refuse => "turned away",
        };
        words.to_owned()
    };
    Group {
        name: "Registration",
        settings: vec![
            ("Modes", modes.join(", ")),
            ("Unknown apps", unknown.to_owned()),
            (
                "Agents on their own, of unknown apps",
                autonomous(registration.autonomous_unknown_hosts),
            ),
            (
                "Agents on their own, of connected apps",
                autonomous(registration.autonomous_linked_hosts),
            ),
        ],
    }
}

fn lifetimes(policy: &Policy) -> Group {
    let lifetime = &policy.lifetime;
    let end = |clock: Option<Duration>| clock.map_or_else(|| "never".to_owned(), length);
    Group {
        name: "Lifetimes",
        settings: vec![
            ("An idle agent expires after", end(lifetime.session_ttl)),
            ("A busy agent expires after", end(lifetime.max_lifetime)),
            (
                "An agent ends for good after",
                end(lifetime.absolute_lifetime),
            ),
            ("A token is good for", length(policy.window.max_age)),
            ("Clocks may differ by", length(policy.window.skew)),
            ("A stream may run for", length(policy.max_stream)),
        ],
    }
}

fn approval(policy: &Policy) -> Group {
    let methods = policy.approval_methods.iter();
    let methods: Vec<_> = methods.map(|method| method.as_str()).collect();
    let kept = match policy.audit_arguments {
        ArgumentsPolicy::Full => "all of them",
        ArgumentsPolicy::Digest => "their digest",
        ArgumentsPolicy::Omit => "nothing",
    };
    Group {
        name: "People and approval",
        settings: vec![
            ("Ways to ask", methods.join(", ")),
            ("A request waits for", length(policy.approval_expires_in)),
            ("Requests in one inbox", policy.inbox.per_person.to_string()),
            ("Of them from one app", policy.inbox.per_host.to_string()),
            ("A session lasts for", length(policy.session.lifetime)),
            ("A sign-in is fresh for", length(policy.session.fresh_for)),
            ("The log keeps of arguments", kept.to_owned()),
        ],
    }
}

fn signing_in(app: &App) -> Group {
    let name = "Signing in";
    if app.people.is_some() {
        let settings = vec![("Who people are", "said by the application".to_owned())];
        return Group { name, settings };
    }
    let listed = |names: Vec<String>| {
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join("; ")
        }
    };
    let providers: Vec<_> = app.openid.iter().map(OpenIdProvider::settings).collect();
    let named = |provider: &&OpenIdSettings| format!("{} ({})", provider.name, provider.issuer);
    let opening = providers.iter().filter(|provider| provider.sign_up);
    let opening = opening.map(|provider| match provider.domains.as_slice() {
        [] => provider.name.clone(),
        domains => format!("{} ({})", provider.name, domains.join(", ")),
    });
    let whoever = if app.ctx.policy().sign_up {
        "everybody"
    } else {
        "who was invited"
    };
    Group {
        name,
        settings: vec![
            ("May make an account", whoever.to_owned()),
            (
                "Accounts elsewhere that sign in here",
                listed(providers.iter().map(named).collect()),
            ),
            ("Of these, open an account here", listed(opening.collect())),
        ],
    }
}

fn notices(policy: &NoticePolicy) -> Group {
    let receivers = policy.receivers.iter().map(|receiver| {
        let events = receiver.events.iter().map(|event| event.as_str());
        let events: Vec<_> = events.collect();
        format!("{} ({})", receiver.name, events.join(", "))
    });
    let receivers: Vec<_> = receivers.collect();
    if receivers.is_empty() {
        return Group {
            name: "Notices",
            settings: vec![("Told of what waits", "nobody".to_owned())],
        };
    }
    let prefers = if policy.prefers_inbox {
        "into an inbox, where its person is told"
    } else {
        "with a code"
    };
    let unheeded = policy.unheeded;
    Group {
        name: "Notices",
        settings: vec![
            ("Told of what waits", receivers.join("; ")),
            (
                "A request comes, unless its app says how",
                prefers.to_owned(),
            ),
            ("Between two notices", length(policy.quiet)),
            (
                "Between two because of one app",
                length(policy.quiet_per_app),
            ),
            (
                "Because of an app that nobody approves",
                say("{count} in {span}")
                    .with("count", unheeded.count)
                    .with("span", length(unheeded.per))
                    .to_string(),
            ),
            ("Tries to deliver one", policy.tries.to_string()),
            ("The delivery log keeps it for", length(policy.keep)),
        ],
    }
}

fn limits(rates: Option<&Rates>) -> Group {
    let settings = match rates {
        None => vec![("Rate limits", "switched off".to_owned())],
        Some(rates) => vec![
            ("Calls of an agent", rate(rates.agent)),
            ("Calls of an app", rate(rates.host)),
            (
                "Calls of one capability by an agent",
                rate(rates.capability),
            ),
            ("Requests of one person", rate(rates.person)),
            ("Looks whether a request was decided", rate(rates.polling)),
            ("Requests from one address", rate(rates.address)),
            ("New apps from one address", rate(rates.unknown_host)),
            ("Introspections", rate(rates.introspection)),
            ("Sign-in attempts", rate(rates.sign_in)),
            ("Codes tried by one person", rate(rates.user_code)),
            (
                "Messages to confirm one person's address",
                rate(rates.confirmation),
            ),
        ],
    };
    Group {
        name: "Limits",
        settings,
    }
}

fn rate(rate: Rate) -> String {
    let words = say("{count} in {span}").with("count", rate.count);
    words.with("span", length(rate.per)).to_string()
}

/// A span as the configuration writes it.
fn length(span: Duration) -> String {
    let millis = span.as_millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    let fits = |(size, _): &(u128, &str)| millis >= *size && millis.is_multiple_of(*size);
    match units.into_iter().find(fits) {
        Some((size, unit)) => format!("{}{unit}", millis / size),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_in_the_configuration() {
        let cases = [
            (0, "0ms"),
            (1500, "1500ms"),
            (90_000, "90s"),
            (86_400_000, "1d"),
        ];
        for (millis, expected) in cases {
            assert_eq!(length(Duration::from_millis(millis)), expected);
        }
    }
}
