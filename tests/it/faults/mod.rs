//! What is survived, refused or lost when something is away, slow, hostile or dead.

mod bookkeeping;
mod clients;
mod crash;
mod start_stop;
