//! What readers are shown.

use contracts::customization::observation::Event;
use contracts::customization::{
    AnsweredWithProvider, Asked, Associated, Evidence, FirmwareSeen, GetTimelineRequest, Observation, ProvisionedByHand,
};
use storage::on_each_database;
use storage::testing::Kind;
use vocabulary::{ErrorKind, ProviderId, Randomness};

use crate::phones::{
    NOW, PHONE, World, acme, asked, associated, by_dhcp, not_found, observed, reset, resynced, sent_nowhere,
    sent_to_provider,
};

fn request(before: u64, limit: u32) -> GetTimelineRequest {
    GetTimelineRequest { mac: PHONE, provider_id: acme().to_string(), before, limit }
}

async fn every_event_comes_back_as_it_was_recorded(kind: Kind) {
    let world = World::new(kind).await;
    let events = [
        asked(),
        sent_to_provider(),
        Event::ResyncFailed(not_found()),
        resynced(),
        Event::ProvisionedByHand(ProvisionedByHand { place: "web".to_owned() }),
        Event::ProvisionedByHand(ProvisionedByHand { place: String::new() }),
        reset(),
        asked(),
        sent_nowhere(),
        by_dhcp(),
        Event::FirmwareSeen(FirmwareSeen {}),
        associated(),
        Event::Dissociated(contracts::customization::Dissociated {}),
    ];
    let evidence = [Evidence::Observed, Evidence::Inferred, Evidence::Reported, Evidence::Stated];
    let batch: Vec<Observation> = (1..)
        .zip(events)
        .zip(evidence.into_iter().cycle())
        .map(|((id, event), evidence)| Observation {
            at: NOW + i64::try_from(id).expect("a small number"),
            evidence: evidence.into(),
            source: ["192.0.2.7", "2001:db8::7", ""][usize::try_from(id % 3).expect("a small number")].to_owned(),
            request_id: format!("req-\"{id}\"\0\u{e9}"),
            provider_id: acme().to_string(),
            firmware: "sip78xx.12-0-1MPP-609".to_owned(),
            model: "CP-7832-3PCC".to_owned(),
            ..observed(id, event)
        })
        .collect();
    assert_eq!(world.record(&batch).await, Ok(13));
    let timeline = world.timeline(&acme()).await;
    assert_eq!(timeline.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=13).collect::<Vec<_>>());
    assert!(timeline.iter().all(|entry| entry.refused.is_empty()), "{timeline:#?}");
    let kept: Vec<Observation> = timeline.into_iter().filter_map(|entry| entry.observation).collect();
    // A NUL is no character of a text.
    let expected =
        batch.into_iter().map(|seen| Observation { request_id: seen.request_id.replace('\0', "\u{fffd}"), ..seen });
    assert_eq!(kept, expected.collect::<Vec<_>>());
}

async fn a_timeline_is_read_page_by_page_newest_first(kind: Kind) {
    let world = World::new(kind).await;
    let batch: Vec<Observation> = (1..=5).map(|id| observed(id, asked())).collect();
    assert_eq!(world.record(&batch).await, Ok(5));
    let mut before = 0;
    for (numbers, more) in [(vec![5, 4], true), (vec![3, 2], true), (vec![1], false)] {
        let page = world.page(request(before, 2)).await.expect("a page");
        assert_eq!(page.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), numbers);
        assert_eq!(page.more, more);
        before = page.entries.last().map_or(0, |entry| entry.number);
    }
    // The last page can be exactly full.
    assert!(!world.page(request(0, 5)).await.expect("a page").more);
    assert_eq!(world.page(request(1, 5)).await.expect("a page").entries, []);
    let unheard_of = GetTimelineRequest { mac: 2, ..request(0, 5) };
    assert_eq!(world.page(unheard_of).await.expect("a page").entries, []);
}

/// A question and its answer are kept as one, and shown as two.
async fn a_page_may_end_between_a_question_and_its_answer(kind: Kind) {
    let world = World::new(kind).await;
    let batch =
        [observed(1, asked()), observed(2, sent_to_provider()), observed(3, asked()), observed(4, sent_nowhere())];
    assert_eq!(world.record(&batch).await, Ok(4));
    for (before, limit, numbers, more) in [
        (0, 1, vec![4], true),
        (4, 1, vec![3], true),
        (4, 2, vec![3, 2], true),
        (3, 2, vec![2, 1], false),
        (2, 2, vec![1], false),
        (0, 4, vec![4, 3, 2, 1], false),
        (0, 3, vec![4, 3, 2], true),
    ] {
        let page = world.page(request(before, limit)).await.expect("a page");
        let found: Vec<u64> = page.entries.iter().map(|entry| entry.number).collect();
        assert_eq!((found, page.more), (numbers, more), "{before} {limit}");
    }
}

async fn what_happened_under_another_provider_is_shown_in_outline(kind: Kind) {
    let world = World::new(kind).await;
    let theirs = ProviderId::draw(&Randomness::seeded(9));
    let whose = |id, event, provider_id: String| Observation {
        provider_id,
        source: "192.0.2.7".to_owned(),
        request_id: "req".to_owned(),
        ..observed(id, event)
    };
    let batch = [
        whose(1, asked(), String::new()),
        whose(2, sent_nowhere(), String::new()),
        whose(3, associated(), theirs.to_string()),
        whose(4, asked(), theirs.to_string()),
        whose(5, sent_to_provider(), theirs.to_string()),
        whose(6, Event::ResyncFailed(not_found()), theirs.to_string()),
        whose(7, asked(), acme().to_string()),
    ];
    assert_eq!(world.record(&batch).await, Ok(7));
    let seen: Vec<Observation> =
        world.timeline(&acme()).await.into_iter().filter_map(|entry| entry.observation).collect();
    let outlined =
        |id, event| Observation { source: String::new(), request_id: String::new(), ..whose(id, event, String::new()) };
    let expected = [
        batch[0].clone(),
        batch[1].clone(),
        outlined(3, Event::Associated(Associated::default())),
        outlined(4, Event::Asked(Asked::default())),
        outlined(5, Event::AnsweredWithProvider(AnsweredWithProvider::default())),
        outlined(6, Event::ResyncFailed(not_found())),
        batch[6].clone(),
    ];
    assert_eq!(seen, expected);
    // The owner of then sees its own part whole.
    let seen = world.timeline(&theirs).await;
    assert_eq!(seen[4].observation, Some(batch[4].clone()));
    assert_ne!(seen[6].observation, Some(batch[6].clone()));
}

async fn questions_out_of_bounds_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    for (wrong, reason) in [
        (request(0, 0), "invalid_limit"),
        (request(0, 1001), "invalid_limit"),
        (GetTimelineRequest { mac: 0, ..request(0, 1) }, "invalid_mac"),
        (GetTimelineRequest { provider_id: String::new(), ..request(0, 1) }, "invalid_provider_id"),
    ] {
        let failure = world.page(wrong).await.expect_err("malformed");
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, reason));
    }
    let macs: Vec<u64> = (1..=1001).map(|n| n << 8).collect();
    assert_eq!(world.states(&macs[..1000]).await, Ok(Vec::new()));
    let failure = world.states(&macs).await.expect_err("too many");
    assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Malformed, "too_many_phones"));
    let failure = world.states(&[PHONE, 0]).await.expect_err("malformed");
    assert!(failure.message.starts_with("phone 1: "), "{}", failure.message);
}

on_each_database!(
    every_event_comes_back_as_it_was_recorded,
    a_timeline_is_read_page_by_page_newest_first,
    a_page_may_end_between_a_question_and_its_answer,
    what_happened_under_another_provider_is_shown_in_outline,
    questions_out_of_bounds_are_refused,
);
