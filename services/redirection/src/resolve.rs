//! Whether a phone is given what it asks for, by what it shows. Decided in this order:
//!
//! 1. whose is it? The provider's that has registered it, else the provider's of the narrowest block it is
//!    in. Nobody's: `NO_PROVIDER`, and whether a window waits for it that its certificate opens;
//! 2. that provider is frozen: `PROVIDER_FROZEN`;
//! 3. the certificate names another address than the phone asks for: `FOREIGN_CERTIFICATE`, whatever the
//!    profile says;
//! 4. the certificate has expired and the provider refuses such: `EXPIRED_CERTIFICATE`;
//! 5. a serial number is registered, and the phone or its certificate says another: `WRONG_SERIAL`;
//! 6. the profile's proof is not given: `NO_SERIAL`, `NO_CERTIFICATE` or `NO_KEY`. A certificate that names the
//!    phone says more than a serial number does, and satisfies `serial` too;
//! 7. otherwise it is redirected, sealed where the phone has a key.
//!
//! This file knows steps 2 to 6; `index.rs` knows whose the phone is.

use std::sync::Arc;

use contracts::redirection::RefusalReason;
use vocabulary::{MacAddress, ProviderId, SerialNumber};

use crate::index::ResolvedProfile;
use crate::policy::ExpiredCertificates;
use crate::profile::Proof;
use crate::seal::SealKey;

/// A phone's question: its address, and what it shows of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub mac: MacAddress,
    /// As the phone says; empty where it says nothing.
    pub serial: &'a str,
    /// Verified by the gateway.
    pub certificate: Option<Certificate<'a>>,
}

/// A certificate that the gateway has verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certificate<'a> {
    /// The address in its subject, as a number: what is no phone's address is another than any phone's.
    pub names: u64,
    /// Empty where the subject says none.
    pub serial: &'a str,
    pub has_expired: bool,
}

/// What a phone's question is answered with.
pub(crate) enum Answer {
    Redirect {
        profile: Arc<ResolvedProfile>,
        seal: Option<SealKey>,
        /// Whether a certificate that has expired was accepted.
        by_expired_certificate: bool,
    },
    Refused {
        reason: RefusalReason,
        /// `None` where nobody owns the phone.
        provider: Option<ProviderId>,
        /// Whether nobody owns it and a window waits for it.
        may_claim: bool,
    },
}

/// What is known of a phone and its provider.
pub(crate) struct Known {
    pub proof: Proof,
    /// The registered serial number, as [`Known::of`] compares them; `None` where none is.
    pub serial: Option<SerialHash>,
    pub expired_certificates: ExpiredCertificates,
    pub is_frozen: bool,
    pub has_key: bool,
}

/// A serial number as it is remembered.
pub(crate) type SerialHash = [u8; 8];

impl Certificate<'_> {
    /// Whether it names the phone.
    pub const fn is_of(&self, mac: MacAddress) -> bool {
        self.names == mac.to_u64()
    }
}

impl Known {
    /// Steps 2 to 6: whether the phone is given its profile. `hash` is how serial numbers are remembered.
    pub fn refusal(
        &self,
        question: &Question<'_>,
        hash: impl Fn(&SerialNumber) -> SerialHash,
    ) -> Result<(), RefusalReason> {
        if self.is_frozen {
            return Err(RefusalReason::ProviderFrozen);
        }
        if let Some(certificate) = question.certificate {
            self.refusal_of_certificate(&certificate, question.mac)?;
        }
        let of_certificate = question.certificate.map_or("", |certificate| certificate.serial);
        for said in [question.serial, of_certificate] {
            // What cannot be a serial number is another than any that is registered.
            let said_hash = || said.parse().ok().map(|said| hash(&said));
            if !said.is_empty() && self.serial.is_some() && said_hash() != self.serial {
                return Err(RefusalReason::WrongSerial);
            }
        }
        self.refusal_of_proof(question)
    }

    fn refusal_of_certificate(&self, certificate: &Certificate<'_>, mac: MacAddress) -> Result<(), RefusalReason> {
        if !certificate.is_of(mac) {
            return Err(RefusalReason::ForeignCertificate);
        }
        if certificate.has_expired && self.expired_certificates == ExpiredCertificates::Refuse {
            return Err(RefusalReason::ExpiredCertificate);
        }
        Ok(())
    }

    /// What the phone said fits by now.
    fn refusal_of_proof(&self, question: &Question<'_>) -> Result<(), RefusalReason> {
        let says_serial = self.serial.is_some() && !question.serial.is_empty();
        match self.proof {
            Proof::Serial if !says_serial && question.certificate.is_none() => Err(RefusalReason::NoSerial),
            Proof::Certificate if question.certificate.is_none() => Err(RefusalReason::NoCertificate),
            Proof::Sealed if !self.has_key => Err(RefusalReason::NoKey),
            Proof::Mac | Proof::Serial | Proof::Certificate | Proof::Sealed => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
