//! HTTPS: whom the phone believes.

use std::path::Path;
use std::sync::Arc;

use phone::{Class, Outcome, PhoneConfig, Trust};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::desk::{fresh, walk};
use crate::stub::{Stub, status};

/// A server's certificate for these names, written down as a PEM file for phones to believe.
fn certificate(file: &Path, names: &[&str]) -> ServerConfig {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    std::fs::write(file, made.cert.pem()).expect("a file");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
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
    let believed = || Trust::from_file(&right).expect("a certificate");

    assert_eq!(asking("localhost", believed()).await.outcome(), Outcome::Unavailable);
    assert_eq!(rc.seen().len(), 1);

    let stranger = Trust::from_file(&other).expect("a certificate");
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

#[test]
fn a_file_without_certificates_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    for text in
        ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n"]
    {
        std::fs::write(&file, text).expect("a file");
        let refusal = Trust::from_file(&file).expect_err("no certificate").to_string();
        assert!(refusal.contains("ca.pem"), "{refusal}");
    }
    assert!(Trust::from_file(&folder.path().join("missing.pem")).is_err());
}
