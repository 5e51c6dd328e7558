//! Made-up manufacturers, and the certificates they put into their phones.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

use super::curl::Curl;

/// Who signs the certificates of phones.
pub struct Manufacturer {
    root: CertifiedIssuer<'static, KeyPair>,
    /// Where its phones' certificates are kept.
    folder: TempDir,
}

/// A phone's certificate and key, as files.
#[derive(Debug, Clone)]
pub struct DeviceCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Manufacturer {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, name);
        params.distinguished_name.push(DnType::CommonName, format!("{name} manufacturing"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        [params.not_before, params.not_after] = [2014, 2099].map(|year| date_time_ymd(year, 1, 1));
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
        Self { root, folder: TempDir::new().expect("a folder") }
    }

    /// Makes phones with its certificates known: puts its root into the folder of authorities at `place`.
    pub fn make_known(&self, place: &Path, name: &str) {
        let folder = place.join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("root.pem"), self.root.pem()).expect("a file");
    }

    /// The certificate of the phone `mac` with the serial number `serial`, as multiplatform phones have it.
    pub fn phone(&self, mac: &str, serial: &str) -> DeviceCertificate {
        self.phone_until(mac, serial, 2099)
    }

    /// The same, from 2016 until the beginning of `year`.
    pub fn phone_until(&self, mac: &str, serial: &str, year: i32) -> DeviceCertificate {
        let mut params = CertificateParams::default();
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationalUnitName, "CP-8841-3PCC");
        name.push(DnType::LocalityName, serial);
        name.push(DnType::StateOrProvinceName, DnValue::PrintableString(mac.try_into().expect("a text")));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        [params.not_before, params.not_after] = [2016, year].map(|year| date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.root).expect("a certificate");
        let file = |kind: &str| self.folder.path().join(format!("{mac}-{year}{kind}.pem"));
        let files = DeviceCertificate { certificate: file(""), key: file("-key") };
        std::fs::write(&files.certificate, certificate.pem()).expect("a file");
        std::fs::write(&files.key, key.serialize_pem()).expect("a file");
        files
    }
}

impl DeviceCertificate {
    /// A request that shows it.
    pub fn shown_with(&self, request: Curl) -> Curl {
        request.with(&["--cert", &self.certificate.display().to_string(), "--key", &self.key.display().to_string()])
    }

    /// As the header `Client-Cert` carries it (RFC 9440): one line of PEM is the same base64.
    pub fn as_header(&self) -> String {
        let pem = std::fs::read_to_string(&self.certificate).expect("a file");
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        format!(":{base64}:")
    }
}

/// HMAC-SHA256 in hex, by OpenSSL.
pub fn hmac_by_openssl(key: &str, text: &str) -> String {
    let mut process = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    std::io::Write::write_all(&mut process.stdin.take().expect("its input"), text.as_bytes()).expect("it reads");
    let output = process.wait_with_output().expect("it ends");
    let line = String::from_utf8(output.stdout).expect("text");
    line.trim().rsplit(' ').next().expect("a digest").to_owned()
}
