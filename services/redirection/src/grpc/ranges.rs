//! Calls about blocks of addresses.

use contracts::redirection::{
    ChangeRangeRequest, ChangeRangeResponse, CreateRangeRequest, CreateRangeResponse, DeleteRangeRequest,
    DeleteRangeResponse, ListRangesRequest, ListRangesResponse,
};
use vocabulary::ProviderId;

use crate::change::{By, NewRange, RangeChange};
use crate::listing::PageSize;
use crate::range::Block;
use crate::refusal::RangeRefused;
use crate::{Redirection, store};

impl Redirection {
    pub(super) async fn on_create_range(
        &self,
        request: CreateRangeRequest,
        by: By,
    ) -> Result<CreateRangeResponse, RangeRefused> {
        let new = NewRange {
            provider: owner(&request.provider_id)?,
            profile: request.profile,
            block: Block::new(request.first, request.last)?,
        };
        Ok(CreateRangeResponse { range: Some(self.range_create(new, by).await?.into()) })
    }

    pub(super) async fn on_list_ranges(&self, request: ListRangesRequest) -> Result<ListRangesResponse, RangeRefused> {
        let provider = match request.provider_id.as_str() {
            "" => None,
            id => Some(owner(id)?),
        };
        let size = PageSize::parse(request.limit)?;
        let page =
            store::range_list(self.db.read().await?.connection(), provider.as_ref(), &request.after, size).await?;
        Ok(ListRangesResponse { ranges: page.items.into_iter().map(Into::into).collect(), more: page.more })
    }

    pub(super) async fn on_change_range(
        &self,
        request: ChangeRangeRequest,
        by: By,
    ) -> Result<ChangeRangeResponse, RangeRefused> {
        let change = RangeChange {
            provider: owner(&request.provider_id)?,
            // What is not an id is the id of no block.
            id: request.range_id.parse().map_err(|_| RangeRefused::Unknown)?,
            profile: request.profile,
        };
        Ok(ChangeRangeResponse { range: Some(self.range_change(change, by).await?.into()) })
    }

    pub(super) async fn on_delete_range(
        &self,
        request: DeleteRangeRequest,
        by: By,
    ) -> Result<DeleteRangeResponse, RangeRefused> {
        let id = request.range_id.parse().map_err(|_| RangeRefused::Unknown)?;
        self.range_delete(owner(&request.provider_id)?, id, by).await?;
        Ok(DeleteRangeResponse {})
    }
}

fn owner(provider_id: &str) -> Result<ProviderId, RangeRefused> {
    provider_id.parse().map_err(RangeRefused::InvalidProvider)
}
