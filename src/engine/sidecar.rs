//! A small file beside a SQLite database that tells a copy, an old backup put back and a clone from a
//! plain crash. Copies start held; only a person lets them go on.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::domain::{ledger::Head, time::Micros};

/// The sidecar was put there if its inode changed so much later than its last heartbeat.
const PUT_THERE_US: i64 = 5_000_000;

/// A heartbeat so old with a lane in mid-sending is not a crash that somebody noticed.
const STALE_US: i64 = 600_000_000;

/// What the sidecar says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The installation's id.
    pub installation: String,
    /// The database file's inode.
    pub inode: u64,
    /// The database file's birth time, microseconds; 0 where the file system keeps none.
    pub birth_us: i64,
    /// The machine's id, where there is one.
    pub machine: String,
    /// The ledger's head when it was written.
    pub head: String,
    /// When it was written.
    pub heartbeat_us: i64,
}

/// Why a database is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// No sidecar beside a database with a past: a copy or a restored backup.
    Missing,
    /// The file, the machine or the installation is another.
    Moved,
    /// The sidecar's entry is not in the chain: an older state was put back.
    OlderState,
    /// The sidecar was put there after its last heartbeat.
    PutThere,
    /// Nobody was there for over ten minutes in the middle of a run.
    LongGone,
}

impl Suspicion {
    /// The stored reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "copy: nothing beside this database says that it has been in use here",
            Self::Moved => "copy: this file is not the one that was in use here",
            Self::OlderState => "restored: the database is older than what was last seen here",
            Self::PutThere => "restored: database and sidecar were put here together",
            Self::LongGone => "stale: nobody was here for over ten minutes in the middle of a run",
        }
    }
}

/// What is known of the database when it is opened.
#[derive(Debug, Clone)]
pub struct Present {
    /// The installation's id.
    pub installation: String,
    /// Its head.
    pub head: Head,
    /// Is a lane in mid-sending?
    pub sending: bool,
    /// The engine's time.
    pub now: Micros,
}

/// Where the sidecar of a database stands.
pub fn path_of(database: &Path) -> PathBuf {
    database.with_extension("here")
}

/// Reads the sidecar, with the time its inode last changed; `None` when there is none, or it can't be
/// read as one.
pub fn read(database: &Path) -> Option<(Sidecar, Micros)> {
    let path = path_of(database);
    let changed = fs::metadata(&path).ok()?;
    let sidecar = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    Some((
        sidecar,
        Micros(changed.ctime() * 1_000_000 + changed.ctime_nsec() / 1_000),
    ))
}

/// Writes the sidecar in place, so that its birth stays and its change time is the heartbeat's.
pub fn write(database: &Path, installation: &str, head: Head, now: Micros) -> io::Result<()> {
    let (inode, birth_us) = identity(database)?;
    let sidecar = Sidecar {
        installation: installation.to_owned(),
        inode,
        birth_us,
        machine: machine(),
        head: head.to_string(),
        heartbeat_us: now.0,
    };
    let mut text = serde_json::to_vec(&sidecar)?;
    text.push(b'\n');
    let mut file = fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path_of(database))?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)
}

fn identity(database: &Path) -> io::Result<(u64, i64)> {
    let meta = fs::metadata(database)?;
    let birth = meta
        .created()
        .ok()
        .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|d| i64::try_from(d.as_micros()).ok());
    Ok((meta.ino(), birth.unwrap_or(0)))
}

fn machine() -> String {
    fs::read_to_string("/etc/machine-id")
        .map(|s| s.trim().to_owned())
        .unwrap_or_default()
}

/// Is this the database that was last in use here, in its last state? `entry_hash` is the hash of the
/// entry that the sidecar names, if the chain has it.
pub fn suspect(
    database: &Path,
    sidecar: Option<(&Sidecar, Micros)>,
    present: &Present,
    named_entry_is_ours: bool,
) -> io::Result<Option<Suspicion>> {
    let Some((sidecar, changed)) = sidecar else {
        return Ok((present.head.n > 1).then_some(Suspicion::Missing));
    };
    let (inode, birth_us) = identity(database)?;
    let same = sidecar.installation == present.installation
        && sidecar.inode == inode
        && sidecar.birth_us == birth_us
        && sidecar.machine == machine();
    Ok(if !same {
        Some(Suspicion::Moved)
    } else if !named_entry_is_ours {
        Some(Suspicion::OlderState)
    } else if changed.0 > sidecar.heartbeat_us + PUT_THERE_US {
        Some(Suspicion::PutThere)
    } else if present.sending && present.now.0 > sidecar.heartbeat_us + STALE_US {
        Some(Suspicion::LongGone)
    } else {
        None
    })
}

/// The head that a sidecar names.
pub fn named_head(sidecar: &Sidecar) -> Option<Head> {
    sidecar.head.parse().ok()
}
