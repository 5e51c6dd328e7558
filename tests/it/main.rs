//! The system as its users see it: the real program as a process, over real sockets and real TLS,
//! asked by curl and by the virtual phone.

#[cfg(test)]
mod codes;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod security;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod support;
