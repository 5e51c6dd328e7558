//! Who asks.

/// Every kind of caller, one column each. The owner comes last: nobody before it may have changed anything of its own.
pub const CALLERS: [Caller; 15] = [
    Caller::Nobody,
    Caller::Forged,
    Caller::None,
    Caller::Hs256,
    Caller::Expired,
    Caller::WrongAudience,
    Caller::Stranger,
    Caller::Frozen,
    Caller::Narrowed,
    Caller::ReadOnly,
    Caller::Engineer,
    Caller::Reseller,
    Caller::Operator,
    Caller::OperatorForIt,
    Caller::Owner,
];

/// What the golden table says of them stands at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Nobody,
    Forged,
    None,
    Hs256,
    Expired,
    WrongAudience,
    Stranger,
    Frozen,
    Narrowed,
    ReadOnly,
    Engineer,
    Reseller,
    Operator,
    OperatorForIt,
    Owner,
}

impl Caller {
    /// The heading of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Forged => "forged",
            Self::None => "none",
            Self::Hs256 => "hs256",
            Self::Expired => "expired",
            Self::WrongAudience => "wrong_aud",
            Self::Stranger => "stranger",
            Self::Frozen => "frozen",
            Self::Narrowed => "narrowed",
            Self::ReadOnly => "read_only",
            Self::Engineer => "engineer",
            Self::Reseller => "reseller",
            Self::Operator => "operator",
            Self::OperatorForIt => "for_it",
            Self::Owner => "owner",
        }
    }

    /// Tells the things apart that were made for each.
    pub const fn number(self) -> usize {
        self as usize
    }

    /// Whether it names the owner's tenant in `Dialtone-Tenant`.
    pub const fn acts_for_the_owner(self) -> bool {
        matches!(self, Self::Reseller | Self::OperatorForIt)
    }
}
