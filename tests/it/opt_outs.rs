//! Who does not want it does not get it, whenever they say so; and two people let a run out.

use watchbell::domain::{message::Outcome, phone::Phone};

use crate::{
    harness::county::{carrier, somebody},
    harness::program::{Stage, TEXT, eventually, ledger, password_of},
};

fn phone(i: u64) -> Phone {
    Phone::from_number(13_800_100_000 + i).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_opt_outs_in_the_middle_neither_end_a_run_nor_start_it_over() {
    let stage = Stage::open(carrier(), "", "rate = 5000\nlinks = 2\nwindow = 256").await;
    let office = stage.office().await;
    // Half of them before the run is frozen, half after it, by processes that are not the engine.
    for i in 5_000..7_500 {
        office
            .contacts()
            .opt_out(&somebody(), &phone(i).expose(), None)
            .await
            .unwrap();
    }
    let run = stage.queue(&stage.numbers(0, 15_000), &[]).await;
    for i in 7_500..9_998 {
        office
            .contacts()
            .opt_out(&somebody(), &phone(i).expose(), None)
            .await
            .unwrap();
    }
    for i in 9_998..10_000 {
        stage
            .run(&["contacts", "opt-out", &phone(i).expose()])
            .await
            .ok();
    }
    let (daemon, _) = stage.serve().await;
    eventually("the run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    daemon.ends_well().await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(
        (
            counts.of(Outcome::Delivered),
            counts.of(Outcome::Suppressed)
        ),
        (10_000, 5_000),
        "{counts:?}"
    );
    let theirs = stage.carrier.counts();
    assert_eq!(
        (theirs.recipients, theirs.recipients_sent_twice),
        (10_000, 0)
    );
    let numbers = stage.carrier.per_number();
    assert!((5_000..10_000).all(|i| !numbers.contains_key(&phone(i))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_phone_counts_for_the_run_that_is_under_way() {
    let stage = Stage::open(carrier(), "", "rate = 150\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 600), &[]).await;
    let (daemon, _) = stage.serve().await;
    stage.taken_at_least(60).await;
    for (i, words) in [
        (580, "退订"),
        (581, "Ｔ"),
        (582, "td。"),
        (583, "请问R楼在哪"),
    ] {
        stage.carrier.inject_mo(phone(i), words);
    }
    eventually("the run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(
        (
            counts.of(Outcome::Delivered),
            counts.of(Outcome::Suppressed)
        ),
        (597, 3),
        "{counts:?}"
    );
    // And for every later one.
    let list = stage.numbers(578, 6).display().to_string();
    let later = stage
        .run(&[
            "send",
            "--to",
            &list,
            "--text",
            "另一条",
            "--wait",
            "--json",
        ])
        .await
        .ok()
        .json();
    assert_eq!(
        (
            &later["messages"]["delivered"],
            &later["messages"]["suppressed"]
        ),
        (&3.into(), &3.into())
    );
    daemon.ends_well().await;
    let numbers = stage.carrier.per_number();
    assert!((580..583).all(|i| !numbers.contains_key(&phone(i))));
    assert_eq!(numbers[&phone(583)].submits, 2, "a question is no refusal");
}

pub(crate) async fn people(stage: &Stage) {
    for (name, role, by) in [
        ("root", "admin", "root"),
        ("clerk", "clerk", "root"),
        ("chief", "approver", "root"),
    ] {
        let mut command = stage.command(
            &stage.settings_file(),
            &["user", "add", name, "--role", role, "--as", by],
        );
        command
            .env("WATCHBELL_PASSWORD", password_of(by))
            .env("WATCHBELL_NEW_PASSWORD", password_of(name));
        stage
            .start(command)
            .ended(crate::harness::program::PATIENCE)
            .await
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_let_a_run_out_and_nobody_their_own() {
    let mut stage = Stage::open(carrier(), "", "rate = 500\nwindow = 32").await;
    stage.set("sending", "require_approval", true);
    people(&stage).await;
    let list = stage.numbers(0, 40).display().to_string();
    let nobody = stage.run(&["send", "--to", &list, "--text", TEXT]).await;
    assert_eq!(
        nobody.code,
        Some(1),
        "the machine's account submits nothing: {nobody:?}"
    );
    let (daemon, _) = stage.serve().await;
    let submit = ["send", "--to", &list, "--text", TEXT, "--json"];
    let submitted = stage.run_as("clerk", &submit).await.ok().json();
    let (run, campaign) = (
        submitted["run"].as_str().unwrap(),
        submitted["campaign"].as_str().unwrap(),
    );
    assert_eq!(submitted["messages"]["queued"], 40);
    for (who, code) in [("clerk", 1), ("root", 1)] {
        let refused = stage.run_as(who, &["campaign", "approve", campaign]).await;
        assert_eq!(refused.code, Some(code), "{who}: {refused:?}");
    }
    // Between approval and sending somebody asks to be left out.
    stage
        .run(&["contacts", "opt-out", &phone(20).expose()])
        .await
        .ok();
    assert_eq!(
        stage.carrier.counts().submits,
        0,
        "nothing leaves before the approval"
    );
    stage
        .run_as("chief", &["campaign", "approve", campaign])
        .await
        .ok();
    eventually("the approved run is over", async || {
        stage.view(run).await.closed.is_some()
    })
    .await;
    let counts = stage.view(run).await.counts;
    assert_eq!(
        (
            counts.of(Outcome::Delivered),
            counts.of(Outcome::Suppressed)
        ),
        (39, 1),
        "{counts:?}"
    );
    let twice = stage
        .run_as("chief", &["campaign", "approve", campaign])
        .await;
    assert_eq!(twice.code, Some(1), "{twice:?}");
    // One that is given back ends, and can't be approved afterwards.
    let submit = ["send", "--to", &list, "--text", "写错了的通知", "--json"];
    let second = stage.run_as("clerk", &submit).await.ok().json();
    let (run, campaign) = (
        second["run"].as_str().unwrap(),
        second["campaign"].as_str().unwrap(),
    );
    stage
        .run_as(
            "chief",
            &["campaign", "return", campaign, "--reason", "wrong date"],
        )
        .await
        .ok();
    let counts = stage.view(run).await.counts;
    assert_eq!(
        (
            counts.of(Outcome::Cancelled),
            counts.of(Outcome::Suppressed)
        ),
        (39, 1),
        "{counts:?}"
    );
    let late = stage
        .run_as("chief", &["campaign", "approve", campaign])
        .await;
    assert_eq!(late.code, Some(1), "{late:?}");
    daemon.ends_well().await;
    assert_eq!(stage.taken(), 39);
    assert!(ledger(&stage.office().await).await.contains("wrong date"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offices_own_words_are_understood_and_questions_are_not() {
    let words = "opt_out_words = [\"不要了\", \"Stop\"]";
    let stage = Stage::open(carrier(), words, "rate = 100").await;
    let (daemon, _) = stage.serve().await;
    let replies = [
        "不要了。",
        "ｓｔｏｐ",
        "退订",
        "STOP是什么意思",
        "我不要了吗",
    ];
    for (i, reply) in (0..).zip(replies) {
        stage.carrier.inject_mo(phone(i), reply);
    }
    eventually("all replies are heard", async || {
        ledger(&stage.office().await)
            .await
            .matches("\"e\":\"mo\"")
            .count()
            == replies.len()
    })
    .await;
    daemon.ends_well().await;
    let run = stage.queue(&stage.numbers(0, 5), &[]).await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(counts.of(Outcome::Suppressed), 3, "{counts:?}");
}
