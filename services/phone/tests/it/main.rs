//! The phone against real servers on loopback: a stub of remote customization, and the reference
//! provisioning server.

#[cfg(test)]
mod by_hand_and_dhcp;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod statuses;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod tls;
