//! The demonstration: a provider with a profile and a few phones, registered in an empty data folder.
//!
//! Everything is prepared in a folder of its own, which is moved to its place as a whole. So a set-up
//! that was interrupted leaves nothing, and the next start does it again.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use contracts::accounts::{CreateTenantRequest, NewSecret, TenantKind};
use contracts::redirection::{CreateProfileRequest, Parameter, Proof, PutDeviceRequest};
use gateway::Backends;
use prometheus_client::registry::Registry;
use rpc::RpcMetrics;
use serde::{Deserialize, Serialize};
use vocabulary::{MacAddress, ProviderId};

use crate::assembly::{Foundation, Services, Sources};
use crate::config::Config;
use crate::data_folder::{DataFolder, sync_folder, write_secret};
use crate::keyring::Keyring;
use crate::processes::Processes;

/// Who the demonstration's phones belong to.
pub const PROVIDER: &str = "Demonstration Telecom";
/// MAC address, model and serial number of the phones it registers. The first is the chapter's own.
pub const PHONES: [(&str, &str, &str); 3] = [
    ("00562b043615", "CP-7832-3PCC", "FCH2034D0PL"),
    ("00562b043616", "CP-8841-3PCC", "FCH2034D0PM"),
    ("000e08abcdef", "CP-6841-3PCC", "FCH2034D0PN"),
];
/// A phone that nobody has registered.
pub const STRANGER: &str = "00562b0436ff";

/// What `data/demo.json` says.
#[derive(Serialize, Deserialize)]
pub struct Demonstration {
    /// The demonstration provider's login.
    pub client_id: String,
    pub client_secret: String,
    /// The development authority that clients must trust; absent where the operator's own certificate
    /// is served.
    pub ca: Option<PathBuf>,
    /// Where the demonstration provider's own server listens.
    pub nps: SocketAddr,
}

/// Where the demonstration is set up.
pub struct Place<'a> {
    pub folder: &'a DataFolder,
    pub config: &'a Config,
    pub keyring: &'a Keyring,
    pub sources: &'a Sources,
}

impl Demonstration {
    /// What an earlier start left, if the demonstration was set up in this folder.
    pub fn load(folder: &DataFolder) -> Result<Option<Self>> {
        let file = folder.demo_file();
        if !file.exists() || !folder.databases().exists() {
            return Ok(None);
        }
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).map(Some).with_context(|| format!("{} is not understood", file.display()))
    }

    /// Registers the provider, its profile and its phones, and says so in `demo.json`.
    pub async fn set_up(place: Place<'_>, nps: SocketAddr, ca: Option<&Path>) -> Result<Self> {
        let Place { folder, config, keyring, sources } = place;
        let unfinished = folder.unfinished_databases();
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        // Nothing is asked about codes while this is done, and nobody looks at the metrics.
        let processes = Processes::one(RpcMetrics::register(&mut Registry::default()));
        let (sources, databases) = (sources.clone(), unfinished.as_path());
        let services = Services::open(Foundation { folder, databases, sources, keyring, config, processes }).await?;
        let client = register(services.backends()?, nps).await;
        services.close().await;
        let NewSecret { client_id, client_secret } = client?;
        let ca = ca.map(std::path::absolute).transpose()?;
        let demonstration = Self { client_id, client_secret, ca, nps };
        write_secret(&folder.demo_file(), &serde_json::to_vec_pretty(&demonstration)?)?;
        fs::rename(&unfinished, folder.databases())?;
        sync_folder(&folder.databases())?;
        Ok(demonstration)
    }
}

async fn register(mut backends: Backends, nps: SocketAddr) -> Result<NewSecret> {
    let operator = ProviderId::operator().to_string();
    let provider = CreateTenantRequest {
        parent_id: operator.clone(),
        kind: TenantKind::Provider.into(),
        name: PROVIDER.to_owned(),
        with_client: true,
        ..CreateTenantRequest::default()
    };
    let provider = backends.accounts.create_tenant(provider).await?.into_inner();
    let (provider_id, client) = provider.tenant.map(|it| it.id).zip(provider.client).context("no provider was made")?;
    let parameter = |name: &str, value: String, user_access: &str| Parameter {
        name: name.to_owned(),
        value,
        user_access: user_access.to_owned(),
    };
    let parameters = vec![
        parameter("Profile_Rule", format!("http://{nps}/$MA.xml"), "na"),
        parameter("Resync_Periodic", "86400".to_owned(), "na"),
        parameter("Time_Zone", "GMT+01:00".to_owned(), "rw"),
    ];
    let (name, proof) = ("main".to_owned(), Proof::Mac.into());
    let profile = CreateProfileRequest { provider_id: provider_id.clone(), name, parameters, proof };
    backends.redirection.create_profile(profile).await?;
    for (mac, model, serial) in PHONES {
        let device = PutDeviceRequest {
            provider_id: provider_id.clone(),
            mac: mac.parse::<MacAddress>()?.to_u64(),
            profile: "main".to_owned(),
            serial: serial.to_owned(),
            model: model.to_owned(),
            note: "demonstration".to_owned(),
            ancestors: vec![operator.clone()],
        };
        backends.redirection.put_device(device).await?;
    }
    Ok(client)
}
