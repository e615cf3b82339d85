//! A plan by the program's own commands: read in, submitted as a whole, approved several at a time.

use serde_json::Value;

use crate::{harness::county::carrier, harness::program::Stage, opt_outs::people};

const PLAN: &str = r#"
[plan]
name = "june"
title = "六月"
year = 2027

[[campaigns]]
id = "heat"
name = "高温提示"
to = ["全县"]
text = "今日高温，请落实防暑降温措施。"
schedule = { on = 2027-06-01, at = "09:00" }

[[campaigns]]
id = "fridays"
name = "周五提示"
to = ["全县"]
text = "周末将至，请检查消防通道。"
schedule = { cron = "0 10 * * FRI", from = 2027-06-01, to = 2027-06-30 }
"#;

/// The campaigns as `campaign list --json` has them, in the order of the plan.
async fn listed(stage: &Stage) -> Vec<Value> {
    let list = stage.run(&["campaign", "list", "--json"]).await.ok().json();
    let mut rows = list["campaigns"].as_array().unwrap().clone();
    rows.reverse();
    rows
}

fn states(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|r| r["state"].as_str().unwrap()).collect()
}

fn coded<'a>(command: &[&'a str], codes: &[&'a str]) -> Vec<&'a str> {
    let checks = codes.iter().flat_map(|code| ["--check", *code]);
    command.iter().copied().chain(checks).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_handed_in_as_a_whole_and_let_out_several_at_a_time() {
    let mut stage = Stage::open(carrier(), "", "").await;
    stage.set("sending", "require_approval", true);
    people(&stage).await;
    let list = stage.numbers(0, 5).display().to_string();
    let import = ["contacts", "import", &list, "--group", "全县"];
    stage.run_as("clerk", &import).await.ok();
    let plan = stage.file("june.toml", PLAN).display().to_string();
    stage.run_as("clerk", &["plan", "import", &plan]).await.ok();

    let nothing = ["campaign", "submit", "--plan", "july"];
    assert_eq!(stage.run_as("clerk", &nothing).await.code, Some(1));
    let whole = ["campaign", "submit", "--plan", "june"];
    let said = stage.run_as("clerk", &whole).await.ok();
    assert_eq!(said.out.lines().count(), 2, "a line for each: {said:?}");
    let rows = listed(&stage).await;
    assert_eq!(states(&rows), ["submitted", "submitted"]);
    // June 1st, 2027, 09:00 in Shanghai; the first Friday is the 4th.
    assert_eq!(rows[0]["next_slot_us"], 1_811_811_600_000_000_i64);
    assert_eq!(rows[1]["next_slot_us"], 1_812_074_400_000_000_i64);
    assert_eq!(rows[1]["plan"], "june");

    let ids: Vec<_> = rows
        .iter()
        .map(|r| r["campaign"].as_str().unwrap())
        .collect();
    let own = stage
        .run_as("clerk", &["campaign", "approve", ids[0], ids[1]])
        .await;
    assert_eq!(own.code, Some(1), "nobody approves their own: {own:?}");
    let codes: Vec<_> = rows
        .iter()
        .map(|r| &r["digest"].as_str().unwrap()[..12])
        .collect();
    let both = ["campaign", "approve", ids[0], ids[1]];
    for wrong in [&codes[..1], &["00", "00"]] {
        let args = coded(&both, wrong);
        assert_eq!(stage.run_as("chief", &args).await.code, Some(2));
    }
    // Each is approved as it was shown, or not at all.
    let mixed = stage
        .run_as("chief", &coded(&both, &[codes[0], codes[0]]))
        .await;
    assert_eq!(mixed.code, Some(1), "{mixed:?}");
    assert!(
        mixed.err.contains(ids[1]) && !mixed.err.contains(ids[0]),
        "{mixed:?}"
    );
    assert_eq!(states(&listed(&stage).await), ["approved", "submitted"]);
    let second = ["campaign", "approve", ids[1], "--check", codes[1]];
    stage.run_as("chief", &second).await.ok();
    assert_eq!(states(&listed(&stage).await), ["approved", "approved"]);
    // Once more: each is refused, each says so.
    let twice = stage
        .run_as("chief", &["campaign", "approve", ids[0], ids[1]])
        .await;
    assert_eq!(twice.code, Some(1));
    assert!(ids.iter().all(|id| twice.err.contains(id)), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offices_own_calendar_moves_its_workdays_and_a_broken_one_is_named() {
    let mut stage = Stage::open(carrier(), "", "").await;
    let plan = r#"
[plan]
name = "june"
title = "六月"
year = 2027

[[campaigns]]
id = "heat"
name = "高温提示"
to = ["全县"]
text = "今日高温，请落实防暑降温措施。"
schedule = { on = 2027-06-01, at = "09:00", days = "workdays", otherwise = "after" }
"#;
    let plan = stage.file("june.toml", plan).display().to_string();
    let first_slot = async |stage: &Stage| {
        let checked = stage.run(&["plan", "check", &plan, "--json"]).await.ok();
        checked.json()["campaigns"][0]["slots"][0]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(first_slot(&stage).await, "2027-06-01T09:00:00+08:00");
    let own = "made = 2026-11-25\n[[years]]\nyear = 2027\nnotice = \"test\"\n\
               holidays = [{ name = \"县庆\", days = \"06-01\" }]\nworkdays = []\nexams = []\n";
    stage.file("own.toml", own);
    stage.set("sending", "calendar", "own.toml");
    assert_eq!(first_slot(&stage).await, "2027-06-02T09:00:00+08:00");
    stage.file("own.toml", "made = soon");
    let broken = stage.run(&["plan", "check", &plan]).await;
    assert_eq!(broken.code, Some(2));
    assert!(
        broken.err.contains("own.toml") && broken.err.contains("line 1"),
        "{broken:?}"
    );
}
