//! The audit finds what somebody changed in the chain itself, and a second program agrees.

use std::fmt::Write as _;

use watchbell::{
    domain::{
        ledger::{Head, Header, events_root},
        message::ReportStatus,
    },
    service::audit,
    store::entry::Entry,
};

use crate::harness::ledger::{Base, Story, accepted, part, report};

#[tokio::test]
async fn an_untouched_database_verifies_and_a_second_program_agrees() {
    for base in Base::all().await {
        let empty = audit::verify(&base.store, None).await.unwrap();
        assert_eq!(
            (empty.ok, empty.entries, empty.head),
            (true, 0, Head::EMPTY)
        );
        assert_eq!(
            hex::encode(empty.root),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let mut story = Story::begin(&base).await;
        let noted = story.head().await;
        story.live().await;
        story.end().await;
        let verdict = audit::verify(&base.store, Some(noted)).await.unwrap();
        assert_eq!(verdict.first_difference, None);
        assert_eq!(verdict.head, story.head().await);
        let (ok, words) = base.second_opinion().await;
        assert!(
            ok && words.contains(&verdict.head.to_string())
                && words.contains(&hex::encode(verdict.root)),
            "{words}"
        );
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(json["head"], verdict.head.to_string());
        assert!(json.get("first_difference").is_none());
    }
}

#[tokio::test]
async fn a_broken_chain_is_found_and_a_second_program_agrees() {
    const BREAKS: &[(&str, &str)] = &[
        (
            "UPDATE entry SET events = replace(events, 'MK:0001', 'MK:0002')",
            "entry 11: root is",
        ),
        (
            "UPDATE entry SET events = replace(events, 'MK:0001\"', 'MK:0001\" ')",
            "entry 11: root is",
        ),
        (
            "UPDATE entry SET time_us = time_us + 1 WHERE n = 4",
            "entry 4: hash is",
        ),
        (
            "UPDATE entry SET count = count + 1 WHERE n = 4",
            "entry 4: count is",
        ),
        (
            "UPDATE entry SET n = -1 WHERE n = 5; UPDATE entry SET n = 5 WHERE n = 6; UPDATE entry SET n = 6 WHERE n = -1",
            "entry 5: prev is",
        ),
        ("DELETE FROM entry WHERE n = 4", "entry 4: is missing"),
        ("DELETE FROM entry WHERE n = 1", "entry 1: is missing"),
        (
            "DELETE FROM entry WHERE n = (SELECT max(n) FROM entry)",
            "chain_head main: head is",
        ),
    ];
    for (sql, finding) in BREAKS {
        for base in Base::all().await {
            Story::begin(&base).await.live().await;
            base.change(sql).await;
            let found = audit::verify(&base.store, None)
                .await
                .unwrap()
                .first_difference
                .map(|d| d.to_string());
            assert!(
                found.as_ref().is_some_and(|f| f.starts_with(finding)),
                "{sql}: {found:?}"
            );
            let (ok, words) = base.second_opinion().await;
            assert!(!ok && words.contains("DIFFERS"), "{sql}: {words}");
        }
    }
}

/// What somebody does who knows the format: changes the lines of all entries, makes the chain anew.
async fn rewrite(base: &Base, change: impl Fn(&Entry) -> Option<String>) {
    let entries = base
        .store
        .read("test")
        .await
        .unwrap()
        .entries_after(0, 1000)
        .await
        .unwrap();
    let (mut head, mut sql) = (Head::EMPTY, String::new());
    for entry in entries {
        let Some(events) = change(&entry) else {
            write!(sql, "DELETE FROM entry WHERE n = {};", entry.header.n).unwrap();
            continue;
        };
        let (count, root) = events_root(&events);
        let header = Header {
            count,
            root,
            prev: head.hash,
            ..entry.header
        };
        head = Head {
            n: header.n,
            hash: header.hash(),
        };
        let (root, prev, hash) = (
            base.bytes(&root),
            base.bytes(&header.prev),
            base.bytes(&head.hash),
        );
        let events = events.replace('\'', "''");
        let set = format!(
            "count = {count}, root = {root}, prev = {prev}, hash = {hash}, events = '{events}'"
        );
        write!(sql, "UPDATE entry SET {set} WHERE n = {};", header.n).unwrap();
    }
    write!(
        sql,
        "UPDATE chain_head SET n = {}, hash = {};",
        head.n,
        base.bytes(&head.hash)
    )
    .unwrap();
    base.change(&sql).await;
}

#[tokio::test]
async fn a_perfect_forgery_is_found_by_the_noted_head_only() {
    for base in Base::all().await {
        let mut story = Story::begin(&base).await;
        story.live().await;
        let noted = story.head().await;
        // Message 2 was refused; now it never was.
        rewrite(&base, |e| {
            let kept = e
                .events
                .split_inclusive('\n')
                .filter(|l| !l.starts_with("{\"e\":\"m\",\"m\":4294967298,"));
            Some(kept.collect())
        })
        .await;
        base.change(
            "UPDATE message SET state = NULL, code = NULL, first_entry = 0, last_entry = 0, changed_us = 0 WHERE id = 4294967298;
             DELETE FROM tally WHERE state = 'rejected'",
        )
        .await;
        let forged = audit::verify(&base.store, None).await.unwrap();
        assert_eq!(forged.first_difference, None);
        assert!(base.second_opinion().await.0);
        let found = audit::verify(&base.store, Some(noted))
            .await
            .unwrap()
            .first_difference
            .unwrap();
        assert_eq!(
            found.to_string(),
            format!(
                "entry {}: is not the one that was noted: the chain was rewritten",
                noted.n
            )
        );
    }
}

#[tokio::test]
async fn a_ledger_cut_short_is_found_by_the_noted_head() {
    for base in Base::all().await {
        let mut story = Story::begin(&base).await;
        let before = story.head().await;
        story
            .commit(vec![watchbell::engine::journal::Op::Append(seen())])
            .await;
        let noted = story.head().await;
        rewrite(&base, |e| {
            (e.header.n <= before.n).then(|| e.events.clone())
        })
        .await;
        assert!(audit::verify(&base.store, Some(before)).await.unwrap().ok);
        let found = audit::verify(&base.store, Some(noted))
            .await
            .unwrap()
            .first_difference
            .unwrap();
        assert!(found.to_string().contains("it was cut"), "{found}");
    }
}

fn seen() -> watchbell::domain::event::Event {
    watchbell::domain::event::Event::Seen {
        by: "wang".into(),
        what: "log".into(),
        reason: "检查".into(),
    }
}

#[tokio::test]
async fn events_that_cannot_be_are_found_in_a_whole_chain() {
    let lies: &[(&str, &str, &str)] = &[
        (
            "\"w\":\"refused\",\"k\":\"13\",\"s\":\"rejected\"",
            "\"w\":\"refused\",\"k\":\"13\",\"s\":\"delivered\"",
            "state is said to be delivered",
        ),
        ("\"w\":\"doubt\"", "\"w\":\"resent\"", "impossible"),
        (
            "\"w\":\"doubt\"",
            "\"w\":\"lost\"",
            "no event that this version knows",
        ),
        (
            "{\"e\":\"graced\"",
            "{\"e\":\"grazed\"",
            "no event that this version knows",
        ),
        (
            "{\"e\":\"claimed\",\"claim\":1,\"lane\":1,\"from\":0",
            "{\"e\":\"claimed\",\"claim\":1,\"lane\":1,\"from\":1",
            "does not begin at the lane's front",
        ),
        (
            "{\"e\":\"closed\",\"claim\":2",
            "{\"e\":\"closed\",\"claim\":7",
            "claim 7 is not open",
        ),
        (
            "{\"e\":\"matched\",\"orphan\":1",
            "{\"e\":\"matched\",\"orphan\":5",
            "names orphan 5",
        ),
    ];
    for (from, to, finding) in lies {
        for base in Base::all().await {
            Story::begin(&base).await.live().await;
            rewrite(&base, |e| Some(e.events.replace(from, to))).await;
            let found = audit::verify(&base.store, None)
                .await
                .unwrap()
                .first_difference
                .map(|d| d.to_string());
            let fine = found.as_ref().is_some_and(|f| {
                f.starts_with("entry ") && f.contains(" line ") && f.contains(finding)
            });
            assert!(fine, "{to}: {found:?}");
        }
    }
}

#[tokio::test]
async fn a_message_stopped_halfway_and_one_with_late_words_verify() {
    for base in Base::all().await {
        let mut story = Story::begin(&base).await;
        let claim = story
            .claim(watchbell::engine::journal::Take::Front, 10)
            .await;
        // The first part of a long one is delivered before its second part is stopped.
        story
            .commit(vec![part(8, 0, accepted("x")), part(9, 0, accepted("y"))])
            .await;
        story
            .commit(vec![
                report(8, "x", ReportStatus::Delivered),
                crate::harness::ledger::release_part(8, 1),
            ])
            .await;
        // Ranges that go back in the commit that ends the lane are stopped with it.
        let release = crate::harness::ledger::release(0..3);
        story
            .commit(vec![
                release,
                watchbell::engine::journal::Op::End(crate::harness::ledger::LANE, "person".into()),
            ])
            .await;
        let late = crate::harness::ledger::release(3..5);
        story
            .commit(vec![
                late,
                watchbell::engine::journal::Op::Close(crate::harness::ledger::LANE, claim),
            ])
            .await;
        story
            .commit(vec![
                report(8, "x", ReportStatus::Undelivered),
                report(9, "y", ReportStatus::Undelivered),
            ])
            .await;
        assert_eq!(
            audit::verify(&base.store, None)
                .await
                .unwrap()
                .first_difference,
            None
        );
        let (ok, words) = base.second_opinion().await;
        assert!(ok, "{words}");
    }
}
