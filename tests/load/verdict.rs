//! What a section comes to.

use std::fmt;

/// Whether what was measured keeps its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Over,
}

impl Verdict {
    pub const fn of(is_over: bool) -> Self {
        if is_over { Self::Over } else { Self::Ok }
    }

    /// Of two, the worse.
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ok, Self::Ok) => Self::Ok,
            (Self::Over, _) | (_, Self::Over) => Self::Over,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Over => "over",
        })
    }
}
