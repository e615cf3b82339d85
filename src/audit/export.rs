//! The ledger as a file that a stranger can check with the written format alone (`docs/ledger.md`).

use std::io::Write;

use super::{
    AuditError, chain,
    messages::{CHUNK, LaneText},
};
use crate::{
    domain::ledger::MAIN,
    store::{Store, Tx, audit::AuditLane},
};

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// Entries of the ledger.
    pub entries: i64,
    /// Lines of the second file.
    pub messages: i64,
}

/// A line of the file, its fields in this order.
#[derive(serde::Serialize)]
struct EntryLine<'a> {
    n: i64,
    time_us: i64,
    count: i64,
    root: String,
    prev: String,
    hash: String,
    events: &'a str,
}

/// Writes the ledger and, where asked for, what the tables say of every message: both of one moment,
/// and both without a number, a name or a text.
pub async fn export(
    store: &Store,
    ledger: &mut (dyn Write + Send),
    messages: Option<&mut (dyn Write + Send)>,
) -> Result<Exported, AuditError> {
    let mut tx = store.read("audit_export").await?;
    let entries = entries(&mut tx, ledger).await?;
    let messages = match messages {
        Some(out) => states(&mut tx, out).await?,
        None => 0,
    };
    Ok(Exported { entries, messages })
}

async fn entries(tx: &mut Tx, out: &mut (dyn Write + Send)) -> Result<i64, AuditError> {
    let head = tx.head().await?;
    writeln!(
        out,
        r#"{{"watchbell_ledger":1,"chain":"{MAIN}","entries":{},"head":"{head}"}}"#,
        head.n
    )?;
    let (mut after, mut n) = (i64::MIN, 0);
    loop {
        let chunk = tx.entries_after(after, chain::CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        after = last.header.n;
        for entry in chunk {
            let h = &entry.header;
            let line = EntryLine {
                n: h.n,
                time_us: h.time.0,
                count: h.count,
                root: hex::encode(h.root),
                prev: hex::encode(h.prev),
                hash: hex::encode(entry.hash),
                events: &entry.events,
            };
            serde_json::to_writer(&mut *out, &line).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
            n += 1;
        }
    }
    out.flush()?;
    Ok(n)
}

async fn states(tx: &mut Tx, out: &mut (dyn Write + Send)) -> Result<i64, AuditError> {
    let lanes = tx.audit_lanes().await?;
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["id", "state", "code", "leaf"])
        .map_err(std::io::Error::other)?;
    let mut open: Option<(&AuditLane, LaneText)> = None;
    let (mut lane, mut id, mut n) = (i64::MIN, i64::MIN, 0);
    loop {
        let chunk = tx.audit_messages_after(lane, id, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        (lane, id) = (last.lane_id, last.id);
        for row in &chunk {
            if open.as_ref().is_none_or(|(l, _)| l.id != row.lane_id) {
                open = lanes
                    .iter()
                    .find(|l| l.id == row.lane_id)
                    .map(|l| (l, LaneText::of(&l.template)));
            }
            let Some((_, text)) = open.as_ref().filter(|(l, _)| l.frozen_us > 0) else {
                continue;
            };
            // An unreadable row has no leaf, and the check fails on it: as it should.
            let leaf = text.leaf(row).map(hex::encode).unwrap_or_default();
            let (state, code) = (
                row.state.as_deref().unwrap_or(""),
                row.code.as_deref().unwrap_or(""),
            );
            csv.write_record([&row.id.to_string(), state, code, &leaf])
                .map_err(std::io::Error::other)?;
            n += 1;
        }
    }
    csv.flush()?;
    Ok(n)
}
