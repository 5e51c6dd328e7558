//! The services behind the edge, as generated clients over whatever road the assembly laid.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::audit::audit_service_client::AuditServiceClient;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::onboarding::onboarding_service_client::OnboardingServiceClient;
use contracts::redirection::redirection_service_client::RedirectionServiceClient;
use rpc::{Road, Transport};

/// How long a service may take over a phone's question. The phone itself waits longer.
pub(crate) const PHONE_DEADLINE: Duration = Duration::from_secs(2);
/// How long a service may take over a provider's request.
pub(crate) const PROVIDER_DEADLINE: Duration = Duration::from_secs(10);

/// A client for each service. Clones share the same roads.
#[derive(Debug, Clone)]
pub struct Backends {
    /// Who may speak.
    pub accounts: AccountsServiceClient<Transport>,
    /// MAC to provider.
    pub redirection: RedirectionServiceClient<Transport>,
    /// The processes of that service, which phones' questions go to in batches; `None` where it runs in this one.
    pub redirection_elsewhere: Option<Road>,
    /// Activation codes.
    pub onboarding: OnboardingServiceClient<Transport>,
    /// How far a phone has come.
    pub customization: CustomizationServiceClient<Transport>,
    /// What was done, by whom: the log of each of them, in the order above.
    pub audit: [AuditServiceClient<Transport>; 4],
}

/// Asks a service whether it can do its work.
pub type Probe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// One probe for each service that has something to fail, by the service's name.
pub type Probes = Vec<(&'static str, Probe)>;
