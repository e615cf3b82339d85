//! The audit finds what somebody changed in the tables, and names it.

use watchbell::engine::journal::Take;

use crate::harness::ledger::{Base, Story};

/// What is changed, and how the finding begins.
const CHANGES: &[(&str, &str)] = &[
    (
        "UPDATE message SET state = 'delivered' WHERE id = 4294967297",
        "message 4294967297: state is \"delivered\", the ledger says \"undelivered\"",
    ),
    (
        "UPDATE message SET state = NULL WHERE id = 4294967298",
        "message 4294967298: state is \"\", the ledger says \"rejected\"",
    ),
    (
        "UPDATE message SET state = 'submitted' WHERE id = 4294967305",
        "message 4294967305: state is \"submitted\", the ledger says \"\"",
    ),
    (
        "UPDATE message SET code = '0' WHERE id = 4294967298",
        "message 4294967298: code is \"0\", the ledger says \"13\"",
    ),
    (
        "UPDATE message SET carrier_id = 'b0' WHERE id = 4294967296",
        "message 4294967296: carrier_id is not the one",
    ),
    (
        "UPDATE message SET gateway = 'other' WHERE id = 4294967296",
        "message 4294967296: gateway is \"other\"",
    ),
    (
        "UPDATE message SET attempt = 2 WHERE id = 4294967296",
        "message 4294967296: attempt is",
    ),
    (
        "UPDATE message SET mark = NULL WHERE id = 4294967300",
        "message 4294967300: mark is \"\", the ledger says \"adopted\"",
    ),
    (
        "UPDATE message SET changed_us = 1 WHERE id = 4294967296",
        "message 4294967296: changed_us is",
    ),
    (
        "UPDATE message SET last_entry = 1 WHERE id = 4294967296",
        "message 4294967296: last_entry is",
    ),
    (
        "UPDATE message SET segments = 1 WHERE id = 4294967304",
        "message 4294967304: segments is",
    ),
    (
        "UPDATE message SET phone = '13811111111' WHERE id = 4294967299",
        "lane 1: the numbers, values, salts or text",
    ),
    (
        "UPDATE message SET phone = '' WHERE id = 4294967299",
        "message 4294967299: erased is",
    ),
    (
        "UPDATE message SET vals = '{\"姓名\":\"李四\"}' WHERE id = 4294967299",
        "lane 1: the numbers, values, salts or text",
    ),
    (
        "UPDATE message SET vals = '' WHERE id = 4294967299",
        "message 4294967299: its values",
    ),
    (
        "UPDATE message SET salt = zeroblob(16) WHERE id = 4294967299",
        "lane 1: the numbers, values, salts or text",
    ),
    (
        "DELETE FROM message WHERE id = 4294967302",
        "message 4294967302: the ledger has it",
    ),
    (
        "DELETE FROM message WHERE id = 4294967305",
        "message 4294967305: the ledger has it",
    ),
    (
        "DELETE FROM message WHERE lane_id = 2",
        "message 8589934592: the ledger has it",
    ),
    (
        "INSERT INTO message (id, lane_id, phone, salt, carrier, segments) VALUES (4294967307, 1, '13811111111', x'00', 'mobile', 1)",
        "message 4294967307: the table has it",
    ),
    (
        "INSERT INTO message (id, lane_id, phone, salt, carrier, segments) VALUES (38654705664, 9, '13811111111', x'00', 'mobile', 1)",
        "message 38654705664: the table has it",
    ),
    (
        "UPDATE segment SET state = 'delivered' WHERE message_id = 4294967304 AND part = 0",
        "segment 4294967304 part 0: state is",
    ),
    (
        "UPDATE segment SET carrier_id = 'x' WHERE message_id = 4294967304 AND part = 1",
        "segment 4294967304 part 1: carrier_id",
    ),
    (
        "DELETE FROM segment WHERE message_id = 4294967304 AND part = 0",
        "segment 4294967304 part 0: the ledger has it",
    ),
    (
        "DELETE FROM segment WHERE message_id = 4294967304",
        "segment 4294967304 part 0: the ledger has it",
    ),
    (
        "INSERT INTO segment (message_id, lane_id, part, state) VALUES (4294967296, 1, 0, 'delivered')",
        "segment 4294967296 part 0: the table has it",
    ),
    (
        "DELETE FROM doubt",
        "doubt 4294967299 part 0: the ledger has it",
    ),
    (
        "UPDATE doubt SET graced = 0",
        "doubt 4294967299 part 0: graced is",
    ),
    (
        "INSERT INTO doubt (message_id, part, lane_id, gateway, phone, asked_us, since_us) VALUES (4294967296, 0, 1, 'mobile', '13811111111', 0, 0)",
        "doubt 4294967296 part 0: the table has it",
    ),
    (
        "INSERT INTO doubt (message_id, part, lane_id, gateway, phone, asked_us, since_us) VALUES (4294967296, 0, 1, 'mobile', '', 0, 0)",
        "doubt 4294967296 part 0: phone holds what is never written",
    ),
    (
        "UPDATE doubt SET lane_id = 9 WHERE message_id = 4294967299",
        "doubt 4294967299 part 0: lane_id holds what is never written",
    ),
    ("UPDATE run SET priority = 'soon'", "run "),
    (
        "UPDATE message SET state = 'sent' WHERE id = 4294967297",
        "message 4294967297: state is \"sent\"",
    ),
    (
        "UPDATE lane SET template = '((姓名))请注意防火。' WHERE id = 1",
        "lane 1: the numbers, values, salts or text",
    ),
    (
        "UPDATE lane SET template = '((姓' WHERE id = 1",
        "message 4294967296: its values",
    ),
    (
        "UPDATE lane SET next = 3 WHERE id = 1",
        "lane 1: next is \"3\", the ledger says \"10\"",
    ),
    (
        "UPDATE lane SET \"end\" = 10 WHERE id = 1",
        "lane 1: end is \"10\", the ledger says \"11\"",
    ),
    (
        "UPDATE lane SET end_reason = 'x' WHERE id = 1",
        "lane 1: end_reason is",
    ),
    ("UPDATE lane SET ahead = 1 WHERE id = 1", "lane 1: ahead is"),
    (
        "UPDATE lane SET reserved = 0 WHERE id = 1",
        "lane 1: reserved is",
    ),
    (
        "UPDATE lane SET gateway = 'other' WHERE id = 1",
        "lane 1: gateway is",
    ),
    (
        "UPDATE lane SET written_from = 3 WHERE id = 1",
        "lane 1: written_from is",
    ),
    (
        "UPDATE lane SET max_parts = 1 WHERE id = 1",
        "lane 1: max_parts is",
    ),
    (
        "UPDATE lane SET root = x'00' WHERE id = 1",
        "lane 1: root is",
    ),
    ("DELETE FROM lane WHERE id = 2", "lane 2: the ledger has it"),
    (
        "UPDATE tally SET n = n + 1 WHERE lane_id = 1 AND state = 'delivered'",
        "tally 1 delivered: n is",
    ),
    (
        "DELETE FROM tally WHERE state = 'rejected'",
        "tally 1 rejected: n is \"0\", the ledger says \"1\"",
    ),
    (
        "INSERT INTO tally (lane_id, state, n) VALUES (7, 'delivered', 1)",
        "tally 7 delivered: the table has it",
    ),
    (
        "INSERT INTO claim (id, lane_id, \"from\", \"to\", part, gateway, node, attempt, first, stride, at_us) VALUES (9, 1, 0, 1, 0, 'mobile', 'n', 1, 0, 1, 0)",
        "claim 9: the table has it",
    ),
    ("UPDATE claim SET \"to\" = 11", "claim 3: to is"),
    ("UPDATE claim SET at_us = 10", "claim 3: at_us is"),
    ("DELETE FROM claim", "claim 3: the ledger has it"),
    ("DELETE FROM again", "again 1 from 6: the ledger has it"),
    ("UPDATE again SET due_us = 0", "again 1 from 6: due_us is"),
    (
        "UPDATE run SET intent = 'cancelled'",
        "run {run}: intent is \"cancelled\", the ledger says \"go\"",
    ),
    (
        "UPDATE run SET approved_us = approved_us + 1",
        "run {run}: approved_us is",
    ),
    ("UPDATE run SET frozen_us = 0", "run {run}: frozen_us is"),
    ("UPDATE run SET on_doubt = 'hold'", "run {run}: on_doubt is"),
    ("UPDATE run SET part_ref = 5", "run {run}: part_ref is"),
    ("UPDATE run SET day = '2026-06-02'", "run {run}: day is"),
    ("UPDATE run SET closed_us = 1", "run {run}: closed_us is"),
    ("DELETE FROM run", "run {run}: the ledger has it"),
    ("UPDATE campaign SET state = 'finished'", "campaign "),
    (
        "UPDATE campaign SET template = '((姓名))请注意防火。'",
        "campaign ",
    ),
    ("UPDATE campaign SET submitted_by = 'li'", "campaign "),
    ("UPDATE campaign SET decided_by = 'li'", "campaign "),
    ("DELETE FROM campaign", "campaign "),
    (
        "UPDATE suppression SET phone = '13811111111' WHERE seq = 1",
        "suppression 1: is not what",
    ),
    (
        "UPDATE suppression SET source = 'li' WHERE seq = 1",
        "suppression 1: source is",
    ),
    (
        "DELETE FROM suppression WHERE seq = 2",
        "suppression 2: the ledger has it",
    ),
    (
        "DELETE FROM suppression WHERE seq = 1",
        "suppression 1: the ledger has it",
    ),
    (
        "INSERT INTO suppression (seq, phone, reason, source, salt, at_us) VALUES (8, '13811111111', 'person', 'li', x'00', 0)",
        "suppression 8: the table has it",
    ),
    ("UPDATE lane SET sent_us = 1", "lane 1: sent_us is"),
    (
        "UPDATE account SET role = 'admin' WHERE name = 'wang'",
        "account wang: is not what",
    ),
    (
        "UPDATE account SET disabled = 1 WHERE name = 'li'",
        "account li: is not what",
    ),
    (
        "UPDATE account SET disabled = 7 WHERE name = 'li'",
        "account li: disabled holds what is never written",
    ),
    (
        "DELETE FROM account WHERE name = 'li'",
        "account li: the ledger has it",
    ),
    (
        "INSERT INTO account (name, role, password, salt, created_us) VALUES ('eve', 'admin', '', x'00', 0)",
        "account eve: the table has it",
    ),
    (
        "UPDATE contact SET name = '李四' WHERE phone = '13800000003'",
        "contact_group ",
    ),
    (
        "DELETE FROM contact WHERE phone = '13800000003'",
        "contact_group ",
    ),
    ("UPDATE contact_group SET members = 9", "contact_group "),
    ("UPDATE mo SET text = '收到'", "mo 1: is not what"),
    ("UPDATE mo SET opt_out = 0", "mo 1: opt_out is"),
    ("DELETE FROM mo", "mo 1: the ledger has it"),
    (
        "UPDATE orphan SET verdict = 'delivered'",
        "orphan 2: is not what",
    ),
    ("DELETE FROM orphan", "orphan 2: the ledger has it"),
    (
        "UPDATE counter SET n = 1 WHERE name = 'claim'",
        "counter claim: n is \"1\", the ledger says \"3\"",
    ),
    ("UPDATE installation SET practice = 0", "installation "),
    ("UPDATE installation SET held = 'moved'", "installation "),
    ("UPDATE installation SET stopped_us = 1", "installation "),
    ("UPDATE campaign SET reason = 'x'", "campaign "),
];

#[tokio::test]
async fn every_change_behind_the_ledgers_back_is_found_and_named() {
    for base in Base::all().await {
        let mut story = Story::begin(&base).await;
        story.live().await;
        story.claim(Take::Front, 1).await;
        assert_eq!(
            base.tampered("UPDATE installation SET change = change + 1")
                .await,
            None,
            "untouched"
        );
        let run = story.run.to_string();
        let mut wrong = Vec::new();
        for (sql, finding) in CHANGES {
            let finding = finding.replace("{run}", &run);
            let found = base.tampered(sql).await.map(|d| d.to_string());
            if !found.as_ref().is_some_and(|f| f.starts_with(&finding)) {
                wrong.push(format!("{sql}\n  should: {finding}\n  found:  {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
