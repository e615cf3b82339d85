//! What the use cases refuse by where campaigns, runs and work orders stand.

use watchbell::{
    clock::Clock,
    domain::{
        carrier::Carrier,
        check_code::CheckCode,
        id::{CampaignId, RunId},
        lifecycle::Intent,
        plan::Planned,
        policy::OnDoubt,
        priority::Priority,
        role::{Actor, Role},
    },
    engine::lock::EngineLock,
    service::{
        ServiceError,
        campaigns::CampaignDecision,
        contacts::Import,
        plan::{Import as PlanImport, ImportDiff},
        send::{OutOfHours, SendRequest, Target},
    },
    work_orders::{Answer, Piece, Proof},
};

use crate::{
    audit_plans::item,
    harness::county::carrier,
    harness::program::{PATIENCE, Stage, TEXT},
    harness::story::{Story, approve_order, on_each_database},
    harness::town::{TEXT as ORDER_TEXT, Town, knowing, ordered},
    refusal_stories::{is_refused, refuses, run},
    work_order_papers::filled,
};

/// The plan with these items, read in by the clerk.
async fn plan(town: &Town, items: &[Planned]) -> Result<ImportDiff, ServiceError> {
    let import = PlanImport {
        plan: "june",
        title: "六月",
        source: "[plan]",
        items,
        orders: &[],
    };
    town.office
        .plans()
        .import(&town.clerk, &import, false)
        .await
}

/// A recurring campaign of the plan, submitted by the clerk.
async fn submitted(town: &Town) -> CampaignId {
    let diff = plan(town, &[item(&town.office, "heat", &[24, 48])])
        .await
        .unwrap();
    let id = diff.items[0].campaign.unwrap();
    town.office
        .campaigns()
        .submit(&town.clerk, id, None)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn campaigns_and_runs_are_refused_by_where_they_stand() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let (office, clerk, li) = (&town.office, &town.clerk, &town.approver);
        let book = "手机,姓名\n13800138000,张三\n".as_bytes().to_vec();
        office
            .contacts()
            .import(
                clerk,
                std::io::Cursor::new(book),
                Import::into_group("全县"),
            )
            .await
            .unwrap();
        let mut unnamed = item(office, "", &[24]);
        is_refused(
            plan(&town, &[unnamed.clone()]).await,
            "item_without_own_name",
            2,
        );
        unnamed.item = "heat".into();
        unnamed.include = vec!["全省".into()];
        is_refused(plan(&town, &[unnamed]).await, "unknown_groups", 2);
        is_refused(
            plan(&town, &[item(office, "heat", &[])]).await,
            "item_without_slots",
            2,
        );
        let id = submitted(&town).await;
        let zhao = Actor::User {
            name: "zhao".into(),
            role: Role::Approver,
        };
        let wrong: CheckCode = "0000".parse().unwrap();
        is_refused(
            office.campaigns().approve(li, id, &wrong).await,
            "check_code_differs",
            1,
        );
        is_refused(
            office.campaigns().approve(&zhao, id, &wrong).await,
            "not_your_own",
            1,
        );
        office
            .campaigns()
            .decide(li, id, CampaignDecision::Reject, "不需要")
            .await
            .unwrap();
        is_refused(
            office
                .campaigns()
                .decide(li, id, CampaignDecision::Reject, "不需要")
                .await,
            "wrong_campaign_state",
            1,
        );
        is_refused(
            office.campaigns().forecast(li, id).await,
            "nothing_to_forecast",
            1,
        );
    })
    .await;
}

#[tokio::test]
async fn work_orders_are_refused_by_where_they_stand() {
    on_each_database(async |story: &Story| {
        let town = Town::open(story, |_| {}).await;
        let office = knowing(&town.office, "");
        let clerk = &town.clerk;
        let admin = Actor::User {
            name: "admin".into(),
            role: Role::Admin,
        };
        let staff = office
            .users()
            .set_carrier(&admin, "zhao", Carrier::Mobile)
            .await;
        is_refused(staff, "not_carrier_staff", 1);
        let diff = town.import(&[ordered("telecom", ORDER_TEXT)], false).await;
        let id = diff.items[0].order.unwrap();
        is_refused(
            office.work_orders().export(clerk, id).await.map(drop),
            "work_order_not_approved",
            1,
        );
        is_refused(
            office.work_orders().issue(clerk, id).await.map(drop),
            "wrong_order_state",
            1,
        );
        let own = office
            .work_orders()
            .approve(clerk, id, &town.view(id).await.line.check_code)
            .await;
        is_refused(own.map(drop), "role_may_not", 1);
        approve_order(&office, &town.approver, id).await.unwrap();
        office.work_orders().issue(clerk, id).await.unwrap();
        let papers = office.work_orders().export(clerk, id).await.unwrap();
        for (cells, code) in [
            ([("B2", "县安委办短协〔1999〕9号")], "unknown_order_number"),
            ([("B3", "0000 0000 0000")], "form_of_another_text"),
            ([("B4", "7")], "form_outdated"),
        ] {
            let form = filled(&papers.form, &cells);
            is_refused(
                office.work_orders().import_form(clerk, &form).await,
                code,
                1,
            );
        }
        let proof = |phone: &str, text: String| Answer {
            acknowledged: true,
            proofs: vec![Proof {
                theirs: None,
                revision: 0,
                phone: phone.into(),
                text,
            }],
            ..Answer::default()
        };
        let long = proof("13300133001", "长".repeat(1_001));
        is_refused(
            office.work_orders().answer(clerk, id, &long).await,
            "proof_too_long",
            1,
        );
        let odd = proof("123", "x".into());
        is_refused(
            office.work_orders().answer(clerk, id, &odd).await,
            "bad_seed_phone",
            2,
        );
        let nothing = Answer {
            acknowledged: true,
            evidence: vec![Piece {
                theirs: None,
                name: "空".into(),
                bytes: Vec::new(),
            }],
            ..Answer::default()
        };
        is_refused(
            office.work_orders().answer(clerk, id, &nothing).await,
            "evidence_size",
            1,
        );
        office.sending().stop(clerk, "停").await.unwrap();
        is_refused(
            office.work_orders().release(clerk, id).await.map(drop),
            "sending_is_stopped",
            1,
        );
        let nonsense = office.work_orders().import_form(clerk, b"nonsense").await;
        is_refused(nonsense.map(drop), "form_is_wrong", 1);
        office.clock.advance(chrono::TimeDelta::days(30));
        let diff = town.import(&[ordered("late", ORDER_TEXT)], false).await;
        let late = diff
            .items
            .iter()
            .find(|i| i.item == "late")
            .unwrap()
            .order
            .unwrap();
        approve_order(&office, &town.approver, late).await.unwrap();
        is_refused(
            office.work_orders().issue(clerk, late).await.map(drop),
            "work_order_too_late",
            1,
        );
        let long = "长".repeat(1_001);
        let import = PlanImport {
            plan: "july",
            title: "七月",
            source: "[plan]",
            items: &[],
            orders: &[ordered("long", &long)],
        };
        let done = office.plans().import(clerk, &import, false).await;
        is_refused(done.map(drop), "work_order_text_too_long", 2);
    })
    .await;
}

/// A reason stands in the ledger for good, whoever gives it.
#[tokio::test]
async fn no_reason_holds_a_number() {
    on_each_database(async |story: &Story| {
        let (office, chief) = (&story.office, story.person("chief", Role::Admin).await);
        let reason = "他打了 13800000001";
        let (campaign, run) = (CampaignId::fresh(), RunId::fresh());
        for refused in [
            office.sending().stop(&chief, reason).await.map(drop),
            office.sending().release(&chief, reason).await,
            office
                .runs()
                .intend(&chief, run, Intent::Paused, reason)
                .await
                .map(drop),
            office
                .runs()
                .intend(&chief, run, Intent::Cancelled, reason)
                .await
                .map(drop),
            office
                .campaigns()
                .decide(&chief, campaign, CampaignDecision::Cancel, reason)
                .await
                .map(drop),
        ] {
            is_refused(refused, "number_in_reason", 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_is_refused_by_hours_quotas_and_what_stands() {
    let mut stage = Stage::open(carrier(), "", "daily_quota = 1").await;
    let list = stage.numbers(0, 3).display().to_string();
    let run_id = stage.queue(&stage.numbers(0, 1), &[]).await;
    let (office, id) = (stage.office().await, run_id.parse().unwrap());
    let chief = Actor::User {
        name: "chief".into(),
        role: Role::Approver,
    };
    let clerk = Actor::User {
        name: "clerk".into(),
        role: Role::Clerk,
    };
    office
        .runs()
        .intend(&chief, id, Intent::Held, "看一下")
        .await
        .unwrap();
    is_refused(
        office.runs().intend(&chief, id, Intent::Go, "").await,
        "run_is_held",
        1,
    );
    office
        .runs()
        .intend(&chief, id, Intent::Cancelled, "不发了")
        .await
        .unwrap();
    is_refused(
        office.runs().intend(&chief, id, Intent::Paused, "").await,
        "run_is_cancelled",
        1,
    );

    let accept = |phones: &str, more: &str| -> Vec<String> {
        let phones = stage.file(phones, more).display().to_string();
        ["gateways", "accept", "mobile", "--yes", "--phones", &phones]
            .map(str::to_owned)
            .to_vec()
    };
    let ten: Vec<_> = (0..10).map(|i| format!("1380013800{i}\n")).collect();
    let ten = ten.concat();
    let cases = [
        (
            "手机\n13800138000\n".to_owned(),
            "acceptance_phone_count",
            2,
        ),
        (
            "手机\n13800138000\n13800138000\n".to_owned(),
            "acceptance_phone_unusable",
            1,
        ),
    ];
    for (text, code, exit) in cases {
        let args = accept("few.csv", &text);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        is_refused(run(&stage, "", &[], &args).await, code, exit);
    }
    let args = accept("ten.csv", &format!("手机\n{ten}"));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let lock = EngineLock::try_take(&office.store, "another")
        .await
        .unwrap();
    is_refused(
        run(&stage, "", &[], &args).await,
        "another_process_sends",
        1,
    );
    drop(lock);
    office
        .contacts()
        .opt_out(&clerk, "13800138005", None)
        .await
        .unwrap();
    is_refused(
        run(&stage, "", &[], &args).await,
        "acceptance_phone_suppressed",
        1,
    );
    office.sending().stop(&clerk, "停").await.unwrap();
    let others = ten.replace("1380013800", "1380013900");
    let args = accept("others.csv", &format!("手机\n{others}"));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    is_refused(run(&stage, "", &[], &args).await, "database_is_held", 1);
    office.sending().release(&chief, "继续").await.unwrap();

    // Out of season whatever today is.
    let month = if chrono::Datelike::month(&Clock::system().now().utc()) == 6 {
        "12"
    } else {
        "06"
    };
    let season = format!("season = {{ from = \"{month}-10\", to = \"{month}-10\" }}");
    stage.configure(|text| {
        *text = text.replace("season = { from = \"01-01\", to = \"12-31\" }", &season);
    });
    let send = ["send", "--to", &list, "--text", TEXT];
    let no = refuses(&stage, None, &send, "out_of_hours", 1).await;
    assert!(
        no["opens"]
            .as_str()
            .unwrap()
            .contains(&format!("-{month}-10")),
        "{no}"
    );

    stage.set("sending", "require_approval", true);
    let office = stage.office().await;
    let groups = ["甲".to_owned()];
    office
        .contacts()
        .import_file(&clerk, list.as_ref(), Import::into_group("甲"))
        .await
        .unwrap();
    let request = SendRequest {
        name: "甲".into(),
        to: Target::Groups {
            include: &groups,
            exclude: &[],
        },
        text: TEXT,
        priority: Priority::Urgent,
        on_doubt: OnDoubt::Hold,
        not_after: None,
        out_of_hours: OutOfHours::Refuse,
    };
    let queued = office.sending().send(&clerk, &request).await.unwrap();
    let campaign = queued.frozen.campaign;
    let seen = office
        .campaigns()
        .get(&chief, campaign)
        .await
        .unwrap()
        .check_code;
    is_refused(
        office.campaigns().approve(&chief, campaign, &seen).await,
        "quota_exceeded",
        1,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_only_the_parts_can_check_are_refused_too() {
    let stage = Stage::open(carrier(), "", "").await;
    let list = stage.numbers(0, 3).display().to_string();
    let send = ["send", "--to", &list, "--text", TEXT];
    stage.configure(|text| text.push_str("nonsense = 1\n"));
    refuses(&stage, None, &send, "gateway_settings", 2).await;
    stage.configure(|text| *text = text.replace("127.0.0.1:0", "192.0.2.1:1"));
    is_refused(run(&stage, "", &[], &["serve"]).await, "cannot_listen", 2);
    let mut command = stage.command(&stage.settings_file(), &["run", "list", "--json"]);
    command.env("WATCHBELL_LOG", "a=b=c");
    let ended = stage.start(command).ended(PATIENCE).await;
    assert_eq!(ended.json()["error"]["code"], "bad_log_filter", "{ended:?}");
    // A database made in practice is never used in earnest.
    let practice = |text: &mut String| {
        *text = format!(
            "practice = true\n{}",
            text.replace("watchbell.db", "practice.db")
        );
    };
    stage.configure(practice);
    run(&stage, "", &[], &send).await.unwrap();
    stage.configure(|text| *text = text.replace("watchbell.db", "practice.db"));
    refuses(&stage, None, &["run", "list"], "made_for_practice", 2).await;
}
