//! The audit finds what somebody changed about plans, planned campaigns and forecasts, and names it.

use chrono::TimeDelta;
use watchbell::{
    campaign::fire::Scheduler,
    domain::{
        plan::Planned,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::{Actor, Role},
    },
    service::{Office, contacts, plan::Import},
    telemetry::alert::Alerts,
};

use crate::{harness::ledger::Base, harness::story::approve};

/// What is changed, and how the finding begins; `{weekly}`, `{once}` stand for the campaigns.
const CHANGES: &[(&str, &str)] = &[
    (
        "UPDATE plan SET source = '[plan] # another'",
        "plan june: source is",
    ),
    ("UPDATE plan SET title = '七月'", "plan june: source is"),
    ("UPDATE plan SET digest = x'00'", "plan june: digest is"),
    (
        "UPDATE plan SET imported_by = 'li'",
        "plan june: imported_by is",
    ),
    (
        "UPDATE plan SET imported_us = 1",
        "plan june: imported_us is",
    ),
    ("DELETE FROM plan", "plan june: the ledger has it"),
    (
        "INSERT INTO plan (name, title, source, digest, imported_by, imported_us) VALUES ('july', '', '', x'00', 'wang', 0)",
        "plan july: the table has it",
    ),
    (
        "UPDATE forecast SET people = people + 1",
        "forecast {any} at ",
    ),
    ("UPDATE forecast SET segments = 0", "forecast {any} at "),
    ("UPDATE forecast SET starts_us = 1", "forecast {any} at "),
    ("UPDATE forecast SET ends_us = 1", "forecast {any} at "),
    ("UPDATE forecast SET made_us = 1", "forecast {any} at "),
    (
        "DELETE FROM forecast WHERE campaign_id = '{once}'",
        "forecast {once} at ",
    ),
    (
        "INSERT INTO forecast (campaign_id, slot_us, gateway, people, segments, starts_us, ends_us, made_us) VALUES ('{draft}', 1, 'b', 0, 0, 0, 0, 0)",
        "forecast {draft} at 1 through b: the table has it",
    ),
    (
        "INSERT INTO forecast (campaign_id, slot_us, gateway, people, segments, starts_us, ends_us, made_us) VALUES ('a', 1, 'b', 0, 0, 0, 0, 0)",
        "forecast a: campaign_id holds what is never written",
    ),
    (
        "UPDATE run SET late = 'send' WHERE campaign_id = '{once}'",
        "run ",
    ),
    (
        "UPDATE campaign SET slots = '[1,2]' WHERE id = '{weekly}'",
        "campaign {weekly}: template is not",
    ),
    (
        "UPDATE campaign SET late = 'send' WHERE id = '{weekly}'",
        "campaign {weekly}: template is not",
    ),
    (
        "UPDATE campaign SET lasts_us = 5 WHERE id = '{weekly}'",
        "campaign {weekly}: template is not",
    ),
    (
        "UPDATE campaign SET expected = 1 WHERE id = '{weekly}'",
        "campaign {weekly}: template is not",
    ),
    (
        "UPDATE campaign SET audience = '{\"exclude\":[],\"include\":[\"另一组\"]}' WHERE id = '{weekly}'",
        "campaign {weekly}: template is not",
    ),
    (
        "UPDATE campaign SET audience = '{}' WHERE id = '{weekly}'",
        "campaign {weekly}: audience holds what is never written",
    ),
    (
        "UPDATE campaign SET approved_us = 0 WHERE id = '{weekly}'",
        "campaign {weekly}: approved_us is",
    ),
    (
        "UPDATE campaign SET template = 'x' WHERE id = '{draft}'",
        "campaign {draft}: template is not",
    ),
    (
        "UPDATE campaign SET slots = '[]' WHERE id = '{draft}'",
        "campaign {draft}: template is not",
    ),
];

fn person(name: &str, role: Role) -> Actor {
    Actor::User {
        name: name.into(),
        role,
    }
}

pub(crate) fn item(office: &Office, key: &str, hours: &[i64]) -> Planned {
    let now = office.clock.now();
    Planned {
        item: key.into(),
        name: key.into(),
        text: "今日高温，请落实防暑降温措施。".into(),
        include: vec!["全县".into()],
        exclude: Vec::new(),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        late: Late::Skip,
        lasts: None,
        rule: "每小时".into(),
        slots: hours.iter().map(|h| now.plus_secs(h * 3_600)).collect(),
    }
}

/// A plan read in: one campaign that fires thrice and one that fires once, both approved, the first slot
/// of the one fired, and one still a draft. Their ids in this order.
async fn planned(base: &Base) -> [String; 3] {
    let office = base.office().await;
    let (clerk, approver) = (person("wang", Role::Clerk), person("li", Role::Approver));
    let list = base.file(
        "list.csv",
        "手机,姓名\n13800100000,张三\n13800100001,李四\n",
    );
    let into = contacts::Import::into_group("全县");
    office
        .contacts()
        .import_file(&clerk, &list, into)
        .await
        .unwrap();
    let items = [
        item(&office, "weekly", &[1, 2, 3]),
        item(&office, "once", &[4]),
        item(&office, "draft", &[5]),
    ];
    let import = Import {
        plan: "june",
        title: "六月",
        source: "[plan]",
        items: &items,
        orders: &[],
    };
    let diff = office.plans().import(&clerk, &import, false).await.unwrap();
    let ids: Vec<_> = diff.items.iter().map(|i| i.campaign.unwrap()).collect();
    for id in &ids[..2] {
        office.campaigns().submit(&clerk, *id, None).await.unwrap();
        approve(&office, &approver, *id).await.unwrap();
    }
    office.clock.advance(TimeDelta::hours(1));
    let alerts = Alerts::new(office.clock.clone(), true);
    let scheduler = Scheduler::new(
        office.store.clone(),
        office.clock.clone(),
        office.config.clone(),
        alerts,
    );
    assert_eq!(scheduler.run_once(office.clock.now()).await.unwrap(), 1);
    [ids[0], ids[1], ids[2]].map(|id| id.to_string())
}

#[tokio::test]
async fn every_change_of_a_plan_behind_the_ledgers_back_is_found_and_named() {
    for base in Base::all().await {
        let [weekly, once, draft] = planned(&base).await;
        let untouched = "UPDATE installation SET change = change + 1";
        assert_eq!(base.tampered(untouched).await, None, "untouched");
        let mut wrong = Vec::new();
        for (sql, finding) in CHANGES {
            let fill = |text: &str| {
                text.replace("{weekly}", &weekly)
                    .replace("{once}", &once)
                    .replace("{draft}", &draft)
            };
            let found = base.tampered(&fill(sql)).await.map(|d| d.to_string());
            // All rows were changed: whichever of the two campaigns has the first one is named.
            let findings = [&weekly, &once].map(|id| fill(finding).replace("{any}", id));
            let named = |f: &String| findings.iter().any(|finding| f.starts_with(finding));
            if !found.as_ref().is_some_and(named) {
                wrong.push(format!(
                    "{sql}\n  should: {findings:?}\n  found:  {found:?}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
