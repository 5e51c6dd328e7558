//! From opening the ports to closing the databases: one server's life.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use gateway::{DeviceCertificates, Gateway, Listener, Listening, internal_routes, public_routes};
use prometheus_client::registry::Registry;
use rpc::RpcMetrics;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::assembly::{self, Foundation, Services, Sources};
use crate::certificate;
use crate::config::Config;
use crate::data_folder::{DataFolder, Lock};

/// A server that serves.
pub struct Server {
    pub addresses: Addresses,
    /// The development authority that clients must trust; `None` with the operator's own certificate.
    pub development_authority: Option<PathBuf>,
    phone_certificates: DeviceCertificates,
    gateway: Gateway,
    services: Services,
    stop: watch::Sender<bool>,
    ports: [Listening; 3],
    stop_signals: StopSignals,
    _lock: Lock,
}

/// Ctrl-C, and `kill`. Heard from the moment on at which the server says that it serves, so that whoever
/// has read this can stop it in good order at once.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

/// Where the server listens, with the real ports.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub https: SocketAddr,
    pub http: SocketAddr,
    pub internal: SocketAddr,
}

impl Server {
    /// Opens everything, in the order in which it can fail without having promised anything: folder,
    /// certificate, ports, databases. Serves when this returns.
    pub async fn start(config: &Config, folder: &DataFolder, lock: Lock, sources: &Sources) -> Result<Self> {
        let certificate = certificate::prepare(&config.tls, folder, sources.clock.now())?;
        let https = Listener::bind(config.listen.https, Some(certificate.rules)).await?;
        let http = Listener::bind(config.listen.http, None).await?;
        let internal = Listener::bind(config.listen.internal, None).await?;
        let addresses = Addresses { https: https.address(), http: http.address(), internal: internal.address() };

        let mut registry = Registry::default();
        let metrics = RpcMetrics::register(&mut registry);
        let phone_certificates = certificate::of_phones(&config.tls, folder, sources.clock.clone(), &mut registry)?;
        let master = folder.master_key(&config.keys, &sources.randomness)?;
        let report_key = folder.report_key(&master, &sources.randomness)?;
        let (sources, policy) = (sources.clone(), config.codes.policy());
        let foundation = Foundation { folder, sources, master: &master, policy, metrics };
        let services = Services::open(foundation, &folder.databases()).await?;
        let gateway = assembly::gateway(config, report_key, &services, registry).await?;

        let (stop, stopped) = watch::channel(false);
        let public = public_routes(gateway.clone());
        let ports = [
            https.telling_phones_by(phone_certificates.clone()).serve(public.clone(), stopped.clone()),
            http.telling_phones_by(phone_certificates.clone()).serve(public, stopped.clone()),
            internal.serve(internal_routes(gateway.clone()), stopped),
        ];
        let stop_signals =
            StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        tracing::info!(https = %addresses.https, http = %addresses.http, internal = %addresses.internal, "serving");
        let development_authority = certificate.development_authority;
        Ok(Self {
            addresses,
            development_authority,
            phone_certificates,
            gateway,
            services,
            stop,
            ports,
            stop_signals,
            _lock: lock,
        })
    }

    /// Waits until the process is told to stop.
    pub async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.stop_signals.terminate.recv() => {}
            _ = self.stop_signals.interrupt.recv() => {}
        }
    }

    /// Takes no more requests, finishes those under way, records what waits, closes the databases.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.stop.send_replace(true);
        for port in self.ports {
            // A port that panicked has stopped too.
            let _ = port.await;
        }
        self.phone_certificates.stop().await;
        self.gateway.stop().await;
        self.services.close().await;
        tracing::info!("stopped");
    }
}
