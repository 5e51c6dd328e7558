//! What a phone and its provider go through, from the box to dial tone.

mod branches;
mod copy;
mod doors;
mod importing;
mod migrate;
mod people;
mod provider_api;
mod readme;
mod redirect;
mod tenancy;
mod traces;
