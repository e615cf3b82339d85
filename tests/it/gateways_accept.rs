//! `gateways accept`: what a carrier does well is shown, what it does badly is named, and nothing is sent
//! that was not asked for.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    config::{Config, Kind},
    domain::{lang::Lang, phone::Phone, role::Actor, time::Micros},
    engine::lock::EngineLock,
    service::{
        Office, ServiceError,
        accept::{AcceptRequest, Going, Record, Step, StepName, StepVerdict},
        audit,
    },
    simulate::{Faults, Running, Settings, Simulator, SubmitRefusal},
};

use crate::{
    harness::county::{County, carrier, somebody},
    harness::gateway::phone,
    harness::http_county::http_settings,
    harness::postgres,
    harness::program::{Stage, eventually, ledger},
};

/// Ten phones, from 13800000001 on.
const PHONES: u64 = 10;

/// An office and its carrier, whatever it speaks.
struct Stand {
    office: Office,
    carrier: Running,
    dir: TempDir,
}

impl Stand {
    async fn open(carrier: Settings, gateway: &str) -> Self {
        if carrier.protocol == Kind::Http {
            let dir = tempfile::tempdir().unwrap();
            let carrier = Simulator::start_http(carrier).await.unwrap();
            let address = carrier.address().to_string();
            let text = http_settings("sqlite://watchbell.db", &address, "", gateway);
            let file = dir.path().join("watchbell.toml");
            std::fs::write(&file, text).unwrap();
            let config = Config::load(Some(&file), []).unwrap();
            let office = Office::open(config, Clock::system()).await.unwrap();
            return Self {
                office,
                carrier,
                dir,
            };
        }
        let county = County::open(carrier, "", gateway).await;
        Self {
            office: county.office,
            carrier: county.carrier,
            dir: county.dir,
        }
    }

    fn list(&self, numbers: &[String]) -> PathBuf {
        let mut text = String::from("姓名,手机\n");
        for number in numbers {
            writeln!(text, "某人,{number}").unwrap();
        }
        let path = self.dir.path().join("phones.csv");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn accept(&self, request: AcceptRequest<'_>) -> Result<Record, ServiceError> {
        self.accept_answering(request, |word| {
            self.carrier.inject_mo(phone(3), word);
        })
        .await
    }

    /// The same with a phone that does what it is asked in its own way.
    async fn accept_answering(
        &self,
        request: AcceptRequest<'_>,
        reply: impl Fn(&str),
    ) -> Result<Record, ServiceError> {
        let ready = self
            .office
            .gateways()
            .prepare_acceptance(&somebody(), &request)
            .await?;
        let stop = CancellationToken::new();
        self.office
            .gateways()
            .accept(&somebody(), &ready, &stop, |going| {
                if let Going::Reply { word, .. } = going {
                    reply(word);
                }
            })
            .await
    }
}

fn ten() -> Vec<String> {
    (1..=PHONES).map(|n| phone(n).expose()).collect()
}

fn request(phones: &std::path::Path) -> AcceptRequest<'_> {
    AcceptRequest {
        gateway: "mobile",
        phones,
        wait: Duration::from_secs(5),
        idle: Some(Duration::from_millis(1_500)),
        rate_segments: 0,
    }
}

fn step(record: &Record, name: StepName) -> &Step {
    record.steps.iter().find(|s| s.name == name).unwrap()
}

#[track_caller]
fn comes_to(record: &Record, name: StepName, verdict: StepVerdict) {
    let step = step(record, name);
    assert_eq!(step.verdict, verdict, "{step:?}");
}

/// Masked or not at all.
#[track_caller]
fn holds_no_number(text: &str) {
    for number in ten() {
        assert!(!text.contains(&number), "{number} stands in {text}");
    }
}

async fn all_is_shown(kind: Kind, gateway: &str) {
    let settings = Settings {
        protocol: kind,
        ..carrier()
    };
    let gateway = format!("rate = 60\nbatch = 20\n{gateway}");
    let stand = Stand::open(settings, &gateway).await;
    let list = stand.list(&ten());
    let request = AcceptRequest {
        rate_segments: 90,
        ..request(&list)
    };
    let record = stand.accept(request).await.unwrap();
    assert!(record.ok, "{:#?}", record.steps);
    let http = kind == Kind::Http;
    for name in StepName::ALL {
        let linked = matches!(name, StepName::KeepAlive | StepName::Goodbye);
        match name {
            // Fast answers never fill it, and only a person sees a phone.
            StepName::Window => {}
            StepName::OnePiece => comes_to(&record, name, StepVerdict::NotShown),
            _ if linked && http => comes_to(&record, name, StepVerdict::NotShown),
            _ => comes_to(&record, name, StepVerdict::Ok),
        }
    }
    let counts = stand.carrier.counts();
    assert_eq!(counts.segments, 10 + 3 + 10 + 90, "{counts:?}");
    assert_eq!(record.segments, 113);
    assert_eq!((counts.recipients_sent_twice, counts.malformed), (0, 0));
    assert!(counts.peak_segments_in_one_second <= 60, "{counts:?}");
    assert_eq!(record.others, 0);
    let lines = ledger(&stand.office).await;
    let began = r#"{"e":"acceptance","by":"system:test","act":"began","gateway":"mobile","phones":10,"segments":113}"#;
    assert!(lines.contains(began), "{lines}");
    assert!(lines.contains(&began.replace("began", "ended")), "{lines}");
    holds_no_number(&lines);
    for lang in [Lang::Zh, Lang::En] {
        holds_no_number(&record.json(lang).to_string());
        holds_no_number(&record.page(lang).text());
        holds_no_number(&record.page(lang).html().unwrap());
    }
    let verdict = audit::verify(&stand.office.store, None).await.unwrap();
    assert!(verdict.ok, "{verdict:?}");
}

#[tokio::test]
async fn over_cmpp20_all_is_shown() {
    all_is_shown(Kind::Cmpp20, "links = 2\nkeep_alive = \"1s\"").await;
}

#[tokio::test]
async fn over_cmpp30_all_is_shown() {
    all_is_shown(Kind::Cmpp30, "keep_alive = \"1s\"").await;
}

#[tokio::test]
async fn over_sgip_all_is_shown_also_that_the_carrier_dials_us() {
    all_is_shown(Kind::Sgip12, "links = 2").await;
}

#[tokio::test]
async fn over_smgp_all_is_shown() {
    all_is_shown(Kind::Smgp30, "keep_alive = \"1s\"").await;
}

#[tokio::test]
async fn over_smpp_all_is_shown() {
    all_is_shown(Kind::Smpp34, "keep_alive = \"1s\"").await;
}

#[tokio::test]
async fn over_http_all_is_shown_that_applies() {
    all_is_shown(Kind::Http, "links = 8\nwindow = 60\npoll_every = \"1s\"").await;
}

#[tokio::test]
async fn a_quiet_sgip_link_may_close_and_comes_back() {
    let settings = Settings {
        protocol: Kind::Sgip12,
        ..carrier()
    };
    let stand = Stand::open(settings, "idle_close = \"1s\"").await;
    let list = stand.list(&ten());
    let request = AcceptRequest {
        idle: Some(Duration::from_millis(2_500)),
        ..request(&list)
    };
    let record = stand.accept(request).await.unwrap();
    comes_to(&record, StepName::KeepAlive, StepVerdict::Ok);
    assert!(stand.carrier.counts().logins > 1);
}

#[tokio::test]
async fn lost_reports_are_missed_and_their_phones_named() {
    let settings = Settings {
        faults: Faults {
            lost_reports: 50.0,
            ..Faults::default()
        },
        seed: 7,
        ..carrier()
    };
    let stand = Stand::open(settings, "").await;
    let list = stand.list(&ten());
    let request = AcceptRequest {
        wait: Duration::from_secs(1),
        ..request(&list)
    };
    let record = stand.accept(request).await.unwrap();
    assert!(!record.ok);
    comes_to(&record, StepName::Short, StepVerdict::Ok);
    comes_to(&record, StepName::Reports, StepVerdict::Failed);
    let reason = step(&record, StepName::Reports).reason.clone().unwrap();
    assert!(
        reason.text(Lang::En).contains("without a report"),
        "{reason:?}"
    );
    assert!(reason.text(Lang::Zh).contains("138****00"), "{reason:?}");
}

#[tokio::test]
async fn an_undelivered_phone_fails_with_the_carriers_word() {
    let settings = Settings {
        undelivered_percent: 100.0,
        ..carrier()
    };
    let stand = Stand::open(settings, "").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    comes_to(&record, StepName::Reports, StepVerdict::Failed);
    let reports = step(&record, StepName::Reports);
    assert_eq!(reports.figures["reported"], 10);
    assert_eq!(reports.figures["delivered"], 0);
}

#[tokio::test]
async fn a_carrier_that_throttles_below_the_contract_is_found_out() {
    let settings = Settings {
        rate: Some(25),
        ..carrier()
    };
    let stand = Stand::open(settings, "rate = 80").await;
    let list = stand.list(&ten());
    let request = AcceptRequest {
        rate_segments: 100,
        ..request(&list)
    };
    let record = stand.accept(request).await.unwrap();
    comes_to(&record, StepName::Short, StepVerdict::Ok);
    comes_to(&record, StepName::Rate, StepVerdict::Failed);
    let figures = &step(&record, StepName::Rate).figures;
    assert!(figures["throttled"].as_u64() > Some(0), "{figures}");
}

#[tokio::test]
async fn a_full_window_is_seen_and_never_exceeded() {
    let settings = Settings {
        faults: Faults {
            slow_answers: 100.0,
            slow_by: Duration::from_millis(300),
            ..Faults::default()
        },
        ..carrier()
    };
    let stand = Stand::open(settings, "rate = 100\nwindow = 4\nlinks = 2").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    comes_to(&record, StepName::Window, StepVerdict::Ok);
    let figures = &step(&record, StepName::Window).figures;
    assert_eq!(figures["most_unanswered"], 4, "{figures}");
}

#[tokio::test]
async fn a_refused_login_is_tried_once_and_nothing_else_is() {
    let settings = Settings {
        password: Some("another".to_owned()),
        ..carrier()
    };
    let stand = Stand::open(settings, "links = 2").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    assert!(!record.ok);
    comes_to(&record, StepName::Login, StepVerdict::Failed);
    let others = record.steps.iter().skip(1);
    assert!(
        others
            .into_iter()
            .all(|s| s.verdict == StepVerdict::NotShown)
    );
    let counts = stand.carrier.counts();
    assert_eq!((counts.refused_logins, counts.submits), (1, 0));
}

#[tokio::test]
async fn a_keep_alive_without_an_answer_is_noticed_before_the_link_is_lost() {
    let settings = Settings {
        faults: Faults {
            ignored_keep_alives: 100.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let stand = Stand::open(settings, "keep_alive = \"600ms\"").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    comes_to(&record, StepName::KeepAlive, StepVerdict::Failed);
}

#[tokio::test]
async fn an_idle_time_shorter_than_the_keep_alive_shows_nothing() {
    let stand = Stand::open(carrier(), "keep_alive = \"30s\"").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    comes_to(&record, StepName::KeepAlive, StepVerdict::NotShown);
    assert!(record.ok, "not shown is not failed");
}

#[tokio::test]
async fn an_id_given_twice_is_found_out() {
    let settings = Settings {
        faults: Faults {
            id_reuse: Some(3),
            ..Faults::default()
        },
        ..carrier()
    };
    let stand = Stand::open(settings, "").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    comes_to(&record, StepName::Short, StepVerdict::Failed);
    let figures = &step(&record, StepName::Short).figures;
    assert_eq!(
        (&figures["accepted"], &figures["ids_given_twice"]),
        (&10.into(), &7.into())
    );
}

#[tokio::test]
async fn a_batch_that_the_carrier_takes_apart_is_found_out() {
    let settings = Settings {
        refusals: vec![SubmitRefusal {
            suffix: "0007".to_owned(),
            part: None,
            result: 6,
        }],
        ..carrier()
    };
    let stand = Stand::open(settings, "batch = 50").await;
    let list = stand.list(&ten());
    let record = stand.accept(request(&list)).await.unwrap();
    comes_to(&record, StepName::Batch, StepVerdict::Failed);
    let short = step(&record, StepName::Short);
    assert_eq!(short.figures["refused"], 1, "{short:?}");
    // The nine that were taken are reported all the same.
    comes_to(&record, StepName::Reports, StepVerdict::Ok);
}

#[tokio::test]
async fn what_is_not_ours_is_not_acknowledged() {
    let stand = Stand::open(carrier(), "").await;
    let list = stand.list(&ten());
    stand.carrier.inject_mo(phone(2), "R");
    stand.carrier.inject_mo(phone(99), "谢谢");
    let record = stand
        .accept_answering(request(&list), |_| {
            stand.carrier.inject_mo(phone(5), "好的");
        })
        .await
        .unwrap();
    comes_to(&record, StepName::Reply, StepVerdict::NotShown);
    assert_eq!(record.others, 3);
    // An opt-out that nobody has made durable comes again.
    eventually("the carrier keeps them", async || {
        stand.carrier.pending() == 3
    })
    .await;
}

#[tokio::test]
async fn a_late_reply_is_shown_with_its_text() {
    let stand = Stand::open(carrier(), "").await;
    let list = stand.list(&ten());
    let record = stand
        .accept_answering(request(&list), |word| {
            stand.carrier.inject_mo(phone(5), &format!(" {word}。"));
        })
        .await
        .unwrap();
    comes_to(&record, StepName::Reply, StepVerdict::Ok);
    let figures = &step(&record, StepName::Reply).figures;
    assert_eq!(figures["from"], "138****0005");
    assert_eq!(stand.carrier.pending(), 0);
}

#[tokio::test]
async fn while_another_process_sends_it_is_refused() {
    let stand = Stand::open(carrier(), "").await;
    let list = stand.list(&ten());
    let _engine = EngineLock::try_take(&stand.office.store, "engine")
        .await
        .unwrap()
        .unwrap();
    let error = stand.accept(request(&list)).await.unwrap_err();
    assert!(matches!(error, ServiceError::Gateway(_)), "{error:?}");
    assert_eq!(stand.carrier.counts().logins, 0);
}

#[tokio::test]
async fn what_is_stopped_sends_nothing_and_a_stop_ends_it_within_a_second() {
    let settings = Settings {
        faults: Faults {
            lost_reports: 100.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let stand = Stand::open(settings, "").await;
    let list = stand.list(&ten());
    let request = AcceptRequest {
        wait: Duration::from_mins(1),
        ..request(&list)
    };
    let stopping = async {
        eventually("the short texts are there", async || {
            stand.carrier.counts().segments == 10
        })
        .await;
        let begun = tokio::time::Instant::now();
        stand
            .office
            .sending()
            .stop(&somebody(), "enough")
            .await
            .unwrap();
        begun.elapsed()
    };
    let (record, took) = tokio::join!(stand.accept(request.clone()), stopping);
    let record = record.unwrap();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(!record.ok && record.broken_off.is_some());
    comes_to(&record, StepName::Reports, StepVerdict::NotShown);
    assert_eq!(stand.carrier.counts().segments, 10);
    let error = stand.accept(request).await.unwrap_err();
    assert!(matches!(error, ServiceError::Gateway(_)), "{error:?}");
    assert_eq!(stand.carrier.counts().segments, 10);
}

#[tokio::test]
async fn the_phones_have_to_be_right() {
    let stand = Stand::open(carrier(), "").await;
    let refused = async |numbers: &[String], what: &str| {
        let list = stand.list(numbers);
        let ready = stand
            .office
            .gateways()
            .prepare_acceptance(&somebody(), &request(&list))
            .await;
        let error = ready.unwrap_err().text(Lang::En);
        assert!(error.contains(what), "{error}");
    };
    refused(&ten()[..1], "2 to 50 phones").await;
    let many: Vec<String> = (1..=51).map(|n| phone(n).expose()).collect();
    refused(&many, "2 to 50 phones").await;
    refused(&[ten(), ten()].concat(), "row 12").await;
    refused(&[ten(), vec!["1380013".to_owned()]].concat(), "row 12").await;
    let list = stand.list(&ten());
    let unknown = AcceptRequest {
        gateway: "unicom",
        ..request(&list)
    };
    let error = stand
        .office
        .gateways()
        .prepare_acceptance(&somebody(), &unknown)
        .await;
    assert!(error.unwrap_err().is_usage());
}

#[tokio::test]
async fn who_wants_no_messages_gets_none_of_these_either() {
    let stand = Stand::open(carrier(), "").await;
    let mut tx = stand.office.store.begin("test").await.unwrap();
    let row = watchbell::store::contact::NewSuppression {
        phone: Phone::from_number(13_800_000_004).unwrap(),
        reason: "person".to_owned(),
        source: "test".to_owned(),
        salt: vec![1; 16],
        at: Micros(1),
    };
    tx.suppress(row).await.unwrap();
    tx.commit().await.unwrap();
    let list = stand.list(&ten());
    let error = stand.accept(request(&list)).await.unwrap_err();
    assert!(error.text(Lang::En).contains("row 5"), "{error}");
}

#[tokio::test]
async fn an_auditor_may_not() {
    let stand = Stand::open(carrier(), "").await;
    let list = stand.list(&ten());
    let auditor = Actor::User {
        name: "zhao".to_owned(),
        role: watchbell::domain::role::Role::Auditor,
    };
    let error = stand
        .office
        .gateways()
        .prepare_acceptance(&auditor, &request(&list))
        .await;
    assert!(
        matches!(error, Err(ServiceError::Forbidden(_))),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_lists_its_steps_and_sends_only_with_yes() {
    let stage = Stage::open(
        carrier(),
        "",
        "rate = 50\nkeep_alive = \"1s\"\nprice = 0.05",
    )
    .await;
    let list = stage.file("phones.csv", format!("手机\n{}\n", ten().join("\n")));
    let list = list.display().to_string();
    let plan = stage
        .run(&["gateways", "accept", "mobile", "--phones", &list])
        .await;
    assert_eq!(plan.code, Some(1), "{plan:?}");
    assert!(
        plan.err
            .contains("13 real segments go to 10 phones, at 0.65"),
        "{plan:?}"
    );
    assert_eq!(plan.out.lines().count(), 11, "{plan:?}");
    assert_eq!(stage.carrier.counts().logins, 0);

    let page = stage.path("protocol.html");
    let args = [
        "gateways",
        "accept",
        "mobile",
        "--phones",
        &list,
        "--yes",
        "--wait",
        "2s",
        "--idle",
        "1500ms",
        "--rate-segments",
        "50",
        "--json",
        "--out",
        page.to_str().unwrap(),
    ];
    let done = stage.run(&args).await.ok();
    let json = done.json();
    assert_eq!(json["ok"], true, "{json}");
    assert_eq!(json["segments"], 63);
    let verdict = |step: &str| {
        let steps = json["steps"].as_array().unwrap();
        let found = steps.iter().find(|s| s["step"] == step).unwrap();
        found["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict("rate"), "ok", "{json}");
    assert_eq!(
        (verdict("reply"), verdict("batch")),
        ("not_shown".into(), "not_shown".into())
    );
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(
        html.contains("CMPP 2.0") && html.contains("901234"),
        "{html}"
    );
    for text in [&done.out, &done.err, &html] {
        holds_no_number(text);
    }
    assert!(!stage.path("none.pdf").exists());
    let bad = stage
        .run(&[
            "gateways", "accept", "mobile", "--phones", &list, "--yes", "--out", "none.pdf",
        ])
        .await;
    assert_eq!(bad.code, Some(2), "{bad:?}");
    assert_eq!(stage.carrier.counts().segments, 63);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_the_lease_is_kept_and_given_back() {
    let Some(url) = postgres::scratch().await else {
        return;
    };
    let stage = Stage::with_database(&url, carrier(), "", "rate = 50").await;
    let list = stage.file("phones.csv", format!("手机\n{}\n", ten().join("\n")));
    let list = list.display().to_string();
    // Longer than a lease lasts.
    let args = [
        "gateways", "accept", "mobile", "--phones", &list, "--yes", "--wait", "7s", "--idle",
        "100ms", "--json",
    ];
    let done = stage.run(&args).await.ok().json();
    assert_eq!(
        (&done["ok"], &done["segments"]),
        (&true.into(), &13.into()),
        "{done}"
    );
    let sent = stage
        .run(&["send", "--to", &list, "--text", "试", "--wait", "--json"])
        .await
        .ok();
    assert_eq!(sent.json()["messages"]["delivered"], 10);
    let verdict = stage.run(&["audit", "verify", "--json"]).await.ok();
    assert_eq!(verdict.json()["ok"], true);
}
