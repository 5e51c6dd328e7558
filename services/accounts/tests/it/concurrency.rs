//! What people and programs do at the same moment, here and in another process on the same database.

use std::time::Duration;

use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::accounts::{
    AcceptInvitationRequest, ChangePersonRequest, CreateTenantRequest, LogInRequest, RemovePersonRequest,
    RevokeClientRequest, Role, RotateClientSecretRequest, SetFrozenRequest, TenantKind,
};
use rpc::{Failure, Transport};
use storage::testing::Kind;
use storage::{on, on_each_database};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::acts::acts;
use crate::support::{PASSWORD, START, World, root};

type Client = AccountsServiceClient<Transport>;

/// Makes providers below `parent` until that is refused, and says so with each.
async fn make_many(mut gateway: Client, (parent, maker): (String, usize), made: mpsc::Sender<()>) -> String {
    for nth in 0.. {
        let request = CreateTenantRequest {
            parent_id: parent.clone(),
            kind: TenantKind::Provider.into(),
            name: format!("{maker} {nth}"),
            ..CreateTenantRequest::default()
        };
        if let Err(refused) = gateway.create_tenant(request).await {
            return Failure::from(refused).reason;
        }
        let _ = made.try_send(());
    }
    String::new()
}

async fn nothing_is_made_below_who_was_frozen_before(kind: Kind) {
    let world = World::new(kind).await;
    let (above, _) = world.create(&root(), TenantKind::Reseller, "Above").await.expect("created");
    let (parent, _) = world.create(&above.id, TenantKind::Reseller, "Parent").await.expect("created");
    let (made, mut first) = mpsc::channel(1);
    let mut makers = JoinSet::new();
    for maker in 0..8 {
        makers.spawn(make_many(world.gateway(), (parent.id.clone(), maker), made.clone()));
    }
    first.recv().await.expect("one is made");
    world.set_frozen(&above.id, true).await.expect("frozen");
    assert!(makers.join_all().await.iter().all(|reason| reason == "provider_frozen"));
    let acts = acts(&world).await;
    let frozen = acts.iter().position(|act| act.0 == "tenant.freeze").expect("frozen");
    assert!(frozen > 5 && frozen + 1 == acts.len(), "{:?}", acts.get(frozen..));
}

async fn a_client_never_has_more_good_secrets_than_five(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    let request = RotateClientSecretRequest {
        tenant_id: provider.id.clone(),
        client_id: client.client_id.clone(),
        overlap_seconds: 3600,
        ..RotateClientSecretRequest::default()
    };
    let mut rotations = JoinSet::new();
    for mut gateway in world.both().await.into_iter().cycle().take(8) {
        let request = request.clone();
        rotations.spawn(async move { gateway.rotate_client_secret(request).await });
    }
    let mut good = 1;
    for rotated in rotations.join_all().await {
        match rotated {
            Ok(_) => good += 1,
            Err(status) => assert_eq!(Failure::from(status).reason, "too_many_secrets"),
        }
    }
    assert_eq!(good, 5);
    let ends: Vec<Option<i64>> = on!(world.reader().await, conn => {
        sqlx::query_scalar("SELECT expires_at FROM client_secret").fetch_all(conn).await.expect("secrets")
    });
    assert_eq!((ends.len(), ends.iter().filter(|end| end.is_none()).count()), (5, 1), "the last one given stays");
}

async fn what_many_end_at_once_is_ended_and_written_down_once(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, client) = world.provider("Acme").await;
    let (person, _) = world.invite(&provider.id, "jo@example.com", Role::Owner).await.expect("invited");
    let mut ends = JoinSet::new();
    for mut gateway in world.both().await.into_iter().cycle().take(8) {
        let tenant_id = provider.id.clone();
        let removal = RemovePersonRequest { tenant_id: tenant_id.clone(), person_id: person.id.clone() };
        let revocation = RevokeClientRequest { tenant_id: tenant_id.clone(), client_id: client.client_id.clone() };
        ends.spawn(async move {
            // Whoever comes later finds nobody.
            let removed = answer(gateway.remove_person(removal)).await;
            assert!(["", "person_not_found"].contains(&removed.as_str()), "{removed}");
            gateway.revoke_client(revocation).await.expect("revoked");
            gateway.set_frozen(SetFrozenRequest { tenant_id, frozen: true }).await.expect("frozen");
        });
    }
    ends.join_all().await;
    let acts = acts(&world).await;
    for verb in ["person.remove", "client.revoke", "tenant.freeze"] {
        assert_eq!(acts.iter().filter(|act| act.0 == verb).count(), 1, "{verb}");
    }
}

/// What somebody says to the wish.
async fn answer<T>(wish: impl Future<Output = Result<T, tonic::Status>>) -> String {
    wish.await.map_or_else(|status| Failure::from(status).reason, |_| String::new())
}

async fn who_accepts_is_changed_and_removed_at_once_waits_for_nobody_in_vain(kind: Kind) {
    let world = World::new(kind).await;
    let (provider, _) = world.provider("Acme").await;
    let [one, other] = world.both().await;
    for _ in 0..6 {
        let (person, invitation) = world.invite(&provider.id, "jo@example.com", Role::Owner).await.expect("invited");
        let mut answers = JoinSet::new();
        for (nth, mut gateway) in [&one, &other, &one, &other].into_iter().cloned().enumerate() {
            let accept = AcceptInvitationRequest { invitation: invitation.clone(), password: PASSWORD.to_owned() };
            let change = ChangePersonRequest {
                tenant_id: provider.id.clone(),
                person_id: person.id.clone(),
                role: if nth % 2 == 0 { Role::Owner } else { Role::Engineer }.into(),
                invite_again: true,
                remove_totp: true,
                ..ChangePersonRequest::default()
            };
            let mut neighbour = gateway.clone();
            answers.spawn(async move { answer(gateway.accept_invitation(accept)).await });
            answers.spawn(async move { answer(neighbour.change_person(change)).await });
        }
        let removal = RemovePersonRequest { tenant_id: provider.id.clone(), person_id: person.id.clone() };
        let mut gateway = one.clone();
        answers.spawn(async move { answer(gateway.remove_person(removal)).await });
        for reason in answers.join_all().await {
            assert!(["", "invitation_not_found", "person_not_found"].contains(&reason.as_str()), "{reason}");
        }
    }
}

/// One wrong try of each of three accounts, from each of three networks, twice, and all at once.
async fn guess(gateways: &[Client; 2]) {
    let mut guesses = JoinSet::new();
    for gateway in gateways {
        for (account, network) in (0..3).flat_map(|account| (0..3).map(move |network| (account, network))) {
            let request = LogInRequest {
                email: format!("nobody{account}@example.com"),
                password: "not the password at all".to_owned(),
                totp: String::new(),
                source: format!("198.51.{network}.1"),
            };
            let mut gateway = gateway.clone();
            guesses.spawn(async move { answer(gateway.log_in(request)).await });
        }
    }
    assert!(guesses.join_all().await.iter().all(|reason| reason == "invalid_login"));
}

async fn no_wrong_try_is_lost_among_many(kind: Kind) {
    const MINUTE: i64 = 60_000_000;
    let world = World::new(kind).await;
    let gateways = world.both().await;
    let mut now = START.as_micros();
    for _ in 0..4 {
        guess(&gateways).await;
        let budgets: Vec<(String, i64)> = on!(world.reader().await, conn => {
            sqlx::query_as("SELECT key, whole_at FROM login_budget").fetch_all(conn).await.expect("budgets")
        });
        assert_eq!(budgets.len(), 9 + 3 + 3, "{budgets:?}");
        for (key, whole_at) in budgets {
            let tries_and_step = match key.split_once(':') {
                Some(("pair", _)) => 2 * 5,
                Some(("network", _)) => 6,
                Some(("account", _)) => 6 * 5,
                _ => panic!("{key}"),
            };
            assert_eq!(whole_at - now, tries_and_step * MINUTE, "{key}");
        }
        // All of them are whole again and to be forgotten, by everybody who comes next.
        world.clock.advance(Duration::from_hours(1));
        now += 60 * MINUTE;
    }
}

on_each_database!(
    threads 4;
    nothing_is_made_below_who_was_frozen_before,
    a_client_never_has_more_good_secrets_than_five,
    what_many_end_at_once_is_ended_and_written_down_once,
    who_accepts_is_changed_and_removed_at_once_waits_for_nobody_in_vain,
    no_wrong_try_is_lost_among_many,
);
