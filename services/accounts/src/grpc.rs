//! The wire: messages in, messages out.
//!
//! Generated messages print their secrets with `Debug`; they are taken apart here and never logged.

use contracts::accounts::accounts_service_server::AccountsService;
use contracts::accounts::{
    CreateProviderRequest, CreateProviderResponse, GetKeysRequest, GetKeysResponse, GetProviderRequest,
    GetProviderResponse, IssueTokenRequest, IssueTokenResponse, ListProvidersRequest, ListProvidersResponse, NewClient,
    Provider, SetFrozenRequest, SetFrozenResponse,
};
use rpc::refuse;
use tonic::{Request, Response, Status};

use crate::token::LIFETIME;
use crate::{Accounts, credentials, provider};

#[tonic::async_trait]
impl AccountsService for Accounts {
    async fn create_provider(
        &self,
        request: Request<CreateProviderRequest>,
    ) -> Result<Response<CreateProviderResponse>, Status> {
        let request = request.into_inner();
        let (provider, client) = self.make_provider(&request.name).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(CreateProviderResponse { provider: Some(provider.into()), client: Some(client.into()) }))
    }

    async fn get_provider(
        &self,
        request: Request<GetProviderRequest>,
    ) -> Result<Response<GetProviderResponse>, Status> {
        let request = request.into_inner();
        let provider = self.find_provider(&request.provider_id).await.map_err(|error| refuse(&error))?;
        Ok(Response::new(GetProviderResponse { provider: Some(provider.into()) }))
    }

    async fn list_providers(
        &self,
        request: Request<ListProvidersRequest>,
    ) -> Result<Response<ListProvidersResponse>, Status> {
        let request = request.into_inner();
        let page = self.page_of_providers(&request.after, request.limit).await.map_err(|error| refuse(&error))?;
        let providers = page.providers.into_iter().map(Provider::from).collect();
        Ok(Response::new(ListProvidersResponse { providers, more: page.more }))
    }

    async fn set_frozen(&self, request: Request<SetFrozenRequest>) -> Result<Response<SetFrozenResponse>, Status> {
        let request = request.into_inner();
        let provider = if request.frozen {
            self.freeze(&request.provider_id).await
        } else {
            self.thaw(&request.provider_id).await
        };
        let provider = provider.map_err(|error| refuse(&error))?;
        Ok(Response::new(SetFrozenResponse { provider: Some(provider.into()) }))
    }

    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        let request = request.into_inner();
        let token = self.login(&request.client_id, &request.client_secret).await.map_err(|error| refuse(&error))?;
        let expires_in_seconds = u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX);
        Ok(Response::new(IssueTokenResponse { token: token.expose().to_owned(), expires_in_seconds }))
    }

    async fn get_keys(&self, _request: Request<GetKeysRequest>) -> Result<Response<GetKeysResponse>, Status> {
        Ok(Response::new(GetKeysResponse { jwks: self.tokens.jwks().to_owned() }))
    }
}

impl From<provider::Provider> for Provider {
    fn from(provider: provider::Provider) -> Self {
        Self {
            id: provider.id.to_string(),
            name: provider.name.to_string(),
            frozen: provider.frozen_at.is_some(),
            created_at: provider.created_at.as_micros(),
        }
    }
}

impl From<credentials::NewClient> for NewClient {
    fn from(client: credentials::NewClient) -> Self {
        Self { client_id: client.client_id.to_string(), client_secret: client.client_secret.expose().clone() }
    }
}
