//! The tables of each service that keeps something, and who brings them up to date.
//!
//! Where everything is one process, it does so itself when it starts. Processes that share a database on a server do
//! not: `dialtone migrate` does it once, before the first of a new release starts (`migrations/README.md`).

use anyhow::{Context, Result, ensure};
use rpc::Peer;
use storage::{Migrations, Place};

/// The services that keep something, each in a database of its own.
pub const STORING: [Peer; 4] = [Peer::Accounts, Peer::Redirection, Peer::Onboarding, Peer::Customization];

/// The tables of `peer`.
pub fn of(peer: Peer) -> Option<&'static Migrations> {
    match peer {
        Peer::Accounts => Some(&accounts::MIGRATIONS),
        Peer::Redirection => Some(&redirection::MIGRATIONS),
        Peer::Onboarding => Some(&onboarding::MIGRATIONS),
        Peer::Customization => Some(&customization::MIGRATIONS),
        Peer::Gateway => None,
    }
}

/// Refuses tables on a server that something which this program needs is missing from. Those that a later program has
/// brought up to date already are good: while a release is rolled out, processes of the one before go on.
pub async fn check(peer: Peer, place: &Place) -> Result<()> {
    let (Some(tables), Place::Postgres(_)) = (of(peer), place) else { return Ok(()) };
    let standing = tables.standing(place).await.with_context(|| format!("the {} database {place}", peer.name()))?;
    ensure!(
        !standing.is_behind(),
        "the {} database {place} has {} of the {} migrations that this version needs; run `dialtone migrate` of this \
         version, with the same configuration, and start again",
        peer.name(),
        standing.applied,
        standing.known
    );
    Ok(())
}
