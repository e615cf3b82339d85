//! The ledger's rows: append, head, read in order.

use std::time::Duration;

use super::{Corrupt, Error, Result, Store, Tx, error::Next, on};
use crate::domain::{
    event::Event,
    ledger::{Hash, Head, Header, MAIN, events_root},
    time::Micros,
};

/// One stored entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its header.
    pub header: Header,
    /// Its hash, as stored.
    pub hash: Hash,
    /// Its events, one JSON object a line.
    pub events: String,
}

/// A transaction that writes an entry. It begins by locking the chain's head: everybody who writes the ledger does,
/// before any other row, so that acts stand in a row and none waits for another in a circle.
#[derive(Debug)]
pub struct EntryTx {
    /// Where the act's tables are changed.
    pub tx: Tx,
    draft: Draft,
    store: Store,
}

impl Store {
    /// Begins an act that the ledger will tell of; its entry bears this time.
    pub async fn begin_entry(&self, name: &'static str, now: Micros) -> Result<EntryTx> {
        let mut tx = self.begin(name).await?;
        let draft = tx.draft_entry(now).await?;
        Ok(EntryTx {
            tx,
            draft,
            store: self.clone(),
        })
    }
}

impl Store {
    /// Did the commit that made this entry happen? The head is locked meanwhile, so that one that is still under way has
    /// ended. None: the database does not say.
    async fn has_entry(&self, head: Head, now: Micros) -> Option<bool> {
        for _ in 0..ASKED {
            if let Ok(mut entry) = self.begin_entry("has_entry", now).await
                && let Ok(found) = entry.tx.entry_hash(head.n).await
            {
                return Some(found == Some(head.hash));
            }
            tokio::time::sleep(BETWEEN).await;
        }
        None
    }
}

/// How often it is asked whether a commit happened …
const ASKED: u32 = 4;

/// … and the pause between two questions.
const BETWEEN: Duration = Duration::from_millis(500);

impl EntryTx {
    /// The entry's time: what is written with it bears the same.
    pub fn time(&self) -> Micros {
        self.draft.time
    }

    /// The transaction and the entry apart.
    pub fn into_parts(self) -> (Tx, Draft) {
        (self.tx, self.draft)
    }

    /// Commits what was changed, with its events as one entry. A commit of which nothing is heard is looked for in the
    /// chain, for up to half a minute; where the database does not say, the error is [`Error::Unconfirmed`].
    pub async fn commit(mut self, events: &[Event]) -> Result<Head> {
        let head = self.tx.append(self.draft, &lines(events)).await?;
        match self.tx.commit().await {
            Ok(()) => Ok(head),
            Err(error) if error.next() == Next::AskHead && !events.is_empty() => {
                match self.store.has_entry(head, self.draft.time).await {
                    Some(true) => Ok(head),
                    Some(false) => Err(error),
                    None => Err(Error::Unconfirmed),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// An entry being made: the head it follows is locked until the transaction ends.
#[derive(Debug, Clone, Copy)]
pub struct Draft {
    prev: Head,
    /// The number the entry will have.
    pub n: i64,
    /// The time it will bear.
    pub time: Micros,
}

type Row = (i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>, String);

impl Tx {
    /// The newest entry of `main`.
    pub async fn head(&mut self) -> Result<Head> {
        self.head_by("SELECT n, hash FROM chain_head WHERE chain = $1")
            .await
    }

    async fn head_by(&mut self, sql: &'static str) -> Result<Head> {
        let row: Option<(i64, Vec<u8>)> =
            on!(self, db => sqlx::query_as(sql).bind(MAIN).fetch_optional(db).await)?;
        Ok(match row {
            Some((n, hash)) => Head {
                n,
                hash: to_hash(&hash)?,
            },
            None => Head::EMPTY,
        })
    }

    /// Takes the next entry's number: locks the head, so that the entry follows exactly it.
    async fn draft_entry(&mut self, now: Micros) -> Result<Draft> {
        // SQLite's write lock is held since BEGIN IMMEDIATE; PostgreSQL locks the head's row.
        let sql = super::dialect!(self,
            sqlite: "SELECT n, hash FROM chain_head WHERE chain = $1",
            postgres: "SELECT n, hash FROM chain_head WHERE chain = $1 FOR UPDATE");
        let prev = self.head_by(sql).await?;
        Ok(Draft {
            prev,
            n: prev.n + 1,
            time: now,
        })
    }

    /// Writes the entry. Without events there is none, and the head stays.
    pub async fn append(&mut self, draft: Draft, events: &str) -> Result<Head> {
        if events.is_empty() {
            return Ok(draft.prev);
        }
        let (count, root) = events_root(events);
        let header = Header {
            chain: MAIN.to_owned(),
            n: draft.n,
            time: draft.time,
            count,
            root,
            prev: draft.prev.hash,
        };
        let head = Head {
            n: draft.n,
            hash: header.hash(),
        };
        on!(self, db => sqlx::query(
            "INSERT INTO entry (chain, n, time_us, count, root, prev, hash, events) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(MAIN).bind(header.n).bind(header.time.0).bind(count)
            .bind(&root[..]).bind(&header.prev[..]).bind(&head.hash[..]).bind(events)
            .execute(db).await.map(drop))?;
        on!(self, db => sqlx::query(
            "INSERT INTO chain_head (chain, n, hash) VALUES ($1, $2, $3)
             ON CONFLICT (chain) DO UPDATE SET n = excluded.n, hash = excluded.hash")
            .bind(MAIN).bind(head.n).bind(&head.hash[..]).execute(db).await.map(drop))?;
        self.entries += 1;
        Ok(head)
    }

    /// One entry's hash; `None` when there is no such entry.
    pub async fn entry_hash(&mut self, n: i64) -> Result<Option<Hash>> {
        let hash: Option<Vec<u8>> = on!(self, db =>
            sqlx::query_scalar("SELECT hash FROM entry WHERE chain = $1 AND n = $2").bind(MAIN).bind(n).fetch_optional(db).await)?;
        hash.map(|h| to_hash(&h)).transpose()
    }

    /// Up to `limit` entries of `main` after entry `after`, in order.
    pub async fn entries_after(&mut self, after: i64, limit: i64) -> Result<Vec<Entry>> {
        let rows: Vec<Row> = on!(self, db => sqlx::query_as(
            "SELECT n, time_us, count, root, prev, hash, events FROM entry
              WHERE chain = $1 AND n > $2 ORDER BY n LIMIT $3")
            .bind(MAIN).bind(after).bind(limit).fetch_all(db).await)?;
        rows.into_iter()
            .map(|(n, time, count, root, prev, hash, events)| {
                Ok(Entry {
                    header: Header {
                        chain: MAIN.to_owned(),
                        n,
                        time: Micros(time),
                        count,
                        root: to_hash(&root)?,
                        prev: to_hash(&prev)?,
                    },
                    hash: to_hash(&hash)?,
                    events,
                })
            })
            .collect()
    }
}

/// Events as an entry stores them.
pub fn lines(events: &[Event]) -> String {
    let mut text = String::with_capacity(events.len() * 128);
    for event in events {
        text.push_str(&event.line());
        text.push('\n');
    }
    text
}

fn to_hash(bytes: &[u8]) -> Result<Hash> {
    let hash = bytes.try_into();
    Ok(hash.map_err(|_| Corrupt::on("entry", "hash", format!("with {} bytes", bytes.len())))?)
}
