//! A journal on a real database with frozen runs: what happens is said in one line each, and after
//! every commit all figures kept beside the rows are computed again from the rows.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::postgres;
use tempfile::TempDir;
use watchbell::{
    campaign::freeze::{FreezeRequest, FreezeSettings, Purpose, audience, freeze},
    clock::Clock,
    config::Config,
    domain::{
        audience_spec::AudienceSpec,
        carrier::{Carrier, CarrierTable},
        event::{Source, Span},
        id::{GatewayId, LaneId, MessageId, RunId},
        message::{Change, Outcome, ReportStatus},
        phone::Phone,
        policy::OnDoubt,
        priority::Priority,
        template::Values,
        time::Micros,
    },
    engine::journal::{ClaimRequest, Claimed, Committed, Grant, Op, PartChange, Recorder, Take},
    engine::recovery::{Known, Recovered, recover},
    gateway::{CarrierMessageId, Delivery, Mo, Report},
    store::{Limits, Store, hot::MessageRecord, lane::Requeued, log::LogFilter},
};

/// 2023-06-01 09:30:00 in the office.
pub(crate) const START: Micros = Micros(1_685_583_000_000_000);
pub(crate) const FIRST: u64 = 13_800_100_000;

pub(crate) struct Desk {
    url: String,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    config: Config,
    dir: Option<TempDir>,
    runs: Vec<RunId>,
}

pub(crate) fn mobile() -> GatewayId {
    GatewayId("mobile".into())
}

pub(crate) fn telecom() -> GatewayId {
    GatewayId("telecom".into())
}

pub(crate) fn phone(position: i64) -> Phone {
    Phone::from_number(FIRST + position as u64).unwrap()
}

fn serves() -> HashMap<GatewayId, Carrier> {
    HashMap::from([(mobile(), Carrier::Mobile), (telecom(), Carrier::Telecom)])
}

/// The story on each database there is.
pub(crate) async fn on_each(story: impl AsyncFn(Desk)) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("watchbell.db").display());
    story(Desk::open(&url, Some(dir)).await).await;
    if let Some(url) = postgres::scratch().await {
        story(Desk::open(&url, None).await).await;
    }
}

impl Desk {
    async fn open(url: &str, dir: Option<TempDir>) -> Self {
        let text = crate::harness::county::settings("sqlite://none.db", "127.0.0.1:1", "", "")
            + &crate::harness::county::settings("", "127.0.0.1:2", "", "")
                .split("[[gateways]]")
                .nth(1)
                .map_or(String::new(), |second| {
                    format!(
                        "[[gateways]]{}",
                        second.replace("\"mobile\"", "\"telecom\"")
                    )
                });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watchbell.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        let store = Store::open(url, Limits::default()).await.unwrap();
        let clock = Clock::manual(START);
        let act = store.begin_entry("test", START).await.unwrap();
        act.install(false).await.unwrap();
        let recorder = Recorder::open(store.clone(), clock.clone(), serves())
            .await
            .unwrap();
        Self {
            url: url.to_owned(),
            store,
            clock,
            recorder,
            config,
            dir,
            runs: Vec::new(),
        }
    }

    /// Changes the database behind the program's back.
    pub(crate) async fn by_hand(&self, sql: &'static str) {
        use sqlx::Executor as _;
        match self.url.starts_with("sqlite") {
            true => {
                let pool = sqlx::SqlitePool::connect(&self.url).await.unwrap();
                assert_eq!(pool.execute(sql).await.unwrap().rows_affected(), 1);
            }
            false => {
                let pool = sqlx::PgPool::connect(&self.url).await.unwrap();
                assert_eq!(pool.execute(sql).await.unwrap().rows_affected(), 1);
            }
        }
    }

    /// The path of the SQLite file.
    pub(crate) fn file(&self) -> Option<std::path::PathBuf> {
        self.dir.as_ref().map(|d| d.path().join("watchbell.db"))
    }

    /// A recorder that knows only what the database says.
    pub(crate) async fn restart(&mut self) {
        self.recorder = Recorder::open(self.store.clone(), self.clock.clone(), serves())
            .await
            .unwrap();
    }

    /// The process dies, and the next one settles what it left.
    pub(crate) async fn crash(&mut self) -> Recovered {
        self.restart().await;
        let known = Known::default();
        recover(&self.store, &self.clock, &mut self.recorder, &known)
            .await
            .unwrap()
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.advance(chrono::TimeDelta::seconds(seconds));
    }

    /// A run of `people` from the first number on, with messages of so many parts; not opened.
    pub(crate) async fn frozen(
        &mut self,
        people: i64,
        parts: usize,
        on_doubt: OnDoubt,
    ) -> (RunId, LaneId) {
        self.frozen_to(0..people, parts, (on_doubt, Priority::Normal))
            .await
    }

    /// The same to the people at these positions.
    pub(crate) async fn frozen_to(
        &mut self,
        people: Range<i64>,
        parts: usize,
        (on_doubt, priority): (OnDoubt, Priority),
    ) -> (RunId, LaneId) {
        let text = match parts {
            1 => "注意安全。".to_owned(),
            n => "汛期安全提醒，".repeat((67 * n - 30) / 7),
        };
        let request = FreezeRequest {
            name: "test".into(),
            text,
            audience: AudienceSpec::File("list.csv".into()),
            priority,
            on_doubt,
            not_after: None,
            not_before: None,
            late: watchbell::domain::policy::Late::Send,
            slot: Micros(self.clock.now().0 + self.runs.len() as i64),
            author: "test".into(),
            purpose: Purpose::NewUnapproved,
        };
        let person = |i: i64| audience::Person {
            phone: phone(i),
            values: Values::new(),
            row: i as u64 + 1,
            kept: String::new(),
            others: Vec::new(),
        };
        let office = FreezeSettings {
            gateways: &self.config.gateways,
            signature: "云岭县安委办",
            carriers: CarrierTable::builtin(),
        };
        let people = audience::Audience::people(people.map(person).collect(), Vec::<String>::new());
        let frozen = freeze(&self.store, &self.clock, office, &request, people)
            .await
            .unwrap();
        self.runs.push(frozen.run);
        let lanes = self
            .store
            .read("test")
            .await
            .unwrap()
            .lanes_of(frozen.run)
            .await
            .unwrap();
        assert_eq!((lanes.len(), lanes[0].max_parts), (1, parts as i64));
        (frozen.run, lanes[0].id)
    }

    /// The same, its lanes open.
    pub(crate) async fn run(
        &mut self,
        people: i64,
        parts: usize,
        on_doubt: OnDoubt,
    ) -> (RunId, LaneId) {
        let (run, lane) = self.frozen(people, parts, on_doubt).await;
        self.commit([reserve(lane, people, 10), Op::Open(run)])
            .await;
        (run, lane)
    }

    /// Commits one group, and computes all figures again.
    pub(crate) async fn commit<const N: usize>(&mut self, ops: [Op; N]) -> Committed {
        let done = self.recorder.commit(&ops).await.unwrap();
        self.figures_agree().await;
        done
    }

    /// A minute more than three days later: what awaited a report has had its time.
    pub(crate) async fn window_over(&mut self) {
        self.later(3 * 86_400 + 60);
        let mut tx = self.store.read("test").await.unwrap();
        let rows = tx.inflight_before(self.clock.now(), 100).await.unwrap();
        drop(tx);
        for past in rows {
            let op = match past.delivered {
                true => Op::DropReportWaits(vec![past.wait]),
                false => Op::WindowOver(past.wait),
            };
            self.commit([op]).await;
        }
    }

    /// Claims from the front.
    pub(crate) async fn claim(&mut self, lane: LaneId, most: i64) -> Grant {
        let done = self
            .commit([claim(lane, Take::Front, most, mobile())])
            .await;
        granted(done)
    }

    pub(crate) async fn message(&self, lane: LaneId, position: i64) -> MessageRecord {
        let mut tx = self.store.read("test").await.unwrap();
        tx.messages(&[MessageId::new(lane, position)])
            .await
            .unwrap()
            .remove(0)
    }

    /// The ledger accounts for every row.
    pub(crate) async fn verify(&self) {
        let verdict = watchbell::service::audit::verify(&self.store, None)
            .await
            .unwrap();
        assert!(verdict.ok, "{:?}", verdict.first_difference);
    }

    /// Stored state with its code; empty while it is on its way.
    pub(crate) async fn state(&self, lane: LaneId, position: i64) -> String {
        let row = self.message(lane, position).await;
        let state = row.state.outcome.map_or("", Outcome::as_str);
        match row.state.code.as_str() {
            "" => state.to_owned(),
            code => format!("{state} {code}"),
        }
    }

    pub(crate) async fn orphans(&self, position: i64) -> usize {
        let mut tx = self.store.read("test").await.unwrap();
        tx.orphans_at(&[(mobile(), phone(position)), (telecom(), phone(position))])
            .await
            .unwrap()
            .len()
    }

    pub(crate) async fn doubts(&self, position: i64) -> usize {
        let mut tx = self.store.read("test").await.unwrap();
        tx.doubts_at(&[(mobile(), phone(position)), (telecom(), phone(position))])
            .await
            .unwrap()
            .len()
    }

    /// Places of the day that this person has used.
    pub(crate) async fn day(&self, day: &str, position: i64) -> i64 {
        // A place is used when a limit of n - 1 refuses the next and a limit of n does not: asked of the table.
        let number = phone(position).expose();
        let sql = "SELECT COALESCE(sum(n), 0) FROM day_count WHERE day = $1 AND phone = $2";
        match self.file() {
            Some(file) => {
                let url = format!("sqlite://{}", file.display());
                let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
                sqlx::query_scalar(sql)
                    .bind(day)
                    .bind(number)
                    .fetch_one(&pool)
                    .await
                    .unwrap()
            }
            None => 0,
        }
    }

    /// Tallies, fronts and counts are what the rows say.
    async fn figures_agree(&self) {
        let mut tx = self.store.read("test").await.unwrap();
        for run in &self.runs {
            let mut said: BTreeMap<String, i64> = BTreeMap::new();
            let filter = LogFilter {
                run: Some(*run),
                ..LogFilter::default()
            };
            for row in tx.log_after(&filter, None, 100_000).await.unwrap() {
                *said.entry(row.state.to_string()).or_default() += 1;
            }
            for lane in tx.lanes_of(*run).await.unwrap() {
                let id = lane.id;
                let all = Span {
                    lane: id,
                    from: 0,
                    to: lane.size,
                };
                let rows = tx.claimed(all).await.unwrap();
                let mut tally: BTreeMap<_, i64> = BTreeMap::new();
                for outcome in rows.iter().filter_map(|r| r.outcome) {
                    *tally.entry((id, outcome)).or_default() += 1;
                }
                let kept: BTreeMap<_, _> = tx
                    .audit_tallies()
                    .await
                    .unwrap()
                    .into_iter()
                    .filter(|(of, _, n)| *of == id && *n != 0)
                    .map(|(of, outcome, n)| ((of, outcome), n))
                    .collect();
                assert_eq!(kept, tally, "tally of lane {id}");
                let ahead = rows
                    .iter()
                    .filter(|r| r.outcome.is_some() && r.id.position() >= lane.next)
                    .count();
                assert_eq!(
                    lane.ahead, ahead as i64,
                    "outcomes ahead of the front of lane {id}"
                );
            }
            let counts = tx.run_counts(*run).await.unwrap();
            let of = |state: &str| said.get(state).copied().unwrap_or(0);
            assert_eq!(
                (counts.queued, counts.submitting),
                (of("queued"), of("submitting")),
                "run {run}: {said:?}"
            );
            for outcome in Outcome::ALL {
                assert_eq!(
                    counts.of(outcome),
                    of(outcome.as_str()),
                    "{outcome} of run {run}: {said:?}"
                );
            }
        }
    }
}

pub(crate) fn reserve(lane: LaneId, to: i64, limit: i64) -> Op {
    Op::Reserve {
        lane,
        to,
        day: "2023-06-01".into(),
        limit,
    }
}

pub(crate) fn claim(lane: LaneId, take: Take, most: i64, gateway: GatewayId) -> Op {
    Op::Claim(ClaimRequest {
        lane,
        take,
        most,
        gateway,
        node: "node".into(),
        first: 1,
        stride: 3,
        batch: 1,
    })
}

pub(crate) fn granted(done: Committed) -> Grant {
    match done.claims.into_iter().next().unwrap() {
        Claimed::Granted(grant) => grant,
        refused => panic!("{refused:?}"),
    }
}

pub(crate) fn is_refused(done: &Committed) -> bool {
    matches!(done.claims[0], Claimed::Refused { .. })
}

pub(crate) fn news(lane: LaneId, position: i64, part: u8, change: Change) -> Op {
    Op::Part(PartChange {
        message: MessageId::new(lane, position),
        part,
        phone: phone(position),
        gateway: mobile(),
        change,
        source: Source::Carrier,
        asked: START,
        counted: None,
    })
}

/// What happened to a part that was asked at another time than the story's begin.
pub(crate) fn asked(at: Micros, op: Op) -> Op {
    match op {
        Op::Part(change) => Op::Part(PartChange {
            asked: at,
            ..change
        }),
        other => panic!("{other:?} was not asked"),
    }
}

pub(crate) fn accepted(lane: LaneId, position: i64, part: u8, id: &str) -> Op {
    news(lane, position, part, Change::Accepted { id: id.into() })
}

pub(crate) fn refused(lane: LaneId, position: i64, part: u8) -> Op {
    news(lane, position, part, Change::Refused { code: "10".into() })
}

/// In doubt: asked, and no answer came in time.
pub(crate) fn doubt(lane: LaneId, position: i64, part: u8) -> Op {
    news(lane, position, part, Change::Doubt { id: None })
}

pub(crate) fn resent(lane: LaneId, position: i64) -> Op {
    news(lane, position, 0, Change::Resent)
}

pub(crate) fn late(lane: LaneId, position: i64, part: u8, change: Change) -> Op {
    Op::LateAnswer {
        gateway: mobile(),
        message: MessageId::new(lane, position),
        part,
        change,
        counted: None,
    }
}

pub(crate) fn release(lane: LaneId, position: i64, part: u8) -> Op {
    released_to(lane, position, part, mobile())
}

pub(crate) fn released_to(lane: LaneId, position: i64, part: u8, gateway: GatewayId) -> Op {
    let span = Span {
        lane,
        from: position,
        to: position + 1,
    };
    Op::Release(Requeued {
        span,
        part,
        gateway,
        attempt: 1,
        due: START,
    })
}

/// "Delivered", about the message at a position, submitted at 09:30 (01:30 UTC).
pub(crate) fn report(position: i64, id: &str) -> Op {
    report_at(
        position,
        id,
        "2306010930",
        ReportStatus::Delivered,
        mobile(),
    )
}

pub(crate) fn report_at(
    position: i64,
    id: &str,
    submit_time: &str,
    status: ReportStatus,
    gateway: GatewayId,
) -> Op {
    let report = Report {
        carrier_id: CarrierMessageId(id.into()),
        phone: phone(position),
        status,
        code: "R".into(),
        submit_time: submit_time.into(),
    };
    Op::Inbound {
        gateway,
        delivery: Delivery::Report(report),
        tokens: Vec::new(),
    }
}

pub(crate) fn opts_out(position: i64) -> Op {
    writes(position, &format!("mo{position}"), "TD")
}

/// A text from the phone at a position, with the carrier's id.
pub(crate) fn writes(position: i64, id: &str, text: &str) -> Op {
    let mo = Mo {
        phone: phone(position),
        to: "10690000".into(),
        text: text.into(),
        carrier_id: CarrierMessageId(id.into()),
    };
    Op::Inbound {
        gateway: mobile(),
        delivery: Delivery::Mo(mo),
        tokens: Vec::new(),
    }
}
