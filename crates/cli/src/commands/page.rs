//! The approval page, for a person: as a QR code for their telephone, and in their browser.

use std::fmt::Write as _;

use procura_client::Approval;
use qrcode::{EcLevel, QrCode};

use crate::printer::Printer;

/// What to do with the approval page beside showing where it is.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Page {
    /// Open the approval page in the browser, too
    #[arg(long)]
    open: bool,
}

impl Page {
    /// Opens the page if that was asked for. A browser that cannot be started is no reason to give up: the page has
    /// been shown. The URL was checked when it arrived, and no shell ever sees it.
    pub(crate) fn offer(&self, approval: &Approval, printer: &Printer) {
        let page = approval.verification_uri_complete.as_ref();
        let Some(page) = page.or(approval.verification_uri.as_ref()) else {
            return;
        };
        if printer.is_terminal()
            && let Some(code) = qr_code(page.as_str())
        {
            printer.say(&code);
        }
        if !self.open {
            return;
        }
        if approval.is_elsewhere {
            printer
                .insist("The page is not opened, because it is not on the service's own domain.");
        } else if let Err(error) = open::that_detached(page.as_str()) {
            printer.insist(&format!("The browser cannot be opened: {error}"));
        }
    }
}

/// Two modules in each character, light on dark as terminals mostly are, with the margin that readers need.
fn qr_code(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let is_light = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < width);
        let dark = inside(x)
            .zip(inside(y))
            .map(|at| code[at] == qrcode::Color::Dark);
        !dark.unwrap_or(false)
    };
    let side = width + 2 * MARGIN;
    let mut drawn = String::new();
    for y in (0..side).step_by(2) {
        for x in 0..side {
            let block = match (is_light(x, y), y + 1 < side && is_light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            };
            drawn.push(block);
        }
        // Writing to a string cannot fail.
        let _ = writeln!(drawn);
    }
    Some(drawn.trim_end_matches('\n').to_owned())
}

/// Light modules around a code.
const MARGIN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_two_rows_to_a_line() {
        let drawn = qr_code("https://bank.example/device").unwrap();
        let lines: Vec<_> = drawn.lines().collect();
        // 27 bytes fit the second smallest size of 25 modules; with both margins that is 29.
        assert_eq!(lines.len(), 15);
        assert!(lines.iter().all(|line| line.chars().count() == 29));
        assert!(lines[0].chars().all(|block| block == '█'), "the margin");
        // The upper edge of a finder pattern: seven dark modules over a row with five light ones within.
        assert!(lines[1].starts_with("██ ▄▄▄▄▄ "), "{drawn}");
    }

    #[test]
    fn a_text_that_fits_no_code_is_not_drawn() {
        assert_eq!(qr_code(&"x".repeat(5000)), None);
    }
}
