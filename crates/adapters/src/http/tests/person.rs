//! Services that take a credential of the person.

use super::*;
use crate::{AccountProblem, Vault};

/// A vault in which one person has something.
struct Kept;

#[async_trait]
impl Vault for Kept {
    async fn secret(&self, service: &str, user_id: Option<&str>) -> Result<Secret, BackendError> {
        match (service, user_id) {
            ("shop", Some("usr_1")) => Ok(Secret::new("theirs".to_owned())),
            _ => Err(problem(AccountProblem::NoPerson)),
        }
    }

    fn not_accepted(&self, _: &str) -> BackendError {
        problem(not_accepted())
    }
}

fn problem(problem: AccountProblem) -> BackendError {
    BackendError::Account {
        service: "shop".to_owned(),
        problem,
    }
}

fn not_accepted() -> AccountProblem {
    AccountProblem::NotAccepted {
        url: "/".to_owned(),
    }
}

fn of_person(url: &str, place: PersonPlace) -> Arc<Upstream> {
    let mut settings = settings(url);
    settings.credential = Credential::Person(PersonCredential {
        service: "shop".to_owned(),
        place,
    });
    upstream(settings)
}

async fn called(
    backend: &HttpBackend,
    user_id: Option<&str>,
    value: &str,
) -> Result<Reply, BackendError> {
    let arguments = json!({ "v": value }).as_object().unwrap().clone();
    let call = Call {
        user_id,
        vault: &Kept,
        ..a_call(&arguments)
    };
    backend.call(call).await
}

fn places() -> [(PersonPlace, &'static str); 4] {
    let header = http::HeaderName::from_static("x-v");
    [
        (PersonPlace::Bearer, "authorization: Bearer theirs"),
        (PersonPlace::Header(header), "x-v: theirs"),
        (PersonPlace::Query("key".to_owned()), "?q=mine&key=theirs"),
        (PersonPlace::Cookie("sid".to_owned()), "cookie: sid=theirs"),
    ]
}

/// A plan whose argument tries the header that may be the credential's.
fn plan() -> Declared {
    let query = json!({ "q": "${arguments.v}" })
        .as_object()
        .unwrap()
        .clone();
    let headers = [("X-V".to_owned(), "${arguments.v}".to_owned())];
    get("/x")
        .with_query(query)
        .and_then(|plan| plan.with_headers(headers))
        .unwrap()
}

#[tokio::test]
async fn the_secret_of_the_person_goes_to_its_place_whatever_the_arguments_are() {
    for (place, expected) in places() {
        let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
        let backend = backend(of_person(&service.url(""), place), plan());
        assert!(called(&backend, Some("usr_1"), "mine").await.is_ok());
        let seen = service.only();
        match expected.split_once(": ") {
            Some((name, value)) => assert_eq!(seen.headers[name], value),
            None => assert!(seen.line.contains(expected), "{}", seen.line),
        }
    }
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent() {
    for (place, _) in places() {
        let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
        let backend = backend(of_person(&service.url(""), place), plan());
        for user_id in [None, Some("usr_2")] {
            let refused = called(&backend, user_id, "mine").await.err();
            assert_eq!(refused, Some(problem(AccountProblem::NoPerson)));
        }
        // Not even by a way that forgot to ask for it.
        let outgoing = Outgoing::new(Method::GET, "/x".to_owned());
        let refused = backend
            .upstream
            .send(&outgoing, &upstream::Acting::default())
            .await
            .err();
        assert!(
            matches!(refused, Some(BackendError::Failed(_))),
            "{refused:?}"
        );
        assert!(service.seen().is_empty());
    }
}

#[tokio::test]
async fn what_the_service_says_to_the_secret_is_told_apart() {
    for (status, expected) in [
        (401, problem(not_accepted())),
        (
            403,
            BackendError::Refused {
                status: Some(403),
                detail: None,
            },
        ),
    ] {
        let service = Recorder::start(vec![answer(status, "application/json", "1")]).await;
        let backend = backend(of_person(&service.url(""), PersonPlace::Bearer), plan());
        let refused = called(&backend, Some("usr_1"), "mine").await.err();
        assert_eq!(refused, Some(expected));
    }
}

#[tokio::test]
async fn a_job_is_followed_with_the_secret_it_was_begun_with() {
    let begun = recorder::answer_with(202, &[("location", "/jobs/1")], "");
    let done = answer(200, "application/json", "{\"n\":1}");
    let service = Recorder::start(vec![begun, done]).await;
    let backend = backend(of_person(&service.url(""), PersonPlace::Bearer), plan());
    let Ok(Reply::Job(job)) = called(&backend, Some("usr_1"), "mine").await else {
        panic!("no job")
    };
    assert_eq!(job.await, Ok(json!({ "n": 1 })));
    for seen in service.seen() {
        assert_eq!(seen.headers["authorization"], "Bearer theirs");
    }
}

#[test]
fn no_pair_of_an_argument_is_the_secrets() {
    for (place, _) in places() {
        let upstream = of_person("https://shop.example", place);
        let credential = upstream.credential();
        let mut outgoing = Outgoing::new(Method::GET, "/x".to_owned());
        outgoing.add_query("KEY", "mine");
        let refused = upstream.url(&outgoing).is_err();
        assert_eq!(refused, credential.owns_query("key"));
        let mut outgoing = Outgoing::new(Method::GET, "/x".to_owned());
        outgoing.cookies.push("sid=mine".to_owned());
        let refused = upstream.url(&outgoing).is_err();
        assert_eq!(refused, credential.owns_cookie("sid"));
    }
}
