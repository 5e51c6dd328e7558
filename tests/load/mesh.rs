//! The same program as five processes, one for each service, which know each other by certificates.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::certificate::Certificate;
use crate::dialtone::{Dialtone, configuration, program, started};

/// In the order in which they are started; those at the end answer phones.
const SERVICES: [&str; 5] = ["accounts", "customization", "onboarding", "redirection", "gateway"];
/// The gateway, and redirection, which it asks.
const ANSWERING: usize = 2;

/// Starts them on an empty data folder in `folder`, and waits until they serve.
pub fn start(folder: &Path, certificate: &Certificate) -> Result<Dialtone> {
    let mesh = folder.join("mesh");
    let made = Command::new(program()?).args(["pki", "issue", "--folder"]).arg(&mesh).output()?;
    ensure!(made.status.success(), "no certificates: {}", String::from_utf8_lossy(&made.stderr));
    let ports = free_ports()?;
    let mut children = Vec::new();
    let mut addresses = None;
    for (service, port) in SERVICES.into_iter().zip(ports) {
        let text = [
            configuration(&folder.join("data"), certificate, ""),
            places(ports),
            format!("[mesh]\nlisten = \"127.0.0.1:{port}\"\n"),
            credentials(&mesh.join(service)),
        ];
        let config = config_of(folder, service);
        fs::write(&config, text.concat())?;
        let (child, serves) = started(&config, &["--only", service])?;
        children.push(child);
        addresses = Some(serves);
    }
    let addresses = addresses.context("nothing was started")?;
    Dialtone::of(children, ANSWERING, &addresses, (certificate, config_of(folder, "accounts")))
}

/// Where the services are; nobody calls the gateway.
fn places(ports: [u16; SERVICES.len()]) -> String {
    let all = SERVICES.into_iter().zip(ports).filter(|(service, _)| *service != "gateway");
    let lines = all.map(|(service, port)| format!("{service} = [\"127.0.0.1:{port}\"]\n"));
    format!("[services]\n{}", lines.collect::<Vec<_>>().concat())
}

fn credentials(folder: &Path) -> String {
    let line = |name| format!("{name}_file = \"{}\"\n", folder.join(name).with_extension("pem").display());
    ["certificate", "key", "authorities"].map(line).concat()
}

fn config_of(folder: &Path, service: &str) -> PathBuf {
    folder.join(service).with_extension("toml")
}

/// Each process must know the ports of the others before any of them has started.
fn free_ports() -> Result<[u16; SERVICES.len()]> {
    let mut listeners = Vec::new();
    let mut ports = [0; SERVICES.len()];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
