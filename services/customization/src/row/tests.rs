//! What was written is read again, however it was cut into batches.

use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::samples::{any_life, observed, phone};

/// The row as the database gives it back.
fn read(row: &NewRow) -> TimelineRow {
    TimelineRow {
        mac: row.mac,
        number: row.number,
        entry: row.entry.map(Vec::from),
        answer: row.answer.map(Vec::from),
        at: row.at,
        answered_at: row.answered_at,
        event: row.event.to_owned(),
        evidence: row.evidence.to_owned(),
        from_state: row.from_state.to_owned(),
        to_state: row.to_state.to_owned(),
        facts: row.facts.clone(),
    }
}

fn newest(row: &NewRow) -> NewestRow {
    let columns = (row.mac, row.number, row.answer.is_some(), row.to_state.to_owned(), row.phone.clone());
    NewestRow::of(columns).expect("a row")
}

/// The rows of a phone to which this happens, in batches of so many, read from its rows before each.
fn written(life: &[Observation], size: usize) -> Vec<NewRow> {
    let mut rows: Vec<NewRow> = Vec::new();
    for batch in life.chunks(size) {
        let before = rows.last().map(|row| Phone::try_from(newest(row)).expect("a phone"));
        let mut phone = before.unwrap_or_else(|| Phone::unheard_of(phone()));
        let mut entries = Vec::new();
        for observation in batch {
            phone.observe(observation, &mut entries);
        }
        let records = Record::of(entries);
        rows.extend(NewRow::of(&records, &phone).map(|row| row.expect("a row")));
    }
    rows
}

proptest! {
    /// The rule before rows were shared: an entry is a row, and the phone is remembered.
    #[test]
    fn rows_say_what_an_entry_each_and_a_phone_would_say(life in any_life(), size in 1..10usize) {
        let mut phone = Phone::unheard_of(phone());
        let mut entries = Vec::new();
        for observation in &life {
            phone.observe(observation, &mut entries);
        }
        let rows = written(&life, size);
        let again: Vec<Entry<'_>> =
            rows.iter().flat_map(|row| Record::try_from(read(row)).expect("a record").into_entries()).collect();
        prop_assert_eq!(again, entries);
        if let Some(last) = rows.last() {
            prop_assert_eq!(Phone::try_from(newest(last)).expect("a phone"), phone);
        }
    }

    #[test]
    fn a_question_and_its_answer_are_one_row(life in any_life(), size in 1..10usize) {
        let rows = written(&life, size);
        let shared = rows.iter().filter(|row| row.answer.is_some()).count();
        let mut phone = Phone::unheard_of(phone());
        let mut entries = Vec::new();
        for observation in &life {
            phone.observe(observation, &mut entries);
        }
        prop_assert_eq!(rows.len() + shared, entries.len());
        for row in rows.iter().filter(|row| row.answer.is_some()) {
            prop_assert_eq!(row.event, "asked");
            prop_assert!(["custom_pending", "unavailable"].contains(&row.to_state));
        }
    }
}

#[test]
fn the_answer_of_one_request_does_not_join_the_question_of_another() {
    let asked = observed(EventKind::Asked);
    for (kind, request_id, rows) in [
        (EventKind::AnsweredWithProvider, "", 1),
        (EventKind::AnsweredWithNothing, "", 1),
        (EventKind::AnsweredWithProvider, "another", 2),
        (EventKind::FirmwareSeen, "", 2),
    ] {
        let answer = Observation { request_id: request_id.to_owned(), ..observed(kind) };
        assert_eq!(written(&[asked.clone(), answer], 2).len(), rows, "{kind:?} {request_id}");
    }
}

#[test]
fn what_cannot_be_is_an_error_that_names_its_column() {
    let rows = written(&[observed(EventKind::Asked)], 1);
    let row = read(&rows[0]);
    for (wrong, column) in [
        (TimelineRow { mac: 0, ..row.clone() }, "mac"),
        (TimelineRow { entry: Some(vec![1]), ..row.clone() }, "entry"),
        (TimelineRow { event: "sung".to_owned(), ..row.clone() }, "event"),
        (TimelineRow { to_state: "lost".to_owned(), ..row.clone() }, "to_state"),
        (TimelineRow { facts: "{".to_owned(), ..row.clone() }, "facts"),
        (TimelineRow { facts: "{}".to_owned(), ..row.clone() }, "facts"),
        (TimelineRow { answered_at: Some(1), ..row.clone() }, "facts"),
    ] {
        let error = Record::try_from(wrong).expect_err("impossible");
        assert!(matches!(error, StoreError::Inconsistent { table: "timeline", column: it } if it == column), "{error}");
    }
    assert!(matches!(Record::try_from(row).expect("a record").entry.observation.event, Event::Asked { .. }));
}
