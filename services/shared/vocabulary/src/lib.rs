//! The words every other crate speaks: pure types, no tokio, no SQL, no gRPC, no HTTP.
//!
//! A value of one of these types has already been checked; text is parsed once, at the edge.

mod activation_code;
mod clock;
mod device_text;
mod error_kind;
mod id;
mod mac_address;
mod name;
mod profile_rule;
mod randomness;
mod scope;
mod secret;

pub use activation_code::{ActivationCode, CodeKind, InvalidActivationCode};
pub use clock::{Clock, InvalidTimestamp, ManualClock, Timestamp};
pub use device_text::{DeviceModel, Firmware, InvalidDeviceText, SerialNumber};
pub use error_kind::ErrorKind;
pub use id::{ClientId, CodeId, InvalidId, PersonId, ProfileId, ProviderId, RangeId, SecretId, TransferId, WindowId};
pub use mac_address::{InvalidMacAddress, MacAddress};
pub use name::{InvalidName, Name};
pub use profile_rule::{InvalidProfileRule, ProfileRule, RuleKind, RuleUrl, Scheme};
pub use randomness::Randomness;
pub use scope::{Scope, Scopes, UnknownScope};
pub use secret::Secret;
