//! Durable records of phones' questions: how many in a second where many wait, against a commit for each.

mod questions;
mod server;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::customization::{Observation, RecordRequest};
use customization::Customization;
use prometheus_client::registry::Registry;
use rpc::{Peer, RpcMetrics, Transport};
use storage::Place;
use tokio::time::Instant;

use crate::process::Process;
use crate::records::questions::Questions;
use crate::records::server::Server;
use crate::spread::Spread;
use crate::verdict::Verdict;

/// How many phones have asked before.
const PHONES: u32 = 20_000;
/// How often everything is measured.
const ROUNDS: u32 = 5;
/// How many wait at the same time.
const WAITING: u64 = 512;
/// How many questions the gateway puts into one batch.
const BATCH: u64 = 256;
/// How many batches there are in a round, and how many questions that are committed each by itself.
const SIZES: (u64, u64) = (60, 2048);

/// One kind of database, and how many times as many there must be at least.
struct Case {
    name: &'static str,
    place: Place,
    least: f64,
}

/// What was measured in one go.
struct Measured {
    records: u64,
    wall: Duration,
    cpu: Duration,
}

/// The two in one round.
struct Round {
    alone: Measured,
    together: Measured,
}

impl Measured {
    fn rate(&self) -> f64 {
        float(self.records) / self.wall.as_secs_f64()
    }

    fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / float(self.records)
    }
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Measures, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let server = Server::start()?;
    let cases = [
        Case { name: "SQLite, synchronous=FULL", place: Place::file(&folder.join("customization.db")), least: 12.0 },
        Case { name: "PostgreSQL", place: server.place()?, least: 8.0 },
    ];
    println!("Questions recorded with {PHONES} phones known, medians of {ROUNDS} rounds\n");
    println!(
        "| database                 | one commit each/s | CPU us | {WAITING} waiting/s | CPU us | times | of rounds   | least |      |"
    );
    println!(
        "|--------------------------|------------------:|-------:|--------------:|-------:|------:|------------:|------:|------|"
    );
    let mut whole = Verdict::Ok;
    for case in cases {
        let rounds = case.measure().await?;
        whole = whole.and(case.print(&rounds));
    }
    println!();
    Ok(whole)
}

impl Case {
    async fn measure(&self) -> Result<Vec<Round>> {
        let service = Customization::open(&self.place).await?;
        let metrics = RpcMetrics::register(&mut Registry::default());
        let recorder =
            Recorder(CustomizationServiceClient::new(rpc::local(service.clone().server(), Peer::Gateway, metrics)));
        let mut questions = Questions::of(PHONES);
        recorder.together(&mut questions, u64::from(PHONES).div_ceil(BATCH)).await?;
        let mut rounds = Vec::new();
        for round in 1..=ROUNDS {
            let alone = recorder.alone(&mut questions, SIZES.1).await?;
            let together = recorder.together(&mut questions, SIZES.0).await?;
            eprintln!(
                "  {}: round {round} of {ROUNDS}: {:>5.0}/s and {:>6.0}/s",
                self.name,
                alone.rate(),
                together.rate()
            );
            rounds.push(Round { alone, together });
        }
        service.close().await;
        Ok(rounds)
    }

    fn print(&self, rounds: &[Round]) -> Verdict {
        let median = |value: fn(&Round) -> f64| Spread::of(rounds.iter().map(value)).median();
        let times = Spread::of(rounds.iter().map(|round| round.together.rate() / round.alone.rate()));
        let verdict = Verdict::of(times.median() < self.least);
        println!(
            "| {:<24} | {:>17.0} | {:>6.1} | {:>13.0} | {:>6.1} | {:>5.2} | {:>11} | {:>5.2} | {verdict:<4} |",
            self.name,
            median(|round| round.alone.rate()),
            median(|round| round.alone.cpu_micros()),
            median(|round| round.together.rate()),
            median(|round| round.together.cpu_micros()),
            times.median(),
            times.range(),
            self.least,
        );
        verdict
    }
}

/// Records questions.
struct Recorder(CustomizationServiceClient<Transport>);

impl Recorder {
    /// Everybody waits for a commit of its own.
    async fn alone(&self, questions: &mut Questions, count: u64) -> Result<Measured> {
        let all: Vec<_> = (0..count).map(|_| questions.next_ones(1)).collect();
        measured(count, async {
            let mut waiting = tokio::task::JoinSet::new();
            for question in all {
                if u64::try_from(waiting.len())? >= WAITING
                    && let Some(recorded) = waiting.join_next().await
                {
                    recorded??;
                }
                waiting.spawn(record(self.0.clone(), question));
            }
            while let Some(recorded) = waiting.join_next().await {
                recorded??;
            }
            Ok(())
        })
        .await
    }

    /// A batch is on its way while the next one gathers.
    async fn together(&self, questions: &mut Questions, batches: u64) -> Result<Measured> {
        let all: Vec<_> = (0..batches).map(|_| questions.next_ones(BATCH)).collect();
        measured(batches * BATCH, async {
            for batch in all {
                record(self.0.clone(), batch).await?;
            }
            Ok(())
        })
        .await
    }
}

async fn measured(records: u64, work: impl Future<Output = Result<()>>) -> Result<Measured> {
    let (begun, cpu) = (Instant::now(), Process::own().cpu_alone()?);
    work.await?;
    Ok(Measured { records, wall: begun.elapsed(), cpu: Process::own().cpu_alone()?.saturating_sub(cpu) })
}

async fn record(mut client: CustomizationServiceClient<Transport>, observations: Vec<Observation>) -> Result<()> {
    let count = observations.len();
    let recorded = client.record(RecordRequest { observations }).await?.into_inner().recorded;
    ensure!(usize::try_from(recorded)? == count, "{recorded} of {count} recorded");
    Ok(())
}
