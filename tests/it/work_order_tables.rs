//! The audit finds what somebody changed about work orders, and names it.

use crate::{
    harness::ledger::Base,
    harness::story::on_base,
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
    ("DELETE FROM work_order", "work_order {id}: the ledger has it"),
    ("UPDATE work_order_proof SET text = '别的'", "work_order_proof {proof}: is not what"),
    ("UPDATE work_order_proof SET equal = 0", "work_order_proof {proof}: is not what"),
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
        let admin = watchbell::domain::role::Actor::User {
            name: "admin".into(),
            role: watchbell::domain::role::Role::Admin,
        };
        story
            .person("dian", watchbell::domain::role::Role::Carrier)
            .await;
        let telecom = watchbell::domain::carrier::Carrier::Telecom;
        town.office
            .users()
            .set_carrier(&admin, "dian", telecom)
            .await
            .unwrap();
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
