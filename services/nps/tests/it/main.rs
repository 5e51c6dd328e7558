//! The server as a client sees it: real sockets, raw HTTP/1.1.

#[cfg(test)]
mod serving;
