//! One certificate for both servers, and the rules of clients that trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::questions::{mac, serial};

/// The name that is certified.
pub const NAME: &str = "localhost";

/// An ECDSA P-256 certificate, signed by an authority made for this run.
pub struct Certificate {
    pub file: PathBuf,
    pub key_file: PathBuf,
    /// Connects over TLS 1.3, each time with a whole handshake, as a phone does that comes once.
    pub connector: TlsConnector,
    /// The same for the first of the registered phones, each of which shows a certificate of its own.
    pub phones: Vec<TlsConnector>,
    /// Who signed those, in PEM; alone in a folder of authorities.
    pub manufacturer: PathBuf,
}

/// How many phones have certificates.
pub const CERTIFIED: u32 = 2048;

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
        let manufacturer = folder.join("phone-authorities/maker/root.pem");
        let phones = phones(&manufacturer, &trusted)?;
        Ok(Self { file, key_file, connector: connector(trusted, None)?, phones, manufacturer })
    }

    /// The folder of authorities, one of which has signed the phones' certificates.
    pub fn phone_authorities(&self) -> Option<&Path> {
        self.manufacturer.parent()?.parent()
    }
}

/// Makes a manufacturer, and a certificate for each of the first registered phones.
fn phones(manufacturer: &Path, trusted: &RootCertStore) -> Result<Vec<TlsConnector>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "a manufacturer of phones");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let maker = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::create_dir_all(manufacturer.parent().context("it is in a folder")?)?;
    fs::write(manufacturer, maker.pem())?;
    (0..CERTIFIED).map(|number| connector(trusted.clone(), Some(phone(&maker, mac(number))?))).collect()
}

/// As multiplatform phones have it: the serial number and the address stand in the subject (wire-facts).
fn phone(maker: &Issuer<'_, KeyPair>, mac: u64) -> Result<Shown> {
    let mut params = CertificateParams::new(Vec::new())?;
    let name = &mut params.distinguished_name;
    name.push(DnType::OrganizationalUnitName, "CP-8841-3PCC");
    name.push(DnType::LocalityName, serial(mac));
    name.push(DnType::StateOrProvinceName, format!("{mac:012x}"));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, maker)?;
    Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

fn connector(trusted: RootCertStore, shown: Option<Shown>) -> Result<TlsConnector> {
    let rules =
        ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]).with_root_certificates(trusted);
    let mut rules = match shown {
        None => rules.with_no_client_auth(),
        Some((certificate, key)) => rules.with_client_auth_cert(vec![certificate], key)?,
    };
    rules.resumption = Resumption::disabled();
    rules.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(rules)))
}

/// A phone's certificate and its key.
type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);
