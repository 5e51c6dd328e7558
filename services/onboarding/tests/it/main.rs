//! The service as its callers see it: through the generated client, with a real redirection behind it.

#[cfg(test)]
mod auditing;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod likeness;
#[cfg(test)]
mod personal;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod risks;
#[cfg(test)]
mod support;
