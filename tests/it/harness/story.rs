//! An office for a story: on SQLite always, on PostgreSQL where `WATCHBELL_TEST_POSTGRES` names a server
//! (`scripts/test` starts one). Each story has a database of its own.

use std::{collections::BTreeMap, path::PathBuf};

use super::postgres;
use tempfile::TempDir;
use watchbell::{
    clock::Clock,
    config::{Config, Secret},
    domain::{
        carrier::Carrier,
        event::Event,
        id::{CampaignId, OrderId},
        ledger::{Tree, salted},
        role::{Actor, Role},
        time::Micros,
    },
    service::{Office, ServiceError, audit, work_order::OrderView},
};

/// 2023-06-12 08:00 in Shanghai: consultation day.
pub(crate) const MORNING: Micros = Micros(1_686_528_000_000_000);

/// An office with a database of its own.
pub(crate) struct Story {
    pub(crate) office: Office,
    pub(crate) dir: TempDir,
    settings: BTreeMap<String, String>,
}

/// Runs one story on each database. What it leaves must verify: the ledger alone comes to what the tables hold.
pub(crate) async fn on_each_database(story: impl AsyncFn(&Story)) {
    on_made_up_rows(async |told: &Story| {
        story(told).await;
        told.books_agree_with_the_ledger().await;
        told.verifies().await;
    })
    .await;
}

/// Runs one story on each database, for a test of reading: it writes messages that the ledger knows nothing of.
pub(crate) async fn on_made_up_rows(story: impl AsyncFn(&Story)) {
    on_sqlite(&story).await;
    let Some(url) = postgres::scratch().await else {
        return;
    };
    tell(&story, url.clone(), tempfile::tempdir().unwrap()).await;
    postgres::discard(&url).await;
}

/// Runs one story on SQLite, for a test that changes the file behind the program's back.
pub(crate) async fn on_sqlite(story: impl AsyncFn(&Story)) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("watchbell.db").display());
    tell(&story, url, dir).await;
}

async fn tell(story: &impl AsyncFn(&Story), url: String, dir: TempDir) {
    let settings = BTreeMap::from([("WATCHBELL__DATABASE__URL".to_owned(), url)]);
    let office = open(&settings).await;
    let told = Story {
        office,
        dir,
        settings,
    };
    story(&told).await;
    told.office.store.close().await;
}

/// A story on a database that a test looks after itself.
pub(crate) async fn on_base(base: &crate::harness::ledger::Base) -> Story {
    let settings = BTreeMap::from([("WATCHBELL__DATABASE__URL".to_owned(), base.url.clone())]);
    Story {
        office: open(&settings).await,
        dir: tempfile::tempdir().unwrap(),
        settings,
    }
}

async fn open(settings: &BTreeMap<String, String>) -> Office {
    let config = Config::load(None, settings.clone()).unwrap();
    Office::open(config, Clock::manual(MORNING)).await.unwrap()
}

/// Approves a campaign as it stands.
pub(crate) async fn approve(
    office: &Office,
    approver: &Actor,
    id: CampaignId,
) -> Result<(), ServiceError> {
    let seen = office.campaigns().get(&machine(), id).await?.check_code;
    office
        .campaigns()
        .approve(approver, id, &seen)
        .await
        .map(drop)
}

/// Lets a work order out as it stands.
pub(crate) async fn approve_order(
    office: &Office,
    approver: &Actor,
    id: OrderId,
) -> Result<OrderView, ServiceError> {
    let seen = office
        .work_orders()
        .get(approver, id)
        .await?
        .line
        .check_code;
    office.work_orders().approve(approver, id, &seen).await
}

impl Story {
    /// Another process's view of the same database.
    pub(crate) async fn another_office(&self) -> Office {
        open(&self.settings).await
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A user who exists and has proved it.
    pub(crate) async fn person(&self, name: &str, role: Role) -> Actor {
        let password = Secret::new(format!("{name} of the office"));
        let by = if self.office.users().is_empty().await.unwrap() {
            machine()
        } else {
            // A story's first person is the administrator.
            Actor::User {
                name: "admin".into(),
                role: Role::Admin,
            }
        };
        let carrier = (role == Role::Carrier).then_some(Carrier::Telecom);
        self.office
            .users()
            .add(&by, name, role, carrier, &password)
            .await
            .unwrap();
        self.office
            .users()
            .authenticate(name, &password)
            .await
            .unwrap()
    }

    /// All events of the ledger, in order.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut tx = self.office.store.read("events").await.unwrap();
        let entries = tx.entries_after(0, i64::MAX).await.unwrap();
        let lines = entries.iter().flat_map(|e| e.events.lines());
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// The ledger alone comes to what stands in the tables.
    async fn verifies(&self) {
        let verdict = audit::verify(&self.office.store, None).await.unwrap();
        assert_eq!(verdict.first_difference, None);
    }

    /// What the last event about each group, user and suppression committed to is what stands there.
    pub(crate) async fn books_agree_with_the_ledger(&self) {
        let events = self.events().await;
        let mut tx = self.office.store.read("check").await.unwrap();
        for group in tx.groups().await.unwrap() {
            let id = group.id;
            let mut tree = Tree::default();
            for row in tx.contacts_after(id, None, i64::MAX).await.unwrap() {
                assert_eq!(row.salt.len(), 16);
                tree.push(salted(&row.salt, row.commitment().as_bytes()));
            }
            let said = events.iter().rev().find_map(|e| match e {
                Event::Contacts {
                    group,
                    members,
                    root,
                    ..
                } if *group == id => Some((*members, root.clone())),
                _ => None,
            });
            let stands = (tree.len() as i64, hex::encode(tree.root()));
            assert_eq!(said, Some(stands), "{}", group.name);
            assert_eq!(
                (group.members, group.root),
                (tree.len() as i64, tree.root())
            );
        }
        for user in tx.accounts().await.unwrap() {
            let said = events.iter().rev().find_map(|e| match e {
                Event::User { name, digest, .. } if *name == user.name => Some(digest.clone()),
                _ => None,
            });
            let stands = hex::encode(salted(&user.salt, user.commitment().as_bytes()));
            assert_eq!(said, Some(stands), "{}", user.name);
        }
        for row in tx.suppressions_after(0, i64::MAX).await.unwrap() {
            let stands = hex::encode(salted(&row.salt, row.commitment().as_bytes()));
            let said = events.iter().any(
                |e| matches!(e, Event::Suppression { seq, digest, .. } if *seq == row.seq && *digest == stands),
            );
            assert!(said, "suppression {}", row.seq);
        }
    }
}

/// The account of the machine.
pub(crate) fn machine() -> Actor {
    Actor::System {
        account: "root".into(),
    }
}

/// The answer is no, and not a mistake of usage; what it says in English.
pub(crate) fn refused<T: std::fmt::Debug>(done: Result<T, ServiceError>) -> String {
    let error = done.unwrap_err();
    assert!(!error.is_usage(), "{error}");
    error.to_string()
}

/// It was asked wrongly; what it says in English.
pub(crate) fn misused<T: std::fmt::Debug>(done: Result<T, ServiceError>) -> String {
    let error = done.unwrap_err();
    assert!(error.is_usage(), "{error}");
    error.to_string()
}
