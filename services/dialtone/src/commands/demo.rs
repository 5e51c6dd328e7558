//! `dialtone demo`: serve, and on an empty data folder show a phone going from its box to its provider.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use ::phone::{Identity, Memory, Phone, PhoneConfig, Retries, Trust};
use anyhow::{Context, Result};
use nps::{Content, DEMONSTRATION, Nps, NpsConfig, RunningNps};
use telemetry::Telemetry;

use super::serve::ServeArgs;
use crate::assembly::Sources;
use crate::certificate;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::demonstration::{Demonstration, PHONES, PROVIDER, Place, STRANGER};
use crate::keyring::Keyring;
use crate::lifecycle::{Server, Start};

/// Of a configuration that is not the demonstration's.
const NO_GATEWAY: &str = "the gateway does not run in this process; the demonstration needs it";

/// Serves until told to stop.
pub async fn run(args: ServeArgs) -> Result<ExitCode> {
    let config = quiet_unless_told(args)?;
    let telemetry = Telemetry::start(&config.telemetry())?;
    let folder = DataFolder::open(&config.data)?;
    let locks = folder.lock_for(None)?;
    let sources = Sources::system()?;

    let earlier = Demonstration::load(&folder)?;
    let is_new = !folder.databases().exists();
    let nps = match (&earlier, is_new) {
        (Some(earlier), _) => Some(start_nps(earlier.nps).await?),
        (None, true) => Some(start_nps(config.demo.nps).await?),
        (None, false) => None,
    };
    let demonstration = match (earlier, &nps) {
        (None, Some(nps)) => Some(set_up(&config, &folder, nps.address(), &sources).await?),
        (earlier, _) => earlier,
    };
    let mut server =
        Server::start(Start { config: &config, folder: &folder, sources: &sources, only: None, locks }).await?;
    match &demonstration {
        Some(demonstration) => {
            if is_new {
                show_journey(&server, &sources).await?;
            }
            show_addresses(&server, demonstration)?;
        }
        None => println!("This data folder holds an installation without the demonstration; it is served as it is."),
    }

    server.told_to_stop().await;
    server.stop().await;
    if let Some(nps) = nps {
        nps.stop().await;
    }
    telemetry.stop();
    println!("Stopped. The data stays in {}.", config.data.display());
    Ok(ExitCode::SUCCESS)
}

/// The demonstration speaks for itself; the log would only interrupt it.
fn quiet_unless_told(args: ServeArgs) -> Result<Config> {
    let is_told = args.has_file();
    let mut config = args.config()?;
    if !is_told {
        "warn".clone_into(&mut config.log.filter);
    }
    Ok(config)
}

async fn start_nps(listen: SocketAddr) -> Result<RunningNps> {
    let content = Content::Template(DEMONSTRATION.to_owned());
    Ok(Nps::start(NpsConfig { listen, content, credentials: None }).await?)
}

async fn set_up(config: &Config, folder: &DataFolder, nps: SocketAddr, sources: &Sources) -> Result<Demonstration> {
    println!("The data folder {} is empty; setting up the demonstration.", config.data.display());
    let ca = certificate::prepare(&config.tls, folder, sources.clock.now())?.development_authority;
    let keyring = Keyring::new(folder, &config.keys, &sources.randomness);
    let place = Place { folder, config, keyring: &keyring, sources };
    let demonstration = Demonstration::set_up(place, nps, ca.as_deref()).await?;
    if let Some(ca) = &ca {
        println!("  made a development authority        {}", ca.display());
    }
    println!("  registered the provider             {PROVIDER}");
    println!("  with the profile \"main\"             Profile_Rule http://{nps}/$MA.xml");
    for (mac, model, serial) in PHONES {
        println!("  and the phone                       {mac}  {model}  {serial}");
    }
    println!("  its own server (NPS) answers at     http://{nps}/");
    println!();
    Ok(demonstration)
}

/// One phone, fresh from its box, against the running server.
async fn show_journey(server: &Server, sources: &Sources) -> Result<()> {
    let [(mac, model, serial), ..] = PHONES;
    println!("A phone is taken from its box and plugged in:");
    let trust = match &server.development_authority {
        Some(ca) => Trust::from_file(ca, None)?,
        None => Trust::nobody(),
    };
    let config = PhoneConfig {
        identity: Identity {
            mac: mac.parse()?,
            model: model.to_owned(),
            serial: Some(serial.to_owned()),
            firmware: "11.0.1".to_owned(),
        },
        activate: Some(activate_url(server)?),
        dhcp_profile: None,
        hand_provision: None,
        credentials: None,
        retries: Retries::NONE,
        seal_key: None,
        trust,
        memory: Memory::fresh(),
    };
    let mut phone = Phone::new(config, Arc::clone(&sources.randomness));
    phone.power_on(&mut |step| println!("  {step}")).await?;
    println!();
    Ok(())
}

/// Over HTTPS where the phone can trust us, else over plain HTTP.
fn activate_url(server: &Server) -> Result<String> {
    let [https, http] = server.addresses.public.context(NO_GATEWAY)?;
    Ok(match server.development_authority {
        Some(_) => format!("https://localhost:{}", https.port()),
        None => format!("http://localhost:{}", http.port()),
    })
}

fn show_addresses(server: &Server, demonstration: &Demonstration) -> Result<()> {
    let addresses = server.addresses;
    let ([https, http], internal) = (addresses.public.context(NO_GATEWAY)?.map(|it| it.port()), addresses.internal);
    let program = std::env::args().next().unwrap_or_else(|| "dialtone".to_owned());
    let (id, secret) = (&demonstration.client_id, &demonstration.client_secret);
    let ca = demonstration.ca.as_ref().map(|ca| ca.display().to_string()).unwrap_or_default();
    let (curl_ca, phone_ca) = match ca.as_str() {
        "" => (String::new(), String::new()),
        ca => (format!("--cacert {ca} "), format!(" --ca {ca}")),
    };
    println!("Serving. Ctrl-C stops.");
    println!("  phones and providers  https://localhost:{https}");
    println!("  phones                http://localhost:{http}");
    println!("  health and metrics    http://{internal}/health/ready  http://{internal}/metrics");
    println!("  the provider's login  client_id {id}");
    println!("                        client_secret {secret}");
    println!();
    println!("Paste next, in another terminal:");
    println!();
    println!(
        "TOKEN=$(curl -s {curl_ca}-u {id}:{secret} -d grant_type=client_credentials https://localhost:{https}/v1/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    );
    println!();
    println!(
        "curl -s {curl_ca}-H \"Authorization: Bearer $TOKEN\" https://localhost:{https}/v1/devices/{}/timeline",
        PHONES[0].0
    );
    println!();
    println!("{program} phone --mac {STRANGER} --activate https://localhost:{https}{phone_ca}");
    println!();
    Ok(())
}
