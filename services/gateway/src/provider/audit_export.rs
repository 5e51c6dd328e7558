//! The audit log as a file: everything, page after page, as fast as it is taken.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use contracts::audit::{Act, ListActsRequest};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::audit::{ActView, hex};
use super::audit_cursor::Cursor;
use super::audit_merge::page;
use super::csv::field;
use super::json::moment;
use crate::Gateway;
use crate::problem::Problem;

/// How many acts are read at once.
const READ_AT_ONCE: u32 = 1000;
/// The first line of a CSV file.
const HEADING: &str =
    "service,number,at,tenant,subject,subject_tenant,source,request_id,verb,target,detail,previous,hash\r\n";

/// How an act is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    Csv,
    /// One JSON object a line.
    Json,
}

impl Lines {
    fn write(self, act: Act) -> String {
        match self {
            Self::Csv => csv_line(&act),
            // Texts and numbers always can be written.
            Self::Json => serde_json::to_string(&ActView::from(act)).unwrap_or_default() + "\n",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/jsonl; charset=utf-8",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"audit.csv\"",
            Self::Json => "attachment; filename=\"audit.jsonl\"",
        }
    }
}

fn csv_line(act: &Act) -> String {
    let (number, at) = (act.number.to_string(), moment(act.at).unwrap_or_default());
    let (previous, hash) = (hex(&act.previous), hex(&act.hash));
    let fields = [
        &act.service,
        &number,
        &at,
        &act.concerns,
        &act.subject,
        &act.subject_tenant,
        &act.source,
        &act.request_id,
        &act.verb,
        &act.target,
        &act.detail,
        &previous,
        &hash,
    ];
    fields.map(|text| field(text)).join(",") + "\r\n"
}

/// Everything that answers to `question` from there on. The first page is read before anything is
/// answered, so that a refusal still has a status.
pub(super) async fn answer(
    gateway: Gateway,
    question: ListActsRequest,
    (at, lines): (Cursor, Lines),
) -> Result<Response, Problem> {
    let question = ListActsRequest { limit: READ_AT_ONCE, ..question };
    let first = page(&gateway, &question, at).await?;
    let (pages, waiting) = mpsc::channel(1);
    tokio::spawn(async move {
        let heading = if lines == Lines::Csv { HEADING } else { "" };
        let mut text = heading.to_owned();
        let mut page_now = first;
        loop {
            text.extend(page_now.acts.into_iter().map(|act| lines.write(act)));
            // Nobody waits for it any more where the client has gone.
            if pages.send(Ok(text.into())).await.is_err() || page_now.next.is_over() {
                return;
            }
            text = String::new();
            page_now = match page(&gateway, &question, page_now.next).await {
                Ok(page) => page,
                Err(problem) => {
                    tracing::warn!(reason = problem.reason, "an export of the audit log ends early");
                    let _ = pages.send(Err(Interrupted)).await;
                    return;
                }
            };
        }
    });
    let headers = [
        (header::CONTENT_TYPE, lines.media_type()),
        (header::CONTENT_DISPOSITION, lines.file()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::new(Export(waiting))).into_response())
}

/// A service could not be asked half-way. The connection ends without the end of the body, so that nobody
/// takes a part for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the audit log could not be read to its end")]
struct Interrupted;

/// The pages as they come.
struct Export(mpsc::Receiver<Result<Bytes, Interrupted>>);

impl hyper::body::Body for Export {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        self.0.poll_recv(context).map(|page| page.map(|page| page.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_one_line_whatever_it_holds() {
        let act = Act {
            service: "accounts".to_owned(),
            number: 1,
            target: "a,\"b\"".to_owned(),
            detail: r#"{"name":"x\ny"}"#.to_owned(),
            ..Act::default()
        };
        let csv = Lines::Csv.write(act.clone());
        assert_eq!(csv, "accounts,1,,,,,,,,\"a,\"\"b\"\"\",\"{\"\"name\"\":\"\"x\\ny\"\"}\",,\r\n");
        assert_eq!(super::super::csv::rows(&csv).map(|rows| rows[0].fields.len()), Ok(HEADING.split(',').count()));
        let json = Lines::Json.write(act);
        assert_eq!(json.matches('\n').count(), 1, "{json}");
    }
}
