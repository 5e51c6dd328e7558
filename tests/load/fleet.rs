//! Registers the phones through the API, as a provider would: with a file of all its boxes, or one by one.

use std::io::Write;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, ensure};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::Connection;
use crate::dialtone::Dialtone;
use crate::provider::Provider;
use crate::questions::{MODEL, mac, serial};

/// Makes a provider and `phones` phones that go to its profile.
pub async fn register(dialtone: &Dialtone, phones: u32) -> Result<()> {
    let provider = Provider::of(dialtone).await?;
    let took = import(dialtone, &provider, 0..phones).await?;
    eprintln!("registered {phones} phones in {:.1} s", took.as_secs_f64());
    Ok(())
}

/// Imports the phones of these numbers, none of which is registered, and says how long that took.
pub async fn import(dialtone: &Dialtone, provider: &Provider, numbers: Range<u32>) -> Result<Duration> {
    let count = numbers.len();
    let mut file = Vec::from("mac,profile,serial,model,note\n");
    for mac in numbers.map(mac) {
        writeln!(file, "{mac:012x},main,{},{MODEL},", serial(mac))?;
    }
    let begun = Instant::now();
    let request = Request::post("/v1/devices/import")
        .header(AUTHORIZATION, format!("Bearer {}", provider.token))
        .header(CONTENT_TYPE, "text/csv")
        .body(Full::from(file))?;
    let answer = Connection::open(&dialtone.http).await?.send(request).await?;
    let took = begun.elapsed();
    let summary: Value = serde_json::from_slice(&answer.body)?;
    ensure!(summary.get("created").is_some_and(|created| *created == count), "not all were imported: {summary}");
    Ok(took)
}

/// Registers the phone `mac` for the provider that the token belongs to.
pub async fn register_one(connection: &mut Connection, token: &str, mac: u64) -> Result<()> {
    let body = json!({"profile": "main", "serial": serial(mac), "model": MODEL}).to_string();
    let request = Request::put(format!("/v1/devices/{mac:012x}"))
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))?;
    let answer = connection.send(request).await?;
    ensure!(answer.status == StatusCode::CREATED, "a phone is refused: {}", String::from_utf8_lossy(&answer.body));
    Ok(())
}
