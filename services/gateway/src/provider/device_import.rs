//! `POST /v1/devices/import`: phones by the hundred thousand, as a CSV file that is taken in while it arrives.
//!
//! 1. Lines are read as they come (`device_import_lines.rs`); of the file no more than a few thousand rows are in memory,
//!    and the addresses that were named.
//! 2. Some thousand rows together go to redirection, where they are one transaction; between two of them others
//!    write.
//! 3. A row that cannot be done is refused and stops no other. What was done stays done, and the same file again
//!    changes nothing.
//! 4. On the timelines of phones that have been heard of it is noted where they go now. Of a phone in its box there is
//!    nothing on the timeline: its history (`/v1/devices/{mac}/history`) says since when it is the provider's, and the
//!    audit log by whom. A million notes on phones that nobody has plugged in would take the customization service
//!    ten times as long as the import, and keep the reports of living phones waiting for as long.

use std::collections::HashSet;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use contracts::customization::Associated;
use contracts::customization::observation::Event;
use contracts::redirection::{AssociatedDevices, ImportDevicesRequest, ImportDevicesResponse, ImportedDevice};
use http_body_util::BodyExt;
use rpc::{Failure, within_as};
use serde::Deserialize;
use tokio::sync::Semaphore;
use vocabulary::{ErrorKind, ProviderId};

use super::device_import_lines::{Line, Lines};
use super::device_import_rows::{Columns, RefusedRow};
use super::device_import_summary::Summary;
use super::owned::{Said, stated};
use super::page::Query;
use super::state_name::States;
use crate::Gateway;
use crate::auth::{Caller, DevicesWrite, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// The most lines behind the first.
const MOST_ROWS: usize = 1_000_000;
/// How many rows go to redirection together.
const ROWS: usize = 5_000;
/// How many bytes of rows, if these come first; a gRPC message has at most 4 MiB.
const BYTES: usize = 2 * 1024 * 1024;
/// How long the next part of the file may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many phones customization tells of at once.
const ASKED_AT_ONCE: usize = 1_000;
/// How many phones are told of together. A batch of the journal is a transaction.
const TOLD_AT_ONCE: usize = 256;

/// Each of them remembers up to a million addresses (some 20 MiB), and takes its turns among those who write.
static UNDER_WAY: Semaphore = Semaphore::const_new(2);

/// How the file is taken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Only says what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// `POST /v1/devices/import?dry_run=`.
pub(crate) async fn import(
    State(gateway): State<Gateway>,
    provider: Provider<DevicesWrite>,
    Query(options): Query<Options>,
    request: Request,
) -> Result<Response, Problem> {
    must_be_csv(request.headers())?;
    let _turn = UNDER_WAY.try_acquire().map_err(|_| too_many())?;
    let Provider { id: owner, caller, .. } = provider;
    let import = Import {
        gateway,
        caller,
        owner,
        dry_run: options.dry_run,
        columns: None,
        named: HashSet::new(),
        waiting: Waiting::default(),
        summary: Summary::default(),
    };
    Ok(Json(import.run(request.into_body()).await?).into_response())
}

fn must_be_csv(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("text/csv") {
        return Ok(());
    }
    let sentence = "the body must be a CSV file; send it with Content-Type: text/csv";
    Err(Problem::malformed("invalid_content_type", sentence))
}

fn too_many() -> Problem {
    let message = "other imports are under way; send the file again when they are over".to_owned();
    let reason = "imports_under_way".to_owned();
    Failure { kind: ErrorKind::Throttled, reason, message, retry_after: Some(Duration::from_secs(10)) }.into()
}

/// An import under way.
struct Import {
    gateway: Gateway,
    caller: Caller,
    owner: ProviderId,
    dry_run: bool,
    /// `None` until the first line has come.
    columns: Option<Columns>,
    /// The addresses of the rows so far: of a phone that is named twice the first row counts.
    named: HashSet<u64>,
    waiting: Waiting,
    summary: Summary,
}

/// Rows that go to redirection together.
#[derive(Default)]
struct Waiting {
    rows: Vec<ImportedDevice>,
    /// The line of each.
    lines: Vec<usize>,
    bytes: usize,
}

impl Import {
    async fn run(mut self, mut body: Body) -> Result<Summary, Problem> {
        let mut lines = Lines::default();
        while let Some(part) = next_part(&mut body).await? {
            lines.take(&part);
            while let Some(line) = lines.next_line() {
                self.take(line).await?;
            }
        }
        if let Some(line) = lines.rest() {
            self.take(line).await?;
        }
        if self.columns.is_none() {
            return Err(Problem::malformed("invalid_header", "the file is empty; its first line names the columns"));
        }
        self.send().await?;
        self.summary.dry_run = self.dry_run;
        Ok(self.summary)
    }

    async fn take(&mut self, line: Line) -> Result<(), Problem> {
        let Some(columns) = &self.columns else {
            self.columns = Some(Columns::of(&line)?);
            return Ok(());
        };
        if line.number > MOST_ROWS + 1 {
            let sentence = format!("a file has at most {MOST_ROWS} rows; split it");
            return Err(self.so_far(Problem::malformed("too_many_rows", sentence)));
        }
        match columns.row(&line) {
            Ok(None) => return Ok(()),
            Ok(Some(row)) if !self.named.insert(row.mac) => {
                self.summary.refuse(line.number, RefusedRow::repeated());
            }
            Ok(Some(row)) => {
                self.waiting.bytes += line.length();
                self.waiting.rows.push(row);
                self.waiting.lines.push(line.number);
            }
            Err(refused) => self.summary.refuse(line.number, refused),
        }
        if self.waiting.rows.len() >= ROWS || self.waiting.bytes >= BYTES { self.send().await } else { Ok(()) }
    }

    /// Has redirection do the rows that wait.
    async fn send(&mut self) -> Result<(), Problem> {
        let Waiting { rows, lines, .. } = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let request = ImportDevicesRequest {
            provider_id: self.owner.to_string(),
            devices: rows,
            ancestors: self.caller.ancestors.clone(),
            dry_run: self.dry_run,
        };
        let request = within_as(&self.caller.actor, PROVIDER_DEADLINE, request);
        let answer = self.gateway.backends().redirection.clone().import_devices(request).await;
        let ImportDevicesResponse { created, changed, unchanged, refused, associated } =
            answer.map_err(|status| self.so_far(status.into()))?.into_inner();
        self.summary.created += created;
        self.summary.changed += changed;
        self.summary.unchanged += unchanged;
        for refused in refused {
            let line = usize::try_from(refused.row).ok().and_then(|row| lines.get(row)).copied().unwrap_or_default();
            self.summary.refuse(line, RefusedRow { reason: refused.reason.into(), detail: refused.message.into() });
        }
        self.summary.line = lines.last().copied().unwrap_or_default();
        if !self.dry_run {
            self.note(associated).await;
        }
        Ok(())
    }

    /// Why the import ends here; and what of the file was done, which stays so.
    fn so_far(&self, mut problem: Problem) -> Problem {
        if self.dry_run || self.summary.line == 0 {
            return problem;
        }
        problem.detail = format!("{}; {}, send the file again for the rest", problem.detail, self.summary.so_far());
        problem
    }

    /// Notes where phones go now, on the timelines that there are.
    async fn note(&mut self, associated: Vec<AssociatedDevices>) {
        for AssociatedDevices { profile_id, macs } in associated {
            for macs in macs.chunks(ASKED_AT_ONCE) {
                let Ok(heard_of) = States::of(&self.gateway, macs.to_vec()).await else {
                    self.summary.not_noted += macs.len();
                    tracing::warn!(phones = macs.len(), "timelines cannot be read; an import is not noted on them");
                    continue;
                };
                let heard_of: Vec<u64> = macs.iter().copied().filter(|mac| heard_of.has(*mac)).collect();
                for macs in heard_of.chunks(TOLD_AT_ONCE) {
                    let told = macs.iter().map(|mac| self.associated(*mac, &profile_id));
                    // The association holds whether or not it is recorded; a loss is counted by the journal.
                    self.gateway.journal().record(told.collect()).await;
                }
            }
        }
    }

    fn associated(&self, mac: u64, profile_id: &str) -> contracts::customization::Observation {
        let event = Event::Associated(Associated { profile_id: profile_id.to_owned() });
        stated(&self.gateway, &self.caller, Said { mac, provider_id: self.owner.to_string(), event })
    }
}

/// The next part of the file; `None` at its end.
async fn next_part(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
    match frame {
        Ok(None) => Ok(None),
        // What is no data is a trailer, which says nothing here.
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_))) | Err(_) => Err(Problem::malformed(
            "body_unreadable",
            "the file did not arrive whole; send it again, that harms nothing",
        )),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_csv_is_taken() {
        let is_taken = |media_type| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
            must_be_csv(&headers).is_ok()
        };
        assert!(is_taken("text/csv") && is_taken("Text/CSV; charset=utf-8; header=present"));
        assert!(!is_taken("application/json") && !is_taken("text/plain"));
        assert!(must_be_csv(&HeaderMap::new()).is_err());
    }
}
