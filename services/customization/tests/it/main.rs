//! The service as its callers see it: through the generated client, on a database file.

#[cfg(test)]
mod auditing;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod phones;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod repeating;
#[cfg(test)]
mod upgrade;
