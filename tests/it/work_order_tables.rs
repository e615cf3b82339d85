//! The audit finds what somebody changed about work orders, and names it.

use sqlx::{Connection as _, Executor as _, SqliteConnection};
use watchbell::domain::{
    carrier::Carrier,
    role::{Actor, Role},
};

use crate::{
    harness::ledger::Base,
    harness::story::{Story, on_base, on_sqlite},
    harness::town::{TEXT, Town},
};

/// What is changed, and how the finding begins.
const CHANGES: &[(&str, &str)] = &[
    ("UPDATE work_order SET state = 'accepted'", "work_order {id}: state is"),
    ("UPDATE work_order SET text = '改过的正文'", "work_order {id}: is not what"),
    ("UPDATE work_order SET signature = '别的办'", "work_order {id}: is not what"),
    ("UPDATE work_order SET appended = '回T'", "work_order {id}: is not what"),
    ("UPDATE work_order SET name = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET plan = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET item = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET carrier = 'mobile'", "work_order {id}: is not what"),
    ("UPDATE work_order SET audience = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET from_day = '2023-06-01'", "work_order {id}: is not what"),
    ("UPDATE work_order SET to_day = '2023-06-30'", "work_order {id}: is not what"),
    ("UPDATE work_order SET hours = '00:00-23:59'", "work_order {id}: is not what"),
    ("UPDATE work_order SET daily_cap = 0", "work_order {id}: is not what"),
    ("UPDATE work_order SET counts = '[]'", "work_order {id}: is not what"),
    ("UPDATE work_order SET evidence = ''", "work_order {id}: is not what"),
    ("UPDATE work_order SET contact = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET number = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET year = 2022", "work_order {id}: year is"),
    ("UPDATE work_order SET seq = 7", "work_order {id}: seq is"),
    ("UPDATE work_order SET revision = 9", "work_order {id}: is not what"),
    ("UPDATE work_order SET channel = 'paper'", "work_order {id}: is not what"),
    ("UPDATE work_order SET reason = 'x'", "work_order {id}: is not what"),
    ("UPDATE work_order SET overdue = 'proof'", "work_order {id}: is not what"),
    ("UPDATE work_order SET writers = '[]'", "work_order {id}: is not what"),
    ("UPDATE work_order SET approved_by = 'zhao'", "work_order {id}: is not what"),
    ("UPDATE work_order SET digest = x'00'", "work_order {id}: is not what"),
    ("UPDATE work_order SET seeds = '[]'", "work_order {id}: is not what"),
    ("UPDATE work_order SET planned = ''", "work_order {id}: is not what"),
    ("UPDATE work_order SET salt = x'00'", "work_order {id}: is not what"),
    ("UPDATE work_order SET created_us = 1", "work_order {id}: is not what"),
    ("UPDATE work_order SET changed_us = 1", "work_order {id}: changed_us is"),
    ("UPDATE work_order SET step_us = 1", "work_order {id}: is not what"),
    ("UPDATE work_order SET issued_us = 1", "work_order {id}: is not what"),
    ("UPDATE work_order SET acknowledged_us = 1", "work_order {id}: is not what"),
    ("UPDATE work_order SET released_us = 1", "work_order {id}: is not what"),
    // Altered into what no order can be read from, it is found all the same.
    ("UPDATE work_order SET hours = 'all day'", "work_order {id}: is not what"),
    ("UPDATE work_order SET writers = '{'", "work_order {id}: is not what"),
    ("UPDATE work_order SET daily_cap = -1", "work_order {id}: is not what"),
    ("DELETE FROM work_order", "work_order {id}: the ledger has it"),
    ("UPDATE work_order_proof SET text = '别的'", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET equal = 0", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET equal = 7", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET phone = '13311111111'", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET revision = 7", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET order_id = 'x'", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET theirs = 7", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET by_whom = 'li'", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET at_us = 1", "work_order_proof {proof}: is not what"),
    ("DELETE FROM work_order_proof", "work_order_proof {proof}: the ledger has it"),
    (
        "INSERT INTO work_order_proof (n, order_id, revision, phone, text, equal, theirs, by_whom, salt, at_us)
         VALUES (900, '{id}', 1, '', '', 1, 0, '', x'00', 0)",
        "work_order_proof 900: the table has it",
    ),
    ("UPDATE work_order_count SET sent = 1", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET delivered = NULL", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET requested = 1", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET as_of_us = 1", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET last = 1 - last", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET remark = 'x'", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET theirs = 77", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET by_whom = 'li'", "work_order_count {count}: is not what"),
    ("UPDATE work_order_count SET at_us = 1", "work_order_count {count}: is not what"),
    ("DELETE FROM work_order_count", "work_order_count {count}: the ledger has it"),
    ("UPDATE work_order_evidence SET bytes = x'00'", "work_order_evidence {evidence}: its bytes"),
    ("UPDATE work_order_evidence SET sha256 = x'00'", "work_order_evidence {evidence}: is not what"),
    ("UPDATE work_order_evidence SET name = 'x'", "work_order_evidence {evidence}: is not what"),
    ("UPDATE work_order_evidence SET media = 'image/png'", "work_order_evidence {evidence}: is not what"),
    ("UPDATE work_order_evidence SET by_whom = 'li'", "work_order_evidence {evidence}: is not what"),
    ("UPDATE work_order_evidence SET at_us = 1", "work_order_evidence {evidence}: is not what"),
    ("DELETE FROM work_order_evidence", "work_order_evidence {evidence}: the ledger has it"),
    ("UPDATE work_order_wish SET answer = ''", "work_order_wish {wish}: is not what"),
    ("UPDATE work_order_wish SET answer = 'perhaps'", "work_order_wish {wish}: is not what"),
    ("UPDATE work_order_wish SET body = '{}'", "work_order_wish {wish}: is not what"),
    ("UPDATE work_order_wish SET key = 'x' WHERE n = {wish}", "work_order_wish {wish}: is not what"),
    ("UPDATE work_order_wish SET act = 'withdraw' WHERE n = {wish}", "work_order_wish {wish}: is not what"),
    ("UPDATE work_order_wish SET made_us = 1", "work_order_wish {wish}: is not what"),
    ("UPDATE work_order_wish SET answered_us = 1", "work_order_wish {wish}: is not what"),
    ("DELETE FROM work_order_wish", "work_order_wish {wish}: the ledger has it"),
    ("UPDATE carrier_staff SET carrier = 'mobile'", "carrier_staff dian: carrier is"),
    ("DELETE FROM carrier_staff", "carrier_staff dian: the ledger has it"),
    ("INSERT INTO carrier_staff (name, carrier) VALUES ('eve', 'mobile')", "carrier_staff eve: the table has it"),
    ("UPDATE counter SET n = 0 WHERE name = 'order_part'", "counter order_part: n is"),
];

#[tokio::test]
async fn every_change_to_a_work_order_behind_the_ledgers_back_is_found_and_named() {
    for base in Base::all().await {
        let story = on_base(&base).await;
        let town = Town::open(&story, |_| {}).await;
        carriers_staff(&story, &town).await;
        let id = town.issued("telecom", TEXT).await;
        town.live(6).await;
        town.office
            .work_orders()
            .release(&town.clerk, id)
            .await
            .unwrap();
        town.live(60).await;
        let view = town.view(id).await;
        let (ok, words) = base.second_opinion().await;
        assert!(ok, "{words}");
        // A copy of a PostgreSQL database is made while nobody uses it.
        story.office.store.close().await;
        for aid in [
            "UPDATE work_order SET poll_us = 7",
            "UPDATE work_order_wish SET retry_us = 7",
        ] {
            assert_eq!(base.tampered(aid).await, None, "{aid} is an aid");
        }
        let fill = |s: &str| {
            s.replace("{id}", &id.to_string())
                .replace("{proof}", &view.proofs[0].n.to_string())
                .replace("{count}", &view.counts[0].n.to_string())
                .replace("{evidence}", &view.evidence[0].n.to_string())
                .replace("{wish}", &view.commands[0].n.to_string())
        };
        let mut wrong = Vec::new();
        // The comparison is the same code on both; a copy of a PostgreSQL database takes a second.
        let step = if base.is_sqlite() { 1 } else { 6 };
        for (sql, finding) in CHANGES.iter().step_by(step) {
            let (sql, finding) = (fill(sql), fill(finding));
            let found = base.tampered(&sql).await.map(|d| d.to_string());
            if !found.as_ref().is_some_and(|f| f.starts_with(&finding)) {
                wrong.push(format!("{sql}\n  should: {finding}\n  found:  {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Somebody of the carrier.
async fn carriers_staff(story: &Story, town: &Town) -> Actor {
    let admin = Actor::User {
        name: "admin".into(),
        role: Role::Admin,
    };
    let staff = story.person("dian", Role::Carrier).await;
    let users = town.office.users();
    users
        .set_carrier(&admin, "dian", Carrier::Telecom)
        .await
        .unwrap();
    staff
}

/// What is changed, and how the error begins that its reader gets.
const UNREADABLE: &[(&str, &str)] = &[
    (
        "UPDATE work_order SET state = 'asleep'",
        "table work_order, row {id}: state",
    ),
    (
        "UPDATE work_order SET carrier = 'pigeon'",
        "table work_order, row {id}: carrier",
    ),
    (
        "UPDATE work_order SET from_day = '2023-6-5'",
        "table work_order, row {id}: from_day",
    ),
    (
        "UPDATE work_order SET hours = '9:00-18:00'",
        "table work_order, row {id}: hours",
    ),
    (
        "UPDATE work_order SET daily_cap = -1",
        "table work_order, row {id}: daily_cap",
    ),
    (
        "UPDATE work_order SET counts = '[\"opened\"]'",
        "table work_order, row {id}: counts",
    ),
    (
        "UPDATE work_order SET channel = ''",
        "table work_order, row {id}: channel",
    ),
    (
        "UPDATE work_order SET number = ''",
        "table work_order, row {id}: number",
    ),
    (
        "UPDATE work_order SET issued_us = 0",
        "table work_order, row {id}: issued_us",
    ),
    (
        "UPDATE work_order SET overdue = 'money'",
        "table work_order, row {id}: overdue",
    ),
    (
        "UPDATE work_order SET writers = '{'",
        "table work_order, row {id}: writers",
    ),
    (
        "UPDATE work_order SET seeds = '[\"1\"]'",
        "table work_order, row {id}: seeds",
    ),
    (
        "UPDATE work_order SET planned = 'soon'",
        "table work_order, row {id}: planned",
    ),
    (
        "UPDATE work_order SET digest = x'00'",
        "table work_order, row {id}: digest",
    ),
    (
        "UPDATE work_order_proof SET equal = 7",
        "table work_order_proof, row {proof}: equal",
    ),
    (
        "UPDATE work_order_proof SET phone = '1'",
        "table work_order_proof, row {proof}: phone",
    ),
    (
        "UPDATE work_order_wish SET answer = 'perhaps'",
        "table work_order_wish, row {wish}: answer",
    ),
    (
        "UPDATE work_order_wish SET answered_us = 0",
        "table work_order_wish, row {wish}: answer, answered_us",
    ),
    (
        "UPDATE carrier_staff SET carrier = 'pigeon'",
        "table carrier_staff, row dian: carrier",
    ),
];

#[tokio::test]
async fn an_order_is_never_read_from_a_corrupt_row_and_the_error_names_it() {
    on_sqlite(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let dian = carriers_staff(story, &town).await;
        let id = town.issued("telecom", TEXT).await;
        town.live(6).await;
        let view = town.view(id).await;
        let file = story.dir.path().join("watchbell.db");
        let mut db = SqliteConnection::connect(&format!("sqlite://{}", file.display()))
            .await
            .unwrap();
        let tables = [
            "work_order",
            "work_order_proof",
            "work_order_wish",
            "carrier_staff",
        ];
        for table in tables {
            let keep = format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}");
            db.execute(sqlx::AssertSqlSafe(keep)).await.unwrap();
        }
        for (sql, error) in UNREADABLE {
            let done = db.execute(*sql).await;
            // Some of it the table itself does not take.
            let Ok(done) = done else { continue };
            assert!(done.rows_affected() > 0, "{sql}");
            let error = error
                .replace("{id}", &id.to_string())
                .replace("{proof}", &view.proofs[0].n.to_string())
                .replace("{wish}", &view.commands[0].n.to_string());
            let said = town.office.work_orders().list(&dian).await;
            let said = said.expect_err(sql).to_string();
            assert!(
                said.starts_with(&error),
                "{sql}\n  should: {error}\n  said:   {said}"
            );
            for table in tables {
                let back = format!(
                    "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM kept_{table}"
                );
                db.execute(sqlx::AssertSqlSafe(back)).await.unwrap();
            }
        }
        assert_eq!(
            town.office.work_orders().list(&dian).await.unwrap().len(),
            1
        );
    })
    .await;
}
