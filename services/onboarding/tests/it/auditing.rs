//! What providers and operators do with codes is in the audit log, once each, and no digits are.

use contracts::audit::audit_service_client::AuditServiceClient;
use contracts::audit::{Act, ListActsRequest};
use contracts::onboarding::{Limits, RevokeCodeRequest};
use prometheus_client::registry::Registry;
use rpc::{Peer, RpcMetrics, local};
use storage::on_each_database;
use storage::testing::Kind;

use crate::support::World;

async fn acts(world: &World) -> Vec<Act> {
    let metrics = RpcMetrics::register(&mut Registry::default());
    let mut client = AuditServiceClient::new(local(world.service.audit_server(), Peer::Gateway, metrics));
    let request = ListActsRequest { limit: 1000, ..ListActsRequest::default() };
    client.list_acts(request).await.expect("acts").into_inner().acts
}

async fn what_is_done_to_codes_is_audited_without_their_digits(kind: Kind) {
    let world = World::new(kind).await;
    let acme = world.provider().await;
    let code = acme.try_directory("654321", Limits::default()).await.expect("a code").code.expect("a code");
    let (_, personal) = acme.one().await;
    for _ in 0..2 {
        let request = RevokeCodeRequest { provider_id: acme.id.clone(), code_id: code.id.clone() };
        acme.codes.clone().revoke_code(request).await.expect("revoked");
    }
    let acts = acts(&world).await;
    let mut verbs: Vec<_> = acts.iter().map(|act| act.verb.as_str()).collect();
    verbs.reverse();
    assert_eq!(verbs, ["code.create", "code.create_personal", "code.revoke"]);
    assert!(acts.iter().all(|act| act.concerns == acme.id));
    let all = format!("{acts:?}");
    assert!(!all.contains(&personal) && !all.contains("654321"), "{all}");
}

on_each_database!(what_is_done_to_codes_is_audited_without_their_digits,);
