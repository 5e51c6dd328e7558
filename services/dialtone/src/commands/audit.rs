//! `dialtone audit`: whether the audit logs are what was written.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use audit::{Anchor, VerifyError};
use clap::{Args, Subcommand};
use rpc::Peer;
use storage::{Db, Place};

use super::installation::InstallationArgs;
use crate::tables::STORING;

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
    let installation = args.installation.open()?;
    let mut broken = false;
    for service in STORING {
        let (database, name) = (installation.database(service)?, service.name());
        let anchor = anchors.iter().find(|(peer, _)| *peer == service).map(|(_, anchor)| anchor);
        match verified(&database, anchor).await {
            Ok(head) => println!("{name}={head}"),
            Err(VerifyError::Broken(why)) => {
                broken = true;
                println!("{name}: BROKEN: {why}");
            }
            Err(VerifyError::Store(error)) => bail!("{name}: cannot read the log: {error}"),
        }
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn verified(database: &Place, anchor: Option<&Anchor>) -> Result<audit::Verified, VerifyError> {
    let db = Db::open_as_it_is(database).await?;
    let verified = audit::verify(&db, anchor).await;
    db.close().await;
    verified
}

fn anchor(text: &str) -> Result<(Peer, Anchor)> {
    let (service, anchor) = text.split_once('=').context("an anchor is SERVICE=NUMBER:HASH")?;
    let Some(service) = STORING.into_iter().find(|peer| peer.name() == service) else {
        bail!("{service} is no service; the services are {}", STORING.map(Peer::name).join(", "));
    };
    Ok((service, anchor.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_what_verify_prints() {
        let text = format!("accounts=7:{}", "ab".repeat(32));
        let (service, anchor) = anchor(&text).expect("an anchor");
        assert_eq!(format!("{}={anchor}", service.name()), text);
        for wrong in ["7:ab", "acounts=7:ab", "accounts=7"] {
            assert!(super::anchor(wrong).is_err(), "{wrong}");
        }
    }
}
