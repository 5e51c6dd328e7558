//! A service on its own database, a clock that stands still, and the client to it.

use std::sync::Arc;
use std::time::Duration;

use accounts::{Accounts, AccountsConfig};
use contracts::accounts::accounts_service_client::AccountsServiceClient;
use contracts::accounts::{
    AcceptInvitationRequest, AuthorizeRequest, AuthorizeResponse, CreateClientRequest, CreateClientResponse,
    CreateTenantRequest, GetKeysRequest, InvitePersonRequest, IssueTokenRequest, LogInRequest, NewSecret, Person, Role,
    SetFrozenRequest, Tenant, TenantKind,
};
use prometheus_client::registry::Registry;
use rpc::{Actor, Failure, Peer, RpcMetrics, Transport, within, within_as};
use storage::testing::{Kind, TestDatabase};
use storage::{Db, Reader};
use tempfile::TempDir;
use vault::MasterKey;
use vocabulary::{Clock, ManualClock, ProviderId, Randomness, Scopes, Timestamp};

/// 2026-11-22T18:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_795_370_400_000_000);
/// What the gateway allows a provider's request.
pub const ALLOWED: Duration = Duration::from_secs(10);
/// From where everybody logs in who is not said to come from elsewhere.
pub const HOME: &str = "192.0.2.7";
pub const PASSWORD: &str = "correct horse battery staple";

pub struct World {
    pub accounts: Accounts,
    pub clock: ManualClock,
    pub home: Home,
}

/// Where a service keeps what it owns.
pub struct Home {
    database: TestDatabase,
    folder: TempDir,
}

/// A tenant and its first client.
pub type Made = (Tenant, NewSecret);

impl World {
    pub async fn new(kind: Kind) -> Self {
        Self::on(Home::new(kind).await).await
    }

    /// The service on what is there already.
    pub async fn on(home: Home) -> Self {
        let clock = ManualClock::starting_at(START);
        let accounts = home.open(&clock, 1).await;
        Self { accounts, clock, home }
    }

    /// Ends the service and starts another on the same database, with other randomness.
    pub async fn restarted(self) -> Self {
        self.accounts.close().await;
        let accounts = self.home.open(&self.clock, 2).await;
        Self { accounts, ..self }
    }

    /// The clients to this service and to another one on the same database, as two processes would be.
    pub async fn both(&self) -> [AccountsServiceClient<Transport>; 2] {
        let other = self.home.open(&self.clock, 3).await;
        [self.gateway(), client(&other, Peer::Gateway)]
    }

    pub fn client(&self, caller: Peer) -> AccountsServiceClient<Transport> {
        client(&self.accounts, caller)
    }

    pub fn gateway(&self) -> AccountsServiceClient<Transport> {
        self.client(Peer::Gateway)
    }

    /// A connection to look into the database with.
    pub async fn reader(&self) -> Reader {
        self.home.database().await.read().await.expect("a connection")
    }

    /// A tenant of this kind below `parent`, with a client.
    pub async fn create(&self, parent: &str, kind: TenantKind, name: &str) -> Result<Made, Failure> {
        let request = CreateTenantRequest {
            parent_id: parent.to_owned(),
            kind: kind.into(),
            name: name.to_owned(),
            with_client: true,
            ..CreateTenantRequest::default()
        };
        let created = self.gateway().create_tenant(within_as(&jo(), ALLOWED, request)).await?.into_inner();
        Ok((created.tenant.expect("a tenant"), created.client.expect("a client")))
    }

    /// A provider directly below the operator.
    pub async fn provider(&self, name: &str) -> Made {
        self.create(&root(), TenantKind::Provider, name).await.expect("created")
    }

    pub async fn set_frozen(&self, tenant_id: &str, frozen: bool) -> Result<Tenant, Failure> {
        let request = SetFrozenRequest { tenant_id: tenant_id.to_owned(), frozen };
        let answer = self.gateway().set_frozen(within_as(&jo(), ALLOWED, request)).await?.into_inner();
        Ok(answer.tenant.expect("a tenant"))
    }

    pub async fn log_in(&self, client: &NewSecret) -> Result<String, Failure> {
        self.log_in_with(&client.client_id, &client.client_secret).await
    }

    pub async fn log_in_with(&self, client_id: &str, client_secret: &str) -> Result<String, Failure> {
        let issued = self.gateway().issue_token(within(ALLOWED, token_request(client_id, client_secret))).await?;
        assert_eq!(issued.get_ref().expires_in_seconds, 900);
        Ok(issued.into_inner().token)
    }

    pub async fn make_client(&self, tenant: &str, role: Role, scopes: &[&str]) -> CreateClientResponse {
        let request = CreateClientRequest {
            tenant_id: tenant.to_owned(),
            name: "robot".to_owned(),
            role: role.into(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            expires_at: 0,
            ..CreateClientRequest::default()
        };
        self.gateway().create_client(within_as(&jo(), ALLOWED, request)).await.expect("created").into_inner()
    }

    /// Invites somebody; who it is, and the invitation.
    pub async fn invite(&self, tenant: &str, email: &str, role: Role) -> Result<(Person, String), Failure> {
        let request = InvitePersonRequest {
            tenant_id: tenant.to_owned(),
            email: email.to_owned(),
            role: role.into(),
            ..InvitePersonRequest::default()
        };
        let invited = self.gateway().invite_person(within_as(&jo(), ALLOWED, request)).await?.into_inner();
        Ok((invited.person.expect("a person"), invited.invitation))
    }

    /// Chooses a password, from home.
    pub async fn accept(&self, invitation: &str, password: &str) -> Result<Person, Failure> {
        let request = AcceptInvitationRequest { invitation: invitation.to_owned(), password: password.to_owned() };
        let nobody = Actor { subject: "nobody".to_owned(), tenant: String::new(), ..jo() };
        let accepted = self.gateway().accept_invitation(within_as(&nobody, ALLOWED, request)).await?.into_inner();
        Ok(accepted.person.expect("a person"))
    }

    /// An owner of the tenant, who has chosen [`PASSWORD`].
    pub async fn owner(&self, tenant: &str, email: &str) -> Person {
        let (_, invitation) = self.invite(tenant, email, Role::Owner).await.expect("invited");
        self.accept(&invitation, PASSWORD).await.expect("accepted")
    }

    pub async fn person_logs_in(&self, email: &str, password: &str, totp: &str) -> Result<String, Failure> {
        self.person_logs_in_from(HOME, email, password, totp).await
    }

    pub async fn person_logs_in_from(
        &self,
        source: &str,
        email: &str,
        password: &str,
        totp: &str,
    ) -> Result<String, Failure> {
        let request = LogInRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            totp: totp.to_owned(),
            source: source.to_owned(),
        };
        Ok(self.gateway().log_in(within(ALLOWED, request)).await?.into_inner().token)
    }

    /// What `subject` may do for `tenant` with a token of all scopes.
    pub async fn authorize(&self, subject: &str, tenant: &str) -> Result<AuthorizeResponse, Failure> {
        let scopes = Scopes::all().iter().map(|scope| scope.to_string()).collect();
        let request = AuthorizeRequest { subject: subject.to_owned(), tenant_id: tenant.to_owned(), scopes };
        Ok(self.gateway().authorize(within(ALLOWED, request)).await?.into_inner())
    }

    pub async fn keys(&self) -> String {
        keys_of(&self.accounts).await
    }
}

pub fn token_request(client_id: &str, client_secret: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        client_id: client_id.to_owned(),
        client_secret: client_secret.to_owned(),
        source: HOME.to_owned(),
        scope: String::new(),
    }
}

pub fn root() -> String {
    ProviderId::operator().to_string()
}

/// Who asks for everything that is changed.
pub fn jo() -> Actor {
    Actor {
        subject: "per_j0000000000000000000".to_owned(),
        tenant: root(),
        source: HOME.to_owned(),
        request_id: "req-1".to_owned(),
    }
}

pub async fn keys_of(accounts: &Accounts) -> String {
    let request = within(ALLOWED, GetKeysRequest {});
    client(accounts, Peer::Gateway).get_keys(request).await.expect("keys").into_inner().jwks
}

fn client(accounts: &Accounts, caller: Peer) -> AccountsServiceClient<Transport> {
    let metrics = RpcMetrics::register(&mut Registry::default());
    AccountsServiceClient::new(rpc::local(accounts.server(), caller, metrics))
}

impl Home {
    pub async fn new(kind: Kind) -> Self {
        Self { database: TestDatabase::new(kind).await, folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn config(&self) -> AccountsConfig {
        AccountsConfig {
            database: self.database.place().clone(),
            signing_key: Some(self.folder.path().join("token.pem")),
            master: MasterKey::from_bytes([7; 32]),
        }
    }

    /// The database, beside the service.
    pub async fn database(&self) -> Db {
        Db::open_as_it_is(self.database.place()).await.expect("the database")
    }

    async fn open(&self, clock: &ManualClock, seed: u64) -> Accounts {
        let randomness = Arc::new(Randomness::seeded(seed));
        Accounts::open(self.config(), Clock::Manual(clock.clone()), randomness).await.expect("the service opens")
    }
}
