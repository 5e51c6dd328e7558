//! What can be told of a phone from outside: by the phone itself (`POST /report/{token}`), or by its
//! owner (`POST /v1/devices/{mac}/timeline`). The same words for both.

use std::time::Duration;

use contracts::customization::observation::Event;
use contracts::customization::{
    FactoryReset, FirmwareSeen, ProvisionedByDhcp, ProvisionedByHand, ResyncFailed, ResyncSucceeded,
};
use serde::Deserialize;
use vocabulary::{Firmware, Timestamp};

use crate::provider::json::sentence;

/// No phone waits longer before it tries again; its own longest delay is a day.
const LONGEST_RETRY: Duration = Duration::from_hours(31 * 24);

/// Something that happened to a phone, as told; `firmware` is what the phone then ran, where that was
/// told too: 1 to 64 visible ASCII characters, or else the service leaves it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReportEvent {
    /// It downloaded and applied its provider's profile.
    ResyncSucceeded { firmware: Option<String> },
    /// It could not.
    ResyncFailed { failed: Failed, firmware: Option<String> },
    /// DHCP named its server.
    ProvisionedByDhcp { firmware: Option<String> },
    /// Somebody configured it.
    ProvisionedByHand { place: Option<Place>, firmware: Option<String> },
    /// It forgot everything.
    FactoryReset { firmware: Option<String> },
    /// Nothing but the firmware.
    Firmware { firmware: String },
}

/// How a resync failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed {
    class: Class,
    /// 100 to 999.
    status: Option<u16>,
    /// `None` where the phone will not try again, or does not say.
    retry_in: Option<Duration>,
}

/// The chapter's classes of failure ("HTTP Status Code Handling on Resync and Upgrade").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Class {
    B,
    C,
}

impl Class {
    const fn word(self) -> &'static str {
        match self {
            Self::B => "B",
            Self::C => "C",
        }
    }
}

/// Where somebody configured the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Lcd,
    Web,
}

impl Place {
    const fn word(self) -> &'static str {
        match self {
            Self::Lcd => "lcd",
            Self::Web => "web",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    ResyncSucceeded,
    ResyncFailed,
    ProvisionedByDhcp,
    ProvisionedByHand,
    FactoryReset,
    Firmware,
}

/// The report as written. Which members belong to which event is checked afterwards, because serde
/// would ignore those that do not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    event: Name,
    firmware: Option<String>,
    class: Option<Class>,
    status: Option<u16>,
    retry_in_seconds: Option<u64>,
    r#where: Option<Place>,
}

impl ReportEvent {
    /// Reads a report in JSON. `Err` is a sentence that says what was expected.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(json).map_err(|error| sentence(&error))?;
        written.refuse_misplaced()?;
        let firmware = written.firmware()?;
        Ok(match written.event {
            Name::ResyncSucceeded => Self::ResyncSucceeded { firmware },
            Name::ResyncFailed => Self::ResyncFailed { failed: written.failed()?, firmware },
            Name::ProvisionedByDhcp => Self::ProvisionedByDhcp { firmware },
            Name::ProvisionedByHand => Self::ProvisionedByHand { place: written.r#where, firmware },
            Name::FactoryReset => Self::FactoryReset { firmware },
            Name::Firmware => Self::Firmware {
                firmware: firmware.ok_or("the event firmware needs the member firmware, such as 11.0.1")?,
            },
        })
    }

    /// Which firmware the phone runs, where that was told.
    pub fn firmware(&self) -> Option<&str> {
        match self {
            Self::ResyncSucceeded { firmware }
            | Self::ResyncFailed { firmware, .. }
            | Self::ProvisionedByDhcp { firmware }
            | Self::ProvisionedByHand { firmware, .. }
            | Self::FactoryReset { firmware } => firmware.as_deref(),
            Self::Firmware { firmware } => Some(firmware),
        }
    }

    /// The event for the timeline; `now` is when it was told.
    pub fn into_event(self, now: Timestamp) -> Event {
        match self {
            Self::ResyncSucceeded { .. } => Event::ResyncSucceeded(ResyncSucceeded {}),
            Self::ResyncFailed { failed, .. } => Event::ResyncFailed(ResyncFailed {
                class: failed.class.word().to_owned(),
                status: failed.status.map(u32::from).unwrap_or_default(),
                retry_at: failed.retry_in.map(|delay| now.plus(delay).as_micros()).unwrap_or_default(),
            }),
            Self::ProvisionedByDhcp { .. } => Event::ProvisionedByDhcp(ProvisionedByDhcp {}),
            Self::ProvisionedByHand { place, .. } => {
                let place = place.map(Place::word).unwrap_or_default().to_owned();
                Event::ProvisionedByHand(ProvisionedByHand { place })
            }
            Self::FactoryReset { .. } => Event::FactoryReset(FactoryReset {}),
            Self::Firmware { .. } => Event::FirmwareSeen(FirmwareSeen {}),
        }
    }
}

impl Written {
    fn firmware(&self) -> Result<Option<String>, String> {
        let Some(text) = self.firmware.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        let firmware: Firmware = text.parse().map_err(|error| format!("firmware: {error}"))?;
        Ok(Some(firmware.to_string()))
    }

    fn refuse_misplaced(&self) -> Result<(), String> {
        let of_a_failure = self.class.is_some() || self.status.is_some() || self.retry_in_seconds.is_some();
        if of_a_failure && self.event != Name::ResyncFailed {
            return Err("class, status and retry_in_seconds belong to the event resync_failed only".to_owned());
        }
        if self.r#where.is_some() && self.event != Name::ProvisionedByHand {
            return Err("where belongs to the event provisioned_by_hand only".to_owned());
        }
        Ok(())
    }

    fn failed(&self) -> Result<Failed, String> {
        let class = self.class.ok_or("resync_failed needs class: B (not found or corrupt) or C (any other failure)")?;
        // 0 is what a phone may say where no server answered.
        let status = self.status.filter(|status| *status != 0);
        if status.is_some_and(|status| !(100..=999).contains(&status)) {
            return Err("status must be an HTTP status of three digits, or null where no server answered".to_owned());
        }
        // A delay of 0 means never (phone-facts, "Resync_Error_Retry_Delay").
        let retry_in = self.retry_in_seconds.filter(|seconds| *seconds != 0).map(Duration::from_secs);
        if retry_in.is_some_and(|delay| delay > LONGEST_RETRY) {
            return Err("retry_in_seconds must be at most 2678400, which is 31 days".to_owned());
        }
        Ok(Failed { class, status, retry_in })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn event(json: &str) -> Result<Event, String> {
        ReportEvent::from_json(json.as_bytes()).map(|report| report.into_event(NOW))
    }

    fn failed(status: u32, retry_at: i64) -> Event {
        Event::ResyncFailed(ResyncFailed { class: "B".to_owned(), status, retry_at })
    }

    #[test]
    fn every_event_is_read() {
        assert_eq!(event(r#"{"event":"resync_succeeded"}"#), Ok(Event::ResyncSucceeded(ResyncSucceeded {})));
        assert_eq!(event(r#"{"event":"provisioned_by_dhcp"}"#), Ok(Event::ProvisionedByDhcp(ProvisionedByDhcp {})));
        assert_eq!(event(r#"{"event":"factory_reset"}"#), Ok(Event::FactoryReset(FactoryReset {})));
        assert_eq!(event(r#"{"event":"firmware","firmware":"11.0.1"}"#), Ok(Event::FirmwareSeen(FirmwareSeen {})));
        for (json, place) in [
            (r#"{"event":"provisioned_by_hand","where":"lcd"}"#, "lcd"),
            (r#"{"event":"provisioned_by_hand","where":"web"}"#, "web"),
            (r#"{"event":"provisioned_by_hand"}"#, ""),
        ] {
            let wanted = Event::ProvisionedByHand(ProvisionedByHand { place: place.to_owned() });
            assert_eq!(event(json), Ok(wanted), "{json}");
        }
    }

    #[test]
    fn a_failure_says_what_the_server_answered_and_when_the_phone_tries_again() {
        let told = r#"{"event":"resync_failed","class":"B","status":404,"retry_in_seconds":60}"#;
        assert_eq!(event(told), Ok(failed(404, 61_000_000)));
        assert_eq!(
            event(r#"{"event":"resync_failed","class":"B","status":null,"retry_in_seconds":null}"#),
            Ok(failed(0, 0))
        );
        assert_eq!(event(r#"{"event":"resync_failed","class":"B","status":0,"retry_in_seconds":0}"#), Ok(failed(0, 0)));
        let longest = r#"{"event":"resync_failed","class":"B","retry_in_seconds":2678400}"#;
        assert_eq!(event(longest), Ok(failed(0, 2_678_401_000_000)));
    }

    #[test]
    fn the_firmware_is_told_with_any_event() {
        let report = |json: &str| ReportEvent::from_json(json.as_bytes()).expect("a report");
        assert_eq!(report(r#"{"event":"factory_reset","firmware":" 11.0.1 "}"#).firmware(), Some("11.0.1"));
        assert_eq!(report(r#"{"event":"factory_reset","firmware":""}"#).firmware(), None);
        assert_eq!(report(r#"{"event":"factory_reset"}"#).firmware(), None);
    }

    #[test]
    fn what_is_no_report_is_refused_with_what_was_expected() {
        for (json, wanted) in [
            ("", "EOF"),
            ("{}", "missing field `event`"),
            (r#"{"event":"exploded"}"#, "expected one of `resync_succeeded`, `resync_failed`"),
            (r#"{"event":"firmware"}"#, "needs the member firmware"),
            (r#"{"event":"firmware","firmware":"11\n"}"#, ""),
            (r#"{"event":"firmware","firmware":"é"}"#, "firmware: expected 1 to 64 visible ASCII characters"),
            (r#"{"event":"resync_failed"}"#, "needs class: B"),
            (r#"{"event":"resync_failed","class":"A"}"#, "expected `B` or `C`"),
            (r#"{"event":"resync_failed","class":"B","status":99}"#, "three digits"),
            (r#"{"event":"resync_failed","class":"B","status":1000}"#, "three digits"),
            (r#"{"event":"resync_failed","class":"B","retry_in_seconds":2678401}"#, "at most 2678400"),
            (r#"{"event":"resync_failed","class":"B","retry_in_seconds":-1}"#, "expected u64"),
            (r#"{"event":"resync_succeeded","class":"B"}"#, "belong to the event resync_failed only"),
            (r#"{"event":"factory_reset","where":"lcd"}"#, "belongs to the event provisioned_by_hand only"),
            (r#"{"event":"provisioned_by_hand","where":"phone"}"#, "expected `lcd` or `web`"),
            (r#"{"event":"factory_reset","why":"sold"}"#, "unknown field `why`"),
        ] {
            let told = ReportEvent::from_json(json.as_bytes());
            match wanted {
                "" => assert!(told.is_ok(), "{json}"),
                _ => assert!(told.as_ref().is_err_and(|sentence| sentence.contains(wanted)), "{json}: {told:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/ a-zA-Z_\"{}:,0-9é]{0,80}") {
            let _ = ReportEvent::from_json(text.as_bytes());
        }
    }
}
