//! What the handshake asks of a client's certificate: only that the client holds its key.
//!
//! RFC 8446, section 4.4.2.4, lets a server go on with a client whose certificate it does not accept. A
//! phone with an old certificate must still be told where its provider is, if its provider asks for no
//! certificate; so whose it is gets judged after the handshake.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::EndEntityCert;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
    OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The sizes of RSA keys whose signatures can be checked, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Asks every client for a certificate, and takes any, or none.
#[derive(Debug)]
pub struct AnyClientCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyClientCertificate {
    /// Checks signatures with the algorithms of `provider`.
    pub const fn new(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms }
    }
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// No names (RFC 8446, section 4.2.4, lets them be left out; RFC 5246, section 7.4.4, lets the list be
    /// empty). A phone has one certificate and need not choose; the names of a manufacturer's seven
    /// authorities would be 500 bytes more in every handshake, a quarter of what the server sends.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !is_checkable(certificate) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !is_checkable(certificate) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether it can be checked that a client holds the key of this certificate. One for which it cannot, such
/// as a key of 1024 bits, or bytes that are no certificate, proves nothing: the judgement counts it as a
/// stranger's, and so the handshake need not fail for it.
pub(super) fn is_checkable(certificate: &CertificateDer<'_>) -> bool {
    let Ok((rest, read)) = X509Certificate::from_der(certificate) else { return false };
    rest.is_empty() && EndEntityCert::try_from(certificate).is_ok() && has_checkable_key(read.public_key())
}

fn has_checkable_key(key: &SubjectPublicKeyInfo<'_>) -> bool {
    let algorithm = &key.algorithm;
    if algorithm.algorithm == OID_PKCS1_RSAENCRYPTION {
        return matches!(key.parsed(), Ok(PublicKey::RSA(key)) if RSA_BITS.contains(&key.key_size()));
    }
    if algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        return curve.is_some_and(|curve| [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve));
    }
    algorithm.algorithm == OID_SIG_ED25519
}

#[cfg(test)]
mod tests;
