//! Who may call which service. The one table of it.

/// A caller, as its certificate (or, in one process, its place in the assembly) names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The edge.
    Gateway,
    /// Activation codes.
    Onboarding,
}

/// The callers of each gRPC service. A service that is not listed may be called by nobody.
const CALLERS: [(&str, &[Peer]); 4] = [
    ("dialtone.accounts.v1.AccountsService", &[Peer::Gateway]),
    ("dialtone.redirection.v1.RedirectionService", &[Peer::Gateway, Peer::Onboarding]),
    ("dialtone.onboarding.v1.OnboardingService", &[Peer::Gateway]),
    ("dialtone.customization.v1.CustomizationService", &[Peer::Gateway, Peer::Onboarding]),
];

impl Peer {
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
    }
}
