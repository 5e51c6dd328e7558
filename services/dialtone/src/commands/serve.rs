//! `dialtone serve`: everything in one process, until stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use rpc::Peer;
use telemetry::Telemetry;

use crate::assembly::Sources;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::lifecycle::{Server, Start};

/// What the command line may change of the configuration.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration, in TOML [default: one that suits a single machine]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds everything that must not be lost [default: data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where phones and providers are served over HTTPS [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDRESS:PORT")]
    https: Option<SocketAddr>,
    /// Where phones are served over plain HTTP [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// Run this service alone; the configuration says where the others are [default: all that run nowhere else]
    #[arg(long, value_name = "SERVICE")]
    only: Option<Only>,
    /// Where health and metrics are served [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS:PORT")]
    internal: Option<SocketAddr>,
}

impl ServeArgs {
    /// Whether the command line names a configuration file.
    pub const fn has_file(&self) -> bool {
        self.config.is_some()
    }

    /// The configuration of the file, changed by the command line.
    pub fn config(self) -> Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        config.data = self.data.unwrap_or(config.data);
        config.listen.https = self.https.unwrap_or(config.listen.https);
        config.listen.http = self.http.unwrap_or(config.listen.http);
        config.listen.internal = self.internal.unwrap_or(config.listen.internal);
        Ok(config)
    }
}

/// One service of a distributed installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    Gateway,
    Accounts,
    Redirection,
    Onboarding,
    Customization,
}

impl Only {
    /// The same, in the words of the road.
    pub const fn peer(self) -> Peer {
        match self {
            Self::Gateway => Peer::Gateway,
            Self::Accounts => Peer::Accounts,
            Self::Redirection => Peer::Redirection,
            Self::Onboarding => Peer::Onboarding,
            Self::Customization => Peer::Customization,
        }
    }
}

/// Serves until told to stop.
pub async fn run(args: ServeArgs) -> Result<ExitCode> {
    let only = args.only.map(Only::peer);
    let config = args.config()?;
    let telemetry = Telemetry::start(&config.telemetry())?;
    let folder = DataFolder::open(&config.data)?;
    let locks = folder.lock_for(only)?;
    let sources = Sources::system()?;
    let mut server = Server::start(Start { config: &config, folder: &folder, sources: &sources, only, locks }).await?;
    server.told_to_stop().await;
    server.stop().await;
    telemetry.stop();
    Ok(ExitCode::SUCCESS)
}
