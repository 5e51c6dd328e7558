//! What a phone and its provider go through, from the box to dial tone.

mod branches;
mod doors;
mod redirect;
