//! The chapter's words for how far a phone has come, and where a page of phones stands.

use std::collections::HashMap;
use std::str::FromStr;

use contracts::customization::{GetStatesRequest, Phone, State};
use rpc::{Failure, within};

use crate::Gateway;
use crate::backends::PROVIDER_DEADLINE;

/// The word for a state; `None` where the service names none.
pub(super) const fn state_name(state: State) -> Option<&'static str> {
    match state {
        State::Unspecified => None,
        State::Open => Some("Open"),
        State::Pending => Some("Pending"),
        State::CustomPending => Some("Custom Pending"),
        State::Acquired => Some("Acquired"),
        State::Aborted => Some("Aborted"),
        State::Unavailable => Some("Unavailable"),
    }
}

/// A state that phones are looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WantedState(pub State);

/// The text is no state's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of Open, Pending, Custom Pending, Acquired, Aborted and Unavailable")]
pub(super) struct UnknownState;

impl FromStr for WantedState {
    type Err = UnknownState;

    /// In any case, with a space, a dash or an underscore.
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let wanted = text.replace(['-', '_'], " ");
        let states =
            [State::Open, State::Pending, State::CustomPending, State::Acquired, State::Aborted, State::Unavailable];
        let named = |state: &State| state_name(*state).is_some_and(|name| name.eq_ignore_ascii_case(&wanted));
        states.into_iter().find(named).map(Self).ok_or(UnknownState)
    }
}

/// Where phones stand.
pub(super) struct States(HashMap<u64, State>);

impl States {
    /// Asks the customization service about at most 1000 phones.
    pub async fn of(gateway: &Gateway, macs: Vec<u64>) -> Result<Self, Failure> {
        if macs.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        Ok(Self(phones(gateway, macs).await?.into_iter().map(|phone| (phone.mac, phone.state())).collect()))
    }

    /// Where this phone stands; one never heard of is Open.
    pub fn get(&self, mac: u64) -> State {
        self.0.get(&mac).copied().unwrap_or(State::Open)
    }

    /// Whether it was ever heard of.
    pub fn has(&self, mac: u64) -> bool {
        self.0.contains_key(&mac)
    }

    #[cfg(test)]
    pub fn known(states: impl IntoIterator<Item = (u64, State)>) -> Self {
        Self(states.into_iter().collect())
    }
}

/// What is known of these phones; those never heard of are left out.
pub(super) async fn phones(gateway: &Gateway, macs: Vec<u64>) -> Result<Vec<Phone>, Failure> {
    let request = within(PROVIDER_DEADLINE, GetStatesRequest { macs });
    Ok(gateway.backends().customization.clone().get_states(request).await?.into_inner().phones)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_understood_however_they_are_spelled() {
        for text in ["Custom Pending", "custom-pending", "CUSTOM_PENDING", "custom pending"] {
            assert_eq!(text.parse(), Ok(WantedState(State::CustomPending)), "{text}");
        }
        for text in ["", "custompending", "Unspecified", "Pending ", "STATE_OPEN"] {
            assert_eq!(text.parse::<WantedState>(), Err(UnknownState), "{text}");
        }
    }

    #[test]
    fn every_state_is_found_by_its_own_name() {
        for number in 1..=6 {
            let state = State::try_from(number).expect("a state");
            let name = state_name(state).expect("a name");
            assert_eq!(name.parse(), Ok(WantedState(state)));
        }
    }

    #[test]
    fn a_phone_never_heard_of_is_open() {
        assert_eq!(States::known([(1, State::Acquired)]).get(1), State::Acquired);
        assert_eq!(States::known([]).get(1), State::Open);
    }
}
