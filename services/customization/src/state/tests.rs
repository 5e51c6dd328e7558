//! The whole transition table, and the roads through it that the chapter names.

use std::fmt::Write;
use std::path::Path;

use super::*;
use crate::event::EventKind;
use crate::samples::event;

/// The whole table as text, one line for each event and state.
fn table() -> String {
    let mut text = String::from(
        "# What each event does in each state: services/customization/src/state.rs.\n\
         # UPDATE_GOLDEN=1 cargo test -p customization  writes this file anew.\n",
    );
    for kind in EventKind::ALL {
        writeln!(text, "\n{}", kind.word()).expect("text");
        for state in State::ALL {
            let outcome = match apply(*state, &event(*kind)) {
                Ok(Transition::To(to)) if to == *state => "stays".to_owned(),
                Ok(Transition::To(to)) => format!("-> {}", to.word()),
                Ok(Transition::ResetThenTo(to)) => format!("-> open (factory reset inferred) -> {}", to.word()),
                Err(refused) => format!("refused: {refused}"),
            };
            writeln!(text, "  {:<14} {outcome}", state.word()).expect("text");
        }
    }
    text
}

#[test]
fn the_table_is_the_golden_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/transitions.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, table()).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(table(), expected, "review the change, then run UPDATE_GOLDEN=1 cargo test -p customization");
}

#[test]
fn the_chapters_roads_lead_where_it_says() {
    for (events, end) in [
        (&[EventKind::Asked, EventKind::AnsweredWithProvider, EventKind::ResyncSucceeded][..], State::Acquired),
        (&[EventKind::ProvisionedByDhcp], State::Aborted),
        (&[EventKind::Asked, EventKind::AnsweredWithNothing], State::Unavailable),
        (
            &[
                EventKind::Asked,
                EventKind::AnsweredWithNothing,
                EventKind::Associated,
                EventKind::Asked,
                EventKind::AnsweredWithProvider,
            ],
            State::CustomPending,
        ),
        (&[EventKind::Asked, EventKind::AnsweredWithProvider, EventKind::ResyncFailed], State::CustomPending),
        (&[EventKind::Asked, EventKind::AnsweredWithProvider, EventKind::ProvisionedByHand], State::Aborted),
        (&[EventKind::ProvisionedByDhcp, EventKind::FactoryReset], State::Open),
    ] {
        let state = events.iter().try_fold(State::Open, |state, kind| match apply(state, &event(*kind))? {
            Transition::To(to) | Transition::ResetThenTo(to) => Ok::<_, Refused>(to),
        });
        assert_eq!(state, Ok(end), "{events:?}");
    }
}
