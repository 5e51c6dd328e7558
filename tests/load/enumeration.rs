//! What whoever counts through addresses learns from the time that an empty answer takes.
//!
//! Phones that are nobody's, phones that do not show what their profile asks for, and phones of a frozen provider ask,
//! each twice: the first time nothing may be known of it, the second time something is. On another server, whose
//! network has spent its share, phones ask that are nobody's, and phones that would be redirected. The kinds come in
//! an order that was shuffled once and for all, so that whatever else the machine does falls on all of them alike.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use hyper::StatusCode;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::certificate::Certificate;
use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::fleet::register_one;
use crate::provider::Provider;
use crate::questions::{call_home, scattered, unknown};
use crate::spread::Spread;
use crate::statistics::Difference;
use crate::verdict::Verdict;

/// Phones of each kind that ask.
const PHONES: u64 = 1_500;
/// Connections on which they do, each waiting for its answer; throttled phones wait longer.
const CONNECTIONS: [u64; 2] = [4, 16];
/// How far an AUC may be from 0.5.
const BOUND: f64 = 0.03;
/// A share that is spent at once and does not grow back while it is measured.
const NO_SHARE: &str = "[phones]\nunknown_burst = 1\nunknown_per_second = 1\n";

/// The first addresses of the phones of each kind.
const UNPROVEN: u64 = 0x0056_2b10_0000;
const FROZEN: u64 = 0x0056_2b20_0000;
const OPEN: u64 = 0x0056_2b30_0000;

/// Phones that are answered with nothing for the same reason, and how long it took, the first time and the second.
struct Kind {
    name: &'static str,
    first: u64,
    times: [Vec<Duration>; 2],
}

impl Kind {
    const fn new(name: &'static str, first: u64) -> Self {
        Self { name, first, times: [Vec::new(), Vec::new()] }
    }
}

/// Measures, and prints the tables.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    println!("The time of an empty answer, compared with that of an answer to phones that are nobody's\n");
    println!("| who asks                       | median us | nobody's | AUC    | p      | limit    |      |");
    println!("|--------------------------------|----------:|---------:|-------:|-------:|---------:|------|");
    let verdict = within_the_share(folder, &certificate).await?.and(throttled(folder, &certificate).await?);
    println!();
    Ok(verdict)
}

async fn within_the_share(folder: &Path, certificate: &Certificate) -> Result<Verdict> {
    let place = folder.join("within");
    fs::create_dir(&place)?;
    let dialtone = Dialtone::start(&place, certificate, "")?;
    let unproven = Provider::named(&dialtone, "unproven", "certificate").await?;
    register(&dialtone, &unproven, UNPROVEN).await?;
    let frozen = Provider::named(&dialtone, "frozen", "mac").await?;
    register(&dialtone, &frozen, FROZEN).await?;
    frozen.freeze(&dialtone).await?;
    let mut kinds = [
        Kind::new("nobody's", unknown(0)),
        Kind::new("nobody's, once more", unknown(PHONES)),
        Kind::new("no certificate", UNPROVEN),
        Kind::new("provider frozen", FROZEN),
    ];
    for pass in 0..2 {
        ask_side_by_side(&dialtone, &mut kinds, (pass, CONNECTIONS[0])).await?;
    }
    dialtone.ensure_recorded().await?;
    Ok(print(&kinds, 0, "first").and(print(&kinds, 1, "again")))
}

async fn throttled(folder: &Path, certificate: &Certificate) -> Result<Verdict> {
    let place = folder.join("throttled");
    fs::create_dir(&place)?;
    let dialtone = Dialtone::start(&place, certificate, NO_SHARE)?;
    let open = Provider::of(&dialtone).await?;
    register(&dialtone, &open, OPEN).await?;
    let mut kinds = [
        Kind::new("nobody's", unknown(0)),
        Kind::new("nobody's, once more", unknown(PHONES)),
        Kind::new("would be redirected", OPEN),
    ];
    ask_side_by_side(&dialtone, &mut kinds, (0, CONNECTIONS[1])).await?;
    dialtone.ensure_recorded().await?;
    Ok(print(&kinds, 0, "throttled"))
}

/// All phones of these kinds ask once, shuffled, on so many connections; for the first or the second time.
async fn ask_side_by_side(dialtone: &Dialtone, kinds: &mut [Kind], (pass, connections): (usize, u64)) -> Result<()> {
    let firsts: Vec<u64> = kinds.iter().map(|kind| kind.first).collect();
    let order = order(kinds.len())?;
    let mut waiting = JoinSet::new();
    for place in 0..connections {
        let own = order.iter().skip(usize::try_from(place)?).step_by(usize::try_from(connections)?).copied().collect();
        waiting.spawn(ask_as(dialtone.http.clone(), firsts.clone(), own));
    }
    while let Some(done) = waiting.join_next().await {
        for (kind, time) in done?? {
            if let Some(times) = kinds.get_mut(kind).and_then(|kind| kind.times.get_mut(pass)) {
                times.push(time);
            }
        }
    }
    Ok(())
}

/// Asks as those phones, on one connection; gives the kind of each and how long it took.
async fn ask_as(target: Target, firsts: Vec<u64>, phones: Vec<u64>) -> Result<Vec<(usize, Duration)>> {
    let mut connection = Connection::open(&target).await?;
    // What is asked first warms up caches and threads, or spends the share; nobody measures it.
    for number in 0..50 {
        asked(&mut connection, unknown(1_000_000 + number)).await?;
    }
    let mut times = Vec::new();
    for number in phones {
        let (kind, phone) = (usize::try_from(number / PHONES)?, number % PHONES);
        let Some(first) = firsts.get(kind) else { continue };
        times.push((kind, asked(&mut connection, first + phone).await?));
    }
    Ok(times)
}

/// The phones of each kind, shuffled.
fn order(kinds: usize) -> Result<Vec<u64>> {
    let mut order: Vec<u64> = (0..u64::try_from(kinds)? * PHONES).collect();
    order.sort_by_key(|number| scattered(*number));
    Ok(order)
}

/// Registers the phones from the address `first` on.
async fn register(dialtone: &Dialtone, provider: &Provider, first: u64) -> Result<()> {
    let mut connection = Connection::open(&dialtone.http).await?;
    for mac in first..first + PHONES {
        register_one(&mut connection, &provider.token, mac).await?;
    }
    Ok(())
}

/// How long it took to be told nothing.
async fn asked(connection: &mut Connection, mac: u64) -> Result<Duration> {
    let request = call_home(mac)?;
    let begun = Instant::now();
    let answer = connection.send(request).await?;
    let time = begun.elapsed();
    let is_nothing = answer.status == StatusCode::OK && answer.body.is_empty();
    ensure!(is_nothing, "{mac:012x} was told something: {} {:?}", answer.status, answer.body);
    Ok(time)
}

/// Compares each kind with the first.
fn print(kinds: &[Kind], pass: usize, how: &str) -> Verdict {
    let times = |kind: &Kind| kind.times.get(pass).cloned().unwrap_or_default();
    let Some((nobodys, others)) = kinds.split_first() else { return Verdict::Ok };
    let mut whole = Verdict::Ok;
    for kind in others {
        let Difference { auc, p, .. } = Difference::between(&times(nobodys), &times(kind));
        let verdict = Verdict::of((auc - 0.5).abs() > BOUND);
        println!(
            "| {:<30} | {:>9.1} | {:>8.1} | {auc:>6.4} | {p:>6.4} | 0.5±{BOUND:.2} | {verdict:<4} |",
            format!("{how}: {}", kind.name),
            median(&times(kind)),
            median(&times(nobodys)),
        );
        whole = whole.and(verdict);
    }
    whole
}

/// In microseconds.
fn median(times: &[Duration]) -> f64 {
    Spread::of(times.iter().map(|time| time.as_secs_f64() * 1e6)).median()
}
