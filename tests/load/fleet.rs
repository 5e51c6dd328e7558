//! Registers the phones, through the API and over kept-alive connections, as a provider would.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::{Result, ensure};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use serde_json::json;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::provider::Provider;
use crate::questions::{MODEL, mac, serial};

/// How many phones are registered at the same time.
const CONNECTIONS: usize = 64;
/// Shows that it is alive after so many.
const STEP: u32 = 5_000;

/// Makes a provider and `phones` phones that go to its profile.
pub async fn register(dialtone: &Dialtone, phones: u32) -> Result<()> {
    let begun = Instant::now();
    let token = Provider::of(dialtone).await?.token;
    eprintln!("registering {phones} phones");
    let next = Rc::new(Cell::new(0));
    let tasks = LocalSet::new();
    let registered = tasks.run_until(async {
        let mut all = JoinSet::new();
        for _ in 0..CONNECTIONS {
            all.spawn_local(register_some(dialtone.http.clone(), token.clone(), Rc::clone(&next), phones));
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
        register_one(&mut connection, &token, mac(number)).await?;
        if (number + 1).is_multiple_of(STEP) {
            eprintln!("  {} of {phones}", number + 1);
        }
    }
    Ok(())
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
