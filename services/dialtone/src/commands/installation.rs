//! Which installation a command is about.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use rpc::Peer;
use storage::Place;
use vocabulary::Randomness;

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::keyring::Keyring;

/// How a command line names an installation.
#[derive(Debug, Args)]
pub struct InstallationArgs {
    /// The configuration that the server is started with [default: one that suits a single machine]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder [default: data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// An installation.
pub struct Installation {
    pub folder: DataFolder,
    config: Config,
}

impl InstallationArgs {
    /// The installation it names.
    pub fn open(self) -> Result<Installation> {
        let mut config = Config::load(self.config.as_deref())?;
        config.data = self.data.unwrap_or(config.data);
        Ok(Installation { folder: DataFolder::open(&config.data)?, config })
    }
}

impl Installation {
    /// The keys it uses.
    pub fn keyring(&self, randomness: &Arc<Randomness>) -> Keyring {
        Keyring::new(&self.folder, &self.config.keys, randomness)
    }

    /// Whether `peer` runs in processes of its own, which do not bring their tables up to date.
    pub fn runs_apart(&self, peer: Peer) -> bool {
        !self.config.services.of(peer).is_empty()
    }

    /// The file of its master key; `None` where a command prints it.
    pub fn master_file(&self) -> Option<PathBuf> {
        let keys = &self.config.keys;
        match (&keys.master_command, &keys.master_file) {
            (Some(_), _) => None,
            (None, Some(file)) => Some(file.clone()),
            (None, None) => Some(self.folder.master_file()),
        }
    }

    /// Whether its master key is the file in the data folder.
    pub const fn keeps_its_master_key(&self) -> bool {
        self.config.keys.master_file.is_none() && self.config.keys.master_command.is_none()
    }

    /// The database of `peer`.
    pub fn database(&self, peer: Peer) -> Result<Place> {
        self.config.databases.place(peer, &self.folder.databases())
    }
}
