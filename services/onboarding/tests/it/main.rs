//! The service as its callers see it: through the generated client.

#[cfg(test)]
mod redeeming;
