//! `dialtone pki`: certificates by which the services know each other, for those who have no authority of their
//! own. Renewing is the same command again: what is still good for long stays as it is.
//!
//! ```text
//! mesh/authority.pem        who is believed; may hold the authority before it as well
//! mesh/authority-key.pem    signs certificates; keep it away from the servers
//! mesh/gateway/             certificate.pem, key.pem and authorities.pem for the gateway's processes
//! mesh/accounts/ …          and the same for each other service
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rpc::{Peer, name_of};
use vocabulary::Timestamp;

use crate::assembly::Sources;
use crate::data_folder::{make_private, write_secret};
use crate::validity::{Validity, is_near_its_end};

/// How long the authority is good for.
const AUTHORITY: Duration = Duration::from_hours(24 * 3650);

/// What can be done with these certificates.
#[derive(Debug, Subcommand)]
pub enum PkiCommand {
    /// Make what is missing in the folder, and renew what is good for less than a third of its time
    Issue(IssueArgs),
}

/// Which certificates.
#[derive(Debug, Args)]
pub struct IssueArgs {
    /// Where they are
    #[arg(long, value_name = "FOLDER", default_value = "mesh")]
    folder: PathBuf,
    /// How many days a certificate is good for
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Further names or addresses under which a service is reached by programs that check them, such as probers
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
}

/// Does it.
pub fn run(command: PkiCommand) -> Result<ExitCode> {
    let PkiCommand::Issue(args) = command;
    let now = Sources::system()?.clock.now();
    make_private(&args.folder)?;
    let authority = authority(&args.folder, now)?;
    let believed = fs::read(args.folder.join("authority.pem"))?;
    for peer in Peer::ALL {
        let folder = args.folder.join(peer.name());
        make_private(&folder)?;
        write_secret(&folder.join("authorities.pem"), &believed)?;
        if is_near_its_end(&folder.join("certificate.pem"), now) {
            issue(&authority, peer, &folder, &args, now)?;
            println!("{}: a new certificate, good for {} days", peer.name(), args.days);
        } else {
            println!("{}: its certificate is still good", peer.name());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The key first: a server that reads the files in between finds that they do not fit, and keeps what it has.
fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    peer: Peer,
    folder: &Path,
    args: &IssueArgs,
    now: Timestamp,
) -> Result<()> {
    let mut names = vec![name_of(peer)];
    names.extend(args.name.iter().cloned());
    let mut params = CertificateParams::new(names).context("--name is neither a name nor an address")?;
    params.distinguished_name.push(DnType::CommonName, format!("Dialtone {}", peer.name()));
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Validity::from(now, Duration::from_hours(24 * u64::from(args.days))).put_into(&mut params);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    write_secret(&folder.join("key.pem"), key.serialize_pem().as_bytes())?;
    write_secret(&folder.join("certificate.pem"), certificate.pem().as_bytes())
}

/// The authority of the folder, made where there is none.
fn authority(folder: &Path, now: Timestamp) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let (certificate, key_file) = (folder.join("authority.pem"), folder.join("authority-key.pem"));
    let is_there = certificate.exists() && key_file.exists();
    let key = if is_there {
        KeyPair::from_pem(&fs::read_to_string(&key_file)?)
            .with_context(|| format!("{} is not a key", key_file.display()))?
    } else {
        KeyPair::generate()?
    };
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Dialtone services");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Validity::from(now, AUTHORITY).put_into(&mut params);
    let authority = CertifiedIssuer::self_signed(params, key)?;
    if !is_there {
        write_secret(&key_file, authority.key().serialize_pem().as_bytes())?;
        write_secret(&certificate, authority.pem().as_bytes())?;
    }
    Ok(authority)
}
