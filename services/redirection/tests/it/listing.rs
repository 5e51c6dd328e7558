//! Leafing through profiles and phones.

use contracts::redirection::{Device, ListDevicesRequest, ListProfilesRequest, PutDeviceRequest};
use rpc::Failure;
use vocabulary::ErrorKind;

use storage::on_each_database;
use storage::testing::Kind;

use crate::support::{Provider, World, because, mac, parameter, refused, rule};

const PHONES: u64 = 2_500;
const MODELS: [&str; 3] = ["CP-7832-3PCC", "CP-8841-3PCC", "CP-8865-3PCC"];

/// Number 7 of 2,500 is `…000007`, serial FCH0007, the model in turn, and a note on every hundredth.
async fn fill(provider: &Provider) {
    let profiles = [provider.profile("Main").await, provider.profile("Branch").await];
    for (number, model) in (0..PHONES).zip(MODELS.iter().cycle()) {
        let is_branch = number % 10 == 0;
        let request = PutDeviceRequest {
            mac: mac(PHONES - number),
            profile: profiles[usize::from(is_branch)].id.clone(),
            serial: format!("FCH{:04}", PHONES - number),
            model: (*model).to_owned(),
            note: if number % 100 == 0 { format!("Übung 50%_ {number}") } else { String::new() },
            ..PutDeviceRequest::default()
        };
        provider.put(request).await.expect("a phone");
    }
}

async fn page(provider: &Provider, query: &ListDevicesRequest) -> Result<(Vec<Device>, bool), Failure> {
    let query = ListDevicesRequest { provider_id: provider.id.clone(), ..query.clone() };
    let response = provider.client.clone().list_devices(query).await?.into_inner();
    Ok((response.devices, response.more))
}

/// Every page, and how many there were.
async fn all(provider: &Provider, query: ListDevicesRequest) -> (Vec<Device>, usize) {
    let (mut devices, mut pages, mut query) = (Vec::new(), 0, query);
    loop {
        let (found, more) = page(provider, &query).await.expect("a page");
        pages += 1;
        query.after = found.last().map_or(query.after, |device| device.mac);
        devices.extend(found);
        if !more {
            return (devices, pages);
        }
    }
}

fn query(limit: u32) -> ListDevicesRequest {
    ListDevicesRequest { limit, ..ListDevicesRequest::default() }
}

async fn count_of_text(provider: &Provider, text: &str) -> usize {
    all(provider, ListDevicesRequest { text: text.to_owned(), ..query(1000) }).await.0.len()
}

async fn a_large_fleet_is_listed_in_pages_and_filtered(kind: Kind) {
    let world = World::new(kind, 1).await;
    let (acme, other) = (world.provider(), world.provider());
    fill(&acme).await;
    other.profile("Main").await;
    other.put_device(mac(PHONES + 1), "Main").await.expect("a phone");

    for (limit, pages) in [(1000, 3), (500, 5), (499, 6), (7, 358)] {
        let (devices, seen) = all(&acme, query(limit)).await;
        assert_eq!(seen, pages);
        let macs: Vec<u64> = devices.iter().map(|device| device.mac).collect();
        assert_eq!(macs, (1..=PHONES).map(mac).collect::<Vec<_>>(), "in order, each once, only its own");
    }

    let (first, _) = page(&acme, &query(10)).await.expect("a page");
    let (main, branch) = (first[0].profile_id.clone(), first[9].profile_id.clone());
    let of = |profile_id: &str| ListDevicesRequest { profile_id: profile_id.to_owned(), ..query(100) };
    for (profile, count) in [(main.as_str(), 2_250), (branch.as_str(), 250), ("prf_nobodys", 0)] {
        assert_eq!(all(&acme, of(profile)).await.0.len(), count, "{profile}");
    }

    let model = ListDevicesRequest { model: " cp-8841-3pcc".into(), ..query(1000) };
    let (devices, _) = all(&acme, model).await;
    assert!(devices.len() == 833 && devices.iter().all(|device| device.model == MODELS[1]));
    let part = ListDevicesRequest { model: "CP-8841".into(), ..query(1000) };
    assert_eq!(all(&acme, part).await.0.len(), 0, "models are compared whole");

    for (text, count) in [
        ("fch0007", 1),
        ("FCH000", 9),
        ("8841", 833),
        ("übung", 25),
        ("ÜBUNG 50%_ 24", 1),
        ("50%_", 25),
        ("5%", 0),
        ("fch____", 0),
        ("0004f20009c4", 1),
        ("00:04:F2:00:09:c4", 1),
        ("f2-00-09-c4", 1),
        ("f2.00.09", 197),
        ("0004.f2", 2_500),
        ("\u{2003}", 2_500),
        ("nowhere", 0),
    ] {
        assert_eq!(count_of_text(&acme, text).await, count, "{text}");
    }
    for (profile_id, count) in [(branch, 25), (main, 0)] {
        let both = ListDevicesRequest { profile_id, text: "Übung".into(), ..query(10) };
        assert_eq!(all(&acme, both).await.0.len(), count);
    }
}

async fn a_page_has_bounds(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider();
    for limit in [0, 1001, u32::MAX] {
        let invalid = because(ErrorKind::Malformed, "invalid_limit");
        assert_eq!(refused(page(&acme, &query(limit)).await), invalid);
        let profiles = ListProfilesRequest { provider_id: acme.id.clone(), limit, after: String::new() };
        assert_eq!(refused(acme.client.clone().list_profiles(profiles).await.map_err(Failure::from)), invalid);
    }
    let long = ListDevicesRequest { text: "x".repeat(101), ..query(1) };
    assert_eq!(refused(page(&acme, &long).await), because(ErrorKind::Malformed, "invalid_text"));
    let behind = ListDevicesRequest { after: u64::MAX, ..query(1) };
    assert_eq!(page(&acme, &behind).await.expect("an empty page"), (Vec::new(), false));
}

async fn profiles_are_listed_in_pages_that_fit_into_a_message(kind: Kind) {
    let world = World::new(kind, 3).await;
    let (acme, other) = (world.provider(), world.provider());
    other.profile("Main").await;
    // Sixty-four KiB each: sixty of them are within the limit, but not within one message.
    let value = "\\".repeat(4_000);
    let mut made = Vec::new();
    for number in 0..60 {
        let large = (0..16).map(|place| parameter(&format!("GPP_{place}"), &value, "na"));
        let parameters = large.chain([rule("https://nps.example/")]).collect();
        made.push(acme.create_profile(&format!("Profile {number}"), parameters).await.expect("a profile").id);
    }
    made.sort();

    let (mut listed, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let query = ListProfilesRequest { provider_id: acme.id.clone(), limit: 50, after };
        let page = acme.client.clone().list_profiles(query).await.expect("a page").into_inner();
        pages += 1;
        listed.extend(page.profiles.into_iter().map(|profile| profile.id));
        after = listed.last().cloned().unwrap_or_default();
        if !page.more {
            break;
        }
    }
    assert_eq!(listed, made);
    assert!(pages > 2, "{pages}");
    let query = ListProfilesRequest { provider_id: acme.id.clone(), limit: 2, after: String::new() };
    let page = acme.client.clone().list_profiles(query).await.expect("a page").into_inner();
    assert!(page.profiles.len() == 2 && page.more);
}

on_each_database!(
    a_large_fleet_is_listed_in_pages_and_filtered,
    a_page_has_bounds,
    profiles_are_listed_in_pages_that_fit_into_a_message,
);
