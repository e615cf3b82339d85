//! The thread that writes a gateway's traces: one file a link, a part each second or sooner.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::warn;

use super::{
    Direction, ENDING, Record, What,
    file::{Sealed, Sealing, TraceError},
};
use crate::{
    clock::Clock,
    config::{self, Kind, Secret},
    domain::{id::GatewayId, time::Micros},
    gateway::LinkNo,
};

/// How often it looks whether something is to be written out, or over.
const LOOK: Duration = Duration::from_millis(200);

/// What is not written out is lost with a killed process: at most so much of it.
const FLUSH: Duration = Duration::from_millis(700);

/// Bytes that make a part at once.
const PART: usize = 64 * 1_024;

/// Bytes of one file at most: a forgotten trace of a busy link must not fill the disk.
const MOST: u64 = 1 << 30;

/// What a record is.
pub(super) const BEGAN: u8 = 0;
pub(super) const IN: u8 = 1;
pub(super) const OUT: u8 = 2;
pub(super) const GAP_IN: u8 = 3;
pub(super) const GAP_OUT: u8 = 4;
pub(super) const ENDED: u8 = 5;

pub(super) struct Writer {
    kind: Kind,
    passphrase: Secret,
    until: Micros,
    folder: PathBuf,
    gateway: GatewayId,
    clock: Clock,
}

struct Open {
    file: Sealed,
    plain: Vec<u8>,
    since: Instant,
}

impl Writer {
    pub(super) fn new(kind: Kind, trace: &config::Trace, gateway: GatewayId, clock: Clock) -> Self {
        Self {
            kind,
            passphrase: trace.key.clone(),
            until: trace.until,
            folder: trace.dir.clone(),
            gateway,
            clock,
        }
    }

    /// Writes until all senders are gone, or the time is over.
    pub(super) fn run(self, records: &Receiver<Record>) {
        if let Err(error) = self.write(records) {
            // Sending goes on: a trace is for looking, not for working.
            warn!(gateway.id = %self.gateway, %error, "The trace of gateway {} has ended early", self.gateway);
        }
    }

    fn write(&self, records: &Receiver<Record>) -> Result<(), TraceError> {
        let sealing = Sealing::new(&self.passphrase)?;
        let mut links: BTreeMap<LinkNo, Open> = BTreeMap::new();
        loop {
            let record = match records.recv_timeout(LOOK) {
                Ok(record) => Some(record),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let over = self.clock.now() >= self.until;
            if let Some(record) = record.filter(|r| r.at < self.until) {
                let open = match links.entry(record.link) {
                    Entry::Occupied(open) => open.into_mut(),
                    Entry::Vacant(place) => {
                        place.insert(self.open(record.link, record.at, &sealing)?)
                    }
                };
                open.add(&record)?;
            }
            if over {
                break;
            }
            for open in links.values_mut().filter(|o| o.since.elapsed() >= FLUSH) {
                open.flush()?;
            }
        }
        for open in links.into_values() {
            open.file.end(&open.plain)?;
        }
        Ok(())
    }

    fn open(&self, link: LinkNo, at: Micros, sealing: &Sealing) -> Result<Open, TraceError> {
        let time = at.utc().format("%Y%m%dT%H%M%S%6fZ");
        let name = format!("{}-{link}-{time}.{ENDING}", self.gateway);
        let file = Sealed::create(&self.folder.join(name), sealing)?;
        let kind = self.kind.as_str().as_bytes();
        let mut open = Open {
            file,
            plain: vec![kind.len() as u8],
            since: Instant::now(),
        };
        open.plain.extend_from_slice(kind);
        // At once: a file without a part does not even show whether the key is right.
        open.flush()?;
        Ok(open)
    }
}

impl Open {
    fn add(&mut self, record: &Record) -> Result<(), TraceError> {
        if self.file.written() >= MOST {
            return Ok(());
        }
        let gap;
        let (what, bytes): (u8, &[u8]) = match &record.what {
            What::Began => (BEGAN, &[]),
            What::Bytes(Direction::In, bytes) => (IN, bytes),
            What::Bytes(Direction::Out, bytes) => (OUT, bytes),
            What::Gap(direction, n) => {
                gap = n.to_be_bytes();
                (
                    if *direction == Direction::In {
                        GAP_IN
                    } else {
                        GAP_OUT
                    },
                    &gap,
                )
            }
            What::Ended => (ENDED, &[]),
        };
        self.plain.push(what);
        self.plain.extend(record.at.0.to_be_bytes());
        self.plain.extend(record.link.to_be_bytes());
        self.plain.extend(record.connection.to_be_bytes());
        self.plain.extend((bytes.len() as u32).to_be_bytes());
        self.plain.extend_from_slice(bytes);
        if self.plain.len() >= PART {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TraceError> {
        self.since = Instant::now();
        if !self.plain.is_empty() {
            self.file.part(&self.plain)?;
            self.plain.clear();
        }
        Ok(())
    }
}
