//! The provider's side of the edge: the JSON API under `/v1`.
//!
//! A handler takes checked values from its extractors, asks the service that owns the matter, and
//! shows the answer. Who owns what is decided there, never here.

pub(crate) mod audit;
mod audit_cursor;
mod audit_export;
mod audit_merge;
pub(crate) mod claim_rules;
mod client_address;
pub(crate) mod clients;
mod code_body;
mod code_lines;
pub(crate) mod code_numbers;
mod code_sheet;
mod code_stream;
mod code_view;
pub(crate) mod codes;
mod csv;
pub(crate) mod customization;
pub(crate) mod device_import;
mod device_import_lines;
mod device_import_rows;
mod device_import_summary;
pub(crate) mod device_key;
pub(crate) mod devices;
pub(crate) mod json;
pub(crate) mod login;
mod mac_block;
pub(crate) mod manifest;
pub(crate) mod me;
pub(crate) mod moves;
mod owned;
pub(crate) mod ownership;
mod page;
pub(crate) mod people;
pub(crate) mod policy;
mod profile_body;
mod profile_view;
pub(crate) mod profiles;
pub(crate) mod ranges;
mod scan;
mod settings;
mod state_name;
pub(crate) mod tenants;
mod timeline_view;
pub(crate) mod token;
pub(crate) mod transfers;
pub(crate) mod windows;
mod words;

use vocabulary::ErrorKind;

use crate::problem::Problem;

/// A part of a service's answer that is always there, unless the service is at fault.
pub(crate) fn promised<T>(part: Option<T>) -> Result<T, Problem> {
    part.ok_or_else(|| Problem::new(ErrorKind::Internal, "answer_incomplete", "a service gave an incomplete answer"))
}
