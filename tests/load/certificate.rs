//! One certificate for both servers, and the rules of clients that trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// The name that is certified.
pub const NAME: &str = "localhost";

/// An ECDSA P-256 certificate, signed by an authority made for this run.
pub struct Certificate {
    pub file: PathBuf,
    pub key_file: PathBuf,
    /// Connects over TLS 1.3, each time with a whole handshake, as a phone does that comes once.
    pub connector: TlsConnector,
}

impl Certificate {
    /// Makes one and writes it into `folder`.
    pub fn make(folder: &Path) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "authority of one measurement");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &authority)?;
        let (file, key_file) = (folder.join("certificate.pem"), folder.join("key.pem"));
        fs::write(&file, certificate.pem())?;
        fs::write(&key_file, key.serialize_pem())?;

        let mut trusted = RootCertStore::empty();
        trusted.add(authority.der().clone())?;
        let mut rules = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(trusted)
            .with_no_client_auth();
        rules.resumption = Resumption::disabled();
        rules.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { file, key_file, connector: TlsConnector::from(Arc::new(rules)) })
    }
}
