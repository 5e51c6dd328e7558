//! Dialtone against nginx: phones that ask where they belong.
//!
//! 1. Phones are registered with Dialtone through its API.
//! 2. nginx is given the very answer that Dialtone gives, as a fixed text.
//! 3. Both are asked in turns, in pairs of short rounds; what is compared is the servers' processor time.

use std::path::Path;

use anyhow::{Context, Result};

use crate::certificate::Certificate;
use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::fleet;
use crate::nginx::{FixedAnswers, Nginx};
use crate::questions::Phones;
use crate::round::{Connections, Contender, Round};
use crate::table::{self, Case, Pair};
use crate::verdict::Verdict;

/// How many pairs of rounds. Single pairs of a thing against itself ranged from 0.75 to 1.44, so that
/// only a median of several says something.
const PAIRS: u32 = 5;
/// Connections that stay open. Dialtone answers when the record of a question is committed, and whoever
/// waits for a commit shares it: few connections would measure the disk.
const KEPT: Connections = Connections::Kept(256);
/// Phones that are connecting at the same time, for the same reason.
const NEW: Connections = Connections::New(128);

/// Measures with so many phones.
pub async fn measure(folder: &Path, phones: u32) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, "")?;
    fleet::register(&dialtone, phones).await?;
    let nginx = Nginx::start(folder, &certificate, &fixed_answers(&dialtone).await?).await?;

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
    Ok(cases.iter().map(Case::verdict).fold(Verdict::Ok, Verdict::and))
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
    let plain = Connection::open(&dialtone.http).await?.ask(&known, 0).await?;
    let tls = Connection::open(&dialtone.https).await?.ask(&known, 0).await?;
    Ok(FixedAnswers { plain, tls })
}

fn cases(dialtone: &Dialtone, nginx: &Nginx, phones: u32) -> Vec<Case> {
    let known = Phones::Known(phones);
    let against = |connections, phones: Phones, ours: &Target, theirs: &Target| {
        let round = |process, target: &Target, phones: &Phones| Round {
            contender: Contender { process, target: target.clone() },
            connections,
            phones: phones.clone(),
        };
        (round(dialtone.process, ours, &phones), round(nginx.process, theirs, &phones))
    };
    let case = |name, limit, (ours, theirs)| Case { name, limit, ours, theirs, pairs: Vec::new() };
    vec![
        case("known phone, kept-alive HTTP/1.1", 5.0, against(KEPT, known.clone(), &dialtone.http, &nginx.http)),
        case("known phone, new TLS 1.3 connection", 0.5, against(NEW, known, &dialtone.https, &nginx.https)),
        case("unknown phone, kept-alive HTTP/1.1", 5.0, against(KEPT, Phones::Unknown, &dialtone.http, &nginx.empty)),
    ]
}
