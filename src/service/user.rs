//! Users: who may come in, and as what. Every change is in the ledger by a salted digest, so that a
//! row changed behind the office's back shows.

use super::{
    Result, ServiceError, Users, password,
    refusal::{OrderRefusal, UserRefusal},
};
use crate::{
    config::Secret,
    domain::{
        carrier::Carrier,
        event::Event,
        ledger::salted,
        role::{Act, Actor, Role, check_user_name},
    },
    store::{entry::EntryTx, user::Account},
};

/// A user as listed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// No longer let in.
    pub disabled: bool,
}

impl Users<'_> {
    /// Is it the person? A wrong name, a wrong password and a disabled user take the same time; only who
    /// knows the password learns that the user is disabled.
    pub async fn authenticate(self, name: &str, password: &Secret) -> Result<Actor> {
        let mut tx = self.office.store.read("authenticate").await?;
        let account = tx.account(name).await?;
        drop(tx);
        let stored = account.as_ref().map(|a| a.password.clone());
        let given = password.clone();
        let is_it =
            in_background(move || password::verify(given.expose(), stored.as_deref())).await?;
        match account {
            Some(a) if is_it && !a.disabled => Ok(Actor::User {
                role: a.role,
                name: a.name,
            }),
            Some(a) if is_it => Err(UserRefusal::Disabled { user: a.name }.into()),
            _ => Err(UserRefusal::WrongPassword {
                user: name.to_owned(),
            }
            .into()),
        }
    }

    /// Nobody has been added yet: the next one to be added needs no administrator.
    pub async fn is_empty(self) -> Result<bool> {
        Ok(self
            .office
            .store
            .read("users")
            .await?
            .accounts()
            .await?
            .is_empty())
    }

    /// Adds a user. The first on an empty database is free; later ones need an administrator, not merely
    /// the account of the machine: whoever can make users can be two people. Where no administrator is
    /// left, the account of the machine may add one. A carrier's staff belong to a `carrier`, and nobody
    /// else does.
    pub async fn add(
        self,
        actor: &Actor,
        name: &str,
        role: Role,
        carrier: Option<Carrier>,
        password: &Secret,
    ) -> Result<()> {
        check_carrier(role, carrier)?;
        check_user_name(name).map_err(|_| UserRefusal::BadName {
            user: name.to_owned(),
        })?;
        // Before the transaction: hashing takes longer than a write may.
        let hash = hashed(name, password).await?;
        let mut act = self.office.act("add_user").await?;
        let users = act.tx.accounts().await?;
        let admin_left = users.iter().any(|a| a.role == Role::Admin && !a.disabled);
        if !users.is_empty() {
            actor.may(Act::ManageUsers)?;
            let is_person = matches!(actor, Actor::User { .. });
            if !is_person && (admin_left || role != Role::Admin) {
                return Err(UserRefusal::AdminNeeded.into());
            }
        }
        if users.iter().any(|a| a.name == name) {
            return Err(UserRefusal::Exists {
                user: name.to_owned(),
            }
            .into());
        }
        let account = Account {
            name: name.to_owned(),
            role,
            password: hash,
            disabled: false,
            salt: Vec::new(),
            created: self.office.clock.now(),
        };
        let mut events = vec![put(&mut act, account, actor, "added").await?];
        if let Some(carrier) = carrier {
            events.push(staff(&mut act, actor, name, carrier).await?);
        }
        act.commit(&events).await?;
        Ok(())
    }

    /// All users by name.
    pub async fn list(self, actor: &Actor) -> Result<Vec<User>> {
        actor.may(Act::ManageUsers)?;
        let accounts = self.office.store.read("users").await?.accounts().await?;
        let user = |a: Account| User {
            role: a.role,
            disabled: a.disabled,
            name: a.name,
        };
        Ok(accounts.into_iter().map(user).collect())
    }

    /// No longer lets a user in. The acts stay in the ledger, so nobody is ever removed.
    pub async fn disable(self, actor: &Actor, name: &str) -> Result<()> {
        self.set_disabled(actor, name, true).await
    }

    /// Lets a user in again.
    pub async fn enable(self, actor: &Actor, name: &str) -> Result<()> {
        self.set_disabled(actor, name, false).await
    }

    /// Sets a password: one's own, or as an administrator anybody's.
    pub async fn set_password(self, actor: &Actor, name: &str, password: &Secret) -> Result<()> {
        if !matches!(actor, Actor::User { name: own, .. } if own == name) {
            actor.may(Act::ManageUsers)?;
        }
        let hash = hashed(name, password).await?;
        let mut act = self.office.act("set_password").await?;
        let known = known(&mut act, name).await?;
        let account = Account {
            password: hash,
            ..known
        };
        let event = put(&mut act, account, actor, "password").await?;
        act.commit(&[event]).await?;
        Ok(())
    }

    /// Says which carrier a user of the role `carrier` belongs to.
    pub async fn set_carrier(self, actor: &Actor, name: &str, carrier: Carrier) -> Result<()> {
        actor.may(Act::ManageUsers)?;
        let mut act = self.office.act("staff").await?;
        let account = act.tx.account(name).await?;
        if account.is_none_or(|a| a.role != Role::Carrier) {
            return Err(OrderRefusal::NotStaff {
                user: name.to_owned(),
            }
            .into());
        }
        let event = staff(&mut act, actor, name, carrier).await?;
        act.commit(&[event]).await?;
        Ok(())
    }

    async fn set_disabled(self, actor: &Actor, name: &str, disabled: bool) -> Result<()> {
        actor.may(Act::ManageUsers)?;
        let mut act = self.office.act("set_user_disabled").await?;
        let known = known(&mut act, name).await?;
        if known.disabled == disabled {
            return Ok(());
        }
        if disabled && matches!(actor, Actor::User { name: own, .. } if own == name) {
            return Err(UserRefusal::OwnAccount.into());
        }
        let account = Account { disabled, ..known };
        let word = if disabled { "disabled" } else { "enabled" };
        let event = put(&mut act, account, actor, word).await?;
        act.commit(&[event]).await?;
        Ok(())
    }
}

/// Stores a user with a fresh salt; its event.
async fn put(act: &mut EntryTx, account: Account, actor: &Actor, word: &str) -> Result<Event> {
    let account = Account {
        salt: crate::random::salt().to_vec(),
        ..account
    };
    act.tx.put_account(&account).await?;
    Ok(Event::User {
        by: actor.label(),
        act: word.to_owned(),
        name: account.name.clone(),
        digest: hex::encode(salted(&account.salt, account.commitment().as_bytes())),
    })
}

/// Stores whose staff a user is; its event.
async fn staff(act: &mut EntryTx, actor: &Actor, name: &str, carrier: Carrier) -> Result<Event> {
    act.tx.put_staff(name, carrier).await?;
    Ok(Event::Staff {
        by: actor.label(),
        name: name.to_owned(),
        carrier: carrier.as_str().to_owned(),
    })
}

/// A carrier's staff belong to a carrier, and nobody else does. Asked also before a password is typed.
pub fn check_carrier(role: Role, carrier: Option<Carrier>) -> Result<()> {
    match (role, carrier) {
        (Role::Carrier, Some(c)) if c != Carrier::Other => Ok(()),
        (Role::Carrier, _) => Err(UserRefusal::CarrierMissing.into()),
        (_, Some(_)) => Err(UserRefusal::CarrierNotFor.into()),
        (_, None) => Ok(()),
    }
}

async fn known(act: &mut EntryTx, name: &str) -> Result<Account> {
    act.tx.account(name).await?.ok_or_else(|| {
        UserRefusal::Unknown {
            user: name.to_owned(),
        }
        .into()
    })
}

async fn hashed(name: &str, password: &Secret) -> Result<String> {
    let (name, password) = (name.to_owned(), password.clone());
    in_background(move || password::hash(&name, password.expose())).await
}

/// Hashing keeps a core busy; the runtime's own threads are for those who wait.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, password::PasswordError> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(e) => Err(ServiceError::Io(e.into())),
    }
}
