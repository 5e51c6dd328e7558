//! What somebody states of a phone is in the audit log; what phones do is not.

use contracts::audit::audit_service_client::AuditServiceClient;
use contracts::audit::{Act, ListActsRequest};
use contracts::customization::observation::Event;
use contracts::customization::{Associated, Evidence, FactoryReset, Observation};
use prometheus_client::registry::Registry;
use rpc::{Peer, RpcMetrics, local};
use storage::on_each_database;
use storage::testing::Kind;

use crate::phones::{World, acme, asked, observed, profile};

async fn acts(world: &World) -> Vec<Act> {
    let metrics = RpcMetrics::register(&mut Registry::default());
    let mut client = AuditServiceClient::new(local(world.service.audit_server(), Peer::Gateway, metrics));
    let request = ListActsRequest { limit: 1000, ..ListActsRequest::default() };
    client.list_acts(request).await.expect("acts").into_inner().acts
}

fn stated(id: u128, event: Event) -> Observation {
    Observation {
        evidence: Evidence::Stated.into(),
        provider_id: acme().to_string(),
        subject: "cli_test".to_owned(),
        request_id: "r-1".to_owned(),
        subject_tenant: "prv_above".to_owned(),
        subject_source: "192.0.2.7".to_owned(),
        ..observed(id, event)
    }
}

async fn a_statement_is_audited_once_and_with_who_made_it(kind: Kind) {
    let world = World::new(kind).await;
    let batch = [observed(1, asked()), stated(2, Event::FactoryReset(FactoryReset {}))];
    assert_eq!(world.record(&batch).await, Ok(2));
    // The same batch once more is neither recorded nor audited.
    assert_eq!(world.record(&batch).await, Ok(0));
    let acts = acts(&world).await;
    assert_eq!(acts.len(), 1, "{acts:?}");
    let act = acts.first().expect("one act");
    assert_eq!((act.verb.as_str(), act.target.as_str()), ("device.state", "0004f2aabbcc"));
    assert_eq!((act.subject.as_str(), act.source.as_str()), ("cli_test", "192.0.2.7"));
    assert_eq!((act.concerns.as_str(), act.subject_tenant.as_str()), (acme().as_str(), "prv_above"));
    assert_eq!(act.detail, r#"{"event":"factory_reset"}"#);
}

async fn registering_is_audited_where_it_is_done_and_not_here(kind: Kind) {
    let world = World::new(kind).await;
    let associated = Event::Associated(Associated { profile_id: profile().to_string() });
    assert_eq!(world.record(&[stated(1, associated)]).await, Ok(1));
    assert_eq!(acts(&world).await, []);
}

on_each_database!(
    a_statement_is_audited_once_and_with_who_made_it,
    registering_is_audited_where_it_is_done_and_not_here,
);
