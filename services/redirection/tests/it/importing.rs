//! Many phones at once: the same comes of it as of one wish after the other, and it can be repeated.

use std::time::Duration;

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{
    ClaimProof, Device, ImportDevicesRequest, ImportDevicesResponse, ImportedDevice, PutDeviceRequest, TransferState,
};
use rpc::{Failure, within_as};
use storage::testing::Kind;
use storage::{Db, on, on_each_database};
use tokio::time::timeout;
use vocabulary::{ErrorKind, Randomness};

use crate::support::{Provider, World, because, mac, refused, resolve};
use crate::wishes::row;

/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_mins(1);

impl Provider {
    async fn import(&self, devices: Vec<ImportedDevice>) -> Result<ImportDevicesResponse, Failure> {
        self.send(ImportDevicesRequest { devices, ..ImportDevicesRequest::default() }).await
    }

    /// Asks what would become of it.
    async fn try_import(&self, devices: Vec<ImportedDevice>) -> Result<ImportDevicesResponse, Failure> {
        self.send(ImportDevicesRequest { devices, dry_run: true, ..ImportDevicesRequest::default() }).await
    }

    async fn send(&self, request: ImportDevicesRequest) -> Result<ImportDevicesResponse, Failure> {
        let request = ImportDevicesRequest { provider_id: self.id.clone(), ..request };
        Ok(self.client.clone().import_devices(within_as(&self.actor(), PATIENCE, request)).await?.into_inner())
    }
}

fn phone(number: u64, profile: &str) -> ImportedDevice {
    ImportedDevice { mac: mac(number), profile: profile.to_owned(), ..ImportedDevice::default() }
}

fn with_serial(number: u64, serial: &str) -> ImportedDevice {
    ImportedDevice { serial: serial.to_owned(), ..phone(number, "Main") }
}

/// Created, changed, unchanged; and the reasons of those that were refused.
fn told(answer: &ImportDevicesResponse) -> ([u64; 3], Vec<(u32, &str)>) {
    let refused = answer.refused.iter().map(|refused| (refused.row, refused.reason.as_str()));
    ([answer.created, answer.changed, answer.unchanged], refused.collect())
}

/// A world in which everything that stands in the way of a claim does so somewhere.
async fn full_of_obstacles(kind: Kind) -> (World, Provider, Provider) {
    let world = World::new(kind, 7).await;
    let (acme, other) = (world.provider_with_profile().await, world.provider_with_profile().await);
    acme.profile("Branch").await;
    world.claim_rule(mac(0x100), 40, ClaimProof::Serial).await;
    world.claim_rule(mac(0x200), 40, ClaimProof::Manifest).await;
    world.claim_rule(mac(0x210), 44, ClaimProof::Open).await;
    world.claim_rule(mac(0x300), 40, ClaimProof::Certificate).await;
    for number in 0..16 {
        let sold_to = if number % 2 == 0 { &acme.id } else { &other.id };
        world.shipped(mac(0x100 + number), "S1", "").await;
        world.shipped(mac(0x200 + number), "S1", sold_to).await;
    }
    acme.create_range("Main", (mac(0x400), mac(0x4ff))).await.expect("a block");
    acme.create_range("Branch", (mac(0x410), mac(0x41f))).await.expect("a block within");
    other.create_range("Main", (mac(0x500), mac(0x5ff))).await.expect("a block");
    for number in 0..8 {
        acme.put_device(mac(number), "Main").await.expect("its own");
        other.put_device(mac(8 + number), "Main").await.expect("another's");
        acme.ask_for(mac(8 + number), "").await.expect("a request");
    }
    world.hold(&[mac(1), mac(9), mac(0x17), mac(0x404)], true).await;
    for number in 8..12 {
        let waiting = if number % 2 == 0 { &acme } else { &other };
        acme.put_device(mac(0x10 + number), "Main").await.expect("for a while");
        other.ask_for(mac(0x10 + number), "").await.expect("a request");
        acme.delete_device(mac(0x10 + number)).await.expect("nobody's again");
        assert!(waiting.get_device(mac(0x10 + number)).await.is_err());
    }
    (world, acme, other)
}

/// The phones that it is about: the first of each block.
fn numbers() -> impl Iterator<Item = u64> {
    (0..=6).flat_map(|block| (0..0x20).map(move |number| block * 0x100 + number))
}

/// Rows of all kinds, drawn from a seed; no phone twice.
fn rows(seed: u64) -> Vec<ImportedDevice> {
    let randomness = Randomness::seeded(seed);
    let below = |end: u64| u64::from_be_bytes(randomness.bytes()) % end;
    let mut numbers: Vec<u64> = numbers().collect();
    for place in 0..numbers.len() {
        let other = usize::try_from(below(numbers.len() as u64)).expect("small");
        numbers.swap(place, other);
    }
    let one_of = |words: &[&str]| words[usize::try_from(below(words.len() as u64)).expect("small")].to_owned();
    let row = |number: u64| ImportedDevice {
        mac: if number == 0x61f { 0 } else { mac(number) },
        profile: one_of(&[
            "Main",
            "main ",
            "Branch",
            "Main",
            "Main",
            "Main",
            "",
            "No such",
            "prf_00000000000000000000",
        ]),
        serial: one_of(&["", "S1", "s1", "S2", "", "S1", "S1", "é"]),
        model: one_of(&["", "CP-7832", "", "", "", "", "", "é"]),
        note: one_of(&["", "desk", "Zoë", "", "", "", "", "two\nlines"]),
    };
    // Two say what is known, whatever is drawn.
    numbers.into_iter().map(|number| if number < 2 { phone(number, "Main") } else { row(number) }).collect()
}

/// What one row after the other comes to, in the words of an import.
async fn put_one_by_one(acme: &Provider, rows: &[ImportedDevice]) -> ([u64; 3], Vec<(u32, String, String)>) {
    let (mut counts, mut refused) = ([0; 3], Vec::new());
    for (number, row) in (0..).zip(rows.iter().cloned()) {
        let ImportedDevice { mac, profile, serial, model, note } = row;
        let before = acme.get_device(mac).await.ok().filter(|device| device.range_id.is_empty());
        match acme.put(PutDeviceRequest { mac, profile, serial, model, note, ..Default::default() }).await {
            Ok(put) if put.created => counts[0] += 1,
            Ok(put) if put.device != before => counts[1] += 1,
            Ok(_) => counts[2] += 1,
            Err(failure) => refused.push((number, failure.reason, failure.message)),
        }
    }
    (counts, refused)
}

/// All that can be seen of the phones.
async fn seen(world: &World, providers: [&Provider; 2]) -> Vec<String> {
    let mut seen = Vec::new();
    for number in numbers() {
        for provider in providers {
            let device = provider.get_device(mac(number)).await.ok();
            seen.push(format!(
                "{number:x} {:?}",
                device.map(|device| Device { created_at: 0, changed_at: 0, ..device })
            ));
        }
        if let Ok(history) = world.operator().ownership(mac(number)).await {
            seen.extend(history.iter().map(|row| format!("{} {} {}", row.provider_id, row.began_by, row.ended_by)));
        }
        for serial in ["", "S1", "S2"] {
            seen.push(format!("{:?}", world.resolve(mac(number), serial).await));
        }
    }
    for provider in providers {
        let transfers = provider.transfers().await;
        let told =
            transfers.iter().map(|transfer| format!("{:x} {:?} {}", transfer.mac, transfer.state(), transfer.reason));
        let mut told: Vec<String> = told.collect();
        told.sort();
        seen.extend(told);
    }
    seen
}

async fn an_import_does_what_one_wish_after_the_other_does(kind: Kind) {
    let rows = rows(1);
    let (imported, acme, other) = full_of_obstacles(kind).await;
    let tried = acme.try_import(rows.clone()).await.expect("it would be done");
    let untouched = seen(&imported, [&acme, &other]).await;
    let answer = acme.import(rows.clone()).await.expect("imported");
    assert_eq!(answer, tried, "a dry run tells the same");
    let after_import = seen(&imported, [&acme, &other]).await;
    assert_ne!(after_import, untouched);

    let (one_by_one, acme, other) = full_of_obstacles(kind).await;
    assert_eq!(untouched, seen(&one_by_one, [&acme, &other]).await, "a dry run changes nothing");
    let (counts, refused) = put_one_by_one(&acme, &rows).await;
    let answered: Vec<_> =
        answer.refused.iter().map(|refused| (refused.row, refused.reason.clone(), refused.message.clone())).collect();
    assert_eq!((told(&answer).0, answered), (counts, refused));
    assert_eq!(after_import, seen(&one_by_one, [&acme, &other]).await);
    for reason in [
        "device_owned_by_other",
        "on_hold",
        "serial_required",
        "wrong_serial",
        "not_in_manifest",
        "certificate_required",
        "unknown_profile",
        "invalid_mac",
        "invalid_serial",
        "invalid_model",
        "invalid_note",
    ] {
        assert!(answer.refused.iter().any(|refused| refused.reason == reason), "{reason} is not tried");
    }
    assert!(told(&answer).0.iter().all(|count| *count > 0), "{:?}", told(&answer).0);
}

async fn the_same_import_again_changes_nothing(kind: Kind) {
    let world = World::new(kind, 2).await;
    let acme = world.provider_with_profile().await;
    let rows: Vec<_> = (1..=5_000).rev().map(|number| with_serial(number, &format!("S{number}"))).collect();
    let first = acme.import(rows.clone()).await.expect("imported");
    assert_eq!(told(&first), ([5_000, 0, 0], vec![]));
    assert_eq!(first.associated.len(), 1);
    assert_eq!((first.associated[0].macs.len(), first.associated[0].macs[0]), (5_000, mac(1)));
    let again = acme.import(rows).await.expect("imported");
    assert_eq!((told(&again), again.associated.len()), (([0, 0, 5_000], vec![]), 0));
    assert_eq!(world.history(mac(77)).await, [row(&acme, "claimed", "")]);
    let changed = acme.import(vec![with_serial(1, "S1"), with_serial(2, "S0")]).await.expect("imported");
    assert_eq!((told(&changed), changed.associated.len()), (([0, 1, 1], vec![]), 0));
    assert_eq!(acts(&world, "device.import").await, 2, "what changes nothing is no act");
    let Answer::Redirect(_) = world.resolve(mac(4_999), "s4999").await else { panic!("a redirect") };
    let Answer::Redirect(_) = world.reopened().await.resolve(mac(2), "S0").await else { panic!("a redirect") };
}

async fn acts(world: &World, verb: &str) -> i64 {
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let count = "SELECT COUNT(*) FROM act WHERE verb = $1";
    audit::verify(&db, None).await.expect("an unbroken chain");
    on!(db.read().await.expect("a reader"), conn => sqlx::query_scalar(count).bind(verb).fetch_one(conn).await)
        .expect("a number")
}

async fn what_is_imported_here_is_known_everywhere(kind: Kind) {
    let world = World::new(kind, 3).await;
    let other = world.opened_again().await;
    let acme = world.provider_with_profile().await;
    acme.import((1..=2_500).map(|number| phone(number, "Main")).collect()).await.expect("imported");
    let asking = async {
        for number in 1..=2_500 {
            while !matches!(resolve(&other, mac(number), "").await, Answer::Redirect(_)) {}
        }
    };
    timeout(PATIENCE, asking).await.expect("the other follows");
    // Hundreds of phones are one row of the log.
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let count = "SELECT COUNT(*) FROM change_log WHERE subject = 'device'";
    let rows: i64 = on!(db.read().await.expect("a reader"), conn => sqlx::query_scalar(count).fetch_one(conn).await)
        .expect("a number");
    assert_eq!(rows, 5);
}

async fn who_waits_for_a_phone_is_told_and_who_had_it_keeps_nothing(kind: Kind) {
    let world = World::new(kind, 4).await;
    let (acme, other) = (world.provider_with_profile().await, world.provider_with_profile().await);
    other.put_device(mac(1), "Main").await.expect("a phone");
    let transfer = acme.ask_for(mac(1), "").await.expect("a request");
    let refused = acme.import(vec![phone(1, "Main")]).await.expect("an answer");
    assert_eq!(told(&refused), ([0, 0, 0], vec![(0, "device_owned_by_other")]));
    assert_eq!(acme.state_of(&transfer.id).await, TransferState::Requested);
    other.delete_device(mac(1)).await.expect("released");
    acme.import(vec![phone(1, "Main")]).await.expect("imported");
    assert_eq!(world.history(mac(1)).await, [row(&other, "claimed", "released"), row(&acme, "claimed", "")]);
}

async fn what_is_no_import_is_refused_whole(kind: Kind) {
    let world = World::new(kind, 5).await;
    let acme = world.provider_with_profile().await;
    let malformed = because(ErrorKind::Malformed, "invalid_row_count");
    assert_eq!(refused(acme.import(Vec::new()).await), malformed);
    assert_eq!(refused(acme.import(vec![phone(1, "Main"); 5_001]).await), malformed);
    let twice = acme.import(vec![phone(1, "Main"), phone(2, "Main"), phone(1, "No such")]).await.expect("imported");
    assert_eq!(told(&twice), ([2, 0, 0], vec![(2, "repeated_mac")]));
    acme.set_frozen(true).await.expect("frozen");
    let frozen = because(ErrorKind::Forbidden, "provider_frozen");
    assert_eq!(refused(acme.import(vec![phone(3, "Main")]).await), frozen);
    assert_eq!(refused(acme.try_import(vec![phone(3, "Main")]).await), frozen);
}

on_each_database!(
    threads 4;
    an_import_does_what_one_wish_after_the_other_does,
    the_same_import_again_changes_nothing,
    what_is_imported_here_is_known_everywhere,
    who_waits_for_a_phone_is_told_and_who_had_it_keeps_nothing,
    what_is_no_import_is_refused_whole,
);
