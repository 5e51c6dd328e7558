//! `dialtone serve`: everything in one process, until stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use telemetry::Telemetry;

use crate::assembly::Sources;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::lifecycle::Server;

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

/// Serves until told to stop.
pub async fn run(args: ServeArgs) -> Result<ExitCode> {
    let config = args.config()?;
    let telemetry = Telemetry::start(&config.telemetry())?;
    let folder = DataFolder::open(&config.data)?;
    let lock = folder.lock()?;
    let mut server = Server::start(&config, &folder, lock, &Sources::system()?).await?;
    server.told_to_stop().await;
    server.stop().await;
    telemetry.stop();
    Ok(ExitCode::SUCCESS)
}
