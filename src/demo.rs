//! The main job without a server, an account or a configuration: three address books in, three
//! reminders out through three simulated carriers, reports back, and a ledger that verifies. Nothing
//! here is special: the same use cases, engine and wires as in earnest, with a clock that shows June.

mod outcome;

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use outcome::Outcome;

use crate::{
    alert::Alerts,
    app::Carriers,
    clock::Clock,
    config::{Config, Secret},
    county::{self, AddressBook},
    domain::{
        id::{CampaignId, RunId},
        lifecycle::CampaignAct,
        phone::Phone,
        priority::Priority,
        role::{Actor, Role},
        time::Micros,
    },
    engine::Engine,
    expander::OnDoubt,
    service::{
        Office, ServiceError,
        contacts::{Import, ImportReport},
        send::{OutOfHours, Target, Wish},
    },
    simulate::{Faults, Settings},
    store::lane::Counts,
};

/// June 9, 2023, 09:00 in Beijing: three days before consultation day.
const START: &str = "2023-06-09T09:00:00+08:00";

/// A demo that is not over by then has failed, and says where it stands.
const PATIENCE: Duration = Duration::from_mins(5);

/// What marks a folder as made by a demo, so that the next one may clear it.
const MARK: &str = "# made by `watchbell demo`; may be deleted";

/// What is asked of a demo.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// People in the address books.
    pub recipients: u32,
    /// Where everything goes.
    pub dir: PathBuf,
    /// Decides the county and the carriers' whims.
    pub seed: u64,
    /// A PostgreSQL database instead of a file in `dir`.
    pub database: Option<String>,
}

/// What the demo tells on its way.
#[derive(Debug)]
pub enum Step<'a> {
    /// An address book was read in.
    Imported(&'a AddressBook, &'a ImportReport),
    /// The clerk tried to approve their own campaign, and was refused with these words.
    OwnRefused(String),
    /// A reminder was let out.
    Approved {
        /// For which group.
        group: &'a str,
        /// People, segments, numbers merged.
        people: i64,
        /// Segments.
        segments: i64,
    },
    /// How far a run is.
    Sending(&'a Counts),
    /// Somebody wrote back `退订`.
    OptedOut(Phone),
    /// A run is over.
    Done(&'a str, &'a Counts),
}

/// One of the three reminders.
struct Reminder {
    group: &'static str,
    text: &'static str,
    priority: Priority,
}

/// A reminder for each group: one urgent, one personalised, one long.
const REMINDERS: [Reminder; 3] = [
    Reminder {
        group: county::LEADERS,
        text: include_str!("../templates/messages/rainstorm-leaders.txt"),
        priority: Priority::Urgent,
    },
    Reminder {
        group: county::MEMBER_UNITS,
        text: include_str!("../templates/messages/consultation-day-units.txt"),
        priority: Priority::Normal,
    },
    Reminder {
        group: county::STAFF,
        text: include_str!("../templates/messages/drill-week-staff.txt"),
        priority: Priority::Bulk,
    },
];

/// The demo's people.
struct People {
    clerk: Actor,
    approver: Actor,
    auditor: Actor,
}

/// Lives through it.
pub async fn run(wanted: &Wanted, mut tell: impl FnMut(Step<'_>)) -> Result<Outcome, ServiceError> {
    let started = Instant::now();
    let clock = Clock::starting_at(start()?);
    let mut office = open(wanted, clock.clone()).await?;
    if !office.runs().await?.is_empty() {
        return Err(ServiceError::usage(
            "这个数据库已经用过：演示请用空的数据库",
            "this database has been used already: give the demo an empty one",
        ));
    }
    let seed = wanted.seed;
    let carriers = Carriers::start(&mut office, |g| carrier(g, clock.clone(), seed)).await?;
    let people = hire(&office).await?;
    import(&office, &people, wanted, &mut tell).await?;
    let stop = CancellationToken::new();
    let alerts = Alerts::new(clock.clone(), true);
    let Some(engine) = Engine::start(office.engine_parts(alerts)).await? else {
        return Err(ServiceError::refused(
            "另一进程正在使用这个数据库",
            "another process is using this database",
        ));
    };
    let engine = tokio::spawn(engine.run(stop.clone()));
    let mut runs = Vec::new();
    for (turn, reminder) in REMINDERS.iter().enumerate() {
        // A county of one person has groups without anybody.
        if is_empty(&office, reminder.group).await? {
            continue;
        }
        let run = let_out(&office, &people, reminder, turn, &mut tell).await?;
        let counts = watch(&office, run, &mut tell).await?;
        tell(Step::Done(reminder.group, &counts));
        runs.push((reminder.group, run));
        if turn == 1 {
            opt_out(&office, &carriers, &mut tell).await?;
        }
    }
    stop.cancel();
    engine.await.map_err(|_| {
        ServiceError::refused("发送引擎意外结束", "the engine ended unexpectedly")
    })??;
    let outcome =
        outcome::gather(&office, &people.auditor, &carriers, &runs, wanted, started).await?;
    office.store.close().await;
    Ok(outcome)
}

fn start() -> Result<Micros, ServiceError> {
    chrono::DateTime::parse_from_rfc3339(START)
        .map(Micros::from)
        .map_err(|e| ServiceError::refused(e.to_string(), e.to_string()))
}

/// Practises a carrier's bad days: dead numbers, lost answers, early, late and repeated reports.
fn carrier(gateway: &crate::config::Gateway, clock: Clock, seed: u64) -> Settings {
    Settings {
        faults: Faults {
            lost_answers: 0.3,
            duplicate_reports: 1.0,
            early_reports: 1.0,
            late_reports: 0.5,
            late_factor: 4,
            ..Faults::default()
        },
        rate: Some(gateway.rate),
        undelivered_percent: 4.0,
        seed,
        ..crate::app::carrier_for(gateway, clock)
    }
}

/// Writes the settings into the folder and opens the office by them.
async fn open(wanted: &Wanted, clock: Clock) -> Result<Office, ServiceError> {
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
        use crate::domain::lang::Lang;
        ServiceError::usage(e.text(Lang::Zh), e.text(Lang::En))
    })?;
    Office::open(config, clock).await
}

fn settings(database: &str) -> String {
    let mut text = format!(
        "{MARK}\npractice = true\n\n[database]\nurl = {}\n\n[sending]\nsignature = \"{}安委办\"\n",
        toml::Value::String(database.to_owned()),
        county::COUNTY
    );
    for (id, carriers, rate) in [
        ("mobile", r#""mobile", "broadnet""#, 600),
        ("unicom", r#""unicom""#, 300),
        ("telecom", r#""telecom""#, 300),
    ] {
        _ = write!(
            text,
            "\n[[gateways]]\nid = \"{id}\"\nkind = \"cmpp20\"\ncarriers = [{carriers}]\naddress = \"127.0.0.1:7890\"\n\
             account = \"901234\"\npassword = \"practice\"\naccess_number = \"10690000\"\nservice_id = \"SAFETY\"\n\
             rate = {rate}\nlinks = 2\nwindow = 32\nprice = 0.05\nresponse_timeout = \"3s\"\n"
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
            return Err(ServiceError::usage(
                format!(
                    "目录 {} 不是空的，也不是演示留下的：请用 --dir 另选目录",
                    dir.display()
                ),
                format!(
                    "{} is not empty and no demo made it: choose another folder with --dir",
                    dir.display()
                ),
            ));
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

/// The administrator, a clerk, an approver and an auditor, with passwords that nobody knows.
async fn hire(office: &Office) -> Result<People, ServiceError> {
    let secret = |name: &str| Secret::new(format!("{name}-{}", uuid::Uuid::now_v7()));
    let nobody = Actor::System {
        account: "demo".to_owned(),
    };
    office
        .add_user(&nobody, "admin", Role::Admin, &secret("admin"))
        .await?;
    let admin = Actor::User {
        name: "admin".to_owned(),
        role: Role::Admin,
    };
    let mut made = Vec::new();
    for (name, role) in [
        ("周晓岚", Role::Clerk),
        ("何志远", Role::Approver),
        ("秦明", Role::Auditor),
    ] {
        let password = secret(name);
        office.add_user(&admin, name, role, &password).await?;
        made.push(office.authenticate(name, &password).await?);
    }
    let mut made = made.into_iter();
    match (made.next(), made.next(), made.next()) {
        (Some(clerk), Some(approver), Some(auditor)) => Ok(People {
            clerk,
            approver,
            auditor,
        }),
        _ => Err(ServiceError::refused(
            "演示人员不齐",
            "the demo's people are not all there",
        )),
    }
}

/// The county's three address books, faults and all.
async fn import(
    office: &Office,
    people: &People,
    wanted: &Wanted,
    tell: &mut impl FnMut(Step<'_>),
) -> Result<(), ServiceError> {
    let n = usize::try_from(wanted.recipients).unwrap_or(usize::MAX);
    let books = county::address_books(n, wanted.seed)
        .map_err(|e| ServiceError::refused(e.to_string(), e.to_string()))?;
    let folder = wanted.dir.join("address-books");
    fs::create_dir_all(&folder)?;
    for book in &books {
        let path = folder.join(book.file_name);
        fs::write(&path, &book.bytes)?;
        let report = office
            .import_file(&people.clerk, &path, Import::into_group(book.group))
            .await?;
        tell(Step::Imported(book, &report));
    }
    Ok(())
}

/// The clerk submits, may not approve it themselves, and another person lets it out.
async fn let_out(
    office: &Office,
    people: &People,
    reminder: &Reminder,
    turn: usize,
    tell: &mut impl FnMut(Step<'_>),
) -> Result<RunId, ServiceError> {
    let groups = [reminder.group.to_owned()];
    let wish = Wish {
        name: reminder.group.to_owned(),
        to: Target::Groups {
            include: &groups,
            exclude: &[],
        },
        text: reminder.text,
        priority: reminder.priority,
        on_doubt: OnDoubt::Hold,
        not_after: None,
        out_of_hours: OutOfHours::Refuse,
    };
    let queued = office.send(&people.clerk, &wish).await?;
    let campaign: CampaignId = queued.frozen.campaign;
    if turn == 0
        && let Err(refusal) = office
            .decide(&people.clerk, campaign, CampaignAct::Approve, "")
            .await
    {
        tell(Step::OwnRefused(
            refusal.text(crate::domain::lang::Lang::Zh),
        ));
    }
    office
        .decide(&people.approver, campaign, CampaignAct::Approve, "")
        .await?;
    tell(Step::Approved {
        group: reminder.group,
        people: queued.frozen.size,
        segments: queued.frozen.segments,
    });
    Ok(queued.frozen.run)
}

async fn is_empty(office: &Office, group: &str) -> Result<bool, ServiceError> {
    let group = office.store.read("demo_group").await?.group(group).await?;
    Ok(group.is_none_or(|g| g.members == 0))
}

/// Until no message of the run is open.
async fn watch(
    office: &Office,
    run: RunId,
    tell: &mut impl FnMut(Step<'_>),
) -> Result<Counts, ServiceError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let view = office.run(run).await?;
        tell(Step::Sending(&view.counts));
        if view.run.closed_us > 0 {
            return Ok(view.counts);
        }
        if Instant::now() > deadline {
            return Err(ServiceError::refused(
                format!("演示没有在 {PATIENCE:?} 内完成：{:?}", view.counts),
                format!(
                    "the demo was not over within {PATIENCE:?}: {:?}",
                    view.counts
                ),
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One of the safety staff writes back `退订`: the next run leaves them out.
async fn opt_out(
    office: &Office,
    carriers: &Carriers,
    tell: &mut impl FnMut(Step<'_>),
) -> Result<(), ServiceError> {
    let mut tx = office.store.read("demo_opt_out").await?;
    let Some(group) = tx.group(county::STAFF).await? else {
        return Ok(());
    };
    let staff = tx.contacts_after(group.id()?, "", 500).await?;
    drop(tx);
    let served = |phone: Phone| crate::domain::carrier::CarrierTable::builtin().carrier(phone);
    let somebody = staff
        .iter()
        .filter_map(|c| Phone::from_wire(&c.phone))
        .find_map(|phone| {
            let gateway = office
                .config
                .gateways
                .iter()
                .find(|g| g.carriers.contains(&served(phone)))?;
            Some((phone, carriers.get(&gateway.id)?))
        });
    let Some((phone, carrier)) = somebody else {
        return Ok(());
    };
    carrier.inject_mo(phone, "退订");
    let deadline = Instant::now() + Duration::from_secs(10);
    while office
        .store
        .read("demo_opt_out")
        .await?
        .suppressions_after(0, 1)
        .await?
        .is_empty()
    {
        if Instant::now() > deadline {
            return Err(ServiceError::refused(
                "退订没有在十秒内生效",
                "the opt-out did not take effect within ten seconds",
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tell(Step::OptedOut(phone));
    Ok(())
}
