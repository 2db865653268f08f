//! HTTP/1.1 as plainly as possible: the generator must not be what is measured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::str::from_utf8;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is kept, with one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, as long as the connection is not used again.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    body: &'a [u8],
}

impl Answer<'_> {
    pub(crate) fn body(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }
}

/// A whole request in the form it is sent.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> String {
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: load\r\n{}",
        authorization.unwrap_or_default()
    );
    match body.map(Value::to_string) {
        Some(body) => format!(
            "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
        None => head + "\r\n",
    }
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![0; 64 * 1024],
        })
    }

    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(read > 0, "the server closed a connection");
            filled += read;
            if let Some((status, start, end)) = extent(&self.buffer[..filled])?
                && end <= filled
            {
                let body = &self.buffer[start..end];
                return Ok(Answer { status, body });
            }
            ensure!(filled < self.buffer.len(), "an answer is too long");
        }
    }
}

/// The status and where the body starts and ends, once the head is there.
fn extent(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(head) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = from_utf8(&bytes[..head])?.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.context("an answer has no status")?.parse()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim())
    });
    let length: usize = length.context("an answer has no length")?.parse()?;
    Ok(Some((status, head + 4, head + 4 + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let whole = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(
            extent(whole).unwrap(),
            Some((401, whole.len() - 2, whole.len()))
        );
        assert_eq!(extent(&whole[..20]).unwrap(), None);
        assert!(extent(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
