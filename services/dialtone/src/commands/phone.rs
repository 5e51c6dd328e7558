//! `dialtone phone`: powers on one virtual phone and prints each step of its journey.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use phone::{
    Credentials, HandProvision, Identity, Memory, Outcome, OwnCertificate, Phone, PhoneConfig, Retries, SealKey, Step,
    Trust,
};
use vocabulary::{MacAddress, Randomness, Secret};

/// Remote customization knows no provider for the phone.
const UNAVAILABLE: u8 = 3;
/// The phone was sent to its provider's server and does not have its profile.
const NOT_RESYNCED: u8 = 4;

/// The activation code was not accepted.
const CODE_REFUSED: u8 = 5;
/// How often a user may type a code before the phone is left alone.
const TRIES: u32 = 3;

/// What ends `dialtone phone --help`.
const AFTER_HELP: &str = "\
Exit status:
  0  the phone is provisioned (Acquired or Aborted)
  1  trouble: remote customization could not be asked, or a file is unusable
  3  Unavailable: remote customization knows no provider for the phone
  4  the profile could not be downloaded, or the phone wants an activation code and nobody types one
  5  the activation code was refused

Example:
  dialtone phone --mac 00:56:2b:04:36:15 --activate https://localhost:8443 --ca data/ca.pem";

/// Power on a virtual phone and follow it to its provider.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct PhoneArgs {
    /// The phone's Ethernet address, in any usual spelling
    #[arg(long)]
    mac: MacAddress,
    /// Its product name
    #[arg(long, default_value = "CP-7832-3PCC")]
    model: String,
    /// Its serial number; without one it sends none
    #[arg(long)]
    serial: Option<String>,
    /// Its firmware version
    #[arg(long, default_value = "11.0.1")]
    firmware: String,
    /// The remote customization server: scheme, name and port, or a whole address with macros
    #[arg(long, value_name = "URL")]
    activate: Option<String>,
    /// The certificate authorities it believes, as PEM; needed for https
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Its own certificate, with those above it if there are any, as PEM; shown to servers that ask for one
    #[arg(long, value_name = "FILE", requires_all = ["certificate_key", "ca"])]
    certificate: Option<PathBuf>,
    /// The private key of --certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// A file with the key that its answers are sealed with: 16 bytes in hex or base64url, or the password for
    /// AES-256-CBC
    #[arg(long, value_name = "FILE")]
    seal_key: Option<PathBuf>,
    /// Print each step as one JSON object a line
    #[arg(long)]
    json: bool,
    /// Forget everything first (see --nvram); says so to the server that it knew
    #[arg(long)]
    factory_reset: bool,
    /// The profile rule that the local DHCP server gives: if it downloads, nobody else is asked
    #[arg(long, value_name = "URL")]
    dhcp_profile: Option<String>,
    /// The user types in this profile rule before the first resync, or only settings if none is given
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    hand_provision: Option<String>,
    /// Keep the phone's memory in this file; without it every run is a phone fresh from its box
    #[arg(long, value_name = "FILE")]
    nvram: Option<PathBuf>,
    /// The user types this activation code, such as 5414-0112-5617-3816 or '#123456', once the phone wants
    /// one or is Unavailable; without it a code is asked for here when the profile rule is gds://
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// How often a failure is repeated
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// What part of the real delay passes before a retry: 0 is none, 1 is all of it
    #[arg(long, value_name = "PART", default_value_t = 0.0, value_parser = part)]
    retry_scale: f32,
    /// The user name for a server that asks for one (401)
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// A file with the password for --user
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

fn part(text: &str) -> Result<f32, String> {
    let part: f32 = text.parse().map_err(|_| "expected a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&part) { Ok(part) } else { Err("expected a number from 0 to 1".to_owned()) }
}

/// Powers the phone on; the exit status says how far it came (see `--help`).
pub async fn run(mut args: PhoneArgs) -> anyhow::Result<ExitCode> {
    let print = if args.json { print_object } else { print_line };
    let is_reset = args.factory_reset;
    let code = args.code.take().map(Secret::new);
    let mut phone = assemble(args).await?;
    if is_reset {
        phone.factory_reset(&mut |step| print(&step)).await?;
    }
    let outcome = phone.power_on(&mut |step| print(&step)).await?;
    let outcome = match (outcome, code) {
        (Outcome::CodeScreen | Outcome::Unavailable, Some(code)) => {
            phone.type_code(&code, &mut |step| print(&step)).await?
        }
        (Outcome::CodeScreen, None) => at_the_screen(&mut phone, print).await?,
        (outcome, _) => outcome,
    };
    Ok(exit_code(outcome))
}

/// Lets a person type codes, as long as one line after the other comes and none is accepted.
async fn at_the_screen(phone: &mut Phone, print: fn(&Step)) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::CodeScreen;
    for _ in 0..TRIES {
        let Some(code) = typed().await? else { break };
        outcome = phone.type_code(&code, &mut |step| print(&step)).await?;
        if outcome != Outcome::CodeRefused {
            break;
        }
    }
    Ok(outcome)
}

/// A line from the keyboard; `None` at the end of the input, or where nothing is typed.
async fn typed() -> anyhow::Result<Option<Secret<String>>> {
    // Not among the steps, which a program may read.
    let _ = write!(std::io::stderr(), "Activation code: ");
    let read = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    };
    let line = tokio::task::spawn_blocking(read).await?.context("the activation code cannot be read")?;
    let code = line.trim();
    Ok((!code.is_empty()).then(|| Secret::new(code.to_owned())))
}

fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Acquired | Outcome::ProvisionedByDhcp | Outcome::ProvisionedByHand | Outcome::Resynced => {
            ExitCode::SUCCESS
        }
        Outcome::Unavailable => ExitCode::from(UNAVAILABLE),
        Outcome::ResyncFailed | Outcome::CodeScreen => ExitCode::from(NOT_RESYNCED),
        Outcome::CodeRefused => ExitCode::from(CODE_REFUSED),
    }
}

async fn assemble(args: PhoneArgs) -> anyhow::Result<Phone> {
    let own = match (&args.certificate, &args.certificate_key) {
        (Some(certificate), Some(key)) => Some(OwnCertificate::from_files(certificate, key)?),
        (Some(_) | None, _) => None,
    };
    let trust = match &args.ca {
        Some(file) => Trust::from_file(file, own)?,
        None => Trust::nobody(),
    };
    let memory = match &args.nvram {
        Some(file) => Memory::kept_in(file).await?,
        None => Memory::fresh(),
    };
    let credentials = match (args.user, &args.password_file) {
        (Some(user), Some(file)) => Some(Credentials { user, password: password(file).await? }),
        (Some(_) | None, _) => None,
    };
    let config = PhoneConfig {
        identity: Identity { mac: args.mac, model: args.model, serial: args.serial, firmware: args.firmware },
        activate: args.activate,
        dhcp_profile: args.dhcp_profile,
        hand_provision: args.hand_provision.map(typed_in),
        credentials,
        retries: Retries { count: args.retries, scale: args.retry_scale },
        seal_key: args.seal_key.as_deref().map(SealKey::from_file).transpose()?,
        trust,
        memory,
    };
    let randomness = Randomness::system().context("the operating system gives no random bytes")?;
    Ok(Phone::new(config, Arc::new(randomness)))
}

fn typed_in(text: String) -> HandProvision {
    if text.is_empty() { HandProvision::Settings } else { HandProvision::ProfileRule(text) }
}

async fn password(file: &Path) -> anyhow::Result<Secret<String>> {
    let text = tokio::fs::read_to_string(file)
        .await
        .with_context(|| format!("the password file {} cannot be read", file.display()))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn print_line(step: &Step) {
    put(&step.to_string());
}

fn print_object(step: &Step) {
    // A step is strings and numbers; it always has a JSON form.
    put(&serde_json::to_string(step).unwrap_or_default());
}

/// Prints one line at once. A reader that has gone away (`| head -1`) does not stop the phone.
fn put(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
