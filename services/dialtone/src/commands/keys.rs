//! `dialtone keys`: the keys of an installation, handed on to separate processes; and another master key. What is sealed stays as it is; only the keys that seal it are wrapped
//! anew. Every step may be done again, so that an interrupted run is completed by the next:
//!
//! 1. the new key lies beside the old one, where both can be read;
//! 2. each database's key, and each key file, is wrapped with the new one, or was before;
//! 3. the new key takes the place of the old one.

mod export;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use rpc::Peer;
use storage::Db;
use vault::MasterKey;
use vocabulary::Randomness;

use super::installation::{Installation, InstallationArgs};
use crate::assembly::Sources;
use crate::data_folder::{new_master, sync_folder, write_secret};

/// The databases that keep something sealed.
const SEALED: [Peer; 2] = [Peer::Accounts, Peer::Redirection];

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Wrap everything with another master key; the server must not be running
    Rewrap(RewrapArgs),
    /// Write the keys to files, for separate processes that share them; the server must not be running
    Export(export::ExportArgs),
}

/// Which master key to take instead.
#[derive(Debug, Args)]
pub struct RewrapArgs {
    #[command(flatten)]
    installation: InstallationArgs,
    /// The new key: a file with 32 random bytes, 64 hex digits or base64 [default: a new keys/master.key]
    #[arg(long, value_name = "FILE", conflicts_with = "new_command")]
    new_file: Option<PathBuf>,
    /// A shell command that prints the new key
    #[arg(long, value_name = "COMMAND")]
    new_command: Option<String>,
}

/// Does it.
pub async fn run(command: KeysCommand) -> Result<ExitCode> {
    match command {
        KeysCommand::Rewrap(args) => run_rewrap(args).await?,
        KeysCommand::Export(args) => export::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_rewrap(args: RewrapArgs) -> Result<()> {
    let installation = args.installation.open()?;
    let _locks = installation.folder.lock_for(None)?;
    let Sources { randomness, .. } = Sources::system()?;
    let keyring = installation.keyring(&randomness);
    let old = keyring.master()?;
    let unfinished = installation.folder.master_file().with_extension("next");
    let new = match (&args.new_file, &args.new_command) {
        (Some(file), _) => MasterKey::from_file(file)?,
        (None, Some(command)) => MasterKey::from_command(command)?,
        (None, None) => {
            ensure!(
                installation.keeps_its_master_key(),
                "the configuration names the master key; name the new one with --new-file or --new-command"
            );
            if !unfinished.exists() {
                write_secret(&unfinished, &new_master(&randomness))?;
            }
            MasterKey::from_file(&unfinished)?
        }
    };
    rewrap(&installation, old, &new, &randomness).await?;
    if args.new_file.is_none() && args.new_command.is_none() {
        let place = installation.folder.master_file();
        std::fs::rename(&unfinished, &place).context("cannot put the new key in its place")?;
        sync_folder(&place)?;
    } else {
        println!(
            "Name the new key in the configuration (keys.master_file or keys.master_command) before the next start."
        );
    }
    println!("Everything is wrapped with the master key {} instead of {}.", new.id(), old.id());
    Ok(())
}

async fn rewrap(installation: &Installation, old: &MasterKey, new: &MasterKey, randomness: &Randomness) -> Result<()> {
    for peer in SEALED {
        let database = installation.database(peer)?;
        if database.is_missing() {
            continue;
        }
        let db = Db::open_as_it_is(&database).await?;
        let done = vault::rewrap(&db, old, new, randomness).await;
        db.close().await;
        done.with_context(|| peer.name())?;
    }
    for file in installation.folder.wrapped_files() {
        vault::rewrap_file(&file, old, new, randomness)?;
    }
    Ok(())
}
