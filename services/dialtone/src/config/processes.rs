//! Which service runs in which process, and how processes know each other.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use rpc::{CredentialFiles, Peer};
use serde::Deserialize;

/// Where each service runs: one place, `host:port`, for each of its processes. Left out: in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServicePlaces {
    pub accounts: Vec<String>,
    pub redirection: Vec<String>,
    pub onboarding: Vec<String>,
    pub customization: Vec<String>,
}

impl ServicePlaces {
    /// The places of `peer`. The gateway has none: nobody calls it.
    pub fn of(&self, peer: Peer) -> &[String] {
        match peer {
            Peer::Gateway => &[],
            Peer::Accounts => &self.accounts,
            Peer::Redirection => &self.redirection,
            Peer::Onboarding => &self.onboarding,
            Peer::Customization => &self.customization,
        }
    }
}

/// The road between processes: mutual TLS. `dialtone pki issue` makes the files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Where a service is called by other processes; the gateway, which nobody calls, needs none.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// The certificate of this service and its chain, in PEM; its DNS name is `<service>.dialtone.internal`.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM.
    pub key_file: PathBuf,
    /// The authorities that are believed, in PEM.
    pub authorities_file: PathBuf,
}

impl Mesh {
    /// The files, in the words of the road.
    pub fn files(&self) -> CredentialFiles {
        CredentialFiles {
            certificate: self.certificate_file.clone(),
            key: self.key_file.clone(),
            authorities: self.authorities_file.clone(),
        }
    }
}

/// What must be so for a process that runs `only` one service, or all those that run nowhere else.
pub fn check(places: &ServicePlaces, mesh: Option<&Mesh>, only: Option<Peer>) -> Result<()> {
    let some_are_elsewhere = Peer::ALL.into_iter().any(|peer| !places.of(peer).is_empty());
    ensure!(
        mesh.is_some() || !some_are_elsewhere,
        "[services] names other processes; [mesh] must say how they know us"
    );
    let Some(only) = only else { return Ok(()) };
    let Some(mesh) = mesh else {
        anyhow::bail!("--only needs [mesh], by which the processes know each other; see deploy/README.md");
    };
    let is_called = only != Peer::Gateway;
    ensure!(!is_called || mesh.listen.is_some(), "--only {} needs mesh.listen, where others call it", only.name());
    Ok(())
}
