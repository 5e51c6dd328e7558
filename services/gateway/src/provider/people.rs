//! `/v1/people` and `/v1/invitations`: who may log in with a password, and how they come to have one.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contracts::accounts::{
    AcceptInvitationRequest, ChangePersonRequest, InvitePersonRequest, ListPeopleRequest, Person, RemovePersonRequest,
    Role,
};
use rpc::{Actor, within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::PersonId;

use super::client_address::ClientAddress;
use super::json::{Body, given, moment};
use super::page::{Page, Query, parsed};
use super::promised;
use super::words::RoleWord;
use crate::Gateway;
use crate::auth::{Allowed, PeopleRead, PeopleWrite};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;
use crate::request_id::RequestId;

/// A person's login.
#[derive(Serialize)]
pub(super) struct PersonView {
    id: String,
    email: String,
    role: Option<RoleWord>,
    /// Whether a password has been chosen.
    active: bool,
    /// Whether a second factor is asked for.
    totp: bool,
    created_at: Option<String>,
    last_login_at: Option<String>,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            role: RoleWord::of(person.role()),
            id: person.id,
            email: person.email,
            active: person.active,
            totp: person.totp,
            created_at: moment(person.created_at),
            last_login_at: moment(person.last_login_at),
        }
    }
}

/// A person, with the only sight there will ever be of the invitation. Has no `Debug`.
#[derive(Serialize)]
struct Invited {
    person: PersonView,
    /// `null` where none was made.
    invitation: Option<String>,
}

/// A page of people.
#[derive(Serialize)]
struct People {
    people: Vec<PersonView>,
    /// The `after` of the page that follows; `null` at the end.
    next: Option<String>,
}

/// Somebody to be invited.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonBody {
    email: String,
    role: RoleWord,
}

/// What is to be changed of a person.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PersonChange {
    role: Option<RoleWord>,
    invite_again: bool,
    remove_totp: bool,
}

/// A password to be chosen. Has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptanceBody {
    invitation: String,
    password: String,
}

/// `POST /v1/people`.
pub(crate) async fn invite(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<PeopleWrite>,
    Body(body): Body<PersonBody>,
) -> Result<Response, Problem> {
    let request = InvitePersonRequest {
        token_scopes: caller.scope_words(),
        tenant_id: caller.acting_for.id,
        email: body.email,
        role: body.role.role().into(),
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().invite_person(request).await?.into_inner();
    invited(StatusCode::CREATED, answer.person, answer.invitation)
}

fn invited(status: StatusCode, person: Option<Person>, invitation: String) -> Result<Response, Problem> {
    let invited = Invited { person: promised(person)?.into(), invitation: given(invitation) };
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(invited)).into_response())
}

/// `GET /v1/people?after=&limit=`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<PeopleRead>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let after = parsed::<PersonId>("after", &page.after)?;
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let request = ListPeopleRequest { tenant_id: caller.acting_for.id, after, limit: page.limit.0 };
    let request = within(PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().list_people(request).await?.into_inner();
    let last = answer.people.last().map(|person| person.id.clone());
    let people = answer.people.into_iter().map(PersonView::from).collect();
    Ok(Json(People { people, next: last.filter(|_| answer.more) }).into_response())
}

/// `PATCH /v1/people/{person}`: another role, a new invitation, or the second factor taken off.
pub(crate) async fn change(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<PeopleWrite>,
    Path(person_id): Path<String>,
    Body(change): Body<PersonChange>,
) -> Result<Response, Problem> {
    let request = ChangePersonRequest {
        token_scopes: caller.scope_words(),
        tenant_id: caller.acting_for.id,
        person_id,
        role: change.role.map_or(Role::Unspecified, RoleWord::role).into(),
        invite_again: change.invite_again,
        remove_totp: change.remove_totp,
    };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().change_person(request).await?.into_inner();
    invited(StatusCode::OK, answer.person, answer.invitation)
}

/// `DELETE /v1/people/{person}`: ends the login, and the tokens it has, at once.
pub(crate) async fn remove(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<PeopleWrite>,
    Path(person_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let request = RemovePersonRequest { tenant_id: caller.acting_for.id, person_id };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    gateway.backends().accounts.clone().remove_person(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/invitations`: whoever holds the invitation chooses the password. Needs no token: nobody can
/// have one yet.
pub(crate) async fn accept(
    State(gateway): State<Gateway>,
    ClientAddress(source): ClientAddress,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Body(body): Body<AcceptanceBody>,
) -> Result<Response, Problem> {
    let actor = Actor { subject: "invitation".to_owned(), tenant: String::new(), source, request_id };
    let request = AcceptInvitationRequest { invitation: body.invitation, password: body.password };
    let request = within_as(&actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().accounts.clone().accept_invitation(request).await?.into_inner();
    Ok(Json(PersonView::from(promised(answer.person)?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_words() {
        let role = |json: &str| serde_json::from_str::<PersonBody>(json).map(|body| body.role).ok();
        assert_eq!(role(r#"{"email":"jo@example.org","role":"read_only"}"#), Some(RoleWord::ReadOnly));
        assert_eq!(role(r#"{"email":"jo@example.org","role":"root"}"#), None);
        assert_eq!(role(r#"{"email":"jo@example.org"}"#), None);
        let change: PersonChange = serde_json::from_str(r#"{"remove_totp":true}"#).expect("a change");
        assert!(change.remove_totp && !change.invite_again && change.role.is_none());
    }
}
