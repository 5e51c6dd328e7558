//! Registers the phones, through the API and over kept-alive connections, as a provider would.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::questions::{MODEL, mac, serial};

/// How many phones are registered at the same time.
const CONNECTIONS: usize = 64;
/// Shows that it is alive after so many.
const STEP: u32 = 5_000;

/// Makes a provider, its profile, and `phones` phones that go there.
pub async fn register(dialtone: &Dialtone, phones: u32) -> Result<()> {
    let begun = Instant::now();
    let (operator_id, operator_secret) = dialtone.operator()?;
    let mut connection = Connection::open(&dialtone.http).await?;
    let operator = log_in(&mut connection, &operator_id, &operator_secret).await?;
    let made = call(&mut connection, &operator, ("/v1/tenants", json!({"name": "acme", "with_client": true}))).await?;
    let client = |name: &str| text(&made, &format!("/client/{name}"));
    let provider = log_in(&mut connection, &client("client_id")?, &client("client_secret")?).await?;
    let profile = json!({"name": "main", "profile_rule": "https://nps.example/phones/$MA.xml"});
    call(&mut connection, &provider, ("/v1/profiles", profile)).await?;

    eprintln!("registering {phones} phones");
    let next = Rc::new(Cell::new(0));
    let tasks = LocalSet::new();
    let registered = tasks.run_until(async {
        let mut all = JoinSet::new();
        for _ in 0..CONNECTIONS {
            all.spawn_local(register_some(dialtone.http.clone(), provider.clone(), Rc::clone(&next), phones));
        }
        while let Some(some) = all.join_next().await {
            some??;
        }
        Ok::<_, anyhow::Error>(())
    });
    registered.await?;
    eprintln!("registered {phones} phones in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Registers one phone after the other, until all are taken.
async fn register_some(target: Target, token: String, next: Rc<Cell<u32>>, phones: u32) -> Result<()> {
    let mut connection = Connection::open(&target).await?;
    while next.get() < phones {
        let number = next.replace(next.get() + 1);
        let mac = mac(number);
        let body = json!({"profile": "main", "serial": serial(mac), "model": MODEL}).to_string();
        let request = Request::put(format!("/v1/devices/{mac:012x}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        let answer = connection.send(request).await?;
        ensure!(answer.status == StatusCode::CREATED, "a phone is refused: {}", String::from_utf8_lossy(&answer.body));
        if (number + 1).is_multiple_of(STEP) {
            eprintln!("  {} of {phones}", number + 1);
        }
    }
    Ok(())
}

async fn log_in(connection: &mut Connection, id: &str, secret: &str) -> Result<String> {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let request =
        Request::post("/v1/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Full::from(form))?;
    let answer = connection.send(request).await?;
    ensure!(answer.status == StatusCode::OK, "cannot log in: {}", answer.status);
    text(&serde_json::from_slice(&answer.body)?, "/access_token")
}

/// POSTs to the API and gives what was made.
async fn call(connection: &mut Connection, token: &str, (path, body): (&str, Value)) -> Result<Value> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))?;
    let answer = connection.send(request).await?;
    ensure!(answer.status == StatusCode::CREATED, "{path}: {}", String::from_utf8_lossy(&answer.body));
    Ok(serde_json::from_slice(&answer.body)?)
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    Ok(text.with_context(|| format!("{pointer} is missing"))?.to_owned())
}
