//! What a guesser learns from the time that a refusal takes.
//!
//! One connection that stays open, one guess after the other, each from another phone. The kinds come in an order
//! that was shuffled once and for all, so that whatever else the machine does falls on all of them alike.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::LARGE_BUDGETS;
use super::desk::{Code, Desk};
use crate::certificate::Certificate;
use crate::client::Connection;
use crate::dialtone::Dialtone;
use crate::questions::{is_refusal, scattered, typed, unknown};
use crate::spread::Spread;
use crate::statistics::Difference;
use crate::verdict::Verdict;

/// Guesses of each kind.
const GUESSES: u64 = 4_000;
/// Guesses before any is measured.
const WARM_UP: u64 = 1_000;
/// Different codes of each kind; a guesser asks again and again for those he is curious about.
const CODES: u32 = 16;
/// How far an AUC may be from 0.5, and a D from 0. With so many guesses chance alone goes as far as 0.013 and
/// 0.030 in one run of twenty. To see a difference at the bound, 700 guesses at each of two codes are needed,
/// which is a week of what a network is allowed.
const BOUNDS: (f64, f64) = (0.03, 0.06);
/// The phone that uses up the codes that shall be used.
const USER: u64 = 0x0056_2b00_0000;

/// Codes that are refused for the same reason, and how long it took.
struct Kind {
    name: &'static str,
    /// What it is compared with, by its place.
    against: Option<usize>,
    /// One of these and the word for its reason; none where there is no such code.
    witness: Option<(Code, &'static str)>,
    digits: Vec<String>,
    times: Vec<Duration>,
}

impl Kind {
    fn new(name: &'static str, against: Option<usize>, digits: Vec<String>) -> Self {
        Self { name, against, witness: None, digits, times: Vec::new() }
    }

    fn of(name: &'static str, against: usize, codes: Vec<Code>, reason: &'static str) -> Self {
        let digits = codes.iter().map(|code| code.digits.clone()).collect();
        let witness = codes.into_iter().next().map(|code| (code, reason));
        Self { witness, ..Self::new(name, Some(against), digits) }
    }
}

/// Measures, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, LARGE_BUDGETS)?;
    let desk = Desk::of(&dialtone).await?;
    let mut connection = Connection::open(&dialtone.http).await?;
    let mut kinds = kinds(&desk, &mut connection).await?;
    let many = u64::try_from(kinds.len())?;
    let mut order: Vec<u64> = (0..many * GUESSES).collect();
    order.sort_by_key(|number| scattered(*number));
    for number in 0..WARM_UP {
        guess(&mut connection, &mut kinds, number).await?;
    }
    for kind in &mut kinds {
        kind.times.clear();
    }
    for number in order {
        guess(&mut connection, &mut kinds, WARM_UP + number).await?;
    }
    for (code, reason) in kinds.iter().filter_map(|kind| kind.witness.as_ref()) {
        let outcome = desk.outcome(code).await?;
        ensure!(outcome == *reason, "a code was to be refused as {reason} and was as {outcome}");
    }
    Ok(print(&kinds))
}

async fn kinds(desk: &Desk, connection: &mut Connection) -> Result<Vec<Kind>> {
    let nobodys = |length: usize, first: u32| {
        let power = 10_u64.pow(u32::try_from(length).unwrap_or(1));
        (first..first + CODES).map(|code| format!("{:0length$}", scattered(u64::from(code)) % power)).collect()
    };
    let mut too_late = Vec::new();
    for digits in nobodys(8, 0) {
        let digits: String = digits;
        too_late.push(desk.too_late(&digits).await?);
    }
    let expired = desk.personal(CODES, 1).await?;
    let used = desk.personal(CODES, 86_400).await?;
    for (mac, code) in (USER..).zip(&used) {
        let answer = connection.send(typed(&code.digits, mac)?).await?;
        ensure!(answer.status.is_success(), "a code cannot be used up: {}", answer.status);
    }
    // Now these have expired.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(vec![
        Kind::new("directory: unknown", None, nobodys(8, 100)),
        Kind::new("directory: unknown, once more", Some(0), nobodys(8, 200)),
        Kind::of("directory: too late", 0, too_late, "too_late"),
        Kind::new("personal: unknown", None, nobodys(16, 300)),
        Kind::new("personal: unknown, once more", Some(3), nobodys(16, 400)),
        Kind::of("personal: expired", 3, expired, "expired"),
        Kind::of("personal: used", 3, used, "used"),
    ])
}

/// The guess that `number` stands for, from a phone of its own.
async fn guess(connection: &mut Connection, kinds: &mut [Kind], number: u64) -> Result<()> {
    let many = kinds.len();
    let (kind, round) = (usize::try_from(number)? % many, usize::try_from(number)? / many);
    let Some(kind) = kinds.get_mut(kind) else { return Ok(()) };
    let Some(digits) = kind.digits.get(round % kind.digits.len()) else { return Ok(()) };
    // An odd factor: no phone comes twice, and they do not come in their order.
    let request = typed(digits, unknown(number.wrapping_mul(0x9e37_79b1)))?;
    let begun = Instant::now();
    let answer = connection.send(request).await?;
    kind.times.push(begun.elapsed());
    let body = String::from_utf8_lossy(&answer.body);
    ensure!(is_refusal(answer.status, &body), "{}: {} {body:?}", kind.name, answer.status);
    Ok(())
}

fn print(kinds: &[Kind]) -> Verdict {
    println!("The time of {GUESSES} refusals of each kind, compared with that of unknown codes\n");
    println!(
        "| what is guessed                | median us | unknown | AUC    | p      | D      | limits         |      |"
    );
    println!(
        "|--------------------------------|----------:|--------:|-------:|-------:|-------:|---------------:|------|"
    );
    let (far, apart) = BOUNDS;
    let mut whole = Verdict::Ok;
    for kind in kinds {
        let Some(unknown) = kind.against.and_then(|place| kinds.get(place)) else { continue };
        let Difference { auc, p, distance } = Difference::between(&unknown.times, &kind.times);
        let verdict = Verdict::of((auc - 0.5).abs() > far || distance > apart);
        println!(
            "| {:<30} | {:>9.1} | {:>7.1} | {auc:>6.4} | {p:>6.4} | {distance:>6.4} | 0.5±{far:.2}, {apart:.2} | {verdict:<4} |",
            kind.name,
            median(&kind.times),
            median(&unknown.times),
        );
        whole = whole.and(verdict);
    }
    println!();
    whole
}

/// In microseconds.
fn median(times: &[Duration]) -> f64 {
    Spread::of(times.iter().map(|time| time.as_secs_f64() * 1e6)).median()
}
