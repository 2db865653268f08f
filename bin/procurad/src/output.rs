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

/// Tells something to whoever looks on.
pub(crate) fn note(text: &str) {
    // Nobody may be looking.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Tells what went wrong, and fails.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    // Nothing is left to do when standard error is closed, too.
    let _ = writeln!(io::stderr(), "procurad: {error:#}");
    ExitCode::FAILURE
}
