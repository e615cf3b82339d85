//! The chain: every entry's number, events, hash and predecessor, from the first to the head.

use super::{
    difference::{Check, Difference, Stop, same, wrong},
    replay::{At, Replay},
};
use crate::{
    domain::bilingual::bilingual,
    domain::ledger::{Hash, Head, Tree, events_root, leaf},
    store::{self, Tx, entry::Entry},
};

/// Entries read at a time: one holds up to some megabytes of events.
pub(super) const CHUNK: i64 = 16;

/// The ledger's own figures, and what contradicts itself in it.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) entries: i64,
    pub(super) events: i64,
    pub(super) head: Head,
    pub(super) root: Hash,
    /// First of the chain itself, then of the noted head, then of what the events say.
    pub(super) first: Option<Difference>,
}

/// Reads all entries. A contradiction does not end the reading: the figures are of all that is stored.
pub(super) async fn read(
    tx: &mut Tx,
    expect: Option<Head>,
    replay: &mut Replay,
) -> store::Result<Chain> {
    let (mut broken, mut impossible, mut noted) = (None, None, None);
    let mut tree = Tree::default();
    let (mut entries, mut events, mut head) = (0, 0, Head::EMPTY);
    let mut after = i64::MIN;
    loop {
        let chunk = tx.entries_after(after, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        after = last.header.n;
        for entry in chunk {
            entries += 1;
            events += entry.events.split_terminator('\n').count() as i64;
            tree.push(leaf(&entry.hash));
            if broken.is_none() {
                broken = found(link(head, &entry))?;
            }
            if broken.is_none() && impossible.is_none() {
                impossible = apply(replay, &entry);
            }
            if expect.is_some_and(|e| e.n == entry.header.n) {
                noted = Some(entry.hash);
            }
            head = Head {
                n: entry.header.n,
                hash: entry.hash,
            };
        }
    }
    if broken.is_none() {
        broken = found(same("chain_head", "main", "head", tx.head().await?, head))?;
    }
    let unexpected = expect.and_then(|e| unexpected(e, noted, head));
    Ok(Chain {
        entries,
        events,
        head,
        root: tree.root(),
        first: broken.or(unexpected).or(impossible),
    })
}

fn found(check: Check) -> store::Result<Option<Difference>> {
    match check {
        Ok(()) => Ok(None),
        Err(Stop::Found(difference)) => Ok(Some(difference)),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// Does the entry follow `head`, and is it what its own hash says?
fn link(head: Head, entry: &Entry) -> Check {
    let header = &entry.header;
    let row = header.n;
    if row != head.n + 1 {
        let n = head.n + 1;
        return Err(wrong("entry", n, bilingual!("缺失", "is missing")).into());
    }
    let (count, root) = events_root(&entry.events);
    if !entry.events.ends_with('\n') || entry.events.contains('\r') {
        return Err(wrong(
            "entry",
            row,
            bilingual!("事件不是逐行的文本", "its events are not lines of text"),
        )
        .into());
    }
    same("entry", row, "count", header.count, count)?;
    same(
        "entry",
        row,
        "root",
        hex::encode(header.root),
        hex::encode(root),
    )?;
    same(
        "entry",
        row,
        "prev",
        hex::encode(header.prev),
        hex::encode(head.hash),
    )?;
    same(
        "entry",
        row,
        "hash",
        hex::encode(entry.hash),
        hex::encode(header.hash()),
    )
}

fn unexpected(expect: Head, noted: Option<Hash>, head: Head) -> Option<Difference> {
    let is = if expect.n == 0 {
        Some(Head::EMPTY.hash)
    } else {
        noted
    };
    match is {
        Some(hash) if hash == expect.hash => None,
        Some(_) => Some(wrong(
            "entry",
            expect.n,
            bilingual!(
                "不是当时抄下的那一条：链被改写过",
                "is not the one that was noted: the chain was rewritten"
            ),
        )),
        None => Some(wrong(
            "entry",
            expect.n,
            bilingual!(
                "不在链上：链止于第 {} 条，被截短过",
                "was noted and is not there: the chain ends at entry {}, it was cut",
                head.n
            ),
        )),
    }
}

/// Applies an entry's events; what cannot follow from the entries before.
fn apply(replay: &mut Replay, entry: &Entry) -> Option<Difference> {
    let Ok(n) = u32::try_from(entry.header.n) else {
        return Some(wrong(
            "entry",
            entry.header.n,
            bilingual!("条目太多", "there are more entries than this version reads"),
        ));
    };
    replay.times.push(entry.header.time);
    let at = At {
        entry: n,
        time: entry.header.time,
    };
    for (line, text) in entry.events.split_terminator('\n').enumerate() {
        if let Err(words) = replay.line(at, text) {
            let row = format!("{n} line {}", line + 1);
            return Some(wrong("entry", row, words));
        }
    }
    None
}
