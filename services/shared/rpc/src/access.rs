//! Who may call which service. The one table of it.

/// A caller, as its certificate (or, in one process, its place in the assembly) names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The edge.
    Gateway,
    /// Who may speak.
    Accounts,
    /// MAC to provider.
    Redirection,
    /// Activation codes.
    Onboarding,
    /// How far a phone has come.
    Customization,
}

/// The callers of each gRPC service. A service that is not listed may be called by nobody.
const CALLERS: [(&str, &[Peer]); 6] = [
    ("dialtone.accounts.v1.AccountsService", &[Peer::Gateway]),
    ("dialtone.redirection.v1.RedirectionService", &[Peer::Gateway, Peer::Onboarding]),
    ("dialtone.onboarding.v1.OnboardingService", &[Peer::Gateway]),
    ("dialtone.customization.v1.CustomizationService", &[Peer::Gateway, Peer::Onboarding, Peer::Redirection]),
    // Served by each of them, of its own database.
    ("dialtone.audit.v1.AuditService", &[Peer::Gateway]),
    ("grpc.health.v1.Health", &Peer::ALL),
];

impl Peer {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Gateway, Self::Accounts, Self::Redirection, Self::Onboarding, Self::Customization];

    /// Its name as certificates and the audit log write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Accounts => "accounts",
            Self::Redirection => "redirection",
            Self::Onboarding => "onboarding",
            Self::Customization => "customization",
        }
    }

    /// Whether this peer may call the gRPC service of that full name.
    pub(crate) fn may_call(self, service: &str) -> bool {
        CALLERS.iter().any(|(name, peers)| *name == service && peers.contains(&self))
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn only_listed_callers_may_call() {
        assert!(Peer::Gateway.may_call("dialtone.accounts.v1.AccountsService"));
        assert!(!Peer::Onboarding.may_call("dialtone.accounts.v1.AccountsService"));
        assert!(!Peer::Gateway.may_call("dialtone.accounts.v1.Unlisted"));
        assert!(Peer::Gateway.may_call("dialtone.audit.v1.AuditService"));
        assert!(!Peer::Onboarding.may_call("dialtone.audit.v1.AuditService"));
        assert!(Peer::Redirection.may_call("dialtone.customization.v1.CustomizationService"));
        assert!(!Peer::Redirection.may_call("dialtone.redirection.v1.RedirectionService"));
    }
}
