//! What is survived, refused or lost when something is away, slow, hostile or dead.

mod bookkeeping;
mod certificates;
mod clients;
mod clock;
mod crash;
mod disk;
mod histories;
mod overload;
mod postgres;
mod scene;
mod services;
mod start_stop;
mod table;
