//! How fast Dialtone answers, how much it costs to be attacked, and what an attacker can see: each thing is
//! measured against another in the same run and printed as a ratio.
//!
//! Each section starts servers of its own on loopback, in a temporary folder, and prints a table. The exit code
//! is 1 when something is over its limit.
//!
//! `load [SECTION] [PHONES]` measures one section, or all of them in some twenty minutes, and ends by itself.
//! README.md beside this file says how to read the tables.

mod anchor;
mod certificate;
mod client;
mod codes;
mod dialtone;
mod enumeration;
mod fleet;
mod fleet_size;
mod import;
mod mesh;
mod nginx;
mod phones;
mod process;
mod provider;
mod questions;
mod records;
mod round;
mod saturation;
mod spread;
mod statistics;
mod storm;
mod table;
mod verdict;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use verdict::Verdict;

/// How many phones there are, unless the command line says otherwise.
const PHONES: u32 = 1_000_000;
/// After this long a section is given up.
const LONGEST: Duration = Duration::from_mins(8);

/// What can be measured by itself.
#[derive(Debug, Clone, Copy)]
enum Section {
    /// Phones ask where they belong; against nginx.
    Phones,
    /// The same, of a gateway and redirection in processes of their own.
    Apart,
    /// A region powers on.
    Storm,
    /// More phones ask than can be answered.
    Saturation,
    /// The time of an empty answer.
    Enumeration,
    /// The time of refusals.
    Refusals,
    /// Personal codes redeemed in a second.
    Redemptions,
    /// What a wrong guess costs.
    Guesses,
    /// What a phone of a large fleet costs.
    FleetSize,
    /// A million phones imported; against the databases' loaders.
    Import,
    /// Questions recorded in a second.
    Records,
}

/// What the command line asks for.
struct Wish {
    sections: Vec<Section>,
    phones: u32,
}

/// The client takes one processor and leaves the others to the servers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let measured = tokio::select! {
        measured = measure() => measured,
        stopped = told_to_stop() => stopped,
    };
    match measured {
        Ok(Verdict::Ok) => ExitCode::SUCCESS,
        Ok(Verdict::Over) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends the run in good order when it is interrupted, so that no server is left behind.
async fn told_to_stop() -> Result<Verdict> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    bail!("interrupted")
}

async fn measure() -> Result<Verdict> {
    let wish = Wish::of(std::env::args().skip(1))?;
    let mut verdict = Verdict::Ok;
    for section in wish.sections {
        eprintln!("{section:?}");
        let measured = tokio::time::timeout(LONGEST, section.measure(wish.phones)).await;
        verdict = verdict.and(measured.with_context(|| format!("{section:?}: given up after {LONGEST:?}"))??);
    }
    Ok(verdict)
}

impl Section {
    const ALL: [Self; 11] = [
        Self::Phones,
        Self::Apart,
        Self::Storm,
        Self::Saturation,
        Self::Enumeration,
        Self::Refusals,
        Self::Redemptions,
        Self::Guesses,
        Self::FleetSize,
        Self::Import,
        Self::Records,
    ];

    /// Those that a word of the command line stands for.
    fn named(word: &str) -> Result<Vec<Self>> {
        Ok(match word {
            "phones" => vec![Self::Phones],
            "apart" => vec![Self::Apart],
            "storm" => vec![Self::Storm],
            "saturation" => vec![Self::Saturation],
            "enumeration" => vec![Self::Enumeration],
            "codes" => vec![Self::Refusals, Self::Redemptions, Self::Guesses],
            "refusals" => vec![Self::Refusals],
            "redemptions" => vec![Self::Redemptions],
            "guesses" => vec![Self::Guesses],
            "records" => vec![Self::Records],
            "fleet" => vec![Self::FleetSize],
            "import" => vec![Self::Import],
            _ => bail!(
                "{word} is no section; there are phones, apart, storm, saturation, enumeration, refusals, redemptions, \
                 guesses, fleet, import, records, and codes for the three about codes"
            ),
        })
    }

    async fn measure(self, phones: u32) -> Result<Verdict> {
        let folder = TempDir::new()?;
        match self {
            Self::Phones => phones::measure(folder.path(), phones).await,
            Self::Apart => phones::measure_apart(folder.path(), phones).await,
            Self::Storm => storm::measure(folder.path()).await,
            Self::Saturation => saturation::measure(folder.path()).await,
            Self::Enumeration => enumeration::measure(folder.path()).await,
            Self::Refusals => codes::refusals::measure(folder.path()).await,
            Self::Redemptions => codes::redemptions::measure(folder.path()).await,
            Self::Guesses => codes::guesses::measure(folder.path()).await,
            Self::FleetSize => fleet_size::measure(folder.path()).await,
            Self::Import => import::measure(folder.path()).await,
            Self::Records => records::measure(folder.path()).await,
        }
    }
}

impl Wish {
    /// A number is one of phones, a word names a section.
    fn of(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut wish = Self { sections: Vec::new(), phones: PHONES };
        for word in words {
            match word.parse() {
                Ok(phones) => wish.phones = phones,
                Err(_) => wish.sections.extend(Section::named(&word)?),
            }
        }
        ensure!(wish.phones > 0, "there must be at least one phone");
        if wish.sections.is_empty() {
            wish.sections = Section::ALL.into();
        }
        Ok(wish)
    }
}
