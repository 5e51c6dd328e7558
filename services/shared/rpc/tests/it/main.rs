//! Processes that call each other under mutual TLS: real sockets, real handshakes.

mod authority;
mod mesh;
