//! What came of the demo: the database's figures, the carriers' own, and whether they agree number by
//! number.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use serde::Serialize;
use tokio::time::Instant;

use super::{Wanted, orders};
use crate::{
    app::{Carriers, OrderDesks},
    domain::{
        bilingual::bilingual,
        id::{GatewayId, MessageId},
        message::{self, LogState, Mark},
        month::Month,
        phone::Phone,
        role::Actor,
        time::Micros,
    },
    service::{
        Office, ServiceError, audit, log::LogQuery, refusal::DemoRefusal, work_order::OrderView,
    },
    store::{lane::Counts, log::LogFilter},
};

/// Messages compared at a time.
const PAGE: i64 = 5_000;

/// What came of it: CONTRACT's JSON, and what the table at the end shows.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Runs that went out.
    pub runs: usize,
    /// All of it.
    pub elapsed_seconds: f64,
    /// How many messages are in each state.
    pub messages: serde_json::Value,
    /// What each carrier counted.
    pub gateways: Vec<GatewayFigures>,
    /// What carriers declare that they have sent to their own subscribers.
    pub work_orders: Vec<WorkOrderFigures>,
    /// What was forecast, beside what came.
    pub forecast: ForecastFigures,
    /// The ledger.
    pub ledger: LedgerFigures,
    /// What was written.
    pub files: BTreeMap<&'static str, PathBuf>,
    /// By audience.
    #[serde(skip)]
    pub groups: Vec<GroupFigures>,
    /// Doubts that were settled by a report of their own.
    #[serde(skip)]
    pub adopted: i64,
    /// The first number on which the two sides differ, masked, with what each says.
    #[serde(skip)]
    pub disagreement: Option<String>,
}

/// What went to one audience.
#[derive(Debug, Clone, Default)]
pub struct GroupFigures {
    /// The groups' names.
    pub name: String,
    /// Runs that went out.
    pub runs: usize,
    /// Segments that carriers took.
    pub segments: i64,
    /// What became of the messages, also of those of runs that were called off.
    pub counts: Counts,
}

/// One carrier's own figures.
#[derive(Debug, Clone, Serialize)]
pub struct GatewayFigures {
    /// Its name.
    pub id: String,
    /// Its protocol.
    pub kind: String,
    /// Segments a second by contract.
    pub rate: u32,
    /// Segments the carrier took.
    pub submitted_segments: u64,
    /// Reports that were acknowledged.
    pub reports: u64,
    /// The most that came within any sliding second.
    pub peak_segments_in_one_second: u64,
}

/// A work order, with the carrier's own figures: declared, not observed.
#[derive(Debug, Clone, Serialize)]
pub struct WorkOrderFigures {
    /// Which carrier.
    pub carrier: String,
    /// Where it stands.
    pub state: String,
    /// How many were to get it.
    pub requested: i64,
    /// How many were sent to.
    pub sent: i64,
    /// How many got it.
    pub delivered: i64,
}

/// When runs were to be through, and when they were: from the slot to the last answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ForecastFigures {
    /// Runs compared.
    pub runs: usize,
    /// Off by no more than 5 % of the time the run took.
    pub within_5_percent: usize,
    /// Off by no more than that, or than a quarter of a second.
    pub within_5_percent_or_250_ms: usize,
    /// The farthest off, in seconds.
    pub largest_error_seconds: f64,
    /// Each: item, seconds it took, seconds forecast.
    #[serde(skip)]
    pub each: Vec<(String, f64, f64)>,
}

/// The ledger at the end.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerFigures {
    /// How many entries (commits) the ledger has.
    pub entries: i64,
    /// How many events they hold together.
    pub events: i64,
    /// The newest entry, to be written down.
    pub head: String,
    /// Root over all entries.
    pub root: String,
    /// Does everything agree with it?
    pub verified: bool,
}

impl Outcome {
    /// Both sides agree, the ledger verifies, nothing is open.
    pub fn is_good(&self) -> bool {
        let zero = |state: &str| self.messages[state].as_i64() == Some(0);
        self.disagreement.is_none()
            && self.ledger.verified
            && ["in_doubt", "queued", "submitting", "submitted"]
                .into_iter()
                .all(zero)
    }
}

/// Looks at both sides.
pub(super) async fn gather(
    office: &Office,
    auditor: &Actor,
    (carriers, desks): (&Carriers, &OrderDesks),
    wanted: &Wanted,
    started: Instant,
) -> Result<Outcome, ServiceError> {
    let (runs, sum, groups) = by_group(office, auditor).await?;
    let (disagreement, adopted) = compare(office, carriers).await?;
    let views = office.work_orders().list(auditor).await?;
    let disagreement = disagreement.or_else(|| orders::disagreement(&views, desks));
    let verdict = audit::verify(&office.store, None).await.map_err(|e| {
        ServiceError::from(DemoRefusal::Failed {
            why: bilingual!("台账无法核验：{e}", "{e}"),
        })
    })?;
    let forecast = compare_forecast(office, auditor).await?;
    let log = write_log(office, auditor, wanted).await?;
    let summary = write_summary(office, auditor, wanted).await?;
    let gateways = office
        .config
        .gateways
        .iter()
        .filter_map(|g| {
            let counts = carriers.get(&g.id)?.counts();
            Some(GatewayFigures {
                id: g.id.0.clone(),
                kind: g.kind.as_str().to_owned(),
                rate: g.rate,
                submitted_segments: counts.segments,
                reports: counts.reports,
                peak_segments_in_one_second: counts.peak_segments_in_one_second,
            })
        })
        .collect();
    Ok(Outcome {
        runs,
        elapsed_seconds: started.elapsed().as_secs_f64(),
        messages: sum.to_json(),
        gateways,
        work_orders: views.iter().map(work_order).collect(),
        forecast,
        ledger: LedgerFigures {
            entries: verdict.entries,
            events: verdict.events,
            head: verdict.head.to_string(),
            root: hex::encode(verdict.root),
            verified: verdict.ok,
        },
        files: BTreeMap::from([("delivery_log_csv", log), ("summary_html", summary)]),
        groups,
        adopted,
        disagreement: disagreement.or_else(|| verdict.first_difference.map(|d| d.to_string())),
    })
}

fn work_order(view: &OrderView) -> WorkOrderFigures {
    let figures = view.line.figures;
    WorkOrderFigures {
        carrier: view.line.carrier.to_string(),
        state: view.line.state.to_string(),
        requested: figures.requested.unwrap_or(0),
        sent: figures.sent.unwrap_or(0),
        delivered: figures.delivered.unwrap_or(0),
    }
}

/// How many runs went out, what became of all messages, and the same by audience.
async fn by_group(
    office: &Office,
    actor: &Actor,
) -> Result<(usize, Counts, Vec<GroupFigures>), ServiceError> {
    let (mut runs, mut sum) = (0, Counts::default());
    let mut groups: BTreeMap<String, GroupFigures> = BTreeMap::new();
    for view in office.runs().list(actor).await? {
        sum.add(&view.counts);
        let name = view.groups.join("、");
        let group = groups.entry(name.clone()).or_default();
        group.name = name;
        group.counts.add(&view.counts);
        if view.opened.is_some() {
            runs += 1;
            group.runs += 1;
            group.segments += office.runs().segments_taken(actor, view.id).await?;
        }
    }
    Ok((runs, sum, groups.into_values().collect()))
}

/// What the database says of one number.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Ours {
    segments: i64,
    delivered: i64,
    failed: i64,
}

/// Number by number: segments taken, whether the report said delivered, nobody twice.
async fn compare(
    office: &Office,
    carriers: &Carriers,
) -> Result<(Option<String>, i64), ServiceError> {
    let mut ours: BTreeMap<(GatewayId, Phone), Ours> = BTreeMap::new();
    let mut adopted = 0;
    let mut after = None;
    loop {
        let rows = office
            .store
            .read("demo_compare")
            .await?
            .log_after(&LogFilter::default(), after, PAGE)
            .await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        let ids: Vec<_> = rows.iter().map(|r| r.id).collect();
        let long: Vec<_> = rows
            .iter()
            .filter(|r| r.segments > 1)
            .map(|r| r.id)
            .collect();
        let mut tx = office.store.read("demo_parts").await?;
        let mut parts: HashMap<MessageId, i64> = HashMap::new();
        for part in tx.segments(&long).await? {
            let taken = !part.state.carrier_id.is_empty();
            *parts.entry(part.message).or_default() += i64::from(taken);
        }
        let marks = tx.messages(&ids).await?;
        adopted += marks
            .iter()
            .filter(|m| m.state.mark == Some(Mark::Adopted))
            .count() as i64;
        for row in &rows {
            let LogState::Outcome(outcome) = row.state else {
                continue;
            };
            let has_left = matches!(
                outcome,
                message::Outcome::Delivered
                    | message::Outcome::Undelivered
                    | message::Outcome::Expired
                    | message::Outcome::Submitted
                    | message::Outcome::Unconfirmed
            );
            let (true, Some(gateway), Some(phone)) = (has_left, row.gateway.clone(), row.phone)
            else {
                continue;
            };
            let entry = ours.entry((gateway, phone)).or_default();
            // Without parts it was taken with all the segments it counts.
            entry.segments += parts.get(&row.id).copied().unwrap_or(row.segments);
            entry.delivered += i64::from(outcome == message::Outcome::Delivered);
            entry.failed += i64::from(matches!(
                outcome,
                message::Outcome::Undelivered | message::Outcome::Expired
            ));
        }
    }
    for (id, carrier) in carriers.iter() {
        if carrier.counts().recipients_sent_twice > 0 {
            return Ok((
                Some(format!(
                    "{id}: {} numbers got it twice",
                    carrier.counts().recipients_sent_twice
                )),
                adopted,
            ));
        }
        for (phone, theirs) in carrier.per_number() {
            let mine = ours.remove(&(id.clone(), phone)).unwrap_or_default();
            let delivered = theirs.report.as_deref() == Some("DELIVRD");
            let agree = i64::from(theirs.segments) == mine.segments
                && (delivered && mine.failed == 0 || !delivered && mine.delivered == 0);
            if !agree {
                return Ok((
                    Some(format!(
                        "{id} {phone}: carrier took {} and reports {:?}, database says {mine:?}",
                        theirs.segments, theirs.report
                    )),
                    adopted,
                ));
            }
        }
    }
    let rest = ours.into_iter().next();
    Ok((
        rest.map(|((id, phone), mine)| {
            format!("{id} {phone}: the carrier has never seen it, database says {mine:?}")
        }),
        adopted,
    ))
}

/// The delivery log as CSV that Excel opens right, numbers masked.
async fn write_log(
    office: &Office,
    auditor: &Actor,
    wanted: &Wanted,
) -> Result<PathBuf, ServiceError> {
    let path = wanted.dir.join("delivery-log.csv");
    let mut file = BufWriter::new(File::create(&path)?);
    office
        .messages()
        .log(auditor, &LogQuery::default())
        .await?
        .write_csv(&mut file)
        .await?;
    file.flush()?;
    Ok(path)
}

/// The month's summary as a page that prints.
async fn write_summary(
    office: &Office,
    auditor: &Actor,
    wanted: &Wanted,
) -> Result<PathBuf, ServiceError> {
    let path = wanted.dir.join("summary.html");
    let html = office
        .reports()
        .month(auditor, june()?, wanted.lang)
        .await?;
    std::fs::write(&path, html)?;
    Ok(path)
}

fn june() -> Result<Month, ServiceError> {
    "2023-06".parse().map_err(|_| {
        DemoRefusal::Failed {
            why: bilingual!("月份有误", "the month cannot be read"),
        }
        .into()
    })
}

/// Each run's last answer beside what its approver was told.
async fn compare_forecast(office: &Office, actor: &Actor) -> Result<ForecastFigures, ServiceError> {
    let mut figures = ForecastFigures::default();
    let runs = office.runs().forecast_vs_fact(actor).await?;
    for run in runs.into_iter().filter(|r| r.gateway.is_none()) {
        let (error, percent) = (run.seconds.abs(), run.percent.abs());
        figures.runs += 1;
        figures.within_5_percent += usize::from(percent <= 5.0);
        figures.within_5_percent_or_250_ms += usize::from(percent <= 5.0 || error <= 0.25);
        figures.largest_error_seconds = figures.largest_error_seconds.max(error);
        let seconds = |t: Micros| (t.0 - run.slot.0) as f64 / 1e6;
        figures
            .each
            .push((run.name.clone(), seconds(run.fact), seconds(run.forecast)));
    }
    Ok(figures)
}
