//! What a phone of a large fleet costs: ten million against a hundred thousand.
//!
//! 1. For each size a data folder is filled, the phones directly in the database: to register ten million one by one
//!    would take an hour.
//! 2. The program is started on it. From there until it serves is the time of a start; what it then has in memory,
//!    less what the small one has, is what phones take.
//! 3. Both are asked in turns, in pairs of short rounds, as phones ask; what is compared is the processor time of an
//!    answer.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::anchor::sqlite3;
use crate::certificate::Certificate;
use crate::dialtone::Dialtone;
use crate::provider::Provider;
use crate::questions::{MODEL, Phones, mac};
use crate::round::{Connections, Contender, Measured, Round};
use crate::spread::Spread;
use crate::verdict::Verdict;

/// Phones of the small fleet, and of the large one.
const SIZES: [u32; 2] = [100_000, 10_000_000];
/// How many pairs of rounds.
const PAIRS: u32 = 7;
/// Connections that stay open.
const KEPT: Connections = Connections::Kept(256);
/// The most bytes of memory a phone, the longest start, and how much more an answer may cost in the large fleet.
const LIMITS: (f64, Duration, f64) = (32.0, Duration::from_secs(10), 1.1);

/// A program that serves a fleet.
struct Fleet {
    dialtone: Dialtone,
    phones: u32,
    /// From its start until it served.
    ready: Duration,
    /// Bytes in memory then.
    memory: u64,
}

/// Two rounds, one right after the other.
struct Pair {
    of_large: Measured,
    of_small: Measured,
}

/// Measures, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let [small, large] = SIZES.map(|phones| (phones, folder.join(phones.to_string())));
    let small = Fleet::start(&small.1, &certificate, small.0).await?;
    let large = Fleet::start(&large.1, &certificate, large.0).await?;
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        // Who goes first changes from pair to pair.
        let pair = if pair.is_multiple_of(2) {
            let of_large = large.round(pair).await?;
            Pair { of_large, of_small: small.round(pair).await? }
        } else {
            let of_small = small.round(pair).await?;
            Pair { of_large: large.round(pair).await?, of_small }
        };
        eprintln!("  {:>6.1} us, small {:>6.1} us", pair.of_large.cpu_micros(), pair.of_small.cpu_micros());
        pairs.push(pair);
    }
    Ok(print(&small, &large, &pairs))
}

impl Fleet {
    async fn start(folder: &Path, certificate: &Certificate, phones: u32) -> Result<Self> {
        std::fs::create_dir(folder)?;
        let dialtone = Dialtone::start(folder, certificate, "")?;
        let provider = Provider::of(&dialtone).await?;
        drop(dialtone);
        eprintln!("filling a database with {phones} phones");
        fill(&folder.join("data/databases/redirection.db"), &provider, phones)?;
        let begun = Instant::now();
        let dialtone = Dialtone::start(folder, certificate, "")?;
        let (ready, memory) = (begun.elapsed(), dialtone.processes().memory()?);
        eprintln!("  ready in {ready:.1?}, with {} MiB in memory", memory >> 20);
        Ok(Self { dialtone, phones, ready, memory })
    }

    async fn round(&self, seed: u32) -> Result<Measured> {
        let contender = Contender { processes: self.dialtone.processes(), target: self.dialtone.http.clone() };
        let round = Round { contender, connections: KEPT, phones: Phones::Known(self.phones) };
        let measured = round.run(u64::from(seed)).await?;
        // What was not recorded would not have been paid for.
        self.dialtone.ensure_recorded().await?;
        Ok(measured)
    }
}

/// As the table `device` of redirection has them.
fn fill(database: &Path, provider: &Provider, phones: u32) -> Result<()> {
    let (owner, profile, first) = (&provider.id, &provider.profile, mac(0));
    let statement = format!(
        "WITH RECURSIVE phone (mac) AS (
             SELECT {first} UNION ALL SELECT mac + 1 FROM phone WHERE mac < {first} + {phones} - 1
         )
         INSERT INTO device (mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at)
         SELECT mac, '{owner}', '{profile}', printf('FCH%08X', mac), '{MODEL}', '',
             lower(printf('%012x%cFCH%08X%c{MODEL}%c', mac, char(10), mac, char(10), char(10))), 0, 0
         FROM phone;
         PRAGMA wal_checkpoint(TRUNCATE);"
    );
    sqlite3(database, &statement)
}

fn print(small: &Fleet, large: &Fleet, pairs: &[Pair]) -> Verdict {
    let (most_bytes, longest, most) = LIMITS;
    let more = large.memory.saturating_sub(small.memory);
    let bytes =
        f64::from(u32::try_from(more >> 10).unwrap_or(u32::MAX)) * 1024.0 / f64::from(large.phones - small.phones);
    let ratio = Spread::of(pairs.iter().map(|pair| pair.of_large.cpu_micros() / pair.of_small.cpu_micros()));
    let cpu = |of: fn(&Pair) -> &Measured| Spread::of(pairs.iter().map(|pair| of(pair).cpu_micros())).median();
    let verdicts = [bytes > most_bytes, large.ready > longest, ratio.median() > most].map(Verdict::of);
    println!("{} phones against {}, medians of {PAIRS} pairs\n", large.phones, small.phones);
    println!("| what                             | large | small | ratio | of pairs    | limit |      |");
    println!("|----------------------------------|------:|------:|------:|------------:|------:|------|");
    println!(
        "| bytes in memory a phone          | {bytes:>5.1} |       |       |             | {most_bytes:>5.1} | {:<4} |",
        verdicts[0]
    );
    println!(
        "| seconds until it serves          | {:>5.1} | {:>5.1} |       |             | {:>5.1} | {:<4} |",
        large.ready.as_secs_f64(),
        small.ready.as_secs_f64(),
        longest.as_secs_f64(),
        verdicts[1],
    );
    println!(
        "| processor time of an answer, us  | {:>5.1} | {:>5.1} | {:>5.2} | {:>11} | {most:>5.2} | {:<4} |\n",
        cpu(|pair| &pair.of_large),
        cpu(|pair| &pair.of_small),
        ratio.median(),
        ratio.range(),
        verdicts[2],
    );
    verdicts.into_iter().fold(Verdict::Ok, Verdict::and)
}
