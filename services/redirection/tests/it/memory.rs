//! What is in memory is what is in the database.

use std::time::Duration;

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{Profile, PutDeviceRequest};
use redirection::Redirection;
use rpc::Failure;
use tokio::task::JoinSet;
use tokio::time::timeout;
use vocabulary::{ErrorKind, Randomness};

use storage::testing::Kind;
use storage::{Db, on, on_each_database};

use crate::support::{Provider, World, mac, resolve, rule};

const PHONES: u64 = 40;
/// Far longer than a process takes to follow another.
const PATIENCE: Duration = Duration::from_mins(1);
const SERIALS: [&str; 3] = ["", "FCH1", "FCH2"];

async fn answers(service: &Redirection) -> Vec<Answer> {
    let mut answers = Vec::new();
    for number in 1..=PHONES {
        for serial in SERIALS {
            answers.push(resolve(service, mac(number), serial).await);
        }
    }
    answers
}

/// Numbers drawn from a seed.
struct Dice(Randomness);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        u64::from_be_bytes(self.0.bytes()) % end
    }

    fn one_of<T: Clone>(&self, things: &[T]) -> T {
        things[usize::try_from(self.below(things.len() as u64)).expect("small")].clone()
    }
}

/// One wish, drawn at random, of a provider who has tried to make profiles named 0 to 4.
fn wish(dice: &Dice, provider: Provider, profiles: &[Profile]) -> impl Future<Output = Result<(), Failure>> + use<> {
    let (drawn, number) = (dice.below(100), mac(1 + dice.below(PHONES)));
    let (profile, serial) = (dice.one_of(profiles), dice.one_of(&SERIALS));
    let name = dice.below(5).to_string();
    let version = dice.below(3);
    async move {
        match drawn {
            0..40 => {
                let request =
                    PutDeviceRequest { mac: number, profile: name, serial: serial.into(), ..Default::default() };
                provider.put(request).await.map(drop)
            }
            40..60 => provider.delete_device(number).await,
            60..75 => {
                let parameters = vec![rule(&format!("https://{drawn}.example/"))];
                provider.create_profile(&name, parameters).await.map(drop)
            }
            75..85 => {
                let parameters = vec![rule(&format!("https://{drawn}.example/{number}"))];
                provider.replace_profile(&Profile { parameters, ..profile }, version).await.map(drop)
            }
            85..94 => provider.delete_profile(&profile.id).await,
            _ => provider.set_frozen(drawn < 96).await,
        }
    }
}

async fn profiles_of(provider: &Provider) -> Vec<Profile> {
    let query = contracts::redirection::ListProfilesRequest {
        provider_id: provider.id.clone(),
        limit: 1000,
        after: String::new(),
    };
    provider.client.clone().list_profiles(query).await.expect("a page").into_inner().profiles
}

async fn five_hundred_changes_leave_memory_and_database_alike(kind: Kind) {
    for seed in [1, 2, 3] {
        let world = World::new(kind, seed).await;
        let second = world.opened_again().await;
        let dice = Dice(Randomness::seeded(seed + 100));
        let providers: Vec<Provider> = (0..3).map(|_| world.provider()).collect();
        for provider in &providers {
            provider.profile("0").await;
        }
        let mut made = 0;
        for _ in 0..50 {
            let mut wishes = JoinSet::new();
            for _ in 0..10 {
                let provider = dice.one_of(&providers);
                let mut profiles = profiles_of(&provider).await;
                profiles.push(Profile { id: "prf_x".into(), name: "0".into(), ..Profile::default() });
                let provider = if dice.below(2) == 0 { provider } else { provider.at(&second) };
                wishes.spawn(wish(&dice, provider, &profiles));
            }
            for answer in wishes.join_all().await {
                made += u32::from(answer.is_ok());
                if let Err(failure) = answer {
                    assert!(!failure.kind.is_our_fault() && failure.kind != ErrorKind::Throttled, "{failure:?}");
                }
            }
        }
        let before = answers(&world.opened_again().await).await;
        for service in [&world.service, &second] {
            let following = async { while answers(service).await != before {} };
            timeout(PATIENCE, following).await.unwrap_or_else(|_| panic!("seed {seed}: never alike"));
        }
        let redirected = before.iter().filter(|answer| matches!(answer, Answer::Redirect(_))).count();
        assert!(made > 80 && redirected > 0 && redirected < before.len(), "{made} changes, {redirected} redirects");
    }
}

async fn ten_thousand_phones_are_answered_after_a_restart(kind: Kind) {
    let world = World::new(kind, 5).await;
    let acme = world.provider();
    let profile = acme.profile("Main").await;
    world.service.close().await;
    let fill = "
        WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 25000)
        INSERT INTO device (mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at)
        SELECT $1 + n, $2, $3, 'S' || n, NULL, '', '', 0, 0 FROM number";
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let mut tx = db.write().await.expect("a transaction");
    let filled = on!(tx, conn => {
        let fill = sqlx::query(fill).bind(mac(0).cast_signed()).bind(&acme.id).bind(&profile.id);
        fill.execute(conn).await.expect("filled").rows_affected()
    });
    tx.commit().await.expect("committed");
    assert_eq!(filled, 25_000);
    db.close().await;

    let world = world.reopened().await;
    for number in [1, 2, 9_999, 10_000, 10_001, 19_999, 20_000, 20_001, 25_000] {
        let Answer::Redirect(redirect) = world.resolve(mac(number), &format!("s{number}")).await else {
            panic!("phone {number} is not answered")
        };
        assert_eq!(redirect.profile_id, profile.id);
        assert!(matches!(world.resolve(mac(number), "S0").await, Answer::Refusal(_)));
    }
    for number in [0, 25_001] {
        assert!(matches!(world.resolve(mac(number), "").await, Answer::Refusal(_)));
    }
}

on_each_database!(
    threads 4;
    five_hundred_changes_leave_memory_and_database_alike,
    ten_thousand_phones_are_answered_after_a_restart,
);
