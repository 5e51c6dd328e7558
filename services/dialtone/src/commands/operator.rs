//! `dialtone operator`: makes the programs and the people who run this service. On the machine itself,
//! because the first one cannot log in anywhere yet.

use std::process::ExitCode;

use accounts::Accounts;
use anyhow::Result;
use clap::Subcommand;
use rpc::Peer;

use super::installation::InstallationArgs;
use crate::assembly::{Sources, accounts_config};
use crate::data_folder::make_private;
use crate::tables;

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make a program's login for an operator and print its credentials, once; a server may be running
    Create {
        /// Who it is, such as "Jo at the night shift"
        name: String,
        #[command(flatten)]
        installation: InstallationArgs,
    },
    /// Make a person's login for an operator and print the invitation, once; a server may be running
    Invite {
        /// Its e-mail address
        email: String,
        #[command(flatten)]
        installation: InstallationArgs,
    },
}

/// Does it.
pub async fn run(command: OperatorCommand) -> Result<ExitCode> {
    match command {
        OperatorCommand::Create { name, installation } => {
            let accounts = open(installation).await?;
            let client = accounts.create_operator(&name).await?;
            accounts.close().await;
            println!("client_id      {}", client.client_id);
            println!("client_secret  {}", client.client_secret.expose());
            println!("The secret is not shown again. Log in with POST /v1/token.");
        }
        OperatorCommand::Invite { email, installation } => {
            let accounts = open(installation).await?;
            let invitation = accounts.create_operator_person(&email).await?;
            accounts.close().await;
            println!("invitation  {}", invitation.expose());
            println!("It is not shown again, and good for 7 days. Choose a password with POST /v1/invitations.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(installation: InstallationArgs) -> Result<Accounts> {
    let installation = installation.open()?;
    let databases = installation.folder.databases();
    make_private(&databases)?;
    let Sources { clock, randomness } = Sources::system()?;
    let place = installation.database(Peer::Accounts)?;
    if installation.runs_apart(Peer::Accounts) {
        tables::check(Peer::Accounts, &place).await?;
    }
    let config = accounts_config(&installation.folder, place, installation.keyring(&randomness).master()?);
    Ok(Accounts::open(config, clock, randomness).await?)
}
