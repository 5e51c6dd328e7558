//! The tables, and every statement on them. Functions that change something take a transaction, so
//! that `writer.rs` alone says when it is committed.

mod change_log;
mod claim_rules;
mod device_keys;
mod devices;
mod frozen;
mod holds;
mod imports;
mod load;
mod macs;
mod manifest;
mod ownership;
mod profiles;
mod provider_policy;
mod ranges;
mod reread;
mod sealing;
mod takeovers;
mod transfers;
mod windows;

use std::borrow::Cow;
use std::str::FromStr;

use storage::StoreError;

pub(crate) use change_log::{Behind, Kind, Position, Subject, append, begin, behind, head, phones, prune};
pub(crate) use claim_rules::{claim_rule_delete, claim_rule_list, claim_rule_of, claim_rule_put};
pub(crate) use device_keys::{NewKey, device_key_set};
pub(crate) use devices::{News, Put, device_delete, device_find, device_list, device_put};
pub(crate) use frozen::{Moved, provider_freeze, provider_must_be_free, provider_thaw};
pub(crate) use holds::{hold_delete, hold_find, hold_put, owners_find};
pub(crate) use imports::{import_facts, import_store};
pub(crate) use load::load;
pub(crate) use macs::Macs;
pub(crate) use manifest::{Imported, manifest_find, manifest_import};
pub(crate) use ownership::{
    Beginning, GivenBack, owner_find, ownership_begin, ownership_end, ownership_list, ownership_unseen,
};
pub(crate) use profiles::{
    NewProfile, ProfileQuery, Replacement, profile_create, profile_delete, profile_find, profile_list, profile_named,
    profile_replace,
};
pub(crate) use provider_policy::{provider_policy, provider_policy_set};
pub(crate) use ranges::{range_change, range_covering, range_create, range_delete, range_list};
pub(crate) use reread::reread;
pub(crate) use sealing::take_over;
pub(crate) use takeovers::{
    Handover, Silent, device_release_silent, device_take, devices_among, devices_move, devices_of_profile,
    devices_silent,
};
pub(crate) use transfers::{
    Decided, Overtaking, transfer_create, transfer_decide, transfer_find, transfer_find_open, transfer_heir,
    transfer_list, transfer_overtake, transfer_waiting,
};
pub(crate) use windows::{
    Closed, window_close, window_count, window_create, window_in_the_way, window_list, window_waiting,
};

/// A text that somebody looks for, as it can be asked for: PostgreSQL takes no NUL, and nothing is called so.
fn looked_for(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A column that only our own code writes.
#[derive(Clone, Copy)]
struct Column {
    table: &'static str,
    column: &'static str,
}

impl Column {
    const fn impossible(self) -> StoreError {
        StoreError::Inconsistent { table: self.table, column: self.column }
    }

    /// The value stored as `text`.
    fn parse<T: FromStr>(self, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.impossible())
    }
}
