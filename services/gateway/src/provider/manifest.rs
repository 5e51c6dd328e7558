//! `POST /v1/manifest`: what a manufacturer says it has shipped, and to whom. The operator's.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use contracts::redirection::{ImportManifestRequest, Shipped};
use rpc::within_as;
use serde::Deserialize;
use serde_json::json;
use vocabulary::{DeviceModel, MacAddress, ProviderId, SerialNumber};

use super::csv::{self, Row};
use super::devices::member;
use super::json::{sentence, unreadable};
use crate::Gateway;
use crate::auth::{Allowed, Operate};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// The most rows of one import.
const MOST: usize = 10_000;
/// The columns of a CSV file, in order. A first line that says so is skipped.
const COLUMNS: [&str; 4] = ["mac", "serial", "model", "sold_to"];

/// A phone that was shipped; what is left out is not known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShippedBody {
    mac: String,
    serial: Option<String>,
    model: Option<String>,
    /// A tenant's id.
    sold_to: Option<String>,
}

impl ShippedBody {
    fn check(self) -> Result<Shipped, Problem> {
        let mac = member::<MacAddress>("mac", Some(&self.mac))?;
        let mac = mac.ok_or_else(|| Problem::malformed("invalid_body", "mac: expected a MAC address"))?;
        let serial = member::<SerialNumber>("serial", self.serial.as_deref())?;
        let model = member::<DeviceModel>("model", self.model.as_deref())?;
        let sold_to = member::<ProviderId>("sold_to", self.sold_to.as_deref())?;
        Ok(Shipped {
            mac: mac.to_u64(),
            serial: serial.map(|serial| serial.to_string()).unwrap_or_default(),
            model: model.map(|model| model.to_string()).unwrap_or_default(),
            sold_to: sold_to.map(|tenant| tenant.to_string()).unwrap_or_default(),
        })
    }
}

/// `POST /v1/manifest`: a JSON list, or CSV. A phone that is known already is replaced.
pub(crate) async fn import(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| unreadable(rejection.into_response().status()))?;
    let shipped = shipped(&headers, &body)?;
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, ImportManifestRequest { shipped });
    let answer = gateway.backends().redirection.clone().import_manifest(request).await?.into_inner();
    Ok(Json(json!({ "added": answer.added, "replaced": answer.replaced })).into_response())
}

fn shipped(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Shipped>, Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let rows = match media_type.as_str() {
        "application/json" => from_json(body)?,
        "text/csv" => from_csv(body)?,
        _ => {
            let sentence = "the body must be application/json or text/csv; say which in Content-Type";
            return Err(Problem::malformed("invalid_content_type", sentence));
        }
    };
    if rows.is_empty() || rows.len() > MOST {
        return Err(Problem::malformed("invalid_body", format!("expected 1 to {MOST} rows, not {}", rows.len())));
    }
    let check = |(number, row): (usize, ShippedBody)| row.check().map_err(|problem| in_row(number, &problem.detail));
    rows.into_iter().map(check).collect()
}

fn from_json(body: &[u8]) -> Result<Vec<(usize, ShippedBody)>, Problem> {
    let rows: Vec<ShippedBody> =
        serde_json::from_slice(body).map_err(|error| Problem::malformed("invalid_body", sentence(&error)))?;
    Ok((1..).zip(rows).collect())
}

fn from_csv(body: &[u8]) -> Result<Vec<(usize, ShippedBody)>, Problem> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Problem::malformed("invalid_body", "the file is not UTF-8; save it as such"))?;
    let rows = csv::rows(text).map_err(|error| Problem::malformed("invalid_body", error.to_string()))?;
    let is_heading = |row: &Row| row.number == 1 && row.fields.iter().map(|field| field.trim()).eq(COLUMNS);
    rows.into_iter().filter(|row| !is_heading(row)).map(|row| Ok((row.number, from_row(row)?))).collect()
}

fn from_row(row: Row) -> Result<ShippedBody, Problem> {
    let number = row.number;
    let [mac, serial, model, sold_to] = <[String; 4]>::try_from(row.fields)
        .map_err(|fields| in_row(number, &format!("expected mac,serial,model,sold_to, not {} fields", fields.len())))?;
    Ok(ShippedBody { mac, serial: Some(serial), model: Some(model), sold_to: Some(sold_to) })
}

fn in_row(number: usize, sentence: &str) -> Problem {
    Problem::malformed("invalid_body", format!("row {number}: {sentence}"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(media_type: &'static str, body: &str) -> Result<Vec<Shipped>, String> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        shipped(&headers, body.as_bytes()).map_err(|problem| problem.detail)
    }

    const TENANT: &str = "prv_0123456789abcdefghjk";

    fn phone() -> Shipped {
        Shipped {
            mac: 0x0004_f2aa_bbcc,
            serial: "FCH2034D0PL".to_owned(),
            model: String::new(),
            sold_to: TENANT.to_owned(),
        }
    }

    #[test]
    fn a_list_and_a_file_say_the_same() {
        let json = format!(r#"[{{"mac":"00:04:f2:aa:bb:cc","serial":"FCH2034D0PL","sold_to":"{TENANT}"}}]"#);
        assert_eq!(read("application/json", &json), Ok(vec![phone()]));
        let csv = format!("mac,serial,model,sold_to\r\n0004f2aabbcc,FCH2034D0PL,,\"{TENANT}\"\r\n");
        assert_eq!(read("text/csv; charset=utf-8", &csv), Ok(vec![phone()]));
    }

    #[test]
    fn a_mistake_is_told_with_its_row() {
        for (body, wanted) in [
            ("mac,serial,model,sold_to\n0004f2aabbcc,,,\nx,,,\n", "row 3: mac: not a MAC address"),
            ("0004f2aabbcc,,\n", "row 1: expected mac,serial,model,sold_to, not 3 fields"),
            (",,,\n", "row 1: mac: expected a MAC address"),
            ("0004f2aabbcc,,,acme\n", "row 1: sold_to: "),
            ("", "expected 1 to 10000 rows, not 0"),
            ("0004f2aabbcc,\"a", "row 1: "),
        ] {
            let sentence = read("text/csv", body).expect_err(body);
            assert!(sentence.starts_with(wanted), "{body:?}: {sentence}");
        }
        let sentence = read("application/json", r#"[{"mac":"0004f2aabbcc"},{"mac":"x"}]"#).expect_err("no address");
        assert!(sentence.starts_with("row 2: mac: "), "{sentence}");
        let many = "0004f2aabbcc,,,\n".repeat(MOST + 1);
        assert_eq!(read("text/csv", &many), Err("expected 1 to 10000 rows, not 10001".to_owned()));
        assert!(read("text/plain", "").is_err());
    }
}
