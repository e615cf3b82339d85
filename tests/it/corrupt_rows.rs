//! A row that holds what Watchbell never writes: the use case ends and names table, row and column. It never goes
//! on with a value of its own, for that might send to somebody who refused, or a text without its names.

use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    domain::{policy::OnDoubt, priority::Priority},
    service::{
        contacts::Import,
        send::{OutOfHours, SendRequest, Target},
    },
    telemetry::alert::Alerts,
};

use crate::{
    harness::county::{County, carrier, somebody},
    harness::story::machine,
};

impl County {
    async fn with_groups() -> Self {
        let county = Self::open(carrier(), "", "rate = 500").await;
        for group in ["all", "not"] {
            let import = Import::into_group(group);
            let list = county.numbers(if group == "all" { 9 } else { 2 });
            county
                .office
                .contacts()
                .import_file(&machine(), &list, import)
                .await
                .unwrap();
        }
        county
    }

    async fn change(&self, sql: &'static str) {
        let file = self.dir.path().join("watchbell.db");
        let mut db = SqliteConnection::connect(&format!("sqlite://{}", file.display()))
            .await
            .unwrap();
        assert_eq!(db.execute(sql).await.unwrap().rows_affected(), 1, "{sql}");
    }

    /// What is said instead of sending to `all` without `not`.
    async fn refusal(&self) -> String {
        let request = SendRequest {
            name: "test".to_owned(),
            to: Target::Groups {
                include: &["all".to_owned()],
                exclude: &["not".to_owned()],
            },
            text: "{{姓名}}，请注意防汛",
            priority: Priority::Normal,
            on_doubt: OnDoubt::Hold,
            not_after: None,
            out_of_hours: OutOfHours::Refuse,
        };
        let sent = self.office.sending().send(&somebody(), &request).await;
        sent.expect_err("a corrupt row is an error").to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_frozen_from_a_corrupt_row_and_the_error_names_it() {
    for (sql, named) in [
        (
            "UPDATE contact SET fields = '[]' WHERE phone = '13800100005' AND group_id =
               (SELECT id FROM contact_group WHERE name = 'all')",
            "table contact, row 138****0005: fields",
        ),
        // Somebody who is to be left out.
        (
            "UPDATE contact SET phone = '1380010000x' WHERE phone = '13800100001' AND group_id =
               (SELECT id FROM contact_group WHERE name = 'not')",
            "table contact, row a number that is none: phone",
        ),
        // Somebody who wants nothing.
        (
            "INSERT INTO suppression (seq, phone, reason, source, salt, at_us)
             VALUES (1, '1380010000x', 'opt_out', 'person', x'00000000000000000000000000000000', 1)",
            "table suppression, row 1: phone",
        ),
        (
            "INSERT INTO routing_evidence (phone, carrier, source, at_us)
             VALUES ('13800100003', 'pigeon', 'person', 1)",
            "table routing_evidence, row 138****0003: carrier",
        ),
    ] {
        let county = County::with_groups().await;
        county.change(sql).await;
        let said = county.refusal().await;
        assert!(said.contains(named), "{sql}\n{said}");
        assert!(!said.contains("1380010000"), "no number in it: {said}");
        let mut tx = county.office.store.read("test").await.unwrap();
        assert_eq!(tx.open_lanes().await.unwrap(), [], "{sql}: nothing is queued");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_values_are_corrupt_is_never_sent_without_them() {
    let county = County::open(carrier(), "", "rate = 500").await;
    let queued = county
        .send(&county.numbers(3), "{{姓名}}，请注意防汛", OnDoubt::Hold)
        .await;
    county
        .change("UPDATE message SET vals = '{' WHERE phone = '13800100001'")
        .await;
    let alerts = Alerts::new(Clock::system(), false);
    let ended = county
        .office
        .runs()
        .wait(
            queued.frozen.run,
            &alerts,
            &CancellationToken::new(),
            |_| {},
        )
        .await;
    let said = ended.expect_err("the engine ends").to_string();
    assert!(
        said.starts_with("table message, row 4294967297: vals holds"),
        "{said}"
    );
    assert_eq!(county.carrier.counts().recipients, 0);
}
