//! Dialtone against nginx: phones that ask where they belong.
//!
//! 1. Phones are registered with Dialtone through its API.
//! 2. nginx is given the very answer that Dialtone gives, as a fixed text.
//! 3. Both are asked in turns, in pairs of short rounds; what is compared is the servers' processor time.

use std::path::Path;

use anyhow::{Context, Result};

use crate::certificate::{CERTIFIED, Certificate};
use crate::client::{Connection, Target};
use crate::dialtone::Dialtone;
use crate::fleet;
use crate::mesh;
use crate::nginx::{FixedAnswers, Nginx};
use crate::questions::Phones;
use crate::round::{Connections, Contender, Measured, Round};
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

/// Measures one process that is everything, with so many phones.
pub async fn measure(folder: &Path, phones: u32) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = Dialtone::start(folder, &certificate, "")?;
    let nginx = prepared(folder, &certificate, &dialtone, phones).await?;
    let known = Phones::Known(phones);
    let certified = Target { tls: certificate.phones.clone(), ..dialtone.https.clone() };
    let rivals = Rivals { dialtone: &dialtone, nginx: &nginx };
    let cases = vec![
        rivals.case(
            "not recorded, kept-alive HTTP/1.1",
            2.0,
            (KEPT, Phones::Curious(phones)),
            (&dialtone.http, &nginx.http),
        ),
        rivals.case("recorded, kept-alive HTTP/1.1", 5.0, (KEPT, known.clone()), (&dialtone.http, &nginx.http)),
        rivals.case("recorded, new TLS 1.3 connection", 0.5, (NEW, known), (&dialtone.https, &nginx.https)),
        rivals.case(
            "the same, with client certificates",
            0.4,
            (NEW, Phones::Known(CERTIFIED)),
            (&certified, &nginx.certified),
        ),
        rivals.case("unknown phone, kept-alive HTTP/1.1", 5.0, (KEPT, Phones::Unknown), (&dialtone.http, &nginx.empty)),
    ];
    rivals.compare(&format!("One process, {phones} phones"), cases).await
}

/// Measures a gateway that asks redirection in another process, both together.
pub async fn measure_apart(folder: &Path, phones: u32) -> Result<Verdict> {
    let certificate = Certificate::make(folder)?;
    let dialtone = mesh::start(folder, &certificate)?;
    let nginx = prepared(folder, &certificate, &dialtone, phones).await?;
    let rivals = Rivals { dialtone: &dialtone, nginx: &nginx };
    let asked = (KEPT, Phones::Curious(phones));
    let case = rivals.case("not recorded, kept-alive HTTP/1.1", 2.5, asked, (&dialtone.http, &nginx.http));
    rivals.compare(&format!("Gateway and redirection apart, {phones} phones"), vec![case]).await
}

/// Registers the phones, and has nginx answer as Dialtone does.
async fn prepared(folder: &Path, certificate: &Certificate, dialtone: &Dialtone, phones: u32) -> Result<Nginx> {
    fleet::register(dialtone, phones).await?;
    Nginx::start(folder, certificate, &fixed_answers(dialtone).await?).await
}

/// Those that are compared.
struct Rivals<'a> {
    dialtone: &'a Dialtone,
    nginx: &'a Nginx,
}

impl Rivals<'_> {
    /// What is asked of ours and of theirs, and how.
    fn case(
        &self,
        name: &'static str,
        limit: f64,
        (connections, phones): (Connections, Phones),
        (ours, theirs): (&Target, &Target),
    ) -> Case {
        let round = |processes, target: &Target| Round {
            contender: Contender { processes, target: target.clone() },
            connections,
            phones: phones.clone(),
        };
        let ours = round(self.dialtone.processes(), ours);
        Case { name, limit, ours, theirs: round(self.nginx.processes.clone(), theirs), pairs: Vec::new() }
    }

    /// Runs the rounds in pairs, and prints the table.
    async fn compare(&self, title: &str, mut cases: Vec<Case>) -> Result<Verdict> {
        for case in &cases {
            case.check().await.with_context(|| format!("{} and nginx do not answer alike", case.name))?;
        }
        for pair in 0..PAIRS {
            eprintln!("pair {} of {PAIRS}", pair + 1);
            for case in &mut cases {
                let pair = run_pair(case, pair).await.with_context(|| case.name)?;
                let [ours, theirs] = [&pair.ours, &pair.theirs].map(Measured::cpu_micros);
                eprintln!("  {:<36} {ours:>6.1} us, nginx {theirs:>6.1} us", case.name);
                case.pairs.push(pair);
                // What was not recorded would not have been paid for.
                self.dialtone.ensure_recorded().await?;
            }
        }
        println!("{}", table::render(&format!("{title}, against {}", self.nginx.version), &cases));
        Ok(cases.iter().map(Case::verdict).fold(Verdict::Ok, Verdict::and))
    }
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
