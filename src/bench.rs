//! The figures that the documents quote, measured on the machine at hand: each benchmark is a function
//! from its wish to its figures, so that `watchbell bench` only prints.

use std::{fs, io, path::Path, sync::Arc};

use serde::Serialize;
use tokio::time::Instant;

use crate::{
    campaign::freeze::{self, Audience, FreezeError, FreezeRequest, Person, Purpose, freeze},
    clock::Clock,
    config,
    domain::{
        audience_spec::AudienceSpec,
        carrier::{CarrierTable, SegmentKind},
        phone::Phone,
        policy::{Late, OnDoubt},
        priority::Priority,
        template::{NAME, Values},
    },
    store::{self, Limits, Store},
};

/// Who signs.
pub const SIGNATURE: &str = "某县安委办";
/// One text for everybody.
const SAME: &str = "汛期将至，请检查排水设施，备好防汛物资，确保人员安全。";
/// A text with the person's name in it.
const PERSONAL: &str = "((姓名))同志：汛期将至，请检查排水设施，备好防汛物资，确保人员安全。";

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The run could not be frozen.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
    /// It would write a made-up run among real ones.
    #[error("this database is in use: give a benchmark an empty one of its own")]
    InUse,
    /// The folder for the temporary database.
    #[error("cannot use the folder for the database: {0}")]
    Io(#[from] io::Error),
}

/// What freezing cost.
#[derive(Debug, Clone, Serialize)]
pub struct FreezeFigures {
    /// People frozen.
    pub recipients: i64,
    /// Segments of all.
    pub segments: i64,
    /// With names in the text.
    pub personal: bool,
    /// From the order to the durable event.
    pub seconds: f64,
    /// People a second.
    pub rows_per_second: f64,
    /// The process's largest resident memory so far, MB of a million bytes.
    pub peak_rss_mb: f64,
    /// What the database takes on disk, MB of a million bytes; 0 on a server.
    pub database_mb: f64,
}

/// Freezes a run of `recipients` made-up people into the database at `url`.
pub async fn freeze_run(
    url: &str,
    gateways: &[config::Gateway],
    recipients: u32,
    personal: bool,
) -> Result<FreezeFigures, BenchError> {
    let store = Store::open(url, Limits::default()).await?;
    if store.read("bench").await?.installation().await?.is_some() {
        return Err(BenchError::InUse);
    }
    let clock = Clock::system();
    let office = freeze::FreezeSettings {
        gateways,
        signature: SIGNATURE,
        carriers: CarrierTable::builtin(),
    };
    let request = FreezeRequest {
        name: "bench".into(),
        text: if personal { PERSONAL } else { SAME }.into(),
        audience: AudienceSpec::File("people.csv".into()),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        not_after: None,
        not_before: None,
        late: Late::Send,
        slot: clock.now(),
        author: "bench".into(),
        purpose: Purpose::New,
    };
    let audience = Audience::ordered(people(recipients, personal), [NAME.to_owned()]);
    let started = Instant::now();
    let frozen = freeze(&store, &clock, office, &request, audience).await?;
    let seconds = started.elapsed().as_secs_f64();
    let path = store.path().map(Path::to_path_buf);
    store.close().await;
    let bytes = match path {
        Some(path) => fs::metadata(path)?.len(),
        None => 0,
    };
    Ok(FreezeFigures {
        recipients: frozen.size,
        segments: frozen.segments,
        personal,
        seconds,
        rows_per_second: frozen.size as f64 / seconds.max(0.001),
        peak_rss_mb: peak_rss_bytes()? as f64 / 1e6,
        database_mb: bytes as f64 / 1e6,
    })
}

/// A folder that nobody else uses, for databases that go away.
pub fn fresh_folder(parent: Option<&Path>) -> io::Result<std::path::PathBuf> {
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let folder = parent.join(format!("watchbell-bench-{}", std::process::id()));
    fs::create_dir_all(&parent)?;
    fs::create_dir(&folder)?;
    Ok(folder)
}

/// Numbers of all carriers in their order, spread over the ordinary segments.
fn people(count: u32, personal: bool) -> impl Iterator<Item = Person> + Send + 'static {
    let table = CarrierTable::builtin();
    let prefixes: Vec<u64> = (130..200)
        .filter(|p| {
            let first = Phone::from_number(p * 100_000_000);
            let segment = first.and_then(|phone| table.by_segment(phone));
            segment.is_some_and(|s| s.kind == SegmentKind::Ordinary)
        })
        .collect();
    let count = u64::from(count);
    let groups = prefixes.len() as u64;
    let name: Arc<str> = NAME.into();
    (0..count).map(move |i| {
        // The first prefixes take one more where it does not come out even.
        let group = i * groups / count;
        let first = (group * count).div_ceil(groups);
        let number = prefixes[group as usize] * 100_000_000 + (i - first) * 97;
        let mut values = Values::new();
        if personal {
            values.set_shared(
                &name,
                format!("王小{}", ["明", "红", "军", "芳", "强"][(i % 5) as usize]),
            );
        }
        Person {
            phone: Phone::from_number(number).expect("an allocated prefix and eight digits"),
            values,
            row: i + 1,
            kept: String::new(),
            others: Vec::new(),
        }
    })
}

/// `VmHWM`, as Linux counts it.
fn peak_rss_bytes() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kb = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .ok()
        });
    Ok(kb.unwrap_or(0) * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_people_come_in_order_and_once() {
        for count in [1, 2, 50, 1_001] {
            let numbers: Vec<_> = people(count, false).map(|p| p.phone).collect();
            assert_eq!(numbers.len(), count as usize);
            assert!(numbers.is_sorted_by(|a, b| a < b), "{count}");
        }
    }
}
