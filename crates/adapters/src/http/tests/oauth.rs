use super::*;
use procura_fetch::Fetcher;

fn client(tokens: &Recorder) -> ClientCredentials {
    let url = Url::parse(&tokens.url("/token")).unwrap();
    let secret = Secret::new("s3 cr:et".to_owned());
    ClientCredentials::new(
        url,
        "pro cura".to_owned(),
        secret,
        Fetcher::new(local()).unwrap(),
    )
}

fn token(name: &str) -> recorder::Answer {
    let body = format!(r#"{{"access_token":"{name}","token_type":"Bearer","expires_in":3600}}"#);
    answer(200, "application/json", &body)
}

fn guarded(service: &Recorder, client: ClientCredentials) -> HttpBackend {
    let mut settings = settings(&service.url(""));
    settings.credential = Credential::ClientCredentials(Box::new(client));
    backend(upstream(settings), get("/x"))
}

#[tokio::test]
async fn a_token_is_fetched_once_and_kept() {
    let tokens = Recorder::start(vec![token("t1")]).await;
    let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
    let mut client = client(&tokens);
    client.parameters = vec![("scope".to_owned(), "read write".to_owned())];
    let backend = guarded(&service, client);
    for _ in 0..3 {
        value(&backend, json!({})).await;
    }
    let asked = tokens.only();
    assert_eq!(asked.line, "POST /token HTTP/1.1");
    assert_eq!(asked.body, "grant_type=client_credentials&scope=read+write");
    // base64 of pro+cura:s3+cr%3Aet
    assert_eq!(
        asked.headers["authorization"],
        "Basic cHJvK2N1cmE6czMrY3IlM0FldA=="
    );
    for seen in service.seen() {
        assert_eq!(seen.headers["authorization"], "Bearer t1");
    }
}

#[tokio::test]
async fn the_secret_may_go_into_the_body() {
    let tokens = Recorder::start(vec![token("t1")]).await;
    let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
    let mut client = client(&tokens);
    client.secret_place = SecretPlace::Body;
    value(&guarded(&service, client), json!({})).await;
    let asked = tokens.only();
    assert_eq!(
        asked.body,
        "grant_type=client_credentials&client_id=pro+cura&client_secret=s3+cr%3Aet"
    );
    assert_eq!(asked.headers.get("authorization"), None);
}

#[tokio::test]
async fn a_token_that_is_turned_down_is_replaced_once() {
    let tokens = Recorder::start(vec![token("old"), token("new")]).await;
    let refused = answer(401, "", "");
    let good = answer(200, "application/json", "1");
    let service = Recorder::start(vec![refused.clone(), good, refused]).await;
    let backend = guarded(&service, client(&tokens));
    assert_eq!(value(&backend, json!({})).await, json!(1));
    assert_eq!(service.seen()[1].headers["authorization"], "Bearer new");
    let failed = error(&backend, json!({})).await;
    assert!(matches!(failed, BackendError::Failed(_)), "{failed:?}");
    assert_eq!(tokens.seen().len(), 3);
}

#[tokio::test]
async fn without_a_token_nothing_is_called_and_nothing_is_told() {
    for (status, body) in [
        (400, r#"{"error":"invalid_client"}"#),
        (200, r#"{"access_token":"hunter2","token_type":"mac"}"#),
        (200, r#"{"access_token":"hunter2\n","token_type":"bearer"}"#),
        (200, "hunter2"),
    ] {
        let tokens = Recorder::start(vec![answer(status, "application/json", body)]).await;
        let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
        let failed = error(&guarded(&service, client(&tokens)), json!({})).await;
        assert!(!failed.to_string().contains("hunter2"), "{failed}");
        assert!(service.seen().is_empty());
    }
}

#[test]
fn secrets_are_not_shown() {
    let secret = Secret::new("hunter2".to_owned());
    let shown = format!("{secret:?} {:?}", Credential::bearer(&secret).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let broken = Secret::new("hunter2\r\nX: y".to_owned());
    assert!(Credential::bearer(&broken).is_err());
}
