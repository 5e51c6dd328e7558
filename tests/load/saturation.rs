//! More phones ask than can be answered: what is answered then, against what can be.
//!
//! Phones ask over connections that stay open, so that the generator can ask for twice what the server has to give. First each
//! asks again when it has its answer: that is the peak. Then questions come at twice that rate, whether the ones before
//! were answered or not, on many more connections; one that finds no free connection is lost, as with a phone that
//! cannot connect.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

use crate::certificate::Certificate;
use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::fleet;
use crate::questions::Phones;
use crate::round::{Connections, Contender, Round};
use crate::spread::Spread;
use crate::verdict::Verdict;

const PHONES: u32 = 20_000;
/// How many pairs of rounds; the median counts.
const PAIRS: u64 = 3;
/// Those that each wait for their answer.
const FEW: u64 = 256;
/// Those on which twice as much is asked.
const MANY: u64 = 2_048;
/// How long twice as much is asked.
const LENGTH: Duration = Duration::from_secs(6);
/// Questions are sent in groups, this far apart.
const BEAT: Duration = Duration::from_millis(5);
/// What must be left of the peak.
const LEAST: f64 = 0.9;

/// One pair of rounds, in answers a second.
struct Pair {
    peak: f64,
    asked: f64,
    answered: f64,
    put_off: f64,
}

/// Measures, and prints the table.
pub async fn measure(folder: &Path) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, "")?;
    fleet::register(&dialtone, PHONES).await?;
    let phones = Phones::Known(PHONES);
    let contender = Contender { processes: dialtone.processes(), target: dialtone.http.clone() };
    let peak = Round { contender, connections: Connections::Kept(FEW), phones: phones.clone() };
    let mut pairs = Vec::new();
    for seed in 0..PAIRS {
        let measured = peak.run(seed).await?;
        dialtone.ensure_recorded().await?;
        let pair = LocalSet::new().run_until(flood(&dialtone.http, &phones, measured.rate())).await?;
        eprintln!("  peak {:.0}/s, asked {:.0}/s, answered {:.0}/s", pair.peak, pair.asked, pair.answered);
        pairs.push(pair);
        dialtone.ensure_recorded().await?;
    }
    Ok(print(&pairs))
}

/// What the connections share.
struct Flood {
    free: RefCell<Vec<Connection>>,
    answered: Cell<u32>,
    put_off: Cell<u32>,
}

async fn flood(target: &Target, phones: &Phones, peak: f64) -> Result<Pair> {
    let mut free = Vec::new();
    for number in 0..MANY {
        let mut connection = Connection::open(target).await?;
        // Whoever has not asked yet gives way to others.
        connection.ask(phones, number).await?;
        free.push(connection);
    }
    let flood = Rc::new(Flood { free: RefCell::new(free), answered: Cell::new(0), put_off: Cell::new(0) });
    let mut waiting = JoinSet::new();
    let (begun, mut asked) = (Instant::now(), 0_u32);
    let mut beat = begun;
    while begun.elapsed() < LENGTH {
        // As many as are due by now.
        while f64::from(asked) < begun.elapsed().as_secs_f64() * 2.0 * peak {
            asked += 1;
            let Some(connection) = flood.free.borrow_mut().pop() else { continue };
            waiting.spawn_local(Rc::clone(&flood).ask(connection, phones.clone(), u64::from(asked)));
        }
        while let Some(done) = waiting.try_join_next() {
            done??;
        }
        beat += BEAT;
        sleep_until(beat).await;
    }
    let (took, answered, put_off) = (begun.elapsed().as_secs_f64(), flood.answered.get(), flood.put_off.get());
    while let Some(last) = waiting.join_next().await {
        last??;
    }
    let rate = |count: u32| f64::from(count) / took;
    Ok(Pair { peak, asked: rate(asked), answered: rate(answered), put_off: rate(put_off) })
}

impl Flood {
    async fn ask(self: Rc<Self>, mut connection: Connection, phones: Phones, number: u64) -> Result<()> {
        let answer = connection.send(phones.question(number)?).await?;
        let body = String::from_utf8_lossy(&answer.body);
        if phones.is_right(answer.status, &body) {
            self.answered.set(self.answered.get() + 1);
        } else {
            ensure!(answer.status.is_server_error(), "a wrong answer: {} {body:?}", answer.status);
            self.put_off.set(self.put_off.get() + 1);
        }
        self.free.borrow_mut().push(connection);
        Ok(())
    }
}

fn print(pairs: &[Pair]) -> Verdict {
    let median = |value: &dyn Fn(&Pair) -> f64| Spread::of(pairs.iter().map(value)).median();
    let kept = Spread::of(pairs.iter().map(|pair| pair.answered / pair.peak));
    let verdict = Verdict::of(kept.median() < LEAST);
    println!("Past saturation: twice the load that fits, medians of {} rounds\n", pairs.len());
    println!("| peak/s | asked/s | answered/s | told to ask again/s | times peak | of rounds | least | |");
    println!("|---:|---:|---:|---:|---:|---:|---:|---|");
    println!(
        "| {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {} | {LEAST:.2} | {verdict} |\n",
        median(&|pair| pair.peak),
        median(&|pair| pair.asked),
        median(&|pair| pair.answered),
        median(&|pair| pair.put_off),
        kept.median(),
        kept.range(),
    );
    verdict
}
