//! The month's report: its figures are the log's, and nothing on it is a number or a script.

use std::io::Cursor;

use watchbell::{
    domain::{
        audience_spec::AudienceSpec,
        id::{CampaignId, LaneId, MessageId, RunId},
        lang::Lang,
        ledger::Tree,
        lifecycle::CampaignState,
        month::Month,
        phone::Phone,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::Role,
        text::Framing,
        time::Micros,
    },
    service::contacts::Import,
    store::{campaign::Campaign, freeze::LaneFigures, hot::NewMessage, run::NewRun},
};

use crate::harness::story::{MORNING, Story, machine, on_made_up_rows, refused};

const FIRST: u64 = 13_800_000_000;

fn june() -> Month {
    "2023-06".parse().unwrap()
}

/// People of two units in a group, numbered from [`FIRST`].
async fn people(story: &Story) {
    let rows = (0..10).map(|i| {
        let unit = if i < 6 {
            "县气象局"
        } else {
            "县供电公司"
        };
        format!("人{i},{unit},{}\n", FIRST + i)
    });
    let book = format!("姓名,单位,手机\n{}", rows.collect::<String>());
    for group in ["成员单位", "另一组"] {
        let book = Cursor::new(book.clone().replace(
            "县气象局",
            if group == "成员单位" {
                "县气象局"
            } else {
                "别处"
            },
        ));
        story
            .office
            .contacts()
            .import(&machine(), book, Import::into_group(group))
            .await
            .unwrap();
    }
}

/// A run to the ten people, the first of whom ended as told; the others wait.
async fn run(story: &Story, lane: i64, name: &str, slot_us: i64, ends: &[(&str, &str)]) {
    let (campaign, run, lane) = (CampaignId::fresh(), RunId::fresh(), LaneId(lane));
    let mut tx = story.office.store.begin("story").await.unwrap();
    tx.insert_campaign(&self::campaign(campaign, name))
        .await
        .unwrap();
    tx.insert_run(&new_run(run, campaign, Micros(slot_us)), MORNING)
        .await
        .unwrap();
    tx.insert_lane(lane, run, "mobile", "停电通知", 0, Framing::Parts)
        .await
        .unwrap();
    let message = |i: u64| NewMessage {
        id: MessageId::new(lane, i as i64),
        phone: Phone::from_number(FIRST + i).unwrap(),
        vals: String::new(),
        salt: [1; 16],
        carrier: "mobile",
        segments: 1,
        suppressed: None,
    };
    let rows: Vec<_> = (0..10).map(message).collect();
    tx.insert_messages(&rows).await.unwrap();
    let figures = LaneFigures {
        lane,
        size: 10,
        max_parts: 1,
        segments: 10,
        suppressed: 0,
        root: Tree::default().root(),
    };
    tx.finish_lane(&figures).await.unwrap();
    tx.finish_run(run, 10, 0, MORNING).await.unwrap();
    let ids: Vec<_> = (0..ends.len())
        .map(|i| MessageId::new(lane, i as i64))
        .collect();
    let rows: Vec<_> = tx
        .messages(&ids)
        .await
        .unwrap()
        .into_iter()
        .zip(ends)
        .map(|(mut m, (state, code))| {
            m.state.outcome = Some(state.parse().unwrap());
            m.state.code = (*code).to_owned();
            m.state.carrier_id = (*state != "suppressed").then(|| "7".to_owned());
            m
        })
        .collect();
    tx.update_messages(&rows, MORNING).await.unwrap();
    tx.commit().await.unwrap();
}

fn campaign(id: CampaignId, name: &str) -> Campaign {
    Campaign {
        id,
        name: name.into(),
        template: "停电通知".into(),
        audience: AudienceSpec::Groups {
            include: vec!["成员单位".into(), "另一组".into()],
            exclude: Vec::new(),
        },
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

fn new_run(id: RunId, campaign: CampaignId, slot: Micros) -> NewRun {
    NewRun {
        id,
        campaign,
        slot,
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        not_after: Some(slot.plus_secs(1_800)),
        not_before: None,
        late: Late::Send,
    }
}

/// The cells after a row's name, as they stand on the page.
fn row(html: &str, name: &str) -> String {
    let (_, rest) = html.split_once(&format!(">{name}</th>")).unwrap();
    let (row, _) = rest.split_once("</tr>").unwrap();
    let cells = row.split("<td").skip(1).map(|c| {
        let (_, c) = c.split_once('>').unwrap();
        c.split('<').next().unwrap()
    });
    cells.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_months_figures_are_the_logs_by_run_day_unit_and_cause() {
    on_made_up_rows(async |story| {
        people(story).await;
        let hour = 3_600_000_000;
        run(
            story,
            1,
            "咨询日前提醒",
            MORNING.0 - hour,
            &[
                ("delivered", "DELIVRD"),
                ("delivered", "DELIVRD"),
                ("undelivered", "MK:0001"),
                ("suppressed", "opt_out"),
                ("in_doubt", ""),
                ("unconfirmed", ""),
                ("delivered", "DELIVRD"),
            ],
        )
        .await;
        run(story, 2, "六月末", MORNING.0 + 24 * hour, &[]).await;
        // Midnight of July 1 in the office's zone is not June any more.
        run(
            story,
            3,
            "七月",
            1_688_140_800_000_000,
            &[("delivered", "")],
        )
        .await;
        let html = story
            .office
            .reports()
            .month(&machine(), june(), Lang::Zh)
            .await
            .unwrap();
        assert!(
            html.starts_with("<!DOCTYPE html>\n<html lang=\"zh-CN\">"),
            "{}",
            &html[..80]
        );
        assert!(html.contains("2023年6月 短信发送报告") && html.contains("演练数据"));
        assert!(!html.contains("七月"));
        let first = "10 3 1 1 2 3 33.3%";
        assert!(
            row(&html, "咨询日前提醒").ends_with(first),
            "{}",
            row(&html, "咨询日前提醒")
        );
        assert!(row(&html, "咨询日前提醒").contains("错过"));
        assert!(
            row(&html, "六月末").ends_with("待审批 10 0 0 0 0 10 0.0%"),
            "{}",
            row(&html, "六月末")
        );
        assert!(row(&html, "06-12").starts_with(first));
        assert_eq!(row(&html, "成员单位、另一组"), "20 3 1 1 2 13 15.7%");
        // The group that stands first names the unit.
        assert_eq!(row(&html, "县气象局"), "12 2 1 1 2 6 18.1%");
        assert_eq!(row(&html, "县供电公司"), "8 1 0 0 0 7 12.5%");
        assert!(!html.contains("别处"));
        assert_eq!(row(&html, "中国移动"), "20 3 1 1 2 13 15.7%");
        assert!(
            row(&html, "mobile").ends_with("15.7% 6 —"),
            "{}",
            row(&html, "mobile")
        );
        assert!(html.contains("空号") && html.contains("本人已退订"));
        let head = story
            .office
            .store
            .read("head")
            .await
            .unwrap()
            .head()
            .await
            .unwrap();
        assert!(html.contains(&format!("watchbell audit verify --expect {head}")));
        assert!(!html.contains("1380000"), "a number stands on the page");
    })
    .await;
}

#[tokio::test]
async fn what_people_and_carriers_write_is_text_on_the_page() {
    on_made_up_rows(async |story| {
        let evil = "<script>alert(1)</script>";
        run(story, 1, evil, MORNING.0, &[("rejected", "\"><img src=x>")]).await;
        for lang in [Lang::Zh, Lang::En] {
            let html = story
                .office
                .reports()
                .month(&machine(), june(), lang)
                .await
                .unwrap();
            assert!(!html.contains("<script") && !html.contains("<img"));
            assert!(
                html.contains("&#60;script&#62;alert(1)"),
                "the name itself is shown"
            );
            // Nothing is fetched from anywhere.
            assert!(!html.contains("src=\"") && !html.contains("href=") && !html.contains("http"));
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_month_says_so_and_a_carriers_person_sees_none() {
    on_made_up_rows(async |story| {
        story.person("admin", Role::Admin).await;
        let carrier = story.person("qian", Role::Carrier).await;
        let auditor = story.person("zhao", Role::Auditor).await;
        refused(
            story
                .office
                .reports()
                .month(&carrier, june(), Lang::Zh)
                .await,
        );
        let html = story
            .office
            .reports()
            .month(&auditor, june(), Lang::En)
            .await
            .unwrap();
        assert!(html.contains("No messages in this month.") && html.contains("lang=\"en\""));
    })
    .await;
}
