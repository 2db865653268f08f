//! Streams of a service: server-sent events, and JSON in lines.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use procura_fetch::{BodyStream, FetchError};
use serde_json::Value;

use crate::BackendError;

type Piece = Result<Value, BackendError>;

/// The data of each event; as JSON where it is that.
pub(super) fn events(body: BodyStream) -> BoxStream<'static, Piece> {
    let mut data: Option<String> = None;
    let pieces = lines(body).filter_map(move |line| {
        let piece = match line {
            Ok(line) => read_field(&mut data, &line).transpose(),
            Err(error) => Some(Err(error)),
        };
        async move { piece }
    });
    pieces.boxed()
}

/// One value a line.
pub(super) fn json_lines(body: BodyStream) -> BoxStream<'static, Piece> {
    let pieces = lines(body).filter_map(|line| async move {
        match line {
            // JSON text sequences begin each with a record separator (RFC 7464).
            Ok(line) => match line.trim_matches(['\u{1e}', ' ', '\t']) {
                "" => None,
                text => Some(serde_json::from_str(text).map_err(|_| garbage())),
            },
            Err(error) => Some(Err(error)),
        }
    });
    pieces.boxed()
}

/// Takes a line of an event; gives the event's data when it ends.
fn read_field(data: &mut Option<String>, line: &str) -> Result<Option<Value>, BackendError> {
    if line.is_empty() {
        let text = data.take();
        let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        return Ok(text.map(read));
    }
    let value = match line.split_once(':') {
        Some(("data", value)) => value.strip_prefix(' ').unwrap_or(value),
        None if line == "data" => "",
        _ => return Ok(None),
    };
    if data.as_ref().is_some_and(|data| data.len() > MAX_LINE) {
        return Err(garbage());
    }
    match data {
        Some(data) => {
            data.push('\n');
            data.push_str(value);
        }
        None => *data = Some(value.to_owned()),
    }
    Ok(None)
}

/// The lines of a body, each of bounded length, whatever ends them. What follows the last end is a line, too.
fn lines(body: BodyStream) -> impl Stream<Item = Result<String, BackendError>> + Send {
    let reading = Reading {
        body,
        buffer: Vec::new(),
        ended: false,
    };
    stream::try_unfold(reading, |mut reading| async move {
        loop {
            if let Some(line) = reading.take_line()? {
                return Ok(Some((line, reading)));
            }
            if reading.ended {
                return Ok(None);
            }
            let chunk = reading.body.next().await;
            reading.take_chunk(chunk)?;
        }
    })
}

struct Reading {
    body: BodyStream,
    buffer: Vec<u8>,
    ended: bool,
}

impl Reading {
    fn take_line(&mut self) -> Result<Option<String>, BackendError> {
        let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
            let rest = self.ended && !self.buffer.is_empty();
            return rest
                .then(|| text(&std::mem::take(&mut self.buffer)))
                .transpose();
        };
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        text(&line[..end]).map(Some)
    }

    fn take_chunk(&mut self, chunk: Option<Result<Bytes, FetchError>>) -> Result<(), BackendError> {
        match chunk {
            None => self.ended = true,
            Some(Err(error)) => return Err(BackendError::Failed(error.to_string())),
            Some(Ok(_)) if self.buffer.len() > MAX_LINE => return Err(garbage()),
            Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
        }
        Ok(())
    }
}

fn text(line: &[u8]) -> Result<String, BackendError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    std::str::from_utf8(line)
        .map(str::to_owned)
        .map_err(|_| garbage())
}

fn garbage() -> BackendError {
    BackendError::Failed("the stream is not what it says it is".to_owned())
}

/// The longest line, and about the longest event, in bytes.
const MAX_LINE: usize = 1024 * 1024;
