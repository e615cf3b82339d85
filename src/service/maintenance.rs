//! Backup and restore of a SQLite database. A restored one starts held: nobody knows what was sent
//! after the backup was made.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Database, ServiceError, refusal::OfficeRefusal};
use crate::{
    clock::Clock,
    config::Config,
    domain::{
        event::Event,
        ledger::Head,
        lifecycle::StopAct,
        role::{Act, Actor},
    },
    engine::{lock::EngineLock, sidecar},
    store::{Limits, Store, schema::Schema},
};

impl Database<'_> {
    /// Brings an older schema up to date, when no engine is at work.
    pub async fn migrate(self, actor: &Actor) -> Result<(), ServiceError> {
        actor.may(Act::Maintain)?;
        let store = &self.office.store;
        if let Schema::Older(_) = store.settled_schema().await? {
            let Some(lock) = EngineLock::try_take(store, "migrate").await? else {
                return Err(OfficeRefusal::DatabaseInUse.into());
            };
            let migrated = lock.migrate(store).await;
            _ = lock.give_back().await;
            migrated?;
        }
        store.must_be_current().await?;
        self.office.install().await
    }

    /// A consistent copy, made while the database is in use.
    pub async fn backup(self, actor: &Actor, target: &Path) -> Result<Head, ServiceError> {
        actor.may(Act::Maintain)?;
        if target.exists() {
            return Err(OfficeRefusal::FileExists {
                path: target.to_owned(),
            }
            .into());
        }
        let act = self.office.act("backup").await?;
        let what = target
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let event = Event::Seen {
            by: actor.label(),
            what: "backup".into(),
            reason: what,
        };
        let head = act.commit(&[event]).await?;
        self.office.store.copy_to(target).await?;
        Ok(head)
    }
}

/// Puts a backup in the place of the configured database; returns where the one that was there is kept.
/// The copy is made, looked at and marked held beside it first, so that whatever fails leaves the old
/// one in its place.
pub async fn restore(
    config: &Config,
    actor: &Actor,
    from: &Path,
) -> Result<Option<PathBuf>, ServiceError> {
    actor.may(Act::Maintain)?;
    let Some(path) = config.database.sqlite_path() else {
        return Err(OfficeRefusal::PgRestore.into());
    };
    let path = path.as_path();
    let given = fs::canonicalize(from).map_err(|e| ServiceError::cannot_open(from, &e))?;
    if given == fs::canonicalize(path).unwrap_or_default() {
        return Err(OfficeRefusal::RestoreItself {
            path: from.to_owned(),
        }
        .into());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let copy = path.with_extension("restoring");
    let made = held_copy(from, &copy, actor).await;
    if made.is_err() {
        remove(&copy)?;
    }
    made?;
    let kept = set_aside(path).await?;
    fs::rename(&copy, path)?;
    Ok(kept)
}

/// A copy of the backup, known to be one of ours and marked held.
async fn held_copy(from: &Path, copy: &Path, actor: &Actor) -> Result<(), ServiceError> {
    let not_ours = || {
        ServiceError::from(OfficeRefusal::NotABackup {
            path: from.to_owned(),
        })
    };
    if !is_database(from)? {
        return Err(not_ours());
    }
    fs::copy(from, copy)?;
    let store = Store::connect(&format!("sqlite://{}", copy.display()), Limits::default()).await?;
    // An older version's backup: nobody else knows this copy.
    store.migrate().await?;
    let mut act = store.begin_entry("restore", Clock::system().now()).await?;
    if act.tx.installation().await?.is_none() {
        return Err(not_ours());
    }
    let why = sidecar::Suspicion::Missing.as_str();
    act.tx.set_held(why).await?;
    let event = Event::Stop {
        by: actor.label(),
        act: StopAct::Hold,
        reason: why.into(),
        left: None,
    };
    act.commit(&[event]).await?;
    store.close().await;
    Ok(())
}

/// Moves what is there out of the way with its journal, when no engine uses it.
async fn set_aside(path: &Path) -> Result<Option<PathBuf>, ServiceError> {
    if !path.exists() {
        return Ok(None);
    }
    let store = Store::connect(&format!("sqlite://{}", path.display()), Limits::default()).await?;
    let Some(lock) = EngineLock::try_take(&store, "restore").await? else {
        return Err(OfficeRefusal::DatabaseInUse.into());
    };
    store.close().await;
    let stamp = Clock::system().now().utc().format("%Y%m%d%H%M%S");
    let kept = path.with_extension(format!("replaced-{stamp}"));
    fs::rename(path, &kept)?;
    for suffix in ["-wal", "-shm"] {
        // Another reader may have kept the journal from being folded in: then it belongs to what is kept.
        match fs::rename(beside(path, suffix), beside(&kept, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
    }
    remove(&sidecar::path_of(path))?;
    _ = lock.give_back().await;
    Ok(Some(kept))
}

/// A file that SQLite keeps beside its database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn is_database(path: &Path) -> io::Result<bool> {
    use io::Read as _;
    let mut magic = [0; 16];
    let n = fs::File::open(path)?.take(16).read(&mut magic)?;
    Ok(n == 16 && &magic == b"SQLite format 3\0")
}
