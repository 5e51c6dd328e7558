//! Who may do what, and what nobody may see.

mod access_matrix;
mod activation_codes;
mod forger;
mod forgeries;
mod secrets;
