//! What a wrong guess costs us, against what it costs the guesser.
//!
//! The guesser is this program. Each guess is at a directory code, which is the dearer kind for us, and from a phone
//! that nobody has registered. One server judges every guess; at the other, with the budgets that a server has
//! by default, the network's are spent, so that every guess is throttled.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::LARGE_BUDGETS;
use crate::certificate::Certificate;
use crate::client::Target;
use crate::dialtone::Dialtone;
use crate::questions::Phones;
use crate::round::{Connections, Contender, Measured, Round};
use crate::spread::Spread;
use crate::verdict::Verdict;

/// How often everything is measured.
const ROUNDS: u64 = 5;
/// The most processor time a guess may take of us, in multiples of what it takes of the guesser.
const LIMIT: f64 = 1.0;
/// A guesser that keeps his connections, and one that has to come anew for each guess.
const KEPT: Connections = Connections::Kept(256);
const NEW: Connections = Connections::New(128);

struct Case {
    name: &'static str,
    round: Round,
    measured: Vec<Measured>,
}

/// Measures, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let start = |name: &str, budgets| {
        let folder = folder.join(name);
        fs::create_dir(&folder)?;
        Dialtone::start(&folder, &certificate, budgets)
    };
    let judging = start("judging", LARGE_BUDGETS)?;
    let throttling = start("throttling", "")?;
    let case = |name, dialtone: &Dialtone, target: &Target, connections| {
        let contender = Contender { processes: dialtone.processes(), target: target.clone() };
        Case { name, round: Round { contender, connections, phones: Phones::Guessing }, measured: Vec::new() }
    };
    let mut cases = [
        case("new TLS 1.3 connection, judged", &judging, &judging.https, NEW),
        case("new TLS 1.3 connection, throttled", &throttling, &throttling.https, NEW),
        case("kept-alive HTTP/1.1, judged", &judging, &judging.http, KEPT),
        case("kept-alive HTTP/1.1, throttled", &throttling, &throttling.http, KEPT),
    ];
    // Spends the budget, and lets all code be run once.
    for case in &cases {
        case.round.run(ROUNDS).await?;
    }
    for seed in 0..ROUNDS {
        for case in &mut cases {
            let measured = case.round.run(seed).await?;
            eprintln!("  round {} of {ROUNDS}: {:<34} {:>6.0}/s", seed + 1, case.name, measured.rate());
            case.measured.push(measured);
        }
    }
    Ok(print(&cases))
}

fn print(cases: &[Case]) -> Verdict {
    println!("What a wrong guess costs, medians of {ROUNDS} rounds\n");
    println!(
        "| how it is guessed                  | guesses/s | our CPU us | guesser's | ratio | of rounds   | limit |      |"
    );
    println!(
        "|------------------------------------|----------:|-----------:|----------:|------:|------------:|------:|------|"
    );
    let mut whole = Verdict::Ok;
    for Case { name, measured, .. } in cases {
        let [rate, ours, guessers, ratio] =
            [Measured::rate, Measured::cpu_micros, Measured::client_cpu_micros, |measured: &Measured| {
                measured.cpu_micros() / measured.client_cpu_micros()
            }]
            .map(|value| Spread::of(measured.iter().map(value)));
        let verdict = Verdict::of(ratio.median() > LIMIT);
        println!(
            "| {name:<34} | {:>9.0} | {:>10.1} | {:>9.1} | {:>5.2} | {:>11} | {LIMIT:>5.2} | {verdict:<4} |",
            rate.median(),
            ours.median(),
            guessers.median(),
            ratio.median(),
            ratio.range(),
        );
        whole = whole.and(verdict);
    }
    println!();
    whole
}
