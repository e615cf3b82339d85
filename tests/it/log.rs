//! The delivery log: what of it is shown to whom, and in which form.

use std::collections::HashMap;

use watchbell::{
    domain::{
        audience_spec::AudienceSpec,
        event::Event,
        id::{CampaignId, GatewayId, LaneId, MessageId, RunId},
        ledger::Tree,
        lifecycle::CampaignState,
        message::{Outcome, ReportStatus},
        phone::Phone,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::Role,
        text::Framing,
    },
    engine::journal::{Op, Recorder},
    gateway::{CarrierMessageId, Delivery, Report},
    service::log::{LogLine, LogQuery, UnmatchedQuery},
    store::{campaign::Campaign, freeze::LaneFigures, hot::NewMessage, run::NewRun},
};

use crate::harness::story::{MORNING, Story, machine, misused, on_made_up_rows, refused};

/// A frozen run of `size` people at 13800000000 and on; the first two have been delivered.
async fn frozen(story: &Story, lane: i64, size: u64) -> (CampaignId, RunId) {
    let (campaign, run, lane) = (CampaignId::fresh(), RunId::fresh(), LaneId(lane));
    let mut tx = story.office.store.begin("story").await.unwrap();
    tx.insert_campaign(&self::campaign(campaign)).await.unwrap();
    tx.insert_run(&new_run(run, campaign), MORNING)
        .await
        .unwrap();
    tx.insert_lane(lane, run, "mobile", "停电通知", 0, Framing::Parts)
        .await
        .unwrap();
    let message = |i: u64| NewMessage {
        id: MessageId::new(lane, i as i64),
        phone: Phone::from_number(13_800_000_000 + i).unwrap(),
        vals: String::new(),
        salt: [1; 16],
        carrier: "mobile",
        segments: 1,
        suppressed: None,
    };
    let rows: Vec<_> = (0..size).map(message).collect();
    tx.insert_messages(&rows).await.unwrap();
    let figures = LaneFigures {
        lane,
        size: size as i64,
        max_parts: 1,
        segments: size as i64,
        suppressed: 0,
        root: Tree::default().root(),
    };
    tx.finish_lane(&figures).await.unwrap();
    tx.finish_run(run, size as i64, 0, MORNING).await.unwrap();
    let ids = [0, 1].map(|i| MessageId::new(lane, i));
    let delivered: Vec<_> = tx.messages(&ids).await.unwrap();
    let delivered: Vec<_> = delivered
        .into_iter()
        .map(|mut m| {
            m.state.outcome = Some(Outcome::Delivered);
            m.state.code = "=DELIVRD".into();
            m
        })
        .collect();
    tx.update_messages(&delivered, MORNING).await.unwrap();
    tx.commit().await.unwrap();
    (campaign, run)
}

fn campaign(id: CampaignId) -> Campaign {
    Campaign {
        id,
        name: "停电".into(),
        template: "停电通知".into(),
        audience: AudienceSpec::File("people.csv".into()),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        not_after: None,
        state: CampaignState::Active,
        reason: String::new(),
        created_by: "wang".into(),
        submitted_by: "wang".into(),
        decided_by: "li".into(),
        digest: vec![],
        created: MORNING,
        changed: MORNING,
        plan: None,
        rule: String::new(),
        slots: Vec::new(),
        late: Late::Send,
        lasts: None,
        expected: 0,
        approved: None,
    }
}

fn new_run(id: RunId, campaign: CampaignId) -> NewRun {
    NewRun {
        id,
        campaign,
        slot: MORNING,
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        not_after: None,
        not_before: None,
        late: Late::Send,
    }
}

async fn read(story: &Story, query: &LogQuery) -> Vec<LogLine> {
    let mut log = story
        .office
        .messages()
        .log(&machine(), query)
        .await
        .unwrap();
    let mut lines = Vec::new();
    loop {
        match log.page().await.unwrap() {
            page if page.is_empty() => return lines,
            page => lines.extend(page),
        }
    }
}

fn all() -> LogQuery {
    LogQuery::default()
}

#[tokio::test]
async fn a_line_shows_the_masked_number_and_when_it_changed_in_the_offices_zone() {
    on_made_up_rows(async |story| {
        let (_, run) = frozen(story, 1, 3).await;
        let lines = read(story, &all()).await;
        let first = LogLine {
            id: 1 << 32,
            run: run.to_string(),
            phone: "138****0000".into(),
            carrier: "mobile".into(),
            gateway: "mobile".into(),
            state: "delivered".into(),
            code: "=DELIVRD".into(),
            segments: 1,
            changed_at: "2023-06-12T08:00:00+08:00".into(),
        };
        assert_eq!(lines[0], first);
        assert_eq!((&*lines[2].state, &*lines[2].changed_at), ("queued", ""));
        let json = serde_json::to_string(&lines[2]).unwrap();
        assert!(json.starts_with(r#"{"id":4294967298,"run":""#), "{json}");
    })
    .await;
}

#[tokio::test]
async fn each_filter_gives_what_it_names_and_pages_lose_nothing() {
    on_made_up_rows(async |story| {
        let (campaign, run) = frozen(story, 1, 4_500).await;
        let (_, other) = frozen(story, 2, 5).await;
        let count = async |query: LogQuery| read(story, &query).await.len();
        assert_eq!(count(all()).await, 4_505);
        assert_eq!(
            count(LogQuery {
                limit: Some(4_100),
                ..all()
            })
            .await,
            4_100
        );
        assert_eq!(
            count(LogQuery {
                limit: Some(0),
                ..all()
            })
            .await,
            0
        );
        assert_eq!(
            count(LogQuery {
                campaign: Some(campaign),
                ..all()
            })
            .await,
            4_500
        );
        assert_eq!(
            count(LogQuery {
                run: Some(other),
                ..all()
            })
            .await,
            5
        );
        assert_eq!(
            count(LogQuery {
                phone: Some("+86 138 0000 0004".into()),
                ..all()
            })
            .await,
            2
        );
        let one = LogQuery {
            phone: Some("13800000004".into()),
            run: Some(run),
            ..all()
        };
        assert_eq!(count(one).await, 1);
        assert_eq!(
            count(LogQuery {
                state: Some("delivered".into()),
                ..all()
            })
            .await,
            4
        );
        let queued = LogQuery {
            state: Some("queued".into()),
            run: Some(other),
            ..all()
        };
        assert_eq!(count(queued).await, 3);
        let span = |from: &str, to: &str| LogQuery {
            from: (!from.is_empty()).then(|| from.into()),
            to: (!to.is_empty()).then(|| to.into()),
            ..all()
        };
        for (from, to, expected) in [
            ("2023-06-12", "", 4),
            ("2023-06-12", "2023-06-12", 4),
            ("", "2023-06-12", 4),
            ("2023-06-12 08:00", "2023-06-12 08:01", 4),
            ("2023-06-12T00:00:00Z", "", 4),
            ("2023-06-12 08:01", "", 0),
            ("", "2023-06-12 08:00", 0),
            ("", "2023-06-11", 0),
            ("2023-06-13", "", 0),
        ] {
            assert_eq!(count(span(from, to)).await, expected, "{from} – {to}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_known_is_said_and_not_shown_as_an_empty_log() {
    on_made_up_rows(async |story| {
        for wrong in [
            LogQuery {
                state: Some("sent".into()),
                ..all()
            },
            LogQuery {
                from: Some("yesterday".into()),
                ..all()
            },
            LogQuery {
                to: Some("+2h".into()),
                ..all()
            },
            LogQuery {
                phone: Some("110".into()),
                ..all()
            },
            LogQuery {
                run: Some(RunId::fresh()),
                ..all()
            },
            LogQuery {
                campaign: Some(CampaignId::fresh()),
                ..all()
            },
        ] {
            misused(story.office.messages().log(&machine(), &wrong).await);
        }
    })
    .await;
}

#[tokio::test]
async fn whole_numbers_are_shown_for_a_reason_and_it_is_logged_first() {
    on_made_up_rows(async |story| {
        frozen(story, 1, 3).await;
        story.person("admin", Role::Admin).await;
        let auditor = story.person("zhao", Role::Auditor).await;
        let carrier = story.person("qian", Role::Carrier).await;
        let why = |reason: &str| LogQuery {
            unmask: Some(reason.into()),
            ..all()
        };
        let before = story.events().await.len();
        refused(story.office.messages().log(&carrier, &all()).await);
        refused(story.office.messages().log(&carrier, &why("curious")).await);
        misused(story.office.messages().log(&auditor, &why(" ")).await);
        misused(
            story
                .office
                .messages()
                .log(&auditor, &why("13800000000 complains"))
                .await,
        );
        story.office.messages().log(&auditor, &all()).await.unwrap();
        assert_eq!(story.events().await.len(), before);
        let mut log = story
            .office
            .messages()
            .log(&auditor, &why("投诉核查"))
            .await
            .unwrap();
        let seen = Event::Seen {
            by: "zhao".into(),
            what: "log".into(),
            reason: "投诉核查".into(),
        };
        assert_eq!(story.events().await.last(), Some(&seen));
        assert_eq!(log.page().await.unwrap()[2].phone, "13800000002");
    })
    .await;
}

#[tokio::test]
async fn a_report_of_no_known_message_is_kept_and_shown() {
    on_made_up_rows(async |story| {
        frozen(story, 1, 3).await;
        story.person("admin", Role::Admin).await;
        let auditor = story.person("zhao", Role::Auditor).await;
        let office = &story.office;
        let (store, clock) = (office.store.clone(), office.clock.clone());
        let mut recorder = Recorder::open(store, clock, HashMap::new()).await.unwrap();
        let report = |id: &str| Op::Inbound {
            gateway: GatewayId("mobile".into()),
            delivery: Delivery::Report(Report {
                carrier_id: CarrierMessageId(id.into()),
                phone: Phone::from_number(13_800_000_001).unwrap(),
                status: ReportStatus::Undelivered,
                code: "MK:0001".into(),
                submit_time: "2306120800".into(),
            }),
            tokens: Vec::new(),
        };
        recorder
            .commit(&[report("aa"), report("ab"), report("aa")])
            .await
            .unwrap();
        let lines = office
            .messages()
            .unmatched(&auditor, &UnmatchedQuery::default())
            .await
            .unwrap();
        let ids: Vec<&str> = lines.iter().map(|l| l.carrier_id.as_str()).collect();
        assert_eq!(ids, ["ab", "aa"], "the newest first, and each once");
        assert_eq!(
            (lines[0].phone.as_str(), lines[0].code.as_str()),
            ("138****0001", "MK:0001")
        );
        let of = |phone: &str| UnmatchedQuery {
            phone: Some(phone.into()),
            unmask: Some("投诉核查".into()),
            ..UnmatchedQuery::default()
        };
        let none = office
            .messages()
            .unmatched(&auditor, &of("13800000002"))
            .await
            .unwrap();
        assert!(none.is_empty());
        let whole = office
            .messages()
            .unmatched(&auditor, &of("138 0000 0001"))
            .await
            .unwrap();
        assert_eq!(whole[0].phone, "13800000001");
        assert!(matches!(
            story.events().await.last(),
            Some(Event::Seen { .. })
        ));
        let carrier = story.person("qian", Role::Carrier).await;
        refused(
            office
                .messages()
                .unmatched(&carrier, &UnmatchedQuery::default())
                .await,
        );
    })
    .await;
}

#[tokio::test]
async fn the_csv_has_its_mark_and_runs_nothing() {
    on_made_up_rows(async |story| {
        frozen(story, 1, 3).await;
        let mut bytes = Vec::new();
        let log = story
            .office
            .messages()
            .log(&machine(), &all())
            .await
            .unwrap();
        log.write_csv(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.split("\r\n");
        let heading = "\u{feff}id,run,phone,carrier,gateway,state,code,segments,changed_at";
        assert_eq!(lines.next(), Some(heading));
        let first = lines.next().unwrap();
        assert!(
            first.contains(
                ",138****0000,mobile,mobile,delivered,'=DELIVRD,1,2023-06-12T08:00:00+08:00"
            ),
            "{first}"
        );
        assert_eq!(text.matches("\u{feff}").count(), 1);
        assert_eq!(text.lines().count(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_database_made_for_practice_is_not_opened_for_real() {
    on_made_up_rows(async |story| {
        let known = story.another_office().await.installation().await.unwrap();
        assert!(known.practice);
        let mut tx = story.office.store.read("other").await.unwrap();
        assert!(tx.installation_for(false).await.is_err());
    })
    .await;
}
