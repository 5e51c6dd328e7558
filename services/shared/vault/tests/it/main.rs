//! The vault on a database file: what a service and a thief find there.

#[cfg(test)]
mod keeping;
