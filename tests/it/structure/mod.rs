//! Has something moved that others rely on? Reads the repository; starts the program only where needed.

mod contracts;
mod dependencies;
mod deployments;
mod files;
mod migrations;
mod migrations_parity;
