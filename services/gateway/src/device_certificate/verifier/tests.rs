//! Handshakes over a pipe.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// Shows what it is told to, whether or not the key fits.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A certificate that its own key has signed.
fn certificate() -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "CP-8845-SEP00562B043615");
    let key = KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").der().clone(), key)
}

fn shows(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<dyn ResolvesClientCert> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let key = any_supported_type(&key).expect("a key");
    Arc::new(Shows(Arc::new(CertifiedKey::new(vec![certificate], key))))
}

/// What the server has seen after a handshake, or why there was none.
async fn handshake(
    client: Option<Arc<dyn ResolvesClientCert>>,
    version: &'static SupportedProtocolVersion,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let provider = Arc::new(default_provider());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(Arc::new(AnyClientCertificate::new(&provider)))
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("versions")
        .with_root_certificates(roots);
    let config = match client {
        Some(client) => config.with_client_cert_resolver(client),
        None => config.with_no_client_auth(),
    };
    let (near, far) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, near);
    let (server, _client) = tokio::join!(TlsAcceptor::from(Arc::new(server)).accept(far), connecting);
    let server = server.map_err(|error| error.to_string())?;
    Ok(server.get_ref().1.peer_certificates().unwrap_or_default().to_vec())
}

#[tokio::test]
async fn no_certificate_ends_a_handshake() {
    for version in [&TLS12, &TLS13] {
        assert_eq!(handshake(None, version).await, Ok(Vec::new()));
        let (own, key) = certificate();
        assert_eq!(handshake(Some(shows(own.clone(), &key)), version).await, Ok(vec![own]));
        let garbage = CertificateDer::from(b"garbage".to_vec());
        assert_eq!(handshake(Some(shows(garbage.clone(), &key)), version).await, Ok(vec![garbage]));
    }
}

#[tokio::test]
async fn nobody_shows_a_certificate_without_its_key() {
    for version in [&TLS12, &TLS13] {
        let ((own, _key), (_other, other_key)) = (certificate(), certificate());
        let refused = handshake(Some(shows(own, &other_key)), version).await;
        assert!(refused.is_err_and(|error| error.contains("BadSignature")), "{version:?}");
    }
}

#[test]
fn only_what_can_be_checked_counts() {
    let (own, _key) = certificate();
    assert!(is_checkable(&own));
    let longer = [own.as_ref(), &[0]].concat().into();
    assert!(!is_checkable(&longer));
    assert!(!is_checkable(&Vec::new().into()));
    let rsa = |bits: &str| {
        let arguments =
            ["req", "-x509", "-newkey", bits, "-nodes", "-keyout", "/dev/null", "-outform", "DER", "-subj", "/CN=x"];
        let output = std::process::Command::new("openssl").args(arguments).output().expect("openssl runs");
        CertificateDer::from(output.stdout)
    };
    assert!(is_checkable(&rsa("rsa:2048")));
    assert!(!is_checkable(&rsa("rsa:1024")));
}
