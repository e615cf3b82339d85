//! Two carriers' own interfaces, by their description files alone, against simulators that verify as
//! strictly as they do.

use std::time::Duration;

use watchbell::{
    domain::message::Outcome,
    service::gateways::Finding,
    simulate::{Faults, Http, Settings, Shape},
};

use crate::{
    harness::county::{carrier, somebody, until},
    harness::http_county::{HttpCounty, all_delivered},
};

const MAS: &str = "description = \"yunmas\"\nec_name = \"云岭县应急局\"\nsign_code = \"DWItALe3A\"\ncallback_from = [\"127.0.0.1\"]\nrate = 500\nwindow = 200\nbatch = 20\nresponse_timeout = \"500ms\"";

fn shaped(shape: Shape, faults: Faults) -> Settings {
    Settings {
        report_delay: Duration::from_millis(300),
        faults,
        http: Http {
            shape,
            templates: vec![(
                "SMS_154950909".to_owned(),
                "${unit}：今日高温，请落实防暑降温措施。".to_owned(),
            )],
            ..Http::default()
        },
        ..carrier()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_mas_takes_a_batch_and_pushes_each_report() {
    let settings = shaped(Shape::YunMas, Faults::default());
    let county = HttpCounty::open("sqlite://watchbell.db", settings, "", MAS).await;
    let queued = county.send(60, "今日高温，请落实防暑降温措施。").await;
    let counts = county.finish(queued.frozen.run).await;
    all_delivered(&counts, 60);
    assert!(county.carrier.counts().submits < 20, "batches");
    county.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_cloud_mas_is_doubt_until_its_reports_tell() {
    let faults = Faults {
        lost_answers: 100.0,
        ..Faults::default()
    };
    let settings = Settings {
        report_delay: Duration::from_millis(1_500),
        ..shaped(Shape::YunMas, faults)
    };
    let county = HttpCounty::open(
        "sqlite://watchbell.db",
        settings,
        "doubt_grace = \"30s\"",
        MAS,
    )
    .await;
    let queued = county.send(20, "今日高温，请落实防暑降温措施。").await;
    let counts = county.finish(queued.frozen.run).await;
    all_delivered(&counts, 20);
    county.close().await;
}

const ALI: &str = "description = \"aliyun\"\nsignature_by = \"carrier\"\ncallback_from = [\"127.0.0.1\"]\nrate = 500\nwindow = 200\nbatch = 20\ntemplates = { SMS_154950909 = \"${unit}：今日高温，请落实防暑降温措施。\" }";

#[tokio::test(flavor = "multi_thread")]
async fn alibaba_cloud_gets_the_registered_template_and_its_values() {
    let settings = shaped(Shape::Aliyun, Faults::default());
    let county = HttpCounty::open("sqlite://watchbell.db", settings, "", ALI).await;
    let queued = county
        .send(60, "云岭镇：今日高温，请落实防暑降温措施。")
        .await;
    let counts = county.finish(queued.frozen.run).await;
    all_delivered(&counts, 60);
    // No template makes this one: refused here, and it never leaves.
    let list = county.path("others.csv");
    std::fs::write(&list, "手机\n13900139001\n13900139002\n").unwrap();
    let other = county.send_to(&list, "明天停电。").await;
    let counts = county.finish(other.frozen.run).await;
    assert_eq!(counts.of(Outcome::Rejected), 2, "{counts:?}");
    assert_eq!(county.carrier.counts().recipients, 60);
    county.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_found_before_anything_is_sent() {
    for (shape, gateway) in [(Shape::Watchbell, "rate = 100"), (Shape::Aliyun, ALI)] {
        let settings = Settings {
            password: Some("another secret".to_owned()),
            ..shaped(shape, Faults::default())
        };
        let county = HttpCounty::open("sqlite://watchbell.db", settings, "", gateway).await;
        let mut found = None;
        until("the check has found it", async || {
            let checked = county.office.gateways().check(&somebody(), false).await;
            let checked = checked.unwrap().gateways.remove(0);
            let refused = matches!(checked.finding, Finding::LoginRefused(_));
            found = Some(checked.finding);
            refused
        })
        .await;
        assert!(matches!(found, Some(Finding::LoginRefused(_))), "{found:?}");
        assert_eq!(county.carrier.counts().submits, 0);
        county.close().await;
    }
}

/// Cloud MAS has nothing to ask before a send: that it can be reached says nothing about the password.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_that_only_a_send_finds_out_is_tried_three_times_and_then_slowly() {
    let settings = Settings {
        password: Some("another password".to_owned()),
        ..shaped(Shape::YunMas, Faults::default())
    };
    let keys = format!("{MAS}\nlogin_retry = \"30s\"");
    let county = HttpCounty::open("sqlite://watchbell.db", settings, "", &keys).await;
    let queued = county.send(40, "今日高温，请落实防暑降温措施。").await;
    let refused = || county.carrier.counts().refused_logins;
    until("three tries", async || refused() >= 3).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Two requests may be on the way at once.
    assert!((3..=6).contains(&refused()), "{}", refused());
    let runs = county.office.runs();
    let run = runs.get(&somebody(), queued.frozen.run).await.unwrap();
    let counts = run.counts;
    assert_eq!(counts.total(), 40);
    assert_eq!(
        counts.of(Outcome::Rejected) + counts.of(Outcome::InDoubt),
        0,
        "{counts:?}"
    );
    county.close().await;
}
