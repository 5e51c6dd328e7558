//! How fast Dialtone answers phones, measured against nginx in the same run and printed as ratios.
//!
//! 1. Dialtone and nginx are started on loopback, in a temporary folder.
//! 2. Phones are registered with Dialtone through its API.
//! 3. nginx is given the very answer that Dialtone gives, as a fixed text.
//! 4. Both are asked in turns, in pairs of short rounds; what is compared is the servers' processor time.
//! 5. A table is printed. The exit code is 1 when something is over its limit.
//!
//! `load [PHONES]` takes under four minutes and ends by itself. README.md beside this file says how to
//! read the table.

mod certificate;
mod client;
mod dialtone;
mod fleet;
mod nginx;
mod process;
mod questions;
mod round;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use certificate::Certificate;
use client::{Connection, Target};
use dialtone::Dialtone;
use nginx::{FixedAnswers, Nginx};
use questions::Phones;
use round::{Connections, Contender, Round};
use table::{Case, Pair};

/// How many phones there are, unless the command line says otherwise.
const PHONES: u32 = 20_000;
/// How many pairs of rounds. Single pairs of a thing against itself ranged from 0.75 to 1.44, so that
/// only a median of several says something.
const PAIRS: u32 = 5;
/// After this long the run is given up.
const LONGEST: Duration = Duration::from_mins(4);
/// Connections that stay open. Dialtone answers when the record of a question is committed, and whoever
/// waits for a commit shares it: few connections would measure the disk.
const KEPT: Connections = Connections::Kept(256);
/// Phones that are connecting at the same time, for the same reason.
const NEW: Connections = Connections::New(128);

/// The client takes one processor and leaves the others to the servers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let measured = tokio::select! {
        measured = tokio::time::timeout(LONGEST, measure()) => {
            measured.unwrap_or_else(|_| Err(anyhow::anyhow!("given up after {LONGEST:?}")))
        }
        stopped = told_to_stop() => stopped,
    };
    measured.unwrap_or_else(|error| {
        eprintln!("load: {error:#}");
        ExitCode::FAILURE
    })
}

/// Ends the run in good order when it is interrupted, so that no server is left behind.
async fn told_to_stop() -> Result<ExitCode> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    bail!("interrupted")
}

async fn measure() -> Result<ExitCode> {
    let phones = match std::env::args().nth(1) {
        Some(count) => count.parse().with_context(|| format!("{count} is not a number of phones"))?,
        None => PHONES,
    };
    ensure!(phones > 0, "there must be at least one phone");
    let folder = TempDir::new()?;
    let certificate = Certificate::make(folder.path())?;
    let dialtone = Dialtone::start(folder.path(), &certificate)?;
    fleet::register(&dialtone, phones).await?;
    let nginx = Nginx::start(folder.path(), &certificate, &fixed_answers(&dialtone).await?).await?;

    let mut cases = cases(&dialtone, &nginx, phones);
    for case in &cases {
        case.check().await.with_context(|| format!("{} and nginx do not answer alike", case.name))?;
    }
    for pair in 0..PAIRS {
        eprintln!("pair {} of {PAIRS}", pair + 1);
        for case in &mut cases {
            let pair = run_pair(case, pair).await.with_context(|| case.name)?;
            eprintln!(
                "  {:<36} {:>6.1} us, nginx {:>6.1} us",
                case.name,
                pair.ours.cpu_micros(),
                pair.theirs.cpu_micros()
            );
            case.pairs.push(pair);
            // What was not recorded would not have been paid for.
            dialtone.ensure_recorded().await?;
        }
    }
    println!("{}", table::render(&format!("Dialtone against {}, {phones} phones", nginx.version), &cases));
    Ok(if cases.iter().any(Case::is_over) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Who goes first changes from pair to pair.
async fn run_pair(case: &Case, pair: u32) -> Result<Pair> {
    let seed = u64::from(pair);
    if pair.is_multiple_of(2) {
        let ours = case.ours.run(seed).await?;
        Ok(Pair { ours, theirs: case.theirs.run(seed).await? })
    } else {
        let theirs = case.theirs.run(seed).await?;
        Ok(Pair { ours: case.ours.run(seed).await?, theirs })
    }
}

/// Asks Dialtone once on each kind of connection.
async fn fixed_answers(dialtone: &Dialtone) -> Result<FixedAnswers> {
    let known = Phones::Known(1);
    let plain = Connection::open(&dialtone.http).await?.ask(known, 0).await?;
    let tls = Connection::open(&dialtone.https).await?.ask(known, 0).await?;
    Ok(FixedAnswers { plain, tls })
}

fn cases(dialtone: &Dialtone, nginx: &Nginx, phones: u32) -> Vec<Case> {
    let known = Phones::Known(phones);
    let against = |connections, phones, ours: &Target, theirs: &Target| {
        let round = |process, target: &Target| Round {
            contender: Contender { process, target: target.clone() },
            connections,
            phones,
        };
        (round(dialtone.process, ours), round(nginx.process, theirs))
    };
    let case = |name, limit, (ours, theirs)| Case { name, limit, ours, theirs, pairs: Vec::new() };
    vec![
        case("known phone, kept-alive HTTP/1.1", 5.0, against(KEPT, known, &dialtone.http, &nginx.http)),
        case("known phone, new TLS 1.3 connection", 0.5, against(NEW, known, &dialtone.https, &nginx.https)),
        case("unknown phone, kept-alive HTTP/1.1", 5.0, against(KEPT, Phones::Unknown, &dialtone.http, &nginx.empty)),
    ]
}
