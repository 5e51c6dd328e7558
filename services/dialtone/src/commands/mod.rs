//! One file for each subcommand.

pub mod demo;
pub mod operator;
pub mod phone;
pub mod pki;
pub mod serve;
