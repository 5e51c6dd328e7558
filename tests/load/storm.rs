//! A region gets its power back: every phone asks where it belongs within forty seconds, all the jitter that a phone
//! adds (wire-facts), each over a TLS connection of its own. Nobody may be turned away, or wait for long.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::StatusCode;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

use crate::certificate::Certificate;
use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::fleet;
use crate::process::Process;
use crate::questions::{Phones, call_home, mac, scattered};
use crate::verdict::Verdict;

/// So many phones ask.
const PHONES: u32 = 100_000;
/// Within this time.
const WINDOW: Duration = Duration::from_secs(40);
/// The longest that one may wait for its answer.
const LONGEST: Duration = Duration::from_secs(5);

/// What became of the phones.
#[derive(Debug, Default)]
struct Outcome {
    waited: Vec<Duration>,
    /// Told to ask again.
    put_off: usize,
    /// Neither answered right nor put off.
    wrong: Vec<String>,
}

/// Has them all ask, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, "")?;
    fleet::register(&dialtone, PHONES).await?;
    // The first handshakes of a process take longer; a server that serves has had some.
    Connection::open(&dialtone.https).await?.ask(&Phones::Known(PHONES), 0).await?;

    let own = Process::own();
    let (cpu, client_cpu) = (dialtone.processes().cpu()?, own.cpu_alone()?);
    let outcome = LocalSet::new().run_until(power_on(&dialtone.https)).await?;
    dialtone.ensure_recorded().await?;
    let cpu = dialtone.processes().cpu()?.saturating_sub(cpu);
    let client_cpu = own.cpu_alone()?.saturating_sub(client_cpu);
    Ok(print(outcome, cpu, client_cpu))
}

/// Each phone at its own moment.
async fn power_on(target: &Target) -> Result<Outcome> {
    let mut moments: Vec<(Duration, u32)> = (0..PHONES).map(|number| (moment_of(number), number)).collect();
    moments.sort_unstable();
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let begun = Instant::now();
    let mut phones = JoinSet::new();
    for (moment, number) in moments {
        let due = begun + moment;
        if due > Instant::now() {
            sleep_until(due).await;
        }
        let (target, outcome) = (target.clone(), Rc::clone(&outcome));
        phones.spawn_local(async move {
            let asked = ask(&target, number).await;
            // From when it should have asked: a generator that is late must not flatter the server.
            outcome.borrow_mut().take(due.elapsed(), asked);
        });
        while let Some(phone) = phones.try_join_next() {
            phone?;
        }
    }
    while let Some(phone) = phones.join_next().await {
        phone?;
    }
    let outcome = Rc::into_inner(outcome).context("a phone still asks")?;
    Ok(outcome.into_inner())
}

fn moment_of(number: u32) -> Duration {
    let window = u64::try_from(WINDOW.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(scattered(u64::from(number)) % window)
}

async fn ask(target: &Target, number: u32) -> Result<(StatusCode, bool)> {
    let answer = Connection::open(target).await?.send(call_home(mac(number))?).await?;
    let body = String::from_utf8_lossy(&answer.body);
    Ok((answer.status, Phones::Known(PHONES).is_right(answer.status, &body)))
}

impl Outcome {
    fn take(&mut self, waited: Duration, asked: Result<(StatusCode, bool)>) {
        match asked {
            Ok((_, true)) => self.waited.push(waited),
            Ok((status, false)) if status.is_server_error() => self.put_off += 1,
            Ok((status, false)) => self.wrong.push(status.to_string()),
            Err(error) => self.wrong.push(format!("{error:#}")),
        }
    }

    /// What all but the slowest `share`th of those answered waited at most.
    fn waited_by_all_but(&self, share: usize) -> Duration {
        let place = self.waited.len().saturating_sub(1 + self.waited.len() / share);
        self.waited.get(place).copied().unwrap_or_default()
    }
}

fn print(mut outcome: Outcome, cpu: Duration, client_cpu: Duration) -> Verdict {
    outcome.waited.sort_unstable();
    let slowest = outcome.waited.last().copied().unwrap_or(LONGEST);
    let all_right = outcome.waited.len() == usize::try_from(PHONES).unwrap_or(usize::MAX);
    let per_phone = |cpu: Duration| cpu.as_secs_f64() * 1e6 / f64::from(PHONES);
    println!("{PHONES} phones power on within {WINDOW:?}, each with a new TLS 1.3 connection; generator included\n");
    println!("| what | measured | limit | |\n|---|---:|---:|---|");
    println!("| answered right | {} | {PHONES} | {} |", outcome.waited.len(), Verdict::of(!all_right));
    println!("| told to ask again | {} | 0 | {} |", outcome.put_off, Verdict::of(outcome.put_off > 0));
    println!("| half waited at most | {:.1} ms | | |", millis(outcome.waited_by_all_but(2)));
    println!("| all but a hundredth waited at most | {:.1} ms | | |", millis(outcome.waited_by_all_but(100)));
    println!("| the slowest waited | {:.1} ms | {:.0} ms | {} |", millis(slowest), millis(LONGEST), late(slowest));
    println!("| our CPU for a phone | {:.1} us | | |", per_phone(cpu));
    println!("| CPU of the phone itself | {:.1} us | | |\n", per_phone(client_cpu));
    for wrong in outcome.wrong.iter().take(5) {
        println!("not answered: {wrong}");
    }
    Verdict::of(!all_right).and(late(slowest))
}

fn late(slowest: Duration) -> Verdict {
    Verdict::of(slowest > LONGEST)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
