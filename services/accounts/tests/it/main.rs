//! The service as the gateway sees it: the generated client over the in-process road.

#[cfg(test)]
mod acts;
#[cfg(test)]
mod authorizing;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod login;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod people;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod second_factor;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod throttling;
