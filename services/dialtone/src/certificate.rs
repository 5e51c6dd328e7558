//! The certificate of the HTTPS port: the operator's own, or one from a development authority made here.
//! And how phones are told by theirs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use gateway::{AnyClientCertificate, DeviceCertificates, DeviceCertificatesConfig, TrustedProxy};
use prometheus_client::registry::Registry;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vocabulary::{Clock, Secret, Timestamp};

use crate::config;
use crate::data_folder::{DataFolder, write_secret};
use crate::validity::{Validity, is_near_its_end};

/// For how long the development authority is good: ten years.
const AUTHORITY: Duration = Duration::from_hours(3_650 * 24);
/// For how long its certificates are: what the authorities that browsers trust may give since 2020 at the most.
const CERTIFICATE: Duration = Duration::from_hours(397 * 24);

/// The rules of the HTTPS port, and the authority that a client must trust to reach it.
pub struct Certificate {
    pub rules: Arc<ServerConfig>,
    /// The development authority's certificate; `None` where the operator gave a certificate.
    pub development_authority: Option<PathBuf>,
}

/// Loads the operator's certificate, or makes a new one from the development authority, which is made
/// on the first start and kept.
pub fn prepare(config: &config::Tls, folder: &DataFolder, now: Timestamp) -> Result<Certificate> {
    let (chain, key, development_authority) =
        if let (Some(certificate), Some(key)) = (&config.certificate_file, &config.key_file) {
            let chain = fs::read(certificate).with_context(|| format!("cannot read {}", certificate.display()))?;
            let key = fs::read(key).with_context(|| format!("cannot read {}", key.display()))?;
            (chain, key, None)
        } else {
            let (chain, key) = development_certificate(config, folder, now)?;
            (chain.into_bytes(), key.into_bytes(), Some(folder.tls().join("ca.pem")))
        };
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&chain).collect::<Result<_, _>>().context("the certificate is not PEM")?;
    let key = PrivateKeyDer::from_pem_slice(&key).context("the private key is not PEM")?;
    let cryptography = Arc::new(cryptography());
    let clients = Arc::new(AnyClientCertificate::new(&cryptography));
    let mut rules = ServerConfig::builder_with_provider(cryptography)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?;
    rules.ignore_client_order = true;
    // A phone comes once; with ECDSA a resumed TLS 1.3 handshake saves a twentieth, less than two tickets cost.
    rules.send_tls13_tickets = 0;
    // A phone on HTTP/1.0 may say so here; a name that is not listed would end its handshake.
    rules.alpn_protocols = ["h2", "http/1.1", "http/1.0"].map(|name| name.as_bytes().to_vec()).into();
    Ok(Certificate { rules: Arc::new(rules), development_authority })
}

/// What tells phones by their certificates, from now on until it is stopped.
pub fn of_phones(
    config: &config::Tls,
    folder: &DataFolder,
    clock: Clock,
    registry: &mut Registry,
) -> Result<DeviceCertificates> {
    let authorities = if let Some(folder) = &config.phone_authorities {
        folder.clone()
    } else {
        let usual = folder.tls().join("phones");
        fs::create_dir_all(&usual).with_context(|| format!("cannot make {}", usual.display()))?;
        usual
    };
    let proxy = config.proxy.as_ref().map(trusted_proxy).transpose()?;
    let place = authorities.display().to_string();
    let config = DeviceCertificatesConfig { authorities, proxy };
    DeviceCertificates::start(config, clock, registry)
        .with_context(|| format!("cannot read {place}, the folder of the phones' authorities (tls.phone_authorities)"))
}

fn trusted_proxy(config: &config::Proxy) -> Result<TrustedProxy> {
    let file = config.key_file.display();
    let key = fs::read_to_string(&config.key_file).with_context(|| format!("cannot read {file}"))?;
    TrustedProxy::new(config.from.clone(), &Secret::new(key)).with_context(|| format!("{file} cannot be used"))
}

/// Suites with SHA-256 first. A handshake hashes a lot, for the keys it derives, and processors do SHA-256
/// themselves but not SHA-384, which most clients name first. AES-128 is what TLS 1.3 asks of everybody
/// (RFC 8446, section 9.1).
fn cryptography() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite().as_str().is_some_and(|name| name.ends_with("SHA384")));
    provider
}

/// A new certificate on every start: it is cheap, follows the configured names, and need not be good for long.
fn development_certificate(config: &config::Tls, folder: &DataFolder, now: Timestamp) -> Result<(String, String)> {
    let authority = development_authority(folder, now)?;
    let mut params = CertificateParams::new(config.development_names.clone())
        .context("tls.development_names holds something that is neither a name nor an address")?;
    params.distinguished_name.push(DnType::CommonName, "Dialtone development server");
    Validity::from(now, CERTIFICATE).put_into(&mut params);
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // ECDSA P-256: a handshake costs a quarter of one with RSA (performance.md).
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn development_authority(folder: &DataFolder, now: Timestamp) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let (certificate, key_file) = (folder.tls().join("ca.pem"), folder.tls().join("ca-key.pem"));
    let kept = key_file.exists() && certificate.exists();
    let key = if kept {
        KeyPair::from_pem(&fs::read_to_string(&key_file)?).context("data/tls/ca-key.pem is not a key")?
    } else {
        KeyPair::generate()?
    };
    // Made from the same key and name it is the same authority, whatever its dates; phones that trust the file go on.
    let authority = CertifiedIssuer::self_signed(authority_params(now)?, key)?;
    if !kept {
        write_secret(&key_file, authority.key().serialize_pem().as_bytes())?;
    }
    if !kept || is_near_its_end(&certificate, now) {
        write_secret(&certificate, authority.pem().as_bytes())?;
    }
    Ok(authority)
}

fn authority_params(now: Timestamp) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    Validity::from(now, AUTHORITY).put_into(&mut params);
    params.distinguished_name.push(DnType::CommonName, "Dialtone development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use x509_parser::pem::parse_x509_pem;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);
    const DAY: i64 = 86_400;

    /// For how many days from `now` on a certificate is good.
    fn days_left(pem: &[u8], now: Timestamp) -> i64 {
        let (_, pem) = parse_x509_pem(pem).expect("PEM");
        let validity = pem.parse_x509().expect("a certificate").validity().clone();
        assert!(validity.not_before.timestamp() <= now.as_seconds());
        (validity.not_after.timestamp() - now.as_seconds()) / DAY
    }

    #[test]
    fn the_authority_is_kept_and_a_certificate_is_made_on_every_start() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("a data folder");
        let file = place.path().join("tls/ca.pem");
        let first = prepare(&config::Tls::default(), &folder, NOW).expect("a certificate");
        let authority = fs::read(&file).expect("the authority");
        assert_eq!(days_left(&authority, NOW), 3_650);
        let later = NOW.plus(Duration::from_hours(2_000 * 24));
        prepare(&config::Tls::default(), &folder, later).expect("a certificate");
        assert_eq!(fs::read(&file).expect("the authority"), authority);
        assert_eq!(first.development_authority.as_ref(), Some(&file));
        let (certificate, _) = development_certificate(&config::Tls::default(), &folder, later).expect("a certificate");
        assert_eq!(days_left(certificate.as_bytes(), later), 397);
    }

    #[test]
    fn an_authority_near_its_end_is_given_more_time_and_keeps_its_key() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("a data folder");
        let file = |name: &str| fs::read(place.path().join("tls").join(name)).expect("a file");
        prepare(&config::Tls::default(), &folder, NOW).expect("a certificate");
        let key = file("ca-key.pem");
        let late = NOW.plus(Duration::from_hours(3_000 * 24));
        prepare(&config::Tls::default(), &folder, late).expect("a certificate");
        assert_eq!((days_left(&file("ca.pem"), late), file("ca-key.pem") == key), (3_650, true));
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("a data folder");
        let config = config::Tls { development_names: vec!["näme".to_owned()], ..config::Tls::default() };
        assert!(prepare(&config, &folder, NOW).is_err());
    }
}
