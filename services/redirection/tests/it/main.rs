//! The service as its callers see it: the generated client, on the road the program uses.

#[cfg(test)]
mod devices;
#[cfg(test)]
mod freezing;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod races;
#[cfg(test)]
mod resolving;
#[cfg(test)]
mod support;
