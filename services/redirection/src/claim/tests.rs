//! The table of what is enough, and the property of prefixes that one bit more is another rule.

use proptest::prelude::*;
use vocabulary::Randomness;

use super::*;

struct Case {
    claimant: ProviderId,
    reseller: ProviderId,
    stranger: ProviderId,
}

impl Case {
    fn new() -> Self {
        let randomness = Randomness::seeded(1);
        let draw = || ProviderId::draw(&randomness);
        Self { claimant: draw(), reseller: draw(), stranger: draw() }
    }

    fn evidence<'a>(&'a self, serial: Option<&'a SerialNumber>, shipped: Option<&'a Shipped>) -> Evidence<'a> {
        let ancestors = std::slice::from_ref(&self.reseller);
        Evidence { claimant: &self.claimant, ancestors, serial, shipped }
    }
}

fn serial(text: &str) -> SerialNumber {
    text.parse().expect("a serial number")
}

fn shipped(sold_to: Option<&ProviderId>, number: Option<&str>) -> Shipped {
    let mac = "0004f2aabbcc".parse().expect("an address");
    Shipped { mac, serial: number.map(serial), model: None, sold_to: sold_to.cloned() }
}

#[test]
fn a_serial_number_must_be_stated_and_be_the_manifests_where_it_has_one() {
    let case = Case::new();
    let (right, wrong) = (serial("FCH2034D0PL"), serial("FCH2034D0PM"));
    let (known, unknown) = (shipped(None, Some("fch2034d0pl")), shipped(None, None));
    let met = |stated, shipped| ClaimProof::Serial.is_met_by(&case.evidence(stated, shipped));
    assert_eq!(met(None, Some(&known)), Err(Unproven::SerialRequired));
    assert_eq!(met(Some(&wrong), Some(&known)), Err(Unproven::WrongSerial));
    assert_eq!(met(Some(&right), Some(&known)), Ok(()));
    assert_eq!(met(Some(&wrong), Some(&unknown)), Ok(()));
    assert_eq!(met(Some(&wrong), None), Ok(()));
}

#[test]
fn a_manifest_sells_to_the_claimant_or_above_it_and_to_nobody_else() {
    let case = Case::new();
    let (right, wrong) = (serial("FCH2034D0PL"), serial("FCH2034D0PM"));
    let met = |stated, shipped: &Shipped| ClaimProof::Manifest.is_met_by(&case.evidence(stated, Some(shipped)));
    for buyer in [&case.claimant, &case.reseller] {
        assert_eq!(met(None, &shipped(Some(buyer), Some("FCH2034D0PL"))), Ok(()));
        assert_eq!(met(Some(&right), &shipped(Some(buyer), Some("FCH2034D0PL"))), Ok(()));
        assert_eq!(met(Some(&wrong), &shipped(Some(buyer), Some("FCH2034D0PL"))), Err(Unproven::WrongSerial));
        assert_eq!(met(Some(&wrong), &shipped(Some(buyer), None)), Ok(()));
    }
    // Whoever it was sold to: the answer is the same, and before any word about serial numbers.
    for buyer in [Some(&case.stranger), None] {
        assert_eq!(met(Some(&wrong), &shipped(buyer, Some("FCH2034D0PL"))), Err(Unproven::NotInManifest));
    }
    assert_eq!(ClaimProof::Manifest.is_met_by(&case.evidence(Some(&right), None)), Err(Unproven::NotInManifest));
}

#[test]
fn a_certificate_is_shown_and_not_said() {
    let case = Case::new();
    let (right, bought) = (serial("FCH2034D0PL"), shipped(Some(&case.claimant), None));
    let evidence = case.evidence(Some(&right), Some(&bought));
    assert_eq!(ClaimProof::Certificate.is_met_by(&evidence), Err(Unproven::CertificateRequired));
    assert_eq!(ClaimProof::Certificate.is_met_with_certificate(&evidence), Ok(()));
    assert_eq!(ClaimProof::Serial.is_met_with_certificate(&case.evidence(None, None)), Ok(()));
    // A window takes nothing that was sold to another.
    let sold = shipped(Some(&case.stranger), None);
    let answer = ClaimProof::Manifest.is_met_with_certificate(&case.evidence(None, Some(&sold)));
    assert_eq!(answer, Err(Unproven::NotInManifest));
}

#[test]
fn a_serial_number_that_nobody_else_knows_proves_nothing() {
    let case = Case::new();
    let (right, wrong) = (serial("FCH2034D0PL"), serial("FCH2034D0PM"));
    let proves = |stated, shipped, noted| case.evidence(stated, shipped).proves(noted);
    assert_eq!(proves(Some(&right), None, None), Proven::None);
    assert_eq!(proves(Some(&right), None, Some(&right)), Proven::Serial);
    assert_eq!(proves(Some(&wrong), None, Some(&right)), Proven::None);
    let known = shipped(Some(&case.stranger), Some("FCH2034D0PL"));
    assert_eq!(proves(Some(&right), Some(&known), None), Proven::Serial);
    // The manufacturer knows better than the owner.
    assert_eq!(proves(Some(&wrong), Some(&known), Some(&wrong)), Proven::None);
    let bought = shipped(Some(&case.reseller), None);
    assert_eq!(proves(None, Some(&bought), None), Proven::Manifest);
}

proptest! {
    #[test]
    fn only_the_bits_that_count_are_kept(prefix in 0_u64..1 << 48, bits in 0_u32..=48) {
        let parsed = Prefix::parse(prefix, bits).expect("a prefix");
        let rest = 48 - bits;
        prop_assert_eq!(parsed.first() >> rest, prefix >> rest);
        prop_assert_eq!(parsed.first() & ((1 << rest) - 1), 0);
        prop_assert_eq!(u32::from(parsed.bits()), bits);
        prop_assert_eq!(Prefix::parse(parsed.first(), bits), Ok(parsed));
    }

    #[test]
    fn what_is_no_prefix_is_refused(prefix in 1_u64 << 48.., bits in 49_u32..) {
        prop_assert_eq!(Prefix::parse(prefix, 24), Err(InvalidPrefix));
        prop_assert_eq!(Prefix::parse(0, bits), Err(InvalidPrefix));
    }
}
