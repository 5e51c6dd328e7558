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
mod keyring;
mod lifecycle;
mod processes;
mod tables;
mod validity;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{audit, copy, demo, keys, migrate, operator, phone, pki, serve};

/// Answers are made of many small pieces, on several threads; the allocator of the C library spends a tenth more time
/// on one, and that of musl several times as much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Bring the databases up to date, before the processes of a new version start
    Migrate(migrate::MigrateArgs),
    /// Move an installation from its files to databases on a server
    Copy(copy::CopyArgs),
    /// Make the people who run this service
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// Check the audit logs
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Change the master key, or hand the keys on to separate processes
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
        Command::Migrate(args) => migrate::run(args).await,
        Command::Copy(args) => copy::run(args).await,
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
