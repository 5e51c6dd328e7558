//! Processes that call each other under mutual TLS: real sockets, real handshakes.

#[cfg(test)]
mod authority;
#[cfg(test)]
mod mesh;
#[cfg(test)]
mod process;
#[cfg(test)]
mod replicas;
