//! What a phone and its provider go through, from the box to dial tone.

mod branches;
mod doors;
mod people;
mod provider_api;
mod readme;
mod redirect;
mod tenancy;
mod traces;
