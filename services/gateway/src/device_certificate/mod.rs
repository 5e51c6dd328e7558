//! What a phone's own certificate says of it, and whether that may be believed.
//!
//! 1. `verifier`: the handshake asks for a certificate and checks that the client holds its key. Whose the
//!    certificate is does not matter there: no certificate ends a handshake.
//! 2. `judgement`: the chain is checked against the manufacturers' authorities, which are data
//!    (`authorities`) and follow their folder while the server runs (`watcher`).
//! 3. `subject`: the address is read where the manufacturer is documented to write it.
//! 4. `proxy`: a proxy that ends TLS hands the certificate on, signed.

mod authorities;
mod judgement;
mod metrics;
mod network_range;
mod proxy;
mod subject;
mod verifier;
mod watcher;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::HeaderMap;
use prometheus_client::registry::Registry;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use vocabulary::{Clock, DeviceModel, MacAddress, SerialNumber};

use self::authorities::Authorities;
use self::judgement::{Judge, Judged};
use self::metrics::{Metrics, Verdict};
use self::watcher::Watcher;

pub use network_range::{InvalidNetworkRange, NetworkRange};
pub use proxy::{ProxyKeyError, TrustedProxy};
pub use verifier::AnyClientCertificate;

/// What the client of a request has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum DeviceCertificate {
    /// No certificate.
    #[default]
    None,
    /// One that says nothing: of an unknown authority, or without a phone's address in its documented place.
    Untrusted,
    /// A manufacturer's.
    Verified(Arc<Verified>),
}

/// What a manufacturer certifies of a phone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub mac: MacAddress,
    pub serial: Option<SerialNumber>,
    pub model: Option<DeviceModel>,
    /// Whether it, or one above it, has expired.
    pub is_expired: bool,
    /// The name of the manufacturer's folder.
    pub manufacturer: Arc<str>,
}

/// Where authorities and proxies are found.
#[derive(Debug)]
pub struct DeviceCertificatesConfig {
    /// A folder with one folder for each manufacturer, which holds its authorities as `*.pem`.
    pub authorities: PathBuf,
    /// The proxies that may hand certificates on.
    pub proxy: Option<TrustedProxy>,
}

/// Judges what phones show. Clones share everything.
#[derive(Clone)]
pub struct DeviceCertificates(Arc<Inner>);

struct Inner {
    judge: Judge,
    clock: Clock,
    metrics: Metrics,
    proxy: Option<TrustedProxy>,
    authorities: Arc<RwLock<Arc<Authorities>>>,
    watcher: Watcher,
}

impl DeviceCertificate {
    /// What is certified, where anything is.
    pub fn verified(&self) -> Option<&Verified> {
        match self {
            Self::Verified(verified) => Some(verified),
            Self::None | Self::Untrusted => None,
        }
    }

    /// The certified address.
    pub fn mac(&self) -> Option<MacAddress> {
        self.verified().map(|verified| verified.mac)
    }

    /// Whether it certifies that the client is the phone `mac`.
    pub fn proves(&self, mac: MacAddress) -> bool {
        self.mac() == Some(mac)
    }
}

impl DeviceCertificates {
    /// Reads the authorities and keeps them current until [`DeviceCertificates::stop`]. Fails where the
    /// folder cannot be read. An authority that cannot be used is logged, and the others are.
    pub fn start(config: DeviceCertificatesConfig, clock: Clock, registry: &mut Registry) -> io::Result<Self> {
        let metrics = Metrics::register(registry);
        let (watcher, authorities) = Watcher::start(config.authorities)?;
        let judge = Judge { algorithms: default_provider().signature_verification_algorithms };
        Ok(Self(Arc::new(Inner { judge, clock, metrics, proxy: config.proxy, authorities, watcher })))
    }

    /// Stops following the folder.
    pub async fn stop(&self) {
        self.0.watcher.stop().await;
    }

    /// What to make of the chain that a client showed and holds the key of.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'static>]) -> DeviceCertificate {
        if chain.is_empty() {
            return DeviceCertificate::None;
        }
        let inner = &*self.0;
        let authorities = Arc::clone(&inner.authorities.read().unwrap_or_else(PoisonError::into_inner));
        match inner.judge.judge(chain, &authorities, inner.clock.now()) {
            Judged::Phone(verified) => {
                let verdict = if verified.is_expired { Verdict::Expired } else { Verdict::Accepted };
                inner.metrics.judged(&verified.manufacturer, verdict);
                DeviceCertificate::Verified(Arc::new(verified))
            }
            Judged::NoPhone { manufacturer } => {
                inner.metrics.judged(&manufacturer, Verdict::Untrusted);
                DeviceCertificate::Untrusted
            }
            Judged::Stranger => {
                inner.metrics.judged_stranger();
                DeviceCertificate::Untrusted
            }
        }
    }

    /// What the proxy at `client` says of the client behind it: its certificate and its address. `None`
    /// where there is no such proxy; what the headers say then is not looked at.
    pub(crate) fn behind_proxy(&self, client: IpAddr, headers: &HeaderMap) -> Option<(DeviceCertificate, IpAddr)> {
        let inner = &*self.0;
        let Some(proxy) = inner.proxy.as_ref().filter(|proxy| proxy.is_at(client)) else {
            if proxy::is_claimed(headers) {
                inner.metrics.claimed(proxy::Claim::FromElsewhere);
            }
            return None;
        };
        let certificate = match proxy.certificate(headers, inner.clock.now()) {
            None => DeviceCertificate::None,
            Some(Ok(certificate)) => {
                inner.metrics.claimed(proxy::Claim::Believed);
                self.judge(&[certificate])
            }
            Some(Err(why)) => {
                inner.metrics.claimed(why);
                DeviceCertificate::None
            }
        };
        Some((certificate, proxy::forwarded_for(headers).unwrap_or(client)))
    }
}
