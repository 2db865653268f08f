//! What became of a description, in words.

use std::path::Path;

use procura_server::gateway::{Kind, Report};

/// Each operation, and how to go on, for whoever started a server with nothing but a description.
pub(crate) fn of_start(report: &Report, issuer: &str, data: &Path) -> String {
    let (operation, plural, init) = match report.kind {
        Kind::Openapi => (
            "OPERATION",
            "operations",
            format!("--openapi {}", report.source),
        ),
        Kind::Mcp => ("TOOL", "tools", format!("--mcp {:?}", report.source)),
    };
    let mut lines = vec![
        format!("{} ({})", report.title, report.source),
        String::new(),
    ];
    let mut rows = vec![["CAPABILITY", operation, "APPROVAL", "DEFAULT"].map(str::to_owned)];
    rows.extend(report.offered.iter().map(|row| {
        let default = if row.default { "yes" } else { "no" };
        let approval = format!("{:?}", row.approval).to_lowercase();
        [
            row.name.clone(),
            row.operation.clone(),
            approval,
            default.to_owned(),
        ]
    }));
    lines.extend(aligned(&rows));
    if !report.quarantined.is_empty() {
        lines.push("\nNot offered:".to_owned());
        let each = report.quarantined.iter();
        lines.extend(each.map(|one| format!("  {}: {}", one.operation, one.reason)));
    }
    let counts = (report.offered.len(), report.quarantined.len());
    let data = data.display();
    lines.push(format!(
        "\n{} {plural} are offered, {} cannot be.\n\
         People approve at {issuer}/device. Make an account:\n  \
         procurad admin --data {data} people add you@example.com < password-file\n\
         What takes presence, an administrator approves:\n  \
         procurad admin --data {data} approvals approve CODE\n\
         A configuration to go on with:\n  \
         procurad admin --config procura.toml config init {init}",
        counts.0, counts.1,
    ));
    lines
        .iter()
        .map(|line| visible(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Columns that line up.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |at: usize| {
        rows.iter()
            .map(|row| row[at].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Words of strangers do not steer the terminal.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use procura_server::gateway::Quarantined;

    use super::*;

    #[test]
    fn the_report_names_what_is_not_offered_and_where_to_approve() {
        let report = Report {
            kind: Kind::Openapi,
            source: "shop.yaml".to_owned(),
            title: "Shop\u{1b}[2J".to_owned(),
            offered: Vec::new(),
            quarantined: vec![Quarantined {
                operation: "GET /x".to_owned(),
                reason: "it is odd".to_owned(),
            }],
            left_out: 0,
        };
        let text = of_start(&report, "http://127.0.0.1:8080", Path::new("data"));
        assert!(text.contains("  GET /x: it is odd"), "{text}");
        assert!(text.contains("http://127.0.0.1:8080/device"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
