//! `dialtone keys export`: the keys of an installation as files, for separate processes that share them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use vocabulary::Secret;

use super::super::installation::InstallationArgs;
use crate::assembly::Sources;
use crate::data_folder::{hex_digits, make_private, write_secret};

/// Whose keys, and where to.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    installation: InstallationArgs,
    /// The folder to write dialtone-master, dialtone-report and dialtone-codes to
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

/// Does it. A file that holds another key already is left alone, and the whole refused.
pub fn run(args: ExportArgs) -> Result<()> {
    let installation = args.installation.open()?;
    let _locks = installation.folder.lock_for(None)?;
    let keyring = installation.keyring(&Sources::system()?.randomness);
    // Makes what an installation that was never started has not got.
    keyring.master()?;
    let mut keys = vec![("dialtone-report", keyring.report()?), ("dialtone-codes", keyring.codes()?)];
    if let Some(file) = installation.master_file() {
        keys.push(("dialtone-master", vault::key_file(&file)?));
    } else {
        println!("The master key comes from keys.master_command; name the same command in the new configuration.");
    }
    make_private(&args.to)?;
    for (name, key) in &keys {
        let file = args.to.join(name);
        ensure!(
            holds_no_other(&file, key)?,
            "{} holds another key; with it, what was sealed with the old one cannot be opened. Take it away first",
            file.display()
        );
    }
    for (name, key) in keys {
        let file = args.to.join(name);
        write_secret(&file, hex_digits(key.expose()).as_bytes())?;
        println!("{}", file.display());
    }
    Ok(())
}

fn holds_no_other(file: &Path, key: &Secret<[u8; 32]>) -> Result<bool> {
    if !file.exists() {
        return Ok(true);
    }
    let there = vault::key_file(file).with_context(|| format!("{} is there already", file.display()))?;
    Ok(there == *key)
}
