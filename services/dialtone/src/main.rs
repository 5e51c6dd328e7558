//! The program: all of Dialtone in one process, and its command line.
//!
//! Where to read: `assembly` puts the parts together, `lifecycle` starts and stops them, `commands`
//! holds a file for each subcommand.

mod assembly;
mod certificate;
mod commands;
mod config;
mod data_folder;
mod demonstration;
mod health;
mod lifecycle;
mod processes;
mod validity;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{audit, demo, keys, operator, phone, pki, serve};

/// Takes an IP phone from its box to dial tone with nobody touching it.
#[derive(Parser)]
#[command(name = "dialtone", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve phones and providers, until stopped
    Serve(serve::ServeArgs),
    /// Serve, with a demonstration provider and a phone that finds it
    Demo(serve::ServeArgs),
    /// Make the people who run this service
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Check the audit logs
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Change the master key
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make the certificates by which the services know each other
    #[command(subcommand)]
    Pki(pki::PkiCommand),
    /// Power on a virtual phone
    Phone(Box<phone::PhoneArgs>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Operator(command) => operator::run(command).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Pki(command) => pki::run(command),
        Command::Phone(args) => phone::run(*args).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("dialtone: {error:#}");
        ExitCode::FAILURE
    })
}
