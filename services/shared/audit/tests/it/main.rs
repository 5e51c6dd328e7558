//! The log as services write it and readers see it, on a database file.

#[cfg(test)]
mod keeping;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod world;
