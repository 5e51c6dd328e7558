//! The service as its callers see it: the generated client, on the road the program uses.

#[cfg(test)]
mod acts;
#[cfg(test)]
mod claiming;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod freezing;
#[cfg(test)]
mod history;
#[cfg(test)]
mod importing;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod proving;
#[cfg(test)]
mod races;
#[cfg(test)]
mod ranges;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod resolving;
#[cfg(test)]
mod resolving_many;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod support;
#[cfg(test)]
mod taking_turns;
#[cfg(test)]
mod transferring;
#[cfg(test)]
mod unseen;
#[cfg(test)]
mod windows;
#[cfg(test)]
mod wishes;
