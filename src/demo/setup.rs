//! The demo's office: its folder, settings, people, address books and carriers.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use super::{Step, Wanted, people::People};
use crate::{
    clock::Clock,
    config::{Config, Kind},
    demo::county,
    domain::{
        bilingual::Bilingual,
        calendar::Calendar,
        plan::{Ordered, Planned},
    },
    intake::plan_files::{self, PlanFile, PlanFileError},
    service::{Office, ServiceError, contacts::Import, refusal::DemoRefusal},
    simulate::{Faults, Losing, Settings, SubmitRefusal},
};

/// What marks a folder as made by a demo, so that the next one may clear it.
const MARK: &str = "# made by `watchbell demo`; may be deleted";

/// A county that may have nobody whose number ends in [`PORTED`].
const SMALL_COUNTY: u32 = 1_000;

/// How ported numbers end.
const PORTED: &str = "71";

/// Practises a carrier's bad days: dead numbers, lost answers, early, late and repeated reports.
pub(super) fn carrier(gateway: &crate::config::Gateway, clock: Clock, wanted: &Wanted) -> Settings {
    let seed = wanted.seed;
    // One carrier's bad days are enough to show what a lost answer is. What others wait for is not lost: it
    // would keep its run from being through until the time-out, which no forecast knows.
    let lost_answers = if gateway.id.0 == "telecom" { 0.1 } else { 0.0 };
    // Where reports have a connection of their own, one before its answer means an answer held back.
    let early_reports = if gateway.kind == Kind::Sgip12 {
        0.0
    } else {
        1.0
    };
    Settings {
        faults: Faults {
            lost_answers,
            losing: Losing::LastPart,
            duplicate_reports: 1.0,
            early_reports,
            late_reports: 0.5,
            late_factor: 3,
            ..Faults::default()
        },
        report_delay: Duration::from_millis(80),
        report_jitter: Duration::from_millis(80),
        rate: Some(gateway.rate),
        undelivered_percent: 4.0,
        refusals: ported(gateway, wanted),
        seed,
        ..crate::app::carrier_for(gateway, clock)
    }
}

/// Some numbers have gone to another carrier since they were given out: one in a hundred of China Unicom's; in a
/// small county its second person's. Refused there, they go by the aggregator.
fn ported(gateway: &crate::config::Gateway, wanted: &Wanted) -> Vec<SubmitRefusal> {
    /// SGIP's code for a number that is not China Unicom's.
    const NOT_OURS: u8 = 6;
    if gateway.id.0 != "unicom" {
        return Vec::new();
    }
    let suffix = if wanted.recipients < SMALL_COUNTY {
        county::second_number(wanted.seed).expose()
    } else {
        PORTED.to_owned()
    };
    vec![SubmitRefusal {
        suffix,
        part: None,
        result: NOT_OURS,
    }]
}

/// Writes the settings into the folder and opens the office by them.
pub(super) async fn open(wanted: &Wanted, clock: Clock) -> Result<Office, ServiceError> {
    clear(&wanted.dir)?;
    let file = wanted.dir.join("watchbell.toml");
    fs::write(
        &file,
        settings(
            wanted
                .database
                .as_deref()
                .unwrap_or("sqlite://watchbell.db"),
        ),
    )?;
    let config = Config::load(
        Some(&file),
        crate::config::process_env().filter(|(k, _)| !k.starts_with("WATCHBELL__")),
    )
    .map_err(|e| {
        ServiceError::from(DemoRefusal::Setup {
            why: Bilingual::of(|lang| e.text(lang)),
        })
    })?;
    Office::open(config, clock).await
}

fn settings(database: &str) -> String {
    let mut text = format!(
        "{MARK}\npractice = true\n\n[database]\nurl = {}\n\n[sending]\nsignature = \"{}安委办\"\n",
        toml::Value::String(database.to_owned()),
        county::COUNTY
    );
    super::orders::settings(&mut text);
    // A gateway for each protocol. Over HTTP batches go, and as no listener is open for calls, reports are fetched.
    let http = "address = \"http://127.0.0.1:7891\"\nlinks = 4\nwindow = 100\nbatch = 50\npoll_every = \"200ms\"\n";
    let wire = "address = \"127.0.0.1:7890\"\nlinks = 2\nwindow = 32\n";
    let node = format!("{wire}node = 3025001234\n");
    for (id, kind, carriers, rate, own) in [
        ("mobile", "cmpp20", "mobile", 600, wire),
        ("broadnet", "cmpp30", "broadnet", 100, wire),
        ("unicom", "sgip12", "unicom", 200, node.as_str()),
        ("telecom", "smgp30", "telecom", 300, wire),
        // Who is of none of these: satellite phones.
        ("cloud", "http", "any", 100, http),
        // Whose number has gone to another carrier.
        ("aggregator", "smpp34", "any", 100, wire),
    ] {
        _ = write!(
            text,
            "\n[[gateways]]\nid = \"{id}\"\nkind = \"{kind}\"\ncarriers = [\"{carriers}\"]\n\
             account = \"901234\"\npassword = \"practice\"\naccess_number = \"10690000\"\nservice_id = \"SAFETY\"\n\
             rate = {rate}\nprice = 0.05\nresponse_timeout = \"1s\"\n{own}"
        );
    }
    text
}

/// Makes the folder, or clears what an earlier demo left in it; nobody else's files.
fn clear(dir: &Path) -> Result<(), ServiceError> {
    fs::create_dir_all(dir)?;
    let ours = fs::read_to_string(dir.join("watchbell.toml")).is_ok_and(|t| t.starts_with(MARK));
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if !ours {
            return Err(DemoRefusal::FolderUsed {
                path: dir.to_owned(),
            }
            .into());
        }
        remove(&path)?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// How long the disk may take for [`settle_disk`].
const SETTLING: Duration = Duration::from_secs(20);

/// Has the disk take what others have left unwritten. A build that has just ended leaves a gigabyte, and when
/// the kernel writes it half a minute later a commit waits for seconds, in the middle of June. Only forecasts
/// would show it: where there is no `sync`, or it takes long, the demo goes on.
pub(super) async fn settle_disk(dir: &Path) {
    let mut sync = Command::new("sync");
    sync.arg("-f")
        .arg(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let settled = tokio::task::spawn_blocking(move || sync.status());
    _ = tokio::time::timeout(SETTLING, settled).await;
}

/// The county's three address books, faults and all.
pub(super) async fn import(
    office: &Office,
    people: &People,
    wanted: &Wanted,
    tell: &mut impl FnMut(Step<'_>),
) -> Result<(), ServiceError> {
    let n = usize::try_from(wanted.recipients).unwrap_or(usize::MAX);
    let books = county::address_books(n, wanted.seed).map_err(|e| {
        ServiceError::from(DemoRefusal::Failed {
            why: Bilingual::same(e.to_string()),
        })
    })?;
    let folder = wanted.dir.join("address-books");
    fs::create_dir_all(&folder)?;
    for book in &books {
        let path = folder.join(book.file_name);
        fs::write(&path, &book.bytes)?;
        let report = office
            .contacts()
            .import_file(&people.clerk, &path, Import::into_group(book.group))
            .await?;
        tell(Step::Imported(book, &report));
    }
    Ok(())
}

/// The plan as it is read from the demo's folder.
pub(super) struct PlanRead {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) source: String,
    pub(super) items: Vec<Planned>,
    pub(super) orders: Vec<Ordered>,
}

/// Lays out the example county's plan and its texts as an office would have them.
pub(super) fn lay_out_plan(dir: &Path) -> Result<(), ServiceError> {
    let plans = dir.join("config/plans");
    fs::create_dir_all(&plans)?;
    fs::write(plans.join(plan_files::PLAN_FILE), plan_files::PLAN)?;
    fs::create_dir_all(dir.join("templates/messages"))?;
    for (name, text) in plan_files::TEXTS {
        fs::write(text_file(dir, name), text)?;
    }
    Ok(())
}

/// Where a message's text stands.
pub(super) fn text_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("templates/messages").join(format!("{name}.txt"))
}

/// Reads the plan and its texts from the folder.
pub(super) fn read_plan(dir: &Path, office: &Office) -> Result<PlanRead, ServiceError> {
    let wrong = |e: PlanFileError| {
        ServiceError::from(DemoRefusal::Setup {
            why: Bilingual::of(|lang| e.text(lang)),
        })
    };
    let file =
        PlanFile::load(&dir.join("config/plans").join(plan_files::PLAN_FILE)).map_err(wrong)?;
    let zone = office.config.sending.timezone;
    let resolved = file
        .resolve(&Calendar::builtin(), zone, None)
        .map_err(wrong)?;
    let plan = file.read.plan;
    Ok(PlanRead {
        name: plan.name,
        title: plan.title,
        source: file.source,
        items: resolved.items,
        orders: resolved.orders,
    })
}
