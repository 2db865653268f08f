//! Standard output for data, standard error for talk. The only place in the program that prints.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// Prints a line of data. A reader that has gone away is no error.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Prints talk. A reader that has gone away is no error.
pub(crate) fn talk(text: &str) -> io::Result<()> {
    match writeln!(io::stderr(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Tells what went wrong, and fails.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    // Nothing is left to do when standard error is closed, too.
    let _ = writeln!(io::stderr(), "procurad: {error:#}");
    ExitCode::FAILURE
}
