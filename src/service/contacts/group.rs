//! Groups and what they contain.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    domain::{
        audience::flatten,
        event::Event,
        id::GroupId,
        ledger::Tree,
        role::{Act, Actor},
    },
    service::{Contacts, Office, Result, ServiceError, refusal::ContactsRefusal},
    store::{contact, entry::EntryTx},
};

/// Longest name of a group, in characters.
const MAX_NAME: usize = 64;

/// A group as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// People in the group itself, without those of the groups it contains.
    pub members: i64,
    /// The groups it contains.
    pub contains: Vec<String>,
}

impl Contacts<'_> {
    /// All groups by name.
    pub async fn groups(self, actor: &Actor) -> Result<Vec<Group>> {
        actor.may(Act::ReadLog)?;
        let mut tx = self.office.store.read("groups").await?;
        let groups = tx.groups().await?;
        let names: HashMap<_, _> = groups.iter().map(|g| (g.id, g.name.clone())).collect();
        let mut contains: HashMap<GroupId, Vec<String>> = HashMap::new();
        for (parent, child) in tx.nestings().await? {
            let name = names.get(&child).cloned();
            let name = name.unwrap_or_else(|| child.to_string());
            contains.entry(parent).or_default().push(name);
        }
        let view = |group: contact::Group| {
            let mut contains = contains.remove(&group.id).unwrap_or_default();
            contains.sort();
            Group {
                name: group.name,
                members: group.members,
                contains,
            }
        };
        Ok(groups.into_iter().map(view).collect())
    }

    /// Sets what a group contains (nothing: `children` empty); the group is made if there is none of
    /// this name. A group never contains itself, over however many others.
    pub async fn nest(self, actor: &Actor, name: &str, children: &[String]) -> Result<()> {
        actor.may(Act::ImportContacts)?;
        check_name(name)?;
        let mut act = self.office.act("nest_group").await?;
        let mut events = Vec::new();
        let parent = self
            .office
            .group_or_new(&mut act, actor, name, &mut events)
            .await?;
        let groups = act.tx.groups().await?;
        let id_of = |name: &String| {
            let group = groups.iter().find(|g| g.name == *name);
            group.map(|g| g.id).ok_or_else(|| {
                // Not the one that was only made for this.
                let known = groups.iter().filter(|g| g.id != parent);
                let known = known.map(|g| g.name.clone()).collect();
                ServiceError::from(ContactsRefusal::unknown_group(name, known))
            })
        };
        let mut wanted = children.iter().map(id_of).collect::<Result<Vec<_>>>()?;
        wanted.sort();
        wanted.dedup();
        let mut contains: HashMap<GroupId, Vec<GroupId>> = HashMap::new();
        for (holder, held) in act.tx.nestings().await? {
            contains.entry(holder).or_default().push(held);
        }
        contains.insert(parent, wanted.clone());
        flatten([parent], |g| contains.get(g).cloned().unwrap_or_default()).map_err(|cycle| {
            let name = |id: &GroupId| {
                let group = groups.iter().find(|g| g.id == *id);
                group.map_or_else(|| id.to_string(), |g| g.name.clone())
            };
            let path = cycle.path.iter().map(name).collect::<Vec<_>>().join(" > ");
            ServiceError::from(ContactsRefusal::GroupInItself { path })
        })?;
        let children: Vec<GroupId> = groups
            .iter()
            .map(|g| g.id)
            .filter(|id| wanted.contains(id))
            .collect();
        act.tx.set_nesting(parent, &children).await?;
        events.push(Event::Nested {
            by: actor.label(),
            group: parent,
            children,
        });
        act.commit(&events).await?;
        Ok(())
    }
}

impl Office {
    async fn group_or_new(
        &self,
        act: &mut EntryTx,
        actor: &Actor,
        name: &str,
        events: &mut Vec<Event>,
    ) -> Result<GroupId> {
        if let Some(group) = act.tx.group(name).await? {
            return Ok(group.id);
        }
        let (id, root) = (GroupId::fresh(), Tree::default().root());
        act.tx
            .insert_group(id, name, &root, self.clock.now())
            .await?;
        events.push(Event::Contacts {
            by: actor.label(),
            group: id,
            members: 0,
            root: hex::encode(root),
        });
        Ok(id)
    }
}

/// A group's name: something that can be read, and distinguished from its neighbours.
pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = (1..=MAX_NAME).contains(&name.chars().count())
        && name.trim() == name
        && !name.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    Err(ContactsRefusal::BadGroupName {
        group: name.to_owned(),
        longest: MAX_NAME,
    }
    .into())
}
