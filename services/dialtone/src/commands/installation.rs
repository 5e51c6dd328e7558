//! Which installation a command is about.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use rpc::Peer;
use storage::Place;
use vault::MasterKey;
use vocabulary::Randomness;

use crate::config::Config;
use crate::data_folder::DataFolder;

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
    /// The master key it uses.
    pub fn master_key(&self, randomness: &Randomness) -> Result<MasterKey> {
        self.folder.master_key(&self.config.keys, randomness)
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
