//! A peer that says nothing costs a connection only for a while.
//!
//! Which version of HTTP a peer speaks is read from its first bytes, and only then the timers of that version run.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream whose first bytes have to come in time.
#[derive(Debug)]
pub(super) struct Prompt<S> {
    stream: S,
    /// What is still to come of the preface of HTTP/2, as long as nothing else came.
    awaited: &'static [u8],
    /// Until when; gone once they came.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Prompt<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            awaited: PREFACE,
            deadline: Some(Box::pin(sleep(FIRST_BYTES))),
        }
    }

    /// With the first byte that HTTP/2 does not begin with, or with all that it begins with, the version is known.
    fn look_at(&mut self, bytes: &[u8]) {
        let seen = bytes.len().min(self.awaited.len());
        let (expected, rest) = self.awaited.split_at(seen);
        self.awaited = rest;
        if rest.is_empty() || !bytes.starts_with(expected) {
            self.deadline = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.deadline.is_some() {
            self.look_at(&buffer.filled()[before..]);
        }
        if read.is_pending()
            && let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What tells the versions of HTTP apart (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a peer may take for its first bytes.
const FIRST_BYTES: Duration = Duration::from_secs(10);
