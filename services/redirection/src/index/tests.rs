//! Answers from memory after whatever has changed.

use vocabulary::Randomness;

use super::*;

fn mac(number: u64) -> MacAddress {
    MacAddress::from_u64(0x0004_f200_0000 + number).expect("a MAC")
}

fn store_profile(index: &Index, id: &ProfileId, provider: &ProviderId) {
    let redirect = Redirect { profile_id: id.to_string(), ..Redirect::default() };
    index.apply(Change::ProfileStored(ResolvedProfile { id: id.clone(), provider: provider.clone(), redirect }));
}

fn store_device(index: &Index, number: u64, profile: &ProfileId, serial: &str) {
    let serial = serial.parse().ok();
    index.apply(Change::DeviceStored { mac: mac(number), profile: profile.clone(), serial });
}

/// Where the phone goes, or why it does not.
fn answer(index: &Index, number: u64, serial: &str) -> String {
    match index.answer(mac(number), serial) {
        Answer::Redirect(profile) => profile.redirect.profile_id.clone(),
        Answer::NoProvider => "nobody's".to_owned(),
        Answer::ProviderFrozen(provider) => format!("frozen {provider}"),
        Answer::WrongSerial(provider) => format!("wrong serial {provider}"),
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
    assert_eq!(read(&index.profiles).slots.len(), 2);
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
        assert_eq!(answer(&index, 1, said), format!("wrong serial {provider}"), "{said}");
    }
    index.apply(Change::ProviderFrozen(provider.clone()));
    assert_eq!(answer(&index, 1, "FCH2034D0PX"), format!("frozen {provider}"));
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
