//! The service as the gateway sees it: the generated client over the in-process road.

#[cfg(test)]
mod login;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod support;
