//! A database with a little of everything in its ledger, and a hand that changes it behind the
//! program's back.

use std::{collections::HashMap, path::PathBuf, process::Command};

use super::postgres;
use sqlx::Executor as _;
use watchbell::{
    campaign::freeze::{self, Audience, FreezeRequest, FreezeSettings, Person, Purpose},
    clock::Clock,
    config::Config,
    domain::{
        audience_spec::AudienceSpec,
        carrier::CarrierTable,
        event::{Event, Source, Span},
        id::{ClaimId, GatewayId, GroupId, LaneId, MessageId, RunId},
        ledger::{Head, Tree, salted},
        message::{Change, ReportStatus},
        phone::Phone,
        policy::OnDoubt,
        priority::Priority,
        role::Role,
        template::Values,
        time::Micros,
    },
    engine::journal::{ClaimRequest, Claimed, Op, PartChange, Recorder, Take},
    gateway::{CarrierMessageId, Delivery, Mo, Report},
    service::audit,
    store::{
        Limits, Store, contact::Contact, contact::NewSuppression, lane::Requeued, user::Account,
    },
};

/// June 1st 2026, noon in Shanghai.
const START: Micros = Micros(1_780_286_400_000_000);
pub(crate) const LANE: LaneId = LaneId(1);

/// A database of its own, on either backend.
pub(crate) struct Base {
    pub(crate) store: Store,
    pub(crate) url: String,
    folder: tempfile::TempDir,
}

impl Base {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("w.db").display());
        Self {
            store: Store::open(&url, Limits::default()).await.unwrap(),
            url,
            folder,
        }
    }

    /// On PostgreSQL, if there is a server.
    async fn postgres() -> Option<Self> {
        let url = postgres::scratch().await?;
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            store: Store::open(&url, Limits::default()).await.unwrap(),
            url,
            folder,
        })
    }

    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![Self::sqlite().await];
        all.extend(Self::postgres().await);
        all
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// An office with one gateway on this database, on a clock of its own at noon of June 1st.
    pub(crate) async fn office(&self) -> watchbell::service::Office {
        let act = self.store.begin_entry("test", START).await.unwrap();
        act.install(true).await.unwrap();
        watchbell::service::Office {
            store: self.store.clone(),
            clock: Clock::manual(START),
            config: std::sync::Arc::new(self.config()),
        }
    }

    /// Settings with one gateway.
    fn config(&self) -> Config {
        let file = self.folder.path().join("watchbell.toml");
        let settings = "[[gateways]]\nid = \"mobile\"\nkind = \"cmpp20\"\naddress = \"127.0.0.1:1\"\naccount = \"a\"\n\
                        password = \"p\"\ncarriers = [\"mobile\"]\n";
        std::fs::write(&file, settings).unwrap();
        Config::load(Some(&file), []).unwrap()
    }

    /// Writes a file into its folder.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Changes something behind the program's back, on a copy; says what verification finds there.
    pub(crate) async fn tampered(&self, sql: &str) -> Option<audit::Difference> {
        if self.is_sqlite() {
            let path = self
                .folder
                .path()
                .join(format!("{}.db", uuid::Uuid::now_v7()));
            self.store.copy_to(&path).await.unwrap();
            let url = format!("sqlite://{}", path.display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let done = pool
                .execute(sqlx::AssertSqlSafe(sql.to_owned()))
                .await
                .unwrap();
            assert!(done.rows_affected() > 0, "{sql} changed nothing");
            pool.close().await;
            let copy = Store::connect(&url, Limits::default()).await.unwrap();
            let verdict = audit::verify(&copy, None).await.unwrap();
            copy.close().await;
            return verdict.first_difference;
        }
        let (base, copy) = self.url.rsplit_once('/').unwrap();
        let name = format!("{copy}_{}", uuid::Uuid::now_v7().simple());
        self.store.close().await;
        postgres::order(&format!("CREATE DATABASE {} TEMPLATE {copy}", &name[..60])).await;
        let url = format!("{base}/{}", &name[..60]);
        let mut hand = <sqlx::PgConnection as sqlx::Connection>::connect(&url)
            .await
            .unwrap();
        let sql = sql
            .replace("x'00'", "'\\x00'")
            .replace("zeroblob(16)", "decode(repeat('00', 16), 'hex')");
        let done = hand
            .execute(sqlx::AssertSqlSafe(sql.clone()))
            .await
            .unwrap();
        assert!(done.rows_affected() > 0, "{sql} changed nothing");
        let copy = Store::connect(&url, Limits::default()).await.unwrap();
        let verdict = audit::verify(&copy, None).await.unwrap();
        copy.close().await;
        postgres::order(&format!("DROP DATABASE {} WITH (FORCE)", &name[..60])).await;
        verdict.first_difference
    }

    /// Bytes as this backend's SQL writes them.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        let hex = hex::encode(bytes);
        if self.is_sqlite() {
            format!("x'{hex}'")
        } else {
            format!("'\\x{hex}'")
        }
    }

    /// Changes this very database.
    pub(crate) async fn change(&self, sql: &str) {
        if self.is_sqlite() {
            let pool = sqlx::SqlitePool::connect(&self.url).await.unwrap();
            pool.execute(sqlx::AssertSqlSafe(sql.to_owned()))
                .await
                .unwrap();
            pool.close().await;
        } else {
            let mut hand = <sqlx::PgConnection as sqlx::Connection>::connect(&self.url)
                .await
                .unwrap();
            hand.execute(sqlx::AssertSqlSafe(sql.to_owned()))
                .await
                .unwrap();
        }
    }

    /// Writes both export files and lets the second checker look at them: its exit code, its words.
    pub(crate) async fn second_opinion(&self) -> (bool, String) {
        let (ledger, messages) = (
            self.folder.path().join("l.jsonl"),
            self.folder.path().join("m.csv"),
        );
        let mut a = std::fs::File::create(&ledger).unwrap();
        let mut b = std::fs::File::create(&messages).unwrap();
        audit::export(&self.store, &mut a, Some(&mut b))
            .await
            .unwrap();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/check_ledger.py");
        let out = Command::new("python3")
            .arg(script)
            .arg(&ledger)
            .arg(&messages)
            .output()
            .expect("python3 is there");
        let words = String::from_utf8_lossy(&out.stdout).into_owned()
            + &String::from_utf8_lossy(&out.stderr);
        (out.status.success(), words)
    }
}

fn phone(n: u64) -> Phone {
    Phone::from_number(13_800_000_000 + n).unwrap()
}

fn mobile() -> GatewayId {
    "mobile".into()
}

/// Drives one recorder.
pub(crate) struct Story {
    store: Store,
    recorder: Recorder,
    clock: Clock,
    pub(crate) run: RunId,
}

impl Story {
    /// Users, an address book, two suppressions, and a frozen, approved and open run of eleven people
    /// with a route and two without.
    pub(crate) async fn begin(base: &Base) -> Self {
        let store = base.store.clone();
        let clock = Clock::manual(START);
        let now = clock.now();
        let act = async || store.begin_entry("test", now).await.unwrap();
        act().await.install(true).await.unwrap();
        for (name, role) in [("wang", Role::Clerk), ("li", Role::Approver)] {
            let row = Account {
                name: name.into(),
                role,
                password: "$argon2id$".into(),
                disabled: false,
                salt: vec![3; 16],
                created: now,
            };
            let mut act = act().await;
            act.tx.put_account(&row).await.unwrap();
            let digest = hex::encode(salted(&row.salt, row.commitment().as_bytes()));
            let event = Event::User {
                by: "root".into(),
                act: "added".into(),
                name: name.into(),
                digest,
            };
            act.commit(&[event]).await.unwrap();
        }
        let group = GroupId::fresh();
        let rows: Vec<_> = (0..10).map(contact).collect();
        let mut tree = Tree::default();
        tree.extend(
            rows.iter()
                .map(|c| salted(&c.salt, c.commitment().as_bytes())),
        );
        let mut import = act().await;
        let (tx, root) = (&mut import.tx, tree.root());
        tx.insert_group(group, "leaders", &Tree::default().root(), now)
            .await
            .unwrap();
        tx.put_contacts(group, &rows).await.unwrap();
        tx.set_group_root(group, 10, &root).await.unwrap();
        let event = Event::Contacts {
            by: "wang".into(),
            group,
            members: 10,
            root: hex::encode(root),
        };
        import.commit(&[event]).await.unwrap();
        let new = NewSuppression {
            phone: phone(7),
            reason: "person".into(),
            source: "wang".into(),
            salt: vec![9; 16],
            at: now,
        };
        let mut act = act().await;
        let s = act.tx.suppress(new).await.unwrap().unwrap();
        let event = Event::Suppression {
            seq: s.seq,
            digest: hex::encode(salted(&s.salt, s.commitment().as_bytes())),
            by: s.source,
            reason: s.reason,
        };
        act.commit(&[event]).await.unwrap();
        let run = freeze(base, &clock).await;
        let recorder = Recorder::open(store.clone(), clock.clone(), HashMap::new())
            .await
            .unwrap();
        let mut this = Self {
            store,
            recorder,
            clock,
            run,
        };
        this.commit(vec![Op::Reserve {
            lane: LANE,
            to: 11,
            day: "2026-06-01".into(),
            limit: 5,
        }])
        .await;
        this.commit(vec![Op::Open(run)]).await;
        this
    }

    pub(crate) async fn commit(&mut self, ops: Vec<Op>) -> Vec<Claimed> {
        self.clock.advance(chrono::TimeDelta::seconds(1));
        self.recorder.commit(&ops).await.unwrap().claims
    }

    pub(crate) async fn claim(&mut self, take: Take, most: i64) -> ClaimId {
        let request = ClaimRequest {
            lane: LANE,
            take,
            most,
            gateway: mobile(),
            node: "n1".into(),
            first: 100,
            stride: 2,
            batch: 1,
        };
        match self.commit(vec![Op::Claim(request)]).await.remove(0) {
            Claimed::Granted(grant) => grant.claim.id,
            refused @ (Claimed::Refused { .. } | Claimed::Spent { .. }) => panic!("{refused:?}"),
        }
    }

    pub(crate) async fn head(&self) -> Head {
        self.store.read("test").await.unwrap().head().await.unwrap()
    }

    /// A day in June: everything that can happen to a message happens to one.
    pub(crate) async fn live(&mut self) {
        let claim = self.claim(Take::Front, 9).await;
        self.commit(vec![part(0, 0, accepted("a0")), part(1, 0, accepted("a1"))])
            .await;
        self.commit(vec![
            report(0, "a0", ReportStatus::Delivered),
            report(1, "a1", ReportStatus::Undelivered),
        ])
        .await;
        self.commit(vec![report(0, "a0", ReportStatus::Delivered)])
            .await;
        let refused = Change::Refused { code: "13".into() };
        // An orphan that is there before its doubtful message, and one that finds none.
        self.commit(vec![report(4, "a4", ReportStatus::Delivered)])
            .await;
        self.commit(vec![
            part(2, 0, refused),
            part(3, 0, Change::Doubt { id: None }),
            part(4, 0, Change::Doubt { id: None }),
        ])
        .await;
        self.commit(vec![Op::GraceExpired(message(3), 0)]).await;
        self.commit(vec![report(6, "zz", ReportStatus::Expired)])
            .await;
        self.commit(vec![release(5..7)]).await;
        let again = self.claim(Take::Requeued(5), 1).await;
        self.commit(vec![part(5, 0, accepted("a5")), Op::Close(LANE, again)])
            .await;
        self.commit(vec![part(8, 0, accepted("a8-0"))]).await;
        self.commit(vec![part(8, 1, accepted("a8-1")), Op::Close(LANE, claim)])
            .await;
        self.commit(vec![report(8, "a8-1", ReportStatus::Delivered)])
            .await;
        let mo = Mo {
            carrier_id: CarrierMessageId("m1".into()),
            phone: phone(2),
            to: "106".into(),
            text: "退订".into(),
        };
        self.commit(vec![heard(Delivery::Mo(mo))]).await;
    }

    /// What the office does at the end of it.
    pub(crate) async fn end(&mut self) {
        self.commit(vec![Op::End(LANE, "person".into())]).await;
        self.commit(vec![Op::GiveBack(LANE, 9)]).await;
    }
}

fn contact(n: u64) -> Contact {
    Contact {
        phone: phone(n),
        name: format!("王{n}"),
        unit: "县应急局".into(),
        department: String::new(),
        post: String::new(),
        fields: Values::new(),
        salt: vec![n as u8; 16],
    }
}

/// Eleven people with a route, 8 and 9 with texts of two segments, and two whose carrier has no gateway.
async fn freeze(base: &Base, clock: &Clock) -> RunId {
    let config = base.config();
    let numbers = (0..11)
        .map(phone)
        .chain([18_900_000_000, 18_900_000_001].map(|n| Phone::from_number(n).unwrap()));
    let people = numbers.enumerate().map(|(n, phone)| Person {
        phone,
        values: [(
            "姓名",
            if n == 8 || n == 9 {
                "长".repeat(40)
            } else {
                format!("王{n}")
            },
        )]
        .into_iter()
        .collect(),
        row: n as u64 + 1,
        kept: "leaders".into(),
        others: Vec::new(),
    });
    let request = FreezeRequest {
        name: "六月".into(),
        text: "((姓名))您好，六月是安全生产月，请检查用电、用气和消防通道，外出时切断电源，发现隐患及时报告。".into(),
        audience: AudienceSpec::File("list.csv".into()),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Resend,
        not_after: None,
        not_before: None,
        late: watchbell::domain::policy::Late::Send,
        slot: clock.now(),
        author: "wang".into(),
        purpose: Purpose::NewUnapproved,
    };
    let carriers = CarrierTable::builtin();
    let office = FreezeSettings {
        gateways: &config.gateways,
        signature: "某县安委办",
        carriers,
    };
    let audience = Audience::people(people.collect(), ["姓名".to_owned()]);
    freeze::freeze(&base.store, clock, office, &request, audience)
        .await
        .unwrap()
        .run
}

pub(crate) fn message(n: i64) -> MessageId {
    MessageId::new(LANE, n)
}

pub(crate) fn accepted(id: &str) -> Change {
    Change::Accepted { id: id.into() }
}

pub(crate) fn part(n: i64, part: u8, change: Change) -> Op {
    Op::Part(PartChange {
        message: message(n),
        part,
        phone: phone(n as u64),
        gateway: mobile(),
        change,
        source: Source::Carrier,
        asked: START,
        counted: None,
    })
}

pub(crate) fn release(positions: std::ops::Range<i64>) -> Op {
    let span = Span {
        lane: LANE,
        from: positions.start,
        to: positions.end,
    };
    Op::Release(Requeued {
        span,
        part: 0,
        gateway: mobile(),
        attempt: 1,
        due: START,
    })
}

pub(crate) fn release_part(position: i64, part: u8) -> Op {
    let span = Span {
        lane: LANE,
        from: position,
        to: position + 1,
    };
    Op::Release(Requeued {
        span,
        part,
        gateway: mobile(),
        attempt: 1,
        due: START,
    })
}

fn heard(delivery: Delivery) -> Op {
    Op::Inbound {
        gateway: mobile(),
        delivery,
        tokens: Vec::new(),
    }
}

pub(crate) fn report(n: u64, id: &str, status: ReportStatus) -> Op {
    heard(Delivery::Report(Report {
        carrier_id: CarrierMessageId(id.into()),
        phone: phone(n),
        status,
        code: if status == ReportStatus::Delivered {
            "DELIVRD".into()
        } else {
            "MK:0001".into()
        },
        submit_time: String::new(),
    }))
}
