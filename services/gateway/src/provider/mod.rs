//! The provider's side of the edge: the JSON API under `/v1`.
//!
//! A handler takes checked values from its extractors, asks the service that owns the matter, and
//! shows the answer. Who owns what is decided there, never here.

mod code_body;
mod code_lines;
pub(crate) mod code_numbers;
mod code_secrecy;
mod code_sheet;
mod code_stream;
mod code_view;
pub(crate) mod codes;
pub(crate) mod customization;
pub(crate) mod devices;
pub(crate) mod json;
mod owned;
mod page;
mod profile_body;
mod profile_view;
pub(crate) mod profiles;
pub(crate) mod providers;
mod scan;
mod settings;
mod state_name;
mod timeline_view;
pub(crate) mod token;

use vocabulary::ErrorKind;

use crate::problem::Problem;

/// A part of a service's answer that is always there, unless the service is at fault.
fn promised<T>(part: Option<T>) -> Result<T, Problem> {
    part.ok_or_else(|| Problem::new(ErrorKind::Internal, "answer_incomplete", "a service gave an incomplete answer"))
}
