//! Answers from memory after whatever has changed.

use vocabulary::{Randomness, Secret};

use super::*;
use crate::range::Block;
use crate::resolve::Certificate;
use crate::seal::SealFormat;

fn mac(number: u64) -> MacAddress {
    MacAddress::from_u64(0x0004_f200_0000 + number).expect("a MAC")
}

fn store_profile(index: &Index, id: &ProfileId, provider: &ProviderId) {
    let redirect = Redirect { profile_id: id.to_string(), ..Redirect::default() };
    let (id, provider) = (id.clone(), provider.clone());
    index.apply(Change::ProfileStored(ResolvedProfile {
        id,
        provider,
        proof: Proof::Mac,
        carries_secret: false,
        redirect,
    }));
}

fn store_device(index: &Index, number: u64, profile: &ProfileId, serial: &str) {
    let serial = serial.parse().ok();
    index.apply(Change::DeviceStored(StoredPhone { mac: mac(number), profile: profile.clone(), serial }));
}

const NOW: Timestamp = Timestamp::from_micros(1_000);

fn question(number: u64, serial: &str) -> Question<'_> {
    Question { mac: mac(number), serial, certificate: None }
}

/// Where the phone goes, or why it does not.
fn answer(index: &Index, number: u64, serial: &str) -> String {
    match index.answer(&question(number, serial), NOW) {
        Answer::Redirect { profile, .. } => profile.redirect.profile_id.clone(),
        Answer::Refused { provider: None, .. } => "nobody's".to_owned(),
        Answer::Refused { reason, provider: Some(provider), .. } => format!("{reason:?} {provider}"),
    }
}

#[test]
fn a_phone_goes_where_it_was_last_sent() {
    let randomness = Randomness::seeded(1);
    let (one, two) = (ProfileId::draw(&randomness), ProfileId::draw(&randomness));
    let provider = ProviderId::draw(&randomness);
    let index = Index::new();
    store_profile(&index, &one, &provider);
    store_profile(&index, &two, &provider);
    assert_eq!(answer(&index, 1, ""), "nobody's");
    store_device(&index, 1, &one, "");
    store_device(&index, 257, &two, "");
    assert_eq!((answer(&index, 1, ""), answer(&index, 257, "")), (one.to_string(), two.to_string()));
    store_device(&index, 1, &two, "");
    assert_eq!(answer(&index, 1, "ANY"), two.as_str());
    assert_eq!(index.phones(), 2);
    index.apply(Change::DeviceDeleted(mac(1)));
    assert_eq!((answer(&index, 1, ""), index.phones()), ("nobody's".to_owned(), 1));
}

#[test]
fn a_slot_is_used_again_but_never_for_the_wrong_phone() {
    let randomness = Randomness::seeded(2);
    let provider = ProviderId::draw(&randomness);
    let index = Index::new();
    let (mut last, first) = (ProfileId::draw(&randomness), ProfileId::draw(&randomness));
    store_profile(&index, &first, &provider);
    store_profile(&index, &last, &provider);
    store_device(&index, 1, &first, "");
    for _ in 0..10 {
        index.apply(Change::ProfileDeleted(last.clone()));
        last = ProfileId::draw(&randomness);
        store_profile(&index, &last, &provider);
        store_device(&index, 2, &last, "");
        assert_eq!((answer(&index, 1, ""), answer(&index, 2, "")), (first.to_string(), last.to_string()));
        index.apply(Change::DeviceDeleted(mac(2)));
    }
    assert_eq!(read(&index.profiles).slots(), 2);
}

#[test]
fn a_serial_number_must_fit_where_both_are_known() {
    let randomness = Randomness::seeded(3);
    let (profile, provider) = (ProfileId::draw(&randomness), ProviderId::draw(&randomness));
    let index = Index::new();
    store_profile(&index, &profile, &provider);
    store_device(&index, 1, &profile, "FCH2034D0PL");
    for said in ["", "FCH2034D0PL", "fch2034d0pl", " fch2034d0pl "] {
        assert_eq!(answer(&index, 1, said), profile.as_str(), "{said}");
    }
    for said in ["FCH2034D0PX", "é", " ", &"x".repeat(65)] {
        assert_eq!(answer(&index, 1, said), format!("WrongSerial {provider}"), "{said}");
    }
    index.apply(Change::ProviderFrozen(provider.clone()));
    assert_eq!(answer(&index, 1, "FCH2034D0PX"), format!("ProviderFrozen {provider}"));
    index.apply(Change::ProviderThawed(provider));
    assert_eq!(answer(&index, 1, ""), profile.as_str());
}

#[test]
fn a_phone_whose_profile_is_missing_is_not_answered() {
    let randomness = Randomness::seeded(4);
    let (profile, provider) = (ProfileId::draw(&randomness), ProviderId::draw(&randomness));
    let index = Index::new();
    store_profile(&index, &profile, &provider);
    store_device(&index, 1, &profile, "");
    store_device(&index, 1, &ProfileId::draw(&randomness), "");
    assert_eq!(answer(&index, 1, ""), "nobody's");
}

#[test]
fn a_registered_phone_is_before_its_block_and_a_narrow_block_before_a_wide_one() {
    let randomness = Randomness::seeded(5);
    let provider = ProviderId::draw(&randomness);
    let [own, narrow, wide] = [(); 3].map(|()| ProfileId::draw(&randomness));
    let index = Index::new();
    for profile in [&own, &narrow, &wide] {
        store_profile(&index, profile, &provider);
    }
    let range = |profile: &ProfileId, first, last| SentRange {
        id: RangeId::draw(&randomness),
        block: Block::new(mac(first).to_u64(), mac(last).to_u64()).expect("a block"),
        profile: profile.clone(),
    };
    let (outer, inner) = (range(&wide, 10, 19), range(&narrow, 12, 13));
    index.apply(Change::RangesStored(vec![outer, inner.clone()]));
    store_device(&index, 12, &own, "");
    let expected = [(9, "nobody's"), (10, wide.as_str()), (12, own.as_str()), (13, narrow.as_str())];
    for (number, goes_to) in expected.into_iter().chain([(14, wide.as_str()), (19, wide.as_str()), (20, "nobody's")]) {
        assert_eq!(answer(&index, number, "ANY"), goes_to, "{number}");
    }
    index.apply(Change::DeviceDeleted(mac(12)));
    assert_eq!(answer(&index, 12, ""), narrow.as_str());
    index.apply(Change::RangeDeleted(inner.id));
    assert_eq!(answer(&index, 12, ""), wide.as_str());
    index.apply(Change::ProviderFrozen(provider.clone()));
    assert_eq!(answer(&index, 12, ""), format!("ProviderFrozen {provider}"));
}

fn seal_of(index: &Index, number: u64) -> Option<Vec<u8>> {
    match index.answer(&question(number, ""), NOW) {
        Answer::Redirect { seal, .. } => seal.map(|seal| seal.key.expose().clone()),
        Answer::Refused { .. } => None,
    }
}

#[test]
fn a_key_stays_with_the_provider_that_registered_it() {
    let randomness = Randomness::seeded(6);
    let (one, other) = (ProviderId::draw(&randomness), ProviderId::draw(&randomness));
    let [main, branch, theirs] = [(); 3].map(|()| ProfileId::draw(&randomness));
    let index = Index::new();
    store_profile(&index, &main, &one);
    store_profile(&index, &branch, &one);
    store_profile(&index, &theirs, &other);
    let set = || {
        let key = SealKey { format: SealFormat::Aes128Gcm, key: Secret::new(vec![9; 16]) };
        index.apply(Change::DeviceKeySet { mac: mac(1), key });
    };
    store_device(&index, 1, &main, "");
    set();
    store_device(&index, 1, &branch, "S");
    assert_eq!(seal_of(&index, 1), Some(vec![9; 16]), "it was only moved");
    store_device(&index, 1, &theirs, "");
    assert_eq!(seal_of(&index, 1), None);
    set();
    index.apply(Change::DeviceDeleted(mac(1)));
    store_device(&index, 1, &theirs, "");
    assert_eq!(seal_of(&index, 1), None);
    set();
    index.apply(Change::DeviceKeyDeleted(mac(1)));
    assert_eq!(seal_of(&index, 1), None);
}

/// Whether a window waits for phone `number`, which shows a certificate of phone `named`.
fn may_claim(index: &Index, (number, named): (u64, u64), has_expired: bool, now: i64) -> bool {
    let certificate = Some(Certificate { names: mac(named).to_u64(), serial: "", has_expired });
    let question = Question { certificate, ..question(number, "") };
    match index.answer(&question, Timestamp::from_micros(now)) {
        Answer::Redirect { .. } => panic!("nobody owns it"),
        Answer::Refused { may_claim, .. } => may_claim,
    }
}

#[test]
fn a_window_waits_for_phones_that_show_their_certificate_in_time() {
    let randomness = Randomness::seeded(7);
    let (id, provider) = (WindowId::draw(&randomness), ProviderId::draw(&randomness));
    let index = Index::new();
    let window = OpenWindow {
        id: id.clone(),
        provider: provider.clone(),
        block: Block::new(mac(10).to_u64(), mac(19).to_u64()).expect("a block"),
        from: Timestamp::from_micros(100),
        until: Timestamp::from_micros(200),
    };
    index.apply(Change::WindowOpened(window));
    for (phone, now, waits) in [
        ((10, 10), 100, true),
        ((19, 19), 199, true),
        ((10, 10), 99, false),
        ((10, 10), 200, false),
        ((9, 9), 150, false),
        ((20, 20), 150, false),
        ((10, 11), 150, false),
    ] {
        assert_eq!(may_claim(&index, phone, false, now), waits, "{phone:?} at {now}");
    }
    assert!(matches!(index.answer(&question(10, ""), NOW), Answer::Refused { may_claim: false, .. }));

    assert!(may_claim(&index, (10, 10), true, 150), "most phones outlive their certificates");
    let refuse = ExpiredCertificates::Refuse;
    index.apply(Change::PolicySet { provider: provider.clone(), expired_certificates: refuse });
    assert!(!may_claim(&index, (10, 10), true, 150) && may_claim(&index, (10, 10), false, 150));
    index.apply(Change::ProviderFrozen(provider.clone()));
    assert!(!may_claim(&index, (10, 10), false, 150));
    index.apply(Change::ProviderThawed(provider));
    index.apply(Change::WindowClosed(id));
    assert!(!may_claim(&index, (10, 10), false, 150));
}
