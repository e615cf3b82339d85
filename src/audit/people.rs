//! What the ledger holds salted digests of: users, address books, suppressions, orphans, MOs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    difference::{Check, extra, missing, same, wrong},
    known::Arrival,
    messages::CHUNK,
    replay::Replay,
};
use crate::{
    domain::{
        bilingual::bilingual,
        id::{GroupId, OrphanId},
        ledger::{Tree, salted},
    },
    store::Tx,
};

fn digest(salt: &[u8], commitment: &str) -> String {
    hex::encode(salted(salt, commitment.as_bytes()))
}

/// The row is not what its digest was made of.
fn altered(table: &'static str, row: impl std::fmt::Display) -> super::difference::Stop {
    wrong(
        table,
        row,
        bilingual!(
            "内容与台账中的摘要不符",
            "is not what the ledger's digest was made of"
        ),
    )
    .into()
}

/// Users: name, role, password and whether disabled.
pub(super) async fn users(tx: &mut Tx, replay: &Replay) -> Check {
    let mut seen = BTreeSet::new();
    for row in tx.accounts().await? {
        let Some(known) = replay.users.get(&row.name) else {
            return Err(extra("account", row.name));
        };
        if *known != digest(&row.salt, &row.commitment()) {
            return Err(altered("account", row.name));
        }
        seen.insert(row.name);
    }
    match replay.users.keys().find(|name| !seen.contains(*name)) {
        Some(name) => Err(missing("account", name)),
        None => Ok(()),
    }
}

/// Groups with all their contacts.
pub(super) async fn groups(tx: &mut Tx, replay: &Replay) -> Check {
    let groups = tx.groups().await?;
    let empty = (0, hex::encode(Tree::default().root()));
    for group in &groups {
        let (members, root) = replay.groups.get(&group.id).unwrap_or(&empty);
        same(
            "contact_group",
            group.id,
            "members",
            group.members,
            *members,
        )?;
        same(
            "contact_group",
            group.id,
            "root",
            hex::encode(group.root),
            root.clone(),
        )?;
        let tree = contacts(tx, group.id).await?;
        same(
            "contact_group",
            group.id,
            "contacts",
            tree.len() as i64,
            *members,
        )?;
        if hex::encode(tree.root()) != *root {
            let words = bilingual!(
                "其中的联系人与台账不符",
                "its contacts are not those that the ledger's root was made of"
            );
            return Err(wrong("contact_group", group.id, words).into());
        }
    }
    if let Some(id) = replay
        .groups
        .keys()
        .find(|id| !groups.iter().any(|g| g.id == **id))
    {
        return Err(missing("contact_group", id));
    }
    nesting(tx, replay).await
}

async fn contacts(tx: &mut Tx, group: GroupId) -> Check<Tree> {
    let mut tree = Tree::default();
    let mut after = None;
    loop {
        let rows = tx.contacts_after(group, after, CHUNK).await?;
        let Some(last) = rows.last() else {
            return Ok(tree);
        };
        after = Some(last.phone);
        tree.extend(
            rows.iter()
                .map(|c| salted(&c.salt, c.commitment().as_bytes())),
        );
    }
}

async fn nesting(tx: &mut Tx, replay: &Replay) -> Check {
    let mut rows: BTreeMap<GroupId, BTreeSet<GroupId>> = BTreeMap::new();
    for (parent, child) in tx.nestings().await? {
        rows.entry(parent).or_default().insert(child);
    }
    let none = BTreeSet::new();
    for parent in replay.nested.keys().chain(rows.keys()) {
        if replay.nested.get(parent).unwrap_or(&none) != rows.get(parent).unwrap_or(&none) {
            return Err(altered("group_nesting", parent));
        }
    }
    Ok(())
}

/// The suppression list.
pub(super) async fn suppressions(tx: &mut Tx, replay: &Replay) -> Check {
    let mut ledger = replay.suppressions.iter();
    let mut after = i64::MIN;
    loop {
        let rows = tx.suppressions_after(after, CHUNK).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in rows {
            match ledger.next() {
                Some((seq, known)) if *seq == row.seq => {
                    same("suppression", row.seq, "source", &row.source, &known.by)?;
                    same("suppression", row.seq, "reason", &row.reason, &known.reason)?;
                    if known.digest != digest(&row.salt, &row.commitment()) {
                        return Err(altered("suppression", row.seq));
                    }
                }
                Some((&seq, _)) if seq < row.seq => return Err(missing("suppression", seq)),
                _ => return Err(extra("suppression", row.seq)),
            }
        }
    }
    ledger
        .next()
        .map_or(Ok(()), |(seq, _)| Err(missing("suppression", seq)))
}

/// What both kinds of arrivals have in common.
fn arrival(
    table: &'static str,
    id: i64,
    gateway: &str,
    at_us: i64,
    digest: &str,
    known: &Arrival,
) -> Check {
    same(table, id, "gateway", gateway, known.gateway.as_str())?;
    same(table, id, "at_us", at_us, known.at.0)?;
    if digest == known.digest {
        Ok(())
    } else {
        Err(altered(table, id))
    }
}

/// Reports whose message is not found yet.
pub(super) async fn orphans(tx: &mut Tx, replay: &Replay) -> Check {
    let mut ledger = replay.orphans.iter();
    let mut after = OrphanId(i64::MIN);
    loop {
        let rows = tx.orphans_after(after, CHUNK).await?;
        if rows.is_empty() {
            break;
        }
        for (id, row) in rows {
            after = id;
            match ledger.next() {
                Some((known_id, known)) if *known_id == id => {
                    let digest = digest(&row.salt, &row.commitment());
                    arrival("orphan", id.0, &row.gateway.0, row.at.0, &digest, known)?;
                }
                Some((&known_id, _)) if known_id < id => {
                    return Err(missing("orphan", known_id));
                }
                _ => return Err(extra("orphan", id)),
            }
        }
    }
    ledger
        .next()
        .map_or(Ok(()), |(id, _)| Err(missing("orphan", id)))
}

/// Messages from phones.
pub(super) async fn mos(tx: &mut Tx, replay: &Replay) -> Check {
    let mut ledger = replay.mos.iter();
    let mut after = i64::MIN;
    loop {
        let rows = tx.mos_after(after, CHUNK).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            match ledger.next() {
                Some((id, known)) if *id == row.id => {
                    same("mo", row.id, "opt_out", row.is_opt_out, known.opt_out)?;
                    let digest = digest(&row.salt, &row.commitment());
                    arrival("mo", row.id, &row.gateway.0, row.at.0, &digest, known)?;
                }
                Some((&id, _)) if id < row.id => return Err(missing("mo", id)),
                _ => return Err(extra("mo", row.id)),
            }
        }
    }
    ledger
        .next()
        .map_or(Ok(()), |(id, _)| Err(missing("mo", id)))
}
