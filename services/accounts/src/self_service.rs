//! What people do for themselves: choose and change a password, set up the second factor.

use rpc::Actor;
use serde_json::json;
use vocabulary::PersonId;

use crate::Accounts;
use crate::deed::Doer;
use crate::invitation::Invitation;
use crate::password::Password;
use crate::person::Person;
use crate::proof::{Attempt, Proven};
use crate::refusal::PersonRefused;
use crate::second_factor::SecondFactor;
use crate::store::{self, Login};
use crate::throttle::Network;

/// What an authenticator needs to know, shown once.
pub(crate) struct TotpSetup {
    /// Base32.
    pub secret: String,
    pub uri: String,
}

impl Accounts {
    /// Chooses the password of whoever was invited. From where it is done is then a known place for its logins.
    #[tracing::instrument(name = "accounts.invitation.accept", level = "debug", skip_all)]
    pub(crate) async fn accept(&self, doer: &Doer, text: &str, password: &str) -> Result<Person, PersonRefused> {
        let invitation = Invitation::parse(text).ok_or(PersonRefused::NoInvitation)?.digest();
        let password: Password = password.parse()?;
        // Looked up before the hash is made, which would cost us more than the stranger who asks.
        let found = store::invitation_find(self.db.read().await?.connection(), &invitation, doer.at).await?;
        let id = found.ok_or(PersonRefused::NoInvitation)?;
        let hash = self.hasher.place().await?.hash(password.text(), &self.randomness).await?;
        let mut tx = self.db.write().await?;
        store::person_take(&mut tx, &id).await?;
        if !store::invitation_take(&mut tx, (&id, &invitation), doer.at).await? {
            return Err(PersonRefused::NoInvitation);
        }
        store::password_set(&mut tx, &id, &hash).await?;
        let network = Network::of(&doer.actor.source);
        store::network_noted(&mut tx, (id.as_str(), &network), doer.at).await?;
        let person = store::login_of(tx.connection(), &id).await?.ok_or(PersonRefused::NotFound)?.person;
        let actor = Actor {
            subject: id.to_string(),
            tenant: person.tenant.to_string(),
            source: doer.actor.source.clone(),
            request_id: doer.actor.request_id.clone(),
        };
        let accepted = Doer { actor, ..doer.clone() };
        accepted.did(&mut tx, &person.tenant, ("person.accept", id.as_str()), json!({})).await?;
        tx.commit().await?;
        tracing::info!(person.id = %id, "invitation accepted");
        Ok(person)
    }

    /// Changes the password of who knows the present one.
    #[tracing::instrument(name = "accounts.password.change", level = "debug", skip_all)]
    pub(crate) async fn change_password(
        &self,
        doer: &Doer,
        id: &str,
        (present, new): (&str, &str),
    ) -> Result<(), PersonRefused> {
        let new: Password = new.parse()?;
        let (login, proven) = self.prove_person(doer, id, present).await?;
        let hash = proven.place.hash(new.text(), &self.randomness).await?;
        drop(proven);
        let Login { person, password: Some(old), .. } = login else { return Err(PersonRefused::WrongPassword) };
        let mut tx = self.db.write().await?;
        if !store::password_renew(&mut tx, &person.id, (&old, &hash)).await? {
            return Err(PersonRefused::Changed);
        }
        doer.did(&mut tx, &person.tenant, ("person.password", person.id.as_str()), json!({})).await?;
        tx.commit().await?;
        tracing::info!(person.id = %person.id, "password changed");
        Ok(())
    }

    /// Draws a secret for the second factor; it is in force when confirmed, and one before it stays until then.
    #[tracing::instrument(name = "accounts.totp.begin", level = "debug", skip_all)]
    pub(crate) async fn begin_totp(&self, doer: &Doer, id: &str, password: &str) -> Result<TotpSetup, PersonRefused> {
        let (Login { person, .. }, proven) = self.prove_person(doer, id, password).await?;
        drop(proven);
        let factor = SecondFactor::draw(&self.randomness);
        let sealed = factor.seal(&self.vault, &person.id)?;
        let mut tx = self.db.write().await?;
        store::totp_begin(&mut tx, &person.id, &sealed).await?;
        tx.commit().await?;
        Ok(TotpSetup { secret: factor.to_base32(), uri: factor.to_uri(&person.email) })
    }

    /// Puts the secret in force that was drawn last, against a code of it.
    #[tracing::instrument(name = "accounts.totp.confirm", level = "debug", skip_all)]
    pub(crate) async fn confirm_totp(&self, doer: &Doer, id: &str, code: &str) -> Result<Person, PersonRefused> {
        let id: PersonId = id.parse().map_err(|_| PersonRefused::NotFound)?;
        let login = store::login_of(self.db.read().await?.connection(), &id).await?.ok_or(PersonRefused::NotFound)?;
        let pending = login.totp_pending.ok_or(PersonRefused::TotpNotBegun)?;
        let factor = SecondFactor::unseal(&self.vault, &id, &pending)?;
        let step = factor.step_of(code, doer.at)?.ok_or(PersonRefused::WrongCode)?;
        let mut tx = self.db.write().await?;
        if !store::totp_confirm(&mut tx, &id, (&pending, step)).await? {
            return Err(PersonRefused::Changed);
        }
        let tenant = &login.person.tenant;
        doer.did(&mut tx, tenant, ("person.totp", id.as_str()), json!({ "in_force": true })).await?;
        tx.commit().await?;
        tracing::info!(person.id = %id, "second factor in force");
        Ok(Person { has_totp: true, ..login.person })
    }

    /// The person, who knows the password.
    async fn prove_person(&self, doer: &Doer, id: &str, password: &str) -> Result<(Login, Proven), PersonRefused> {
        let id: PersonId = id.parse().map_err(|_| PersonRefused::NotFound)?;
        let password: Password = password.parse().map_err(|_| PersonRefused::WrongPassword)?;
        let login = store::login_of(self.db.read().await?.connection(), &id).await?.ok_or(PersonRefused::NotFound)?;
        let attempt = Attempt {
            account: &login.person.email.key(),
            subject: id.as_str(),
            network: Network::of(&doer.actor.source),
            at: doer.at,
        };
        let proven = self.prove(&attempt, password.text(), login.password.as_ref()).await?;
        Ok((login, proven))
    }
}
