//! A million phones imported through the API, against the database's own bulk loader into the same table.
//!
//! 1. Each round imports phones that are new, in the order of their addresses, as a file of boxes has them.
//! 2. Then the loader puts the same rows into a table with the same columns, checks and indexes. It keeps no history of
//!    owners, and asks nobody whether a phone may be claimed.
//! 3. What is compared is the time that each takes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::Instant;

use crate::anchor::{Anchor, Postgres};
use crate::certificate::Certificate;
use crate::dialtone::Dialtone;
use crate::fleet;
use crate::provider::Provider;
use crate::questions::{MODEL, mac, serial};
use crate::spread::Spread;
use crate::verdict::Verdict;

/// Phones of a round.
const ROWS: u32 = 1_000_000;
/// How often each is measured.
const ROUNDS: u32 = 3;
/// How many times as long as the loader an import may take.
const LIMIT: f64 = 3.0;

/// How long the same rows took.
struct Pair {
    ours: Duration,
    theirs: Duration,
}

/// Measures on both databases, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let sqlite = measure_on_sqlite(&folder.join("sqlite")).await.context("SQLite")?;
    let postgres = measure_on_postgres(&folder.join("postgres")).await.context("PostgreSQL")?;
    println!("{ROWS} phones imported, medians of {ROUNDS} rounds\n");
    println!("| database and its loader    | our s | rows/s  | loader's s | ratio | of rounds   | limit |      |");
    println!("|----------------------------|------:|--------:|-----------:|------:|------------:|------:|------|");
    let lines = [("SQLite, sqlite3's .import", sqlite), ("PostgreSQL, psql's \\copy", postgres)];
    Ok(lines.iter().map(|(name, pairs)| print(name, pairs)).fold(Verdict::Ok, Verdict::and))
}

async fn measure_on_sqlite(folder: &Path) -> Result<Vec<Pair>> {
    std::fs::create_dir(folder)?;
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, "")?;
    rounds(&dialtone, &Anchor::Sqlite(folder.join("anchor.db")), folder).await
}

async fn measure_on_postgres(folder: &Path) -> Result<Vec<Pair>> {
    std::fs::create_dir(folder)?;
    let certificate = Certificate::make(folder)?;
    let postgres = Postgres::start()?;
    let more = format!("[databases]\nredirection = \"{}\"\n", postgres.url);
    let dialtone = Dialtone::start(folder, &certificate, &more)?;
    rounds(&dialtone, &Anchor::Postgres(postgres.url.clone()), folder).await
}

async fn rounds(dialtone: &Dialtone, anchor: &Anchor, folder: &Path) -> Result<Vec<Pair>> {
    let provider = Provider::of(dialtone).await?;
    anchor.prepare()?;
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        let numbers = round * ROWS..(round + 1) * ROWS;
        let rows = folder.join("rows.csv");
        write_rows(&rows, &provider, numbers.clone())?;
        let ours = fleet::import(dialtone, &provider, numbers).await?;
        let begun = Instant::now();
        anchor.load(&rows)?;
        let theirs = begun.elapsed();
        ensure!(anchor.count()? == u64::from(ROWS) * u64::from(round + 1), "the loader has left rows out");
        eprintln!("  round {} of {ROUNDS}: {ours:.1?}, the loader {theirs:.1?}", round + 1);
        pairs.push(Pair { ours, theirs });
    }
    Ok(pairs)
}

/// The same phones as the table has them.
fn write_rows(file: &Path, provider: &Provider, numbers: std::ops::Range<u32>) -> Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    let (owner, profile, at) = (&provider.id, &provider.profile, 1_795_370_400_000_000_u64);
    for mac in numbers.map(mac) {
        let serial = serial(mac);
        let text = format!("{mac:012x}\n{serial}\n{MODEL}\n").to_lowercase();
        writeln!(file, "{mac},{owner},{profile},{serial},{MODEL},\"\",\"{text}\",{at},{at}")?;
    }
    file.flush()?;
    Ok(())
}

fn print(name: &str, pairs: &[Pair]) -> Verdict {
    let of = |value: fn(&Pair) -> f64| Spread::of(pairs.iter().map(value));
    let ours = of(|pair| pair.ours.as_secs_f64()).median();
    let theirs = of(|pair| pair.theirs.as_secs_f64()).median();
    let ratio = of(|pair| pair.ours.as_secs_f64() / pair.theirs.as_secs_f64());
    let verdict = Verdict::of(ratio.median() > LIMIT);
    println!(
        "| {name:<26} | {ours:>5.1} | {:>7.0} | {theirs:>10.1} | {:>5.2} | {:>11} | {LIMIT:>5.2} | {verdict:<4} |",
        f64::from(ROWS) / ours,
        ratio.median(),
        ratio.range(),
    );
    verdict
}
