//! An installation of before migration 0003, which had a row for each entry and one for each phone, shows the same
//! afterwards.

use contracts::customization::observation::Event;
use contracts::customization::{
    Dissociated, Evidence, FirmwareSeen, Observation, Phone, ProvisionedByHand, State, TimelineEntry,
};
use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use storage::testing::{Kind, TestDatabase};
use storage::{Db, Place, on, on_each_database};

use crate::phones::{
    NOW, PHONE, World, acme, asked, associated, by_dhcp, not_found, observed, reset, resynced, sent_nowhere,
    sent_to_provider,
};

/// The last version with the old tables.
const BEFORE: i64 = 2;

/// Everything that can happen, to four phones.
fn lives() -> Vec<Observation> {
    let day = 86_400_000_000;
    let of = |id: u128, mac: u64, event: Event| Observation {
        mac,
        at: NOW + i64::try_from(id).expect("a small number"),
        source: "192.0.2.7".to_owned(),
        request_id: format!("r-{id}-\u{e9}\"'"),
        provider_id: acme().to_string(),
        ..observed(id, event)
    };
    let told =
        |seen: Observation| Observation { firmware: "11.0.1".to_owned(), model: "CP-7832-3PCC".to_owned(), ..seen };
    let stated = |seen: Observation| Observation { evidence: Evidence::Stated.into(), ..seen };
    let later = |seen: Observation| Observation { at: seen.at + 40 * day, ..seen };
    vec![
        of(1, PHONE, asked()),
        told(of(2, PHONE, sent_to_provider())),
        of(3, PHONE, Event::ResyncFailed(not_found())),
        of(4, PHONE + 1, sent_nowhere()),
        of(5, PHONE + 1, by_dhcp()),
        of(6, PHONE + 1, asked()),
        of(7, PHONE + 1, sent_nowhere()),
        stated(of(8, PHONE + 1, associated())),
        told(of(9, PHONE + 2, asked())),
        of(10, PHONE + 2, sent_to_provider()),
        Observation { evidence: Evidence::Reported.into(), ..of(11, PHONE + 2, resynced()) },
        later(of(12, PHONE + 2, asked())),
        Observation { request_id: String::new(), source: String::new(), ..later(of(13, PHONE + 2, reset())) },
        stated(of(14, PHONE + 3, associated())),
        stated(of(15, PHONE + 3, Event::Dissociated(Dissociated {}))),
        of(16, PHONE + 3, Event::ProvisionedByHand(ProvisionedByHand { place: "lcd".to_owned() })),
        told(of(17, PHONE + 3, Event::FirmwareSeen(FirmwareSeen {}))),
    ]
}

/// What comes after the upgrade: something new for each, and some of it once more.
fn afterwards() -> Vec<Observation> {
    let mut batch = lives();
    batch.retain(|seen| seen.id.last().is_some_and(|last| last % 2 == 1));
    for (id, event) in [(20, asked()), (21, sent_to_provider()), (22, resynced())] {
        batch
            .extend((0..4).map(|n| Observation { mac: PHONE + n, ..observed(id << 8 | u128::from(n), event.clone()) }));
    }
    batch
}

type Seen = (Vec<Phone>, Vec<Vec<TimelineEntry>>);

async fn seen(world: &World) -> Seen {
    let macs = [PHONE, PHONE + 1, PHONE + 2, PHONE + 3];
    let mut timelines = Vec::new();
    for mac in macs {
        timelines.push(world.timeline_of(mac, &acme()).await);
    }
    (world.states(&macs).await.expect("phones"), timelines)
}

/// The first two migrations, and nothing in the tables.
async fn old(kind: Kind) -> TestDatabase {
    let database = TestDatabase::new(kind).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/customization/");
    match database.place() {
        Place::Sqlite(file) => {
            let mut connection =
                SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.expect("a file");
            first_of(folder, "sqlite").await.run_direct(None, &mut connection, false).await.expect("migrated");
        }
        Place::Postgres(options) => {
            let mut connection = options.connect().await.expect("a connection");
            first_of(folder, "postgres").await.run_direct(None, &mut connection, false).await.expect("migrated");
        }
    }
    database
}

async fn first_of(folder: &str, database: &str) -> Migrator {
    let all = Migrator::new(std::path::Path::new(&format!("{folder}{database}"))).await.expect("migrations");
    Migrator::with_migrations(all.iter().filter(|migration| migration.version <= BEFORE).cloned().collect())
}

fn word(state: State) -> String {
    state.as_str_name().trim_start_matches("STATE_").to_lowercase()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(value: i64) -> Option<i64> {
    (value != 0).then_some(value)
}

/// As the program of before wrote them.
async fn fill(db: &Db, (phones, timelines): &Seen) {
    const PHONE_ROW: &str = "
        INSERT INTO phone (mac, state, entries, first_contact, last_contact, firmware, model, failure_class,
                           failure_status, next_retry, acquired_at, second_hand_since)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let mut tx = db.write().await.expect("a transaction");
    for phone in phones {
        let failure = phone.failure.clone();
        on!(tx, conn => sqlx::query(PHONE_ROW)
            .bind(phone.mac.cast_signed())
            .bind(word(phone.state()))
            .bind(phone.entries.cast_signed())
            .bind(number(phone.first_contact))
            .bind(number(phone.last_contact))
            .bind(some(&phone.firmware))
            .bind(some(&phone.model))
            .bind(failure.as_ref().map(|it| it.class.clone()))
            .bind(failure.as_ref().map(|it| it.status.cast_signed()))
            .bind(number(phone.next_retry))
            .bind(number(phone.acquired_at))
            .bind(number(phone.second_hand_since))
            .execute(conn).await.map(drop))
        .expect("a phone");
    }
    for entry in timelines.iter().flatten() {
        add(&mut tx, entry).await;
    }
    tx.commit().await.expect("committed");
}

async fn add(tx: &mut storage::Tx, entry: &TimelineEntry) {
    const ENTRY_ROW: &str = "
        INSERT INTO timeline (mac, number, entry, at, event, evidence, from_state, to_state, refused, question,
                              profile_id, rule, reason, failure_class, failure_status, next_retry, place, source,
                              request_id, provider_id, firmware, model)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                $22)";
    let seen = entry.observation.clone().expect("an observation");
    let evidence = seen.evidence().as_str_name().trim_start_matches("EVIDENCE_").to_lowercase();
    let (mut question, mut profile, mut rule, mut reason) = (None, None, None, None);
    let (mut failure, mut place) = (None, None);
    let event = match seen.event.clone().expect("an event") {
        Event::Asked(it) => {
            question = Some(it.question);
            "asked"
        }
        Event::AnsweredWithProvider(it) => {
            (profile, rule) = (Some(it.profile_id), Some(it.rule));
            "answered_with_provider"
        }
        Event::AnsweredWithNothing(it) => {
            reason = Some(it.reason);
            "answered_with_nothing"
        }
        Event::ResyncFailed(it) => {
            failure = Some(it);
            "resync_failed"
        }
        Event::Associated(it) => {
            profile = Some(it.profile_id);
            "associated"
        }
        Event::ResyncSucceeded(_) => "resync_succeeded",
        Event::ProvisionedByDhcp(_) => "provisioned_by_dhcp",
        Event::FactoryReset(_) => "factory_reset",
        Event::ProvisionedByHand(it) => {
            place = Some(it.place);
            "provisioned_by_hand"
        }
        Event::FirmwareSeen(_) => "firmware_seen",
        Event::Dissociated(_) => "dissociated",
    };
    on!(tx, conn => sqlx::query(ENTRY_ROW)
        .bind(seen.mac.cast_signed())
        .bind(entry.number.cast_signed())
        .bind((!seen.id.is_empty()).then(|| seen.id.clone()))
        .bind(seen.at)
        .bind(event)
        .bind(&evidence)
        .bind(word(entry.from()))
        .bind(word(entry.to()))
        .bind(some(&entry.refused))
        .bind(&question)
        .bind(&profile)
        .bind(&rule)
        .bind(&reason)
        .bind(failure.as_ref().map(|it| it.class.clone()))
        .bind(failure.as_ref().map(|it| it.status.cast_signed()))
        .bind(failure.as_ref().map(|it| it.retry_at))
        .bind(&place)
        .bind(some(&seen.source))
        .bind(&seen.request_id)
        .bind(some(&seen.provider_id))
        .bind(some(&seen.firmware))
        .bind(some(&seen.model))
        .execute(conn).await.map(drop))
    .expect("an entry");
}

async fn an_old_installation_shows_the_same_and_goes_on_the_same(kind: Kind) {
    let new = World::new(kind).await;
    assert_eq!(new.record(&lives()).await, Ok(17));
    let before = seen(&new).await;
    assert!(before.1[1].iter().any(|entry| !entry.refused.is_empty()), "{before:#?}");
    assert_ne!((before.0[2].acquired_at, before.0[2].second_hand_since), (0, 0));

    let database = old(kind).await;
    let db = Db::open_as_it_is(database.place()).await.expect("the database");
    fill(&db, &before).await;
    db.close().await;
    let old = World::on(database).await;
    assert_eq!(seen(&old).await, before);

    assert_eq!(new.record(&afterwards()).await, Ok(12));
    assert_eq!(old.record(&afterwards()).await, Ok(12));
    assert_eq!(seen(&old).await, seen(&new).await);
    assert_ne!(seen(&old).await, before);
}

on_each_database!(an_old_installation_shows_the_same_and_goes_on_the_same);
