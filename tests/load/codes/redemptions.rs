//! How many personal codes are redeemed in a second: a commit is for everybody who waits for one, so the more
//! users wait, the more of them are served by it.

use std::path::Path;
use std::rc::Rc;

use anyhow::Result;

use super::desk::{Code, Desk, MOST};
use crate::certificate::Certificate;
use crate::dialtone::Dialtone;
use crate::questions::{Codes, Phones};
use crate::round::{Connections, Contender, Measured, Round};
use crate::spread::Spread;
use crate::verdict::Verdict;

/// How often everything is measured.
const ROUNDS: u32 = 5;
/// Users that wait at the same time, and how many times the redemptions of a single one there must be at least.
const CROWDS: [(u64, f64); 3] = [(1, 1.0), (64, 3.0), (512, 3.0)];
/// The phones that come with codes.
const FIRST: u64 = 0x0056_2b00_0000;

/// Measures, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, "")?;
    let desk = Desk::of(&dialtone).await?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut crowds = Vec::new();
        for (crowd, (users, _)) in (0..).zip(CROWDS) {
            let phones = holding(&desk, u64::from(round) * 3 + crowd).await?;
            let contender = Contender { processes: dialtone.processes(), target: dialtone.http.clone() };
            let measured = Round { contender, connections: Connections::Kept(users), phones }.run(0).await?;
            eprintln!("  round {} of {ROUNDS}, {users:>3} users: {:>6.0}/s", round + 1, measured.rate());
            dialtone.ensure_recorded().await?;
            crowds.push(measured);
        }
        rounds.push(crowds);
    }
    Ok(print(&rounds))
}

/// New codes and new phones for the round of that number.
async fn holding(desk: &Desk, number: u64) -> Result<Phones> {
    let digits = desk.personal(MOST, 86_400).await?.into_iter().map(|Code { digits, .. }| digits).collect();
    Ok(Phones::Holding(Rc::new(Codes { digits, first: FIRST + number * u64::from(MOST) })))
}

fn print(rounds: &[Vec<Measured>]) -> Verdict {
    println!("Personal codes redeemed, medians of {ROUNDS} rounds\n");
    println!("| users that wait | codes/s | CPU us | times one | of rounds   | least | put off |      |");
    println!("|----------------:|--------:|-------:|----------:|------------:|------:|--------:|------|");
    let mut whole = Verdict::Ok;
    for (place, (users, least)) in CROWDS.into_iter().enumerate() {
        let each = || rounds.iter().filter_map(|crowds| Some((crowds.first()?, crowds.get(place)?)));
        let times = Spread::of(each().map(|(one, crowd)| crowd.rate() / one.rate()));
        let rate = Spread::of(each().map(|(_, crowd)| crowd.rate())).median();
        let cpu = Spread::of(each().map(|(_, crowd)| crowd.cpu_micros())).median();
        let put_off: u64 = each().map(|(_, crowd)| crowd.put_off).sum();
        let verdict = Verdict::of(times.median() < least);
        println!(
            "| {users:>15} | {rate:>7.0} | {cpu:>6.1} | {:>9.2} | {:>11} | {least:>5.2} | {put_off:>7} | {verdict:<4} |",
            times.median(),
            times.range(),
        );
        whole = whole.and(verdict);
    }
    println!();
    whole
}
