//! A wrapper that keeps a value out of logs, spans and error texts.

use std::fmt;

/// A value that must not be printed. `Debug` shows only the type; there is no `Display`.
///
/// Reading it takes [`Secret::expose`], so that each use can be found with a search.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Marks `value` as secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_does_not_show_the_value() {
        assert_eq!(format!("{:?}", Secret::new("5414011256173816")), "Secret(****)");
    }
}
