//! `requests.json`: bytes at the port.

use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::memory;
use crate::reader::{Corpus, Pieces};
use crate::server::Target;

#[derive(Deserialize)]
struct Case {
    name: String,
    request: Pieces,
    answers: Vec<Option<u16>>,
}

#[tokio::test]
async fn no_hostile_bytes_break_a_server() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/requests.json");
    let target = Target::start().await;
    for case in Corpus::<Case>::read(file).unwrap().into_all() {
        let request = case.request.bytes();
        let may_be_silent = case.answers.contains(&None);
        let exchanging = exchange(&target.bank.address, &request, may_be_silent);
        let answer = memory::bounded(&case.name, exchanging).await;
        let status = status(&answer);
        assert!(
            case.answers.contains(&status),
            "{}: {status:?} {answer}",
            case.name
        );
        if let Some((_, body)) = answer.split_once("\r\n\r\n")
            && status.is_some_and(|status| status >= 400)
            && !body.is_empty()
        {
            assert!(
                body.contains("\"error\":") && body.contains("\"message\":"),
                "{}: {answer}",
                case.name
            );
        }
    }
    // And it goes on.
    let answer = target.bank.get("/capability/list", None).await;
    assert_eq!(answer.status, 200);
}

/// What comes back for these bytes. Where nothing has to, the sending side is closed to have it end.
async fn exchange(address: &str, request: &[u8], may_be_silent: bool) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has read enough may close before all is written.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let wait = if may_be_silent { MOMENT } else { PATIENCE };
    if timeout(wait, read_answer(&mut stream, &mut answer))
        .await
        .is_err()
    {
        let _ = stream.shutdown().await;
        let rest = timeout(PATIENCE, read_answer(&mut stream, &mut answer));
        rest.await.unwrap_or_default();
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until there is a head and the whole body it announces, or nothing more.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    let mut chunk = [0; 4096];
    while !is_whole(answer) {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split("\r\n").find_map(|line| {
        let length = line.strip_prefix("content-length: ")?;
        length.parse::<usize>().ok()
    });
    body.len() >= length.unwrap_or(0)
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// For answers that may stay away.
const MOMENT: Duration = Duration::from_millis(300);
/// For answers that have to come.
const PATIENCE: Duration = Duration::from_secs(20);
