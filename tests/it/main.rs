//! The system as its users see it: the real program as a process, over real sockets and real TLS,
//! asked by curl and by the virtual phone.

mod codes;
mod faults;
mod journeys;
mod security;
mod structure;
mod support;
