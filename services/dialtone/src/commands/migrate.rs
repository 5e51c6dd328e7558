//! `dialtone migrate`: brings the tables of the services up to date, before the processes of a new version start.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use rpc::Peer;
use storage::{Place, Standing};

use super::serve::Only;
use crate::config::Config;
use crate::data_folder::make_private;
use crate::tables;

/// Which databases.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The configuration that the servers are started with [default: one that suits a single machine]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder, for databases that are files [default: data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The tables of this service alone [default: of all that keep something]
    #[arg(long, value_name = "SERVICE")]
    only: Option<Only>,
}

/// Does it, and says for each what was there. Two that run at once wait for one another.
pub async fn run(args: MigrateArgs) -> Result<ExitCode> {
    let only = args.only.map(Only::peer);
    ensure!(only != Some(Peer::Gateway), "the gateway keeps no tables");
    let mut config = Config::load(args.config.as_deref())?;
    config.data = args.data.unwrap_or(config.data);
    // Made only where a file shall be in it: a process on a server's databases may have no folder to write to.
    let databases = config.data.join("databases");
    for peer in tables::STORING.into_iter().filter(|peer| only.is_none_or(|only| only == *peer)) {
        let Some(tables) = tables::of(peer) else { continue };
        let place = config.databases.place(peer, &databases)?;
        if matches!(&place, Place::Sqlite(file) if file.starts_with(&databases)) {
            make_private(&databases)?;
        }
        let found = tables.run(&place).await.with_context(|| format!("{}  {place}", peer.name()))?;
        println!("{:13}  {place}  {}", peer.name(), told(found));
    }
    Ok(ExitCode::SUCCESS)
}

fn told(found: Standing) -> String {
    let Standing { applied, known, newer } = found;
    let of_a_later_version = if newer > 0 { format!(", and {newer} of a later version") } else { String::new() };
    match known - applied {
        0 => format!("all {known} migrations were applied before{of_a_later_version}"),
        missing => format!("{missing} of {known} migrations applied, now at {known}{of_a_later_version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_found_and_did() {
        let told = |applied, known, newer| told(Standing { applied, known, newer });
        assert_eq!(told(2, 4, 0), "2 of 4 migrations applied, now at 4");
        assert_eq!(told(4, 4, 0), "all 4 migrations were applied before");
        assert_eq!(told(4, 4, 1), "all 4 migrations were applied before, and 1 of a later version");
    }
}
