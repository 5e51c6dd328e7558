//! What phones must prove, and what they are told when they do not.

use proptest::prelude::*;

use super::*;

const MAC: u64 = 0x0004_f2aa_bbcc;

fn mac() -> MacAddress {
    MacAddress::from_u64(MAC).expect("a MAC")
}

/// Serial numbers differ here where their first letters do.
fn hash(serial: &SerialNumber) -> SerialHash {
    [serial.canonical().bytes().next().expect("a letter"); 8]
}

fn known(proof: Proof) -> Known {
    Known { proof, serial: None, expired_certificates: ExpiredCertificates::Accept, is_frozen: false, has_key: false }
}

fn registered(proof: Proof) -> Known {
    Known { serial: Some([b'A'; 8]), ..known(proof) }
}

const OWN: Certificate<'_> = Certificate { names: MAC, serial: "", has_expired: false };
const FOREIGN: Certificate<'_> = Certificate { names: MAC + 1, ..OWN };
const EXPIRED: Certificate<'_> = Certificate { has_expired: true, ..OWN };

fn asked(known: &Known, serial: &str, certificate: Option<Certificate<'_>>) -> Result<(), RefusalReason> {
    known.refusal(&Question { mac: mac(), serial, certificate }, hash)
}

#[test]
fn a_profile_of_addresses_asks_for_nothing() {
    assert_eq!(asked(&known(Proof::Mac), "", None), Ok(()));
    assert_eq!(asked(&known(Proof::Mac), "Z", Some(OWN)), Ok(()));
    assert_eq!(asked(&registered(Proof::Mac), "", None), Ok(()));
}

#[test]
fn a_profile_of_serial_numbers_asks_for_the_registered_one_or_a_certificate() {
    use RefusalReason::{NoSerial, WrongSerial};
    assert_eq!(asked(&registered(Proof::Serial), "A", None), Ok(()));
    assert_eq!(asked(&registered(Proof::Serial), "", None), Err(NoSerial));
    assert_eq!(asked(&known(Proof::Serial), "A", None), Err(NoSerial), "none is registered");
    assert_eq!(asked(&registered(Proof::Serial), "B", None), Err(WrongSerial));
    assert_eq!(asked(&known(Proof::Serial), "", Some(OWN)), Ok(()));
    assert_eq!(asked(&registered(Proof::Serial), "", Some(OWN)), Ok(()));
    assert_eq!(asked(&registered(Proof::Serial), "", Some(Certificate { serial: "A", ..OWN })), Ok(()));
    assert_eq!(asked(&registered(Proof::Serial), "A", Some(Certificate { serial: "B", ..OWN })), Err(WrongSerial));
    assert_eq!(asked(&registered(Proof::Serial), "B", Some(Certificate { serial: "A", ..OWN })), Err(WrongSerial));
    assert_eq!(asked(&registered(Proof::Serial), "A", Some(Certificate { serial: "\u{e9}", ..OWN })), Err(WrongSerial));
}

#[test]
fn a_profile_of_certificates_asks_for_one_and_a_sealed_one_for_a_key() {
    use RefusalReason::{NoCertificate, NoKey};
    assert_eq!(asked(&registered(Proof::Certificate), "A", None), Err(NoCertificate));
    assert_eq!(asked(&known(Proof::Certificate), "", Some(OWN)), Ok(()));
    assert_eq!(asked(&registered(Proof::Sealed), "A", Some(OWN)), Err(NoKey));
    assert_eq!(asked(&Known { has_key: true, ..known(Proof::Sealed) }, "", None), Ok(()));
}

#[test]
fn a_certificate_of_another_phone_is_refused_whatever_the_profile_says() {
    for proof in [Proof::Mac, Proof::Serial, Proof::Certificate, Proof::Sealed] {
        let known = Known { has_key: true, ..registered(proof) };
        assert_eq!(asked(&known, "A", Some(FOREIGN)), Err(RefusalReason::ForeignCertificate));
    }
}

#[test]
fn expired_certificates_follow_the_providers_policy() {
    for proof in [Proof::Mac, Proof::Serial, Proof::Certificate] {
        assert_eq!(asked(&known(proof), "", Some(EXPIRED)), Ok(()));
        let refusing = Known { expired_certificates: ExpiredCertificates::Refuse, ..known(proof) };
        assert_eq!(asked(&refusing, "", Some(EXPIRED)), Err(RefusalReason::ExpiredCertificate));
        assert_eq!(asked(&refusing, "", Some(OWN)), Ok(()));
    }
}

proptest! {
    #[test]
    fn the_first_step_that_fails_is_told(
        place in 0..4_usize,
        (is_frozen, has_key, is_registered, refuses) in any::<(bool, bool, bool, bool)>(),
        serial in prop::sample::select(vec!["", "A", "B", "\u{e9}"]),
        names in prop::sample::select(vec![None, Some(MAC), Some(MAC + 1), Some(0)]),
        (subject, has_expired) in (prop::sample::select(vec!["", "A", "B"]), any::<bool>()),
    ) {
        let proof = [Proof::Mac, Proof::Serial, Proof::Certificate, Proof::Sealed][place];
        let expired_certificates = if refuses { ExpiredCertificates::Refuse } else { ExpiredCertificates::Accept };
        let known = Known { expired_certificates, is_frozen, has_key, ..known(proof) };
        let known = if is_registered { Known { serial: Some([b'A'; 8]), ..known } } else { known };
        let certificate = names.map(|names| Certificate { names, serial: subject, has_expired });
        let shows = certificate.is_some();
        let differs = |said: &str| is_registered && !said.is_empty() && said != "A";
        let failed = [
            (is_frozen, RefusalReason::ProviderFrozen),
            (names.is_some_and(|names| names != MAC), RefusalReason::ForeignCertificate),
            (shows && has_expired && refuses, RefusalReason::ExpiredCertificate),
            (differs(serial) || (shows && differs(subject)), RefusalReason::WrongSerial),
            (proof == Proof::Serial && !shows && (serial.is_empty() || !is_registered), RefusalReason::NoSerial),
            (proof == Proof::Certificate && !shows, RefusalReason::NoCertificate),
            (proof == Proof::Sealed && !has_key, RefusalReason::NoKey),
        ];
        let expected = failed.into_iter().find(|(fails, _)| *fails).map_or(Ok(()), |(_, reason)| Err(reason));
        prop_assert_eq!(asked(&known, serial, certificate), expected);
    }
}
