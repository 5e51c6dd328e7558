//! `dialtone copy`: moves an installation that has outgrown its files to databases on a server.
//!
//! All four in one go, from a data folder to the places that the configuration of the new installation names; or one
//! database by itself. It may be interrupted, and run again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};
use rpc::Peer;
use storage::copy::{Copy, Step};
use storage::{Db, Migrations, Place, Queue};

use crate::config::Config;
use crate::data_folder::{DataFolder, Lock};
use crate::tables;

const NEXT: &str = "
All of it is on the server now, and compared. The files are as they were; keep them until the new processes have shown
that they work. What is sealed is still sealed with the same keys, and so the new processes need them:

  dialtone keys export --data FOLDER --to SECRETS

writes them as files: dialtone-master for accounts and redirection, dialtone-report for gateways, dialtone-codes for
onboarding. Name them in [keys]. With other keys, nothing sealed opens, and no personal code is known.";

/// From where to where.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["data", "from"])))]
pub struct CopyArgs {
    /// The data folder to copy from, whose server has been stopped
    #[arg(long, value_name = "FOLDER", requires = "config")]
    data: Option<PathBuf>,
    /// The configuration of the new installation, which names the databases to copy to
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// One database to copy from
    #[arg(long, value_name = "sqlite:FILE", requires = "to")]
    from: Option<String>,
    /// The database to copy it to
    #[arg(long, value_name = "postgres://USER@HOST/DATABASE", requires = "from")]
    to: Option<String>,
}

/// One database on its way.
struct Move {
    peer: Peer,
    tables: &'static Migrations,
    from: Place,
    to: Place,
}

/// Does it.
pub async fn run(args: CopyArgs) -> Result<ExitCode> {
    let (moves, _locks) = moves(args).await?;
    let mut copies = Vec::new();
    for one in &moves {
        copies.push(one.copied().await.with_context(|| format!("{}  {} -> {}", one.peer.name(), one.from, one.to))?);
    }
    // Only now: as long as one is not finished, none of the processes starts.
    for copy in copies {
        copy.finish().await?;
    }
    println!("{NEXT}");
    Ok(ExitCode::SUCCESS)
}

/// What is to be done, and the locks by which no server is in the way.
async fn moves(args: CopyArgs) -> Result<(Vec<Move>, Vec<Lock>)> {
    if let (Some(from), Some(to)) = (args.from, args.to) {
        let (from, to) = (from.parse().context("--from")?, to.parse().context("--to")?);
        let locks = folder_of(&from).map(locked).transpose()?.unwrap_or_default();
        return Ok((vec![told_from_its_tables(from, to).await?], locks));
    }
    let (Some(data), Some(config)) = (args.data, args.config) else {
        bail!("give --data and --config, or --from and --to");
    };
    let config = Config::load(Some(&config))?;
    let databases = data.join("databases");
    ensure!(databases.is_dir(), "{} holds no installation: there is no {}", data.display(), databases.display());
    let locks = locked(&data)?;
    check_queue(&databases.join("queue.db")).await?;
    let mut moves = Vec::new();
    for peer in tables::STORING {
        let Some(tables) = tables::of(peer) else { continue };
        let from = Place::file(&databases.join(format!("{}.db", peer.name())));
        let to = config.databases.place(peer, &config.data.join("databases"))?;
        let is_server = matches!(to, Place::Postgres(_));
        ensure!(is_server, "databases.{} of the configuration must be a postgres:// URL", peer.name());
        moves.push(Move { peer, tables, from, to });
    }
    Ok((moves, locks))
}

/// Refuses an installation whose gateway could not hand on all that happened to phones: nobody would do it later.
async fn check_queue(file: &Path) -> Result<()> {
    if !file.exists() {
        return Ok(());
    }
    let queue = Queue::open(file).await?;
    let load = queue.load().await?;
    queue.close().await;
    ensure!(
        load.items == 0,
        "{} events of phones wait in {}; start the server once and stop it in good order, which records them",
        load.items,
        file.display()
    );
    Ok(())
}

/// Whose database it is, as its tables say.
async fn told_from_its_tables(from: Place, to: Place) -> Result<Move> {
    ensure!(!from.is_missing(), "there is no {from}");
    for peer in tables::STORING {
        let Some(tables) = tables::of(peer) else { continue };
        if tables.is_of(&from).await? {
            return Ok(Move { peer, tables, from, to });
        }
    }
    bail!("{from} is the database of no service");
}

/// The data folder that a file is in.
fn folder_of(place: &Place) -> Option<&Path> {
    let Place::Sqlite(file) = place else { return None };
    let databases = file.parent().filter(|folder| folder.ends_with("databases"))?;
    Some(match databases.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return None,
    })
}

fn locked(folder: &Path) -> Result<Vec<Lock>> {
    let locks = DataFolder::open(folder)?.lock_for(None)?;
    Ok(locks.into())
}

impl Move {
    /// Copies and compares, and walks along the audit log. The target is still closed.
    async fn copied(&self) -> Result<Copy> {
        println!("{}  {} -> {}", self.peer.name(), self.from, self.to);
        let mut copy = Copy::open(&self.from, &self.to, self.tables).await?;
        let tell = &mut |step: Step<'_>| match step {
            Step::Copied { table, rows } => println!("  {table:24}  {rows} rows copied"),
            Step::Compared { table, content } => println!("  {table:24}  the same on both: {content}"),
        };
        copy.run(tell).await?;
        let db = Db::open_as_it_is(&self.to).await?;
        let verified = audit::verify(&db, None).await;
        db.close().await;
        println!("  the audit log holds: {}={}", self.peer.name(), verified?);
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_database_is_the_installation() {
        let folder = |text: &str| folder_of(&text.parse().expect("a place")).map(Path::to_path_buf);
        assert_eq!(folder("sqlite:/var/lib/dialtone/databases/accounts.db"), Some("/var/lib/dialtone".into()));
        assert_eq!(folder("sqlite:databases/accounts.db"), Some(".".into()));
        assert_eq!(folder("sqlite:/backup/accounts.db"), None);
    }
}
