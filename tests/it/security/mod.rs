//! Who may do what, and what nobody may see.

mod access_matrix;
mod forger;
mod forgeries;
mod secrets;
