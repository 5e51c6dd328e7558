//! `dialtone audit`: whether the audit logs are what was written.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use audit::{Anchor, VerifyError};
use clap::{Args, Subcommand};
use storage::{Db, Place};

use super::installation::InstallationArgs;

/// The services that keep a log, each in its own database.
const SERVICES: [&str; 4] = ["accounts", "redirection", "onboarding", "customization"];

/// What can be done with the audit logs.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk along every log and check that nothing was changed, added or taken out
    Verify(VerifyArgs),
}

/// Which logs, and what is known of them.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    installation: InstallationArgs,
    /// What an earlier run printed for a service, kept elsewhere: finds a log that was cut off or written anew
    #[arg(long, value_name = "SERVICE=NUMBER:HASH")]
    anchor: Vec<String>,
}

/// Does it. Fails where a log is broken.
pub async fn run(command: AuditCommand) -> Result<ExitCode> {
    let AuditCommand::Verify(args) = command;
    let anchors = args.anchor.iter().map(|text| anchor(text)).collect::<Result<Vec<_>>>()?;
    let databases = args.installation.open()?.folder.databases();
    let mut broken = false;
    for service in SERVICES {
        let anchor = anchors.iter().find(|(name, _)| name == service).map(|(_, anchor)| anchor);
        match verified(&databases.join(format!("{service}.db")), anchor).await {
            Ok(head) => println!("{service}={head}"),
            Err(VerifyError::Broken(why)) => {
                broken = true;
                println!("{service}: BROKEN: {why}");
            }
            Err(VerifyError::Store(error)) => bail!("{service}: cannot read the log: {error}"),
        }
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn verified(file: &Path, anchor: Option<&Anchor>) -> Result<audit::Verified, VerifyError> {
    let db = Db::open_as_it_is(&Place::file(file)).await?;
    let verified = audit::verify(&db, anchor).await;
    db.close().await;
    verified
}

fn anchor(text: &str) -> Result<(String, Anchor)> {
    let (service, anchor) = text.split_once('=').context("an anchor is SERVICE=NUMBER:HASH")?;
    if !SERVICES.contains(&service) {
        bail!("{service} is no service; the services are {}", SERVICES.join(", "));
    }
    Ok((service.to_owned(), anchor.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_what_verify_prints() {
        let text = format!("accounts=7:{}", "ab".repeat(32));
        let (service, anchor) = anchor(&text).expect("an anchor");
        assert_eq!(format!("{service}={anchor}"), text);
        for wrong in ["7:ab", "acounts=7:ab", "accounts=7"] {
            assert!(super::anchor(wrong).is_err(), "{wrong}");
        }
    }
}
