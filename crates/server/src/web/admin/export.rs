//! `GET /admin/log/export`: the audit log as a file, as it is in the store: JSON lines, or CSV for a spreadsheet.

use std::collections::VecDeque;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use procura_service::administration::{self, Administrator};
use procura_service::{ServiceError, ServiceResult};
use procura_store::audit::AuditRecord;
use procura_store::search::AuditSearch;
use serde_json::Value;

use super::log;
use crate::app::App;
use crate::web::form::Query;
use crate::web::signed::Admin;

/// Sends the log part by part, so that its size does not matter.
pub(super) async fn download(
    State(app): State<App>,
    Admin(admin): Admin,
    Query(fields): Query,
) -> Response {
    let format = match fields.text("format") {
        "csv" => Format::Csv,
        _ => Format::JsonLines,
    };
    let export = Export {
        app,
        admin,
        search: log::read(&fields),
        format,
        after: Some(0),
        ready: format.head().into_iter().collect(),
    };
    let parts = stream::unfold(export, async |mut export| {
        let part = export.next().await?;
        Some((part, export))
    });
    let headers = [
        (CONTENT_TYPE, format.content_type()),
        (CONTENT_DISPOSITION, format.disposition()),
    ];
    (headers, Body::from_stream(parts)).into_response()
}

/// An export on its way.
struct Export {
    app: App,
    admin: Administrator,
    search: AuditSearch,
    format: Format,
    /// Where to go on; nothing at the end.
    after: Option<i64>,
    ready: VecDeque<String>,
}

impl Export {
    /// The next piece of the file. A failure breaks it off, which a browser shows as a failed download.
    async fn next(&mut self) -> Option<Result<String, ServiceError>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(Ok(ready));
            }
            if let Err(error) = self.load().await? {
                tracing::error!(%error, "an export of the audit log broke off");
                self.after = None;
                return Some(Err(error));
            }
        }
    }

    async fn load(&mut self) -> Option<ServiceResult<()>> {
        let after = self.after?;
        let part =
            administration::export_log(&self.app.ctx, &self.admin, &self.search, after).await;
        Some(part.map(|part| {
            self.after = part.after;
            let lines: String = part
                .records
                .iter()
                .map(|record| self.format.line(record))
                .collect();
            self.ready.extend((!lines.is_empty()).then_some(lines));
        }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    JsonLines,
    Csv,
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    fn disposition(self) -> &'static str {
        match self {
            Self::JsonLines => "attachment; filename=\"audit-log.jsonl\"",
            Self::Csv => "attachment; filename=\"audit-log.csv\"",
        }
    }

    fn head(self) -> Option<String> {
        match self {
            Self::JsonLines => None,
            Self::Csv => Some(format!("{}\r\n", COLUMNS.join(","))),
        }
    }

    fn line(self, record: &AuditRecord) -> String {
        let value = record.to_value();
        match self {
            Self::JsonLines => format!("{value}\n"),
            Self::Csv => {
                let cells: Vec<_> = COLUMNS.iter().map(|name| cell(&value[*name])).collect();
                format!("{}\r\n", cells.join(","))
            }
        }
    }
}

/// A cell as RFC 4180 has it. Agents choose some of the words in the log, and a spreadsheet takes for a formula
/// what begins like one, so such a text gets an apostrophe in front.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::Number(number) => return number.to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

const COLUMNS: [&str; 15] = [
    "sequence",
    "at",
    "event",
    "outcome",
    "actor",
    "user_id",
    "host_id",
    "agent_id",
    "capability",
    "jti",
    "detail",
    "salt",
    "activity_hash",
    "previous",
    "hash",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_quoted_and_no_formula() {
        let cases = [
            (json!(null), ""),
            (json!(-7), "-7"),
            (json!("a,\"b\"\n"), "\"a,\"\"b\"\"\n\""),
            (json!("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\""),
            (json!("@x"), "\"'@x\""),
            (json!({ "a": "=1" }), "\"{\"\"a\"\":\"\"=1\"\"}\""),
        ];
        for (value, expected) in cases {
            assert_eq!(cell(&value), expected);
        }
    }
}
