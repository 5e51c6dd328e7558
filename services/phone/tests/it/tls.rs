//! HTTPS: whom the phone believes.

use std::path::Path;
use std::sync::Arc;

use phone::{Class, Outcome, OwnCertificate, PhoneConfig, Trust};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::desk::{fresh, walk};
use crate::stub::{Stub, status};

/// A server's certificate for these names, written down as a PEM file for phones to believe.
fn certificate(file: &Path, names: &[&str]) -> ServerConfig {
    asking_for(WebPkiClientVerifier::no_client_auth(), file, names)
}

/// The same, of a server that asks its clients for a certificate.
fn asking_for(clients: Arc<dyn ClientCertVerifier>, file: &Path, names: &[&str]) -> ServerConfig {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    std::fs::write(file, made.cert.pem()).expect("a file");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .expect("a certificate with its key")
}

#[tokio::test]
async fn only_a_server_with_a_believed_certificate_of_the_right_name_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (right, other) = (folder.path().join("right.pem"), folder.path().join("other.pem"));
    let rc = Stub::start_tls(certificate(&right, &["localhost"]), |_| status(200)).await;
    certificate(&other, &["localhost"]);
    let asking = |host: &str, trust| {
        let activate = Some(format!("https://{host}:{}", rc.port()));
        walk(PhoneConfig { activate, trust, ..fresh() })
    };
    let believed = || Trust::from_file(&right, None).expect("a certificate");

    assert_eq!(asking("localhost", believed()).await.outcome(), Outcome::Unavailable);
    assert_eq!(rc.seen().len(), 1);

    let stranger = Trust::from_file(&other, None).expect("a certificate");
    for (host, trust, hint) in [
        ("localhost", stranger, "no secure connection"),
        ("127.0.0.1", believed(), "no secure connection"),
        ("localhost", Trust::nobody(), "--ca"),
    ] {
        let walk = asking(host, trust).await;
        assert_eq!(walk.failures(), [(Class::C, None, Some(60))]);
        let trouble = walk.outcome.expect_err("trouble").to_string();
        assert!(trouble.contains(hint), "{trouble}");
    }
    assert_eq!(rc.seen().len(), 1);
}

#[tokio::test]
async fn a_phone_shows_its_own_certificate_where_one_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let [server, own, own_key] = ["server.pem", "own.pem", "own-key.pem"].map(|name| folder.path().join(name));
    let made = rcgen::generate_simple_self_signed(Vec::new()).expect("a certificate");
    std::fs::write(&own, made.cert.pem()).expect("a file");
    std::fs::write(&own_key, made.signing_key.serialize_pem()).expect("a file");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    let verifier = verifier.build().expect("a verifier");
    let rc = Stub::start_tls(asking_for(verifier, &server, &["localhost"]), |_| status(200)).await;
    let asking = |trust| {
        let activate = Some(format!("https://localhost:{}/$CCERT", rc.port()));
        walk(PhoneConfig { activate, trust, ..fresh() })
    };
    let certificate = OwnCertificate::from_files(&own, &own_key).expect("a certificate");
    let showing = Trust::from_file(&server, Some(certificate)).expect("an authority");
    assert_eq!(asking(showing).await.outcome(), Outcome::Unavailable);
    assert_eq!(rc.targets(), ["GET /Installed"]);
    let silent = Trust::from_file(&server, None).expect("an authority");
    assert!(asking(silent).await.outcome.is_err());
    assert!(OwnCertificate::from_files(&own, &own).is_err());
    let other_key = OwnCertificate::from_files(&server, &own_key).expect("files of the right kind");
    let refusal = Trust::from_file(&server, Some(other_key)).expect_err("another key").to_string();
    assert!(refusal.contains("server.pem"), "{refusal}");
}

#[test]
fn a_file_without_certificates_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    for text in
        ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n"]
    {
        std::fs::write(&file, text).expect("a file");
        let refusal = Trust::from_file(&file, None).expect_err("no certificate").to_string();
        assert!(refusal.contains("ca.pem"), "{refusal}");
    }
    assert!(Trust::from_file(&folder.path().join("missing.pem"), None).is_err());
}
