//! What a phone tells the server that sent it on its way: one JSON object by POST.

use serde::Serialize;

use crate::failure::Class;

/// A report's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Report {
    /// The profile is downloaded and in force.
    ResyncSucceeded { firmware: String },
    /// It is not.
    ResyncFailed {
        class: Class,
        /// The HTTP status, or null when there was none.
        status: Option<u16>,
        /// Null when the phone will not try again.
        retry_in_seconds: Option<u64>,
        firmware: String,
    },
    /// DHCP named a server whose profile is in force.
    ProvisionedByDhcp,
    /// A user typed the settings in.
    ProvisionedByHand {
        #[serde(rename = "where")]
        place: &'static str,
    },
    /// Everything is forgotten.
    FactoryReset,
}

impl Report {
    /// The value of `event`.
    pub(crate) const fn event(&self) -> &'static str {
        match self {
            Self::ResyncSucceeded { .. } => "resync_succeeded",
            Self::ResyncFailed { .. } => "resync_failed",
            Self::ProvisionedByDhcp => "provisioned_by_dhcp",
            Self::ProvisionedByHand { .. } => "provisioned_by_hand",
            Self::FactoryReset => "factory_reset",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodies_are_those_that_were_agreed() {
        let firmware = || "11.0.1".to_owned();
        let failed = |status, retry_in_seconds| Report::ResyncFailed {
            class: Class::B,
            status,
            retry_in_seconds,
            firmware: firmware(),
        };
        for (report, body) in [
            (Report::ResyncSucceeded { firmware: firmware() }, r#"{"event":"resync_succeeded","firmware":"11.0.1"}"#),
            (
                failed(Some(404), Some(60)),
                r#"{"event":"resync_failed","class":"B","status":404,"retry_in_seconds":60,"firmware":"11.0.1"}"#,
            ),
            (
                failed(None, None),
                r#"{"event":"resync_failed","class":"B","status":null,"retry_in_seconds":null,"firmware":"11.0.1"}"#,
            ),
            (Report::ProvisionedByDhcp, r#"{"event":"provisioned_by_dhcp"}"#),
            (Report::ProvisionedByHand { place: "lcd" }, r#"{"event":"provisioned_by_hand","where":"lcd"}"#),
            (Report::FactoryReset, r#"{"event":"factory_reset"}"#),
        ] {
            assert_eq!(serde_json::to_string(&report).expect("JSON"), body);
            assert!(body.contains(report.event()));
        }
    }
}
