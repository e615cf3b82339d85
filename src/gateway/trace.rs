//! What went over a gateway's links, byte for byte, for a carrier's engineer and ours to look at together:
//! asked for by the settings, encrypted, without the login's secrets, and over by itself.
//!
//! Where nothing is asked for, a socket's read and write cost one look at an `Option`. Where it is, a link
//! hands its bytes to a thread over a channel with bounded room: tracing never holds up sending, and what
//! found no room is counted in the trace itself.

mod blank;
mod file;
mod read;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    time::Duration,
};

use tracing::info;

pub use file::{End, TraceError};
pub use read::{Numbers, TraceEntry, TraceLine, read};

use super::{LinkNo, opening::OpenError};
use crate::{
    clock::Clock,
    config::{self, Kind},
    domain::{id::GatewayId, time::Micros},
    tasks::Tasks,
};
use blank::Blank;

/// A trace ends at most so long after it was begun: what is forgotten must not go on.
pub const LONGEST: Duration = Duration::from_hours(7 * 24);

/// A trace is deleted so long after its end.
pub const RETENTION: Duration = Duration::from_hours(7 * 24);

/// How a trace's name ends.
const ENDING: &str = "trace";

/// Pieces that may wait for the thread: some seconds of a fast link.
const ROOM: usize = 4_096;

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the carrier.
    In,
    /// To the carrier.
    Out,
}

impl Direction {
    /// For programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Something that happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    at: Micros,
    link: LinkNo,
    connection: u32,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Began,
    Bytes(Direction, Vec<u8>),
    /// So many pieces that went this way found no room; what follows begins with a PDU.
    Gap(Direction, u64),
    Ended,
}

/// Is the end set where it may be?
pub(super) fn check(config: &config::Gateway, now: Micros) -> Result<(), OpenError> {
    let longest = now.plus_secs(LONGEST.as_secs() as i64);
    match &config.trace {
        Some(trace) if trace.until > longest => Err(OpenError::Setting {
            key: "trace_until",
            reason: format!("is more than 7 days ahead: write a time before {longest}"),
        }),
        _ => Ok(()),
    }
}

/// A gateway's trace under way.
#[derive(Debug, Clone)]
pub(super) struct Tracer {
    kind: Kind,
    until: Micros,
    clock: Clock,
    records: SyncSender<Record>,
}

impl Tracer {
    /// Starts the thread that writes; none when the end has passed.
    pub(super) fn start(
        kind: Kind,
        trace: &config::Trace,
        gateway: &GatewayId,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Option<Self> {
        if trace.until <= clock.now() {
            return None;
        }
        info!(gateway.id = %gateway, until = %trace.until, "Gateway {gateway} is traced into {}", trace.dir.display());
        let (records, taken) = sync_channel(ROOM);
        let writer = writer::Writer::new(kind, trace, gateway.clone(), clock.clone());
        tasks.spawn_blocking(format!("trace of gateway {gateway}"), move || {
            writer.run(&taken);
        });
        Some(Self {
            kind,
            until: trace.until,
            clock: clock.clone(),
            records,
        })
    }

    /// A connection that begins.
    pub(super) fn connection(&self, link: LinkNo, connection: u32) -> Tap {
        let mut tap = Tap {
            tracer: self.clone(),
            link,
            connection,
            blanks: [Blank::new(self.kind), Blank::new(self.kind)],
            lost: [0; 2],
            over: false,
        };
        tap.write(What::Began);
        tap
    }
}

/// One connection's end of a trace.
#[derive(Debug)]
pub(super) struct Tap {
    tracer: Tracer,
    link: LinkNo,
    connection: u32,
    /// By direction: where the login's secrets are.
    blanks: [Blank; 2],
    lost: [u64; 2],
    over: bool,
}

impl Tap {
    /// These went over the socket just now.
    pub(super) fn bytes(&mut self, direction: Direction, bytes: &[u8]) {
        if self.over || bytes.is_empty() {
            return;
        }
        let way = direction as usize;
        let mut kept = bytes.to_vec();
        let begins = self.blanks[way].pass(&mut kept);
        if self.lost[way] == 0 {
            let kept = self.write(What::Bytes(direction, kept));
            self.lost[way] = u64::from(!kept);
            return;
        }
        // After a gap it goes on with a whole PDU, or nothing behind it could be read.
        let Some(begins) = begins else {
            self.lost[way] += 1;
            return;
        };
        kept.drain(..begins);
        let gap = self.write(What::Gap(direction, self.lost[way]));
        match gap && self.write(What::Bytes(direction, kept)) {
            true => self.lost[way] = 0,
            false if gap => self.lost[way] = 1,
            false => self.lost[way] += 1,
        }
    }

    /// False when there is no room for it now.
    fn write(&mut self, what: What) -> bool {
        let at = self.tracer.clock.now();
        self.over |= at >= self.tracer.until;
        if self.over {
            return true;
        }
        let record = Record {
            at,
            link: self.link,
            connection: self.connection,
            what,
        };
        match self.tracer.records.try_send(record) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                self.over = true;
                true
            }
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.write(What::Ended);
    }
}

/// Deletes the traces in a folder that ended long enough ago; gives how many.
pub fn sweep(folder: &Path, now: Micros) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut deleted = 0;
    for entry in entries {
        let path: PathBuf = entry?.path();
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let changed = chrono::DateTime::<chrono::Utc>::from(std::fs::metadata(&path)?.modified()?);
        let age = now.0.saturating_sub(Micros::from(changed).0);
        if age >= RETENTION.as_micros() as i64 {
            std::fs::remove_file(&path)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests;
