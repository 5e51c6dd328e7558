//! What both databases promise to those who store something, and what one on a server does when it goes away.

#[cfg(test)]
mod copying;
#[cfg(test)]
mod encryption;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod migrating;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
