//! The wire: messages in, messages out.
//!
//! Generated messages print their secrets with `Debug`; they are taken apart here and never logged.

use std::time::Duration;

use contracts::accounts::accounts_service_server::AccountsService;
use contracts::accounts::{
    AcceptInvitationRequest, AcceptInvitationResponse, AuthorizeRequest, AuthorizeResponse, BeginTotpRequest,
    BeginTotpResponse, ChangePasswordRequest, ChangePasswordResponse, ChangePersonRequest, ChangePersonResponse,
    ConfirmTotpRequest, ConfirmTotpResponse, CreateClientRequest, CreateClientResponse, CreateTenantRequest,
    CreateTenantResponse, GetKeysRequest, GetKeysResponse, GetSubtreeRequest, GetSubtreeResponse, GetTenantRequest,
    GetTenantResponse, InvitePersonRequest, InvitePersonResponse, IssueTokenRequest, IssueTokenResponse,
    ListClientsRequest, ListClientsResponse, ListPeopleRequest, ListPeopleResponse, ListTenantsRequest,
    ListTenantsResponse, LogInRequest, LogInResponse, RemovePersonRequest, RemovePersonResponse, RevokeClientRequest,
    RevokeClientResponse, Role, RotateClientSecretRequest, RotateClientSecretResponse, RotateSigningKeyRequest,
    RotateSigningKeyResponse, SetFrozenRequest, SetFrozenResponse, Tenant,
};
use rpc::{Actor, refuse};
use tonic::{Request, Response, Status};
use vocabulary::Scopes;

use crate::Accounts;
use crate::client::ClientWish;
use crate::deed::Doer;
use crate::login::{ClientLogin, PersonLogin};
use crate::person::PersonChange;
use crate::token::LIFETIME;
use crate::tree::TenantWish;
use crate::wire;

impl Accounts {
    fn doer<T>(&self, request: &Request<T>) -> Doer {
        Doer { actor: Actor::of(request), at: self.clock.now(), token: Scopes::all() }
    }
}

fn lifetime() -> u32 {
    u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX)
}

#[tonic::async_trait]
impl AccountsService for Accounts {
    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Result<Response<CreateTenantResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let doer = doer.with_token(&request.token_scopes);
        let wish = TenantWish {
            parent: &request.parent_id,
            kind: wire::kind(request.kind()),
            name: &request.name,
            with_client: request.with_client,
        };
        let made = self.make_tenant(&doer, &wish).await;
        let (tenant, client) = made.map_err(|error| refuse(&error))?;
        Ok(Response::new(CreateTenantResponse { tenant: Some(tenant.into()), client: client.map(Into::into) }))
    }

    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Result<Response<GetTenantResponse>, Status> {
        let request = request.into_inner();
        let tenant = self.find_tenant(&request.tenant_id).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(GetTenantResponse { tenant: Some(tenant.into()) }))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        let request = request.into_inner();
        let page = self.page_of_tenants(&request.above_id, &request.after, request.limit).await;
        let (tenants, more) = wire::page(page.map_err(|error| refuse(&error))?);
        Ok(Response::new(ListTenantsResponse { tenants, more }))
    }

    async fn get_subtree(&self, request: Request<GetSubtreeRequest>) -> Result<Response<GetSubtreeResponse>, Status> {
        let request = request.into_inner();
        let tenants = self.subtree(&request.tenant_id).await.map_err(|error| refuse(&error))?;
        let tenants = tenants.into_iter().map(Tenant::from).collect();
        Ok(Response::new(GetSubtreeResponse { tenants }))
    }

    async fn set_frozen(&self, request: Request<SetFrozenRequest>) -> Result<Response<SetFrozenResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let tenant = if request.frozen {
            self.freeze(&doer, &request.tenant_id).await
        } else {
            self.thaw(&doer, &request.tenant_id).await
        };
        let tenant = tenant.map_err(|error| refuse(&error))?;
        Ok(Response::new(SetFrozenResponse { tenant: Some(tenant.into()) }))
    }

    async fn create_client(
        &self,
        request: Request<CreateClientRequest>,
    ) -> Result<Response<CreateClientResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let doer = doer.with_token(&request.token_scopes);
        let wish = ClientWish {
            tenant: &request.tenant_id,
            name: &request.name,
            role: wire::role(request.role()),
            scopes: &request.scopes,
            expires_at: wire::moment(request.expires_at),
        };
        let (client, secret) = self.make_client(&doer, &wish).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(CreateClientResponse { client: Some(client.into()), secret: Some(secret.into()) }))
    }

    async fn list_clients(
        &self,
        request: Request<ListClientsRequest>,
    ) -> Result<Response<ListClientsResponse>, Status> {
        let request = request.into_inner();
        let page = self.page_of_clients(&request.tenant_id, &request.after, request.limit).await;
        let (clients, more) = wire::page(page.map_err(|error| refuse(&error))?);
        Ok(Response::new(ListClientsResponse { clients, more }))
    }

    async fn rotate_client_secret(
        &self,
        request: Request<RotateClientSecretRequest>,
    ) -> Result<Response<RotateClientSecretResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let doer = doer.with_token(&request.token_scopes);
        let named = (request.tenant_id.as_str(), request.client_id.as_str());
        let rotated = self.rotate_secret(&doer, named, Duration::from_secs(request.overlap_seconds)).await;
        let (client, secret) = rotated.map_err(|error| refuse(&error))?;
        Ok(Response::new(RotateClientSecretResponse { client: Some(client.into()), secret: Some(secret.into()) }))
    }

    async fn revoke_client(
        &self,
        request: Request<RevokeClientRequest>,
    ) -> Result<Response<RevokeClientResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let revoked = Accounts::revoke_client(self, &doer, &request.tenant_id, &request.client_id).await;
        revoked.map_err(|error| refuse(&error))?;
        Ok(Response::new(RevokeClientResponse {}))
    }

    async fn invite_person(
        &self,
        request: Request<InvitePersonRequest>,
    ) -> Result<Response<InvitePersonResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let doer = doer.with_token(&request.token_scopes);
        let (named, role) = ((request.tenant_id.as_str(), request.email.as_str()), wire::role(request.role()));
        let (person, invitation) = self.invite(&doer, named, role).await.map_err(|error| refuse(&error))?;
        let invitation = invitation.expose().clone();
        Ok(Response::new(InvitePersonResponse { person: Some(person.into()), invitation }))
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Result<Response<AcceptInvitationResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let person = self.accept(&doer, &request.invitation, &request.password).await;
        let person = person.map_err(|error| refuse(&error))?;
        Ok(Response::new(AcceptInvitationResponse { person: Some(person.into()) }))
    }

    async fn list_people(&self, request: Request<ListPeopleRequest>) -> Result<Response<ListPeopleResponse>, Status> {
        let request = request.into_inner();
        let page = self.page_of_people(&request.tenant_id, &request.after, request.limit).await;
        let (people, more) = wire::page(page.map_err(|error| refuse(&error))?);
        Ok(Response::new(ListPeopleResponse { people, more }))
    }

    async fn change_person(
        &self,
        request: Request<ChangePersonRequest>,
    ) -> Result<Response<ChangePersonResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let doer = doer.with_token(&request.token_scopes);
        let change = PersonChange {
            role: wire::role(request.role()),
            invite_again: request.invite_again,
            remove_totp: request.remove_totp,
        };
        let named = (request.tenant_id.as_str(), request.person_id.as_str());
        let (person, invitation) =
            Accounts::change_person(self, &doer, named, &change).await.map_err(|error| refuse(&error))?;
        let invitation = invitation.map(|text| text.expose().clone()).unwrap_or_default();
        Ok(Response::new(ChangePersonResponse { person: Some(person.into()), invitation }))
    }

    async fn remove_person(
        &self,
        request: Request<RemovePersonRequest>,
    ) -> Result<Response<RemovePersonResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let removed = Accounts::remove_person(self, &doer, &request.tenant_id, &request.person_id).await;
        removed.map_err(|error| refuse(&error))?;
        Ok(Response::new(RemovePersonResponse {}))
    }

    async fn begin_totp(&self, request: Request<BeginTotpRequest>) -> Result<Response<BeginTotpResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let setup = Accounts::begin_totp(self, &doer, &request.person_id, &request.password).await;
        let setup = setup.map_err(|error| refuse(&error))?;
        Ok(Response::new(BeginTotpResponse { secret: setup.secret, uri: setup.uri }))
    }

    async fn confirm_totp(
        &self,
        request: Request<ConfirmTotpRequest>,
    ) -> Result<Response<ConfirmTotpResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let person = Accounts::confirm_totp(self, &doer, &request.person_id, &request.code).await;
        let person = person.map_err(|error| refuse(&error))?;
        Ok(Response::new(ConfirmTotpResponse { person: Some(person.into()) }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let doer = self.doer(&request);
        let request = request.into_inner();
        let passwords = (request.password.as_str(), request.new_password.as_str());
        let changed = Accounts::change_password(self, &doer, &request.person_id, passwords).await;
        changed.map_err(|error| refuse(&error))?;
        Ok(Response::new(ChangePasswordResponse {}))
    }

    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        let request = request.into_inner();
        let login = ClientLogin {
            client_id: &request.client_id,
            secret: &request.client_secret,
            source: &request.source,
            scope: &request.scope,
        };
        let issued = self.client_login(&login).await.map_err(|error| refuse(&error))?;
        let (token, scope) = (issued.token.expose().to_owned(), issued.scopes.to_string());
        Ok(Response::new(IssueTokenResponse { token, expires_in_seconds: lifetime(), scope }))
    }

    async fn log_in(&self, request: Request<LogInRequest>) -> Result<Response<LogInResponse>, Status> {
        let request = request.into_inner();
        let login = PersonLogin {
            email: &request.email,
            password: &request.password,
            totp: &request.totp,
            source: &request.source,
        };
        let issued = self.person_login(&login).await.map_err(|error| refuse(&error))?;
        let (token, scope) = (issued.token.expose().to_owned(), issued.scopes.to_string());
        Ok(Response::new(LogInResponse { token, expires_in_seconds: lifetime(), scope }))
    }

    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Result<Response<AuthorizeResponse>, Status> {
        let request = request.into_inner();
        let authorized = self.authorized(&request.subject, &request.tenant_id, &request.scopes).await;
        let authorized = authorized.map_err(|error| refuse(&error))?;
        Ok(Response::new(AuthorizeResponse {
            own: Some(authorized.own.into()),
            acting_for: Some(authorized.acting_for.tenant.into()),
            role: Role::from(authorized.role).into(),
            scopes: authorized.scopes.iter().map(|scope| scope.to_string()).collect(),
            ancestors: authorized.acting_for.above.iter().map(ToString::to_string).collect(),
        }))
    }

    async fn get_keys(&self, _request: Request<GetKeysRequest>) -> Result<Response<GetKeysResponse>, Status> {
        let jwks = self.jwks().await.map_err(|error| refuse(&error))?;
        Ok(Response::new(GetKeysResponse { jwks }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        let kid = self.rotate_key(&self.doer(&request)).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(RotateSigningKeyResponse { kid }))
    }
}
