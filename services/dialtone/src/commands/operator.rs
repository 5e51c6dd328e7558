//! `dialtone operator`: makes the people who run this service. On the machine itself, because the
//! first one cannot log in anywhere yet.

use std::path::PathBuf;
use std::process::ExitCode;

use accounts::{Accounts, AccountsConfig};
use anyhow::Result;
use clap::Subcommand;

use crate::assembly::Sources;
use crate::data_folder::{DataFolder, make_private};

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make an operator and print its credentials, once
    Create {
        /// Who it is, such as "Jo at the night shift"
        name: String,
        /// The data folder of the installation; a server may be running on it
        #[arg(long, value_name = "FOLDER", default_value = "data")]
        data: PathBuf,
    },
}

/// Does it.
pub async fn run(command: OperatorCommand) -> Result<ExitCode> {
    let OperatorCommand::Create { name, data } = command;
    let folder = DataFolder::open(&data)?;
    make_private(&folder.databases())?;
    let config = AccountsConfig { database: folder.databases().join("accounts.db"), signing_key: folder.token_key() };
    let Sources { clock, randomness } = Sources::system()?;
    let accounts = Accounts::open(config, clock, randomness).await?;
    let client = accounts.create_operator(&name).await?;
    accounts.close().await;
    println!("client_id      {}", client.client_id);
    println!("client_secret  {}", client.client_secret.expose());
    println!("The secret is not shown again. Log in with POST /v1/token.");
    Ok(ExitCode::SUCCESS)
}
