//! One file for each subcommand.

pub mod audit;
pub mod copy;
pub mod demo;
pub mod installation;
pub mod keys;
pub mod migrate;
pub mod operator;
pub mod phone;
pub mod pki;
pub mod serve;
