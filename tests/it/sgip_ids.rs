//! A message whose id is known before the answer: its own report settles its doubt, whatever else waits for the
//! same number; a number is never guessed by.

use std::time::Duration;

use watchbell::{
    config::Kind,
    domain::policy::OnDoubt::{Hold, Resend},
    domain::{
        id::LaneId,
        message::{Change, Outcome},
    },
    engine::journal::{Op, Take},
    simulate::{Faults, Settings},
};

use crate::{
    harness::county::{carrier, dialled},
    harness::journal::*,
    harness::program::{Stage, eventually, log},
};

fn lost(lane: LaneId, position: i64, part: u8, id: &str) -> Op {
    let change = Change::Doubt {
        id: Some(id.to_owned()),
    };
    news(lane, position, part, change)
}

#[tokio::test]
async fn its_own_report_settles_it_and_no_other_does() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 1, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([lost(lane, 0, 0, "own"), lost(lane, 1, 0, "other")])
            .await;
        desk.commit([report(0, "strange")]).await;
        assert_eq!(desk.state(lane, 0).await, "in_doubt", "not by its number");
        desk.commit([report(0, "own")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        assert_eq!(desk.state(lane, 1).await, "in_doubt");
        // A repeat says nothing new, and a late answer neither.
        desk.commit([report(0, "own")]).await;
        desk.commit([late(lane, 1, 0, Change::Accepted { id: "other".into() })])
            .await;
        assert_eq!(desk.state(lane, 1).await, "submitted");
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_that_came_before_the_doubt_waits_for_it() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 1, Hold).await;
        desk.claim(lane, 1).await;
        desk.commit([report(0, "own")]).await;
        desk.commit([lost(lane, 0, 0, "own")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn of_a_long_message_the_rest_goes_once_the_doubtful_part_is_reported() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 2, Hold).await;
        desk.claim(lane, 1).await;
        desk.commit([lost(lane, 0, 0, "one")]).await;
        desk.commit([report(0, "one")]).await;
        let grant = granted(
            desk.commit([claim(lane, Take::Requeued(0), 5, mobile())])
                .await,
        );
        assert_eq!(grant.claim.part, 1);
        desk.commit([accepted(lane, 0, 1, "two"), report(0, "two")])
            .await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_of_the_first_sending_says_nothing_about_the_second() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 1, Resend).await;
        desk.claim(lane, 1).await;
        desk.commit([lost(lane, 0, 0, "first")]).await;
        desk.commit([resent(lane, 0)]).await;
        granted(
            desk.commit([claim(lane, Take::Requeued(0), 5, mobile())])
                .await,
        );
        desk.commit([lost(lane, 0, 0, "second")]).await;
        desk.commit([report(0, "first")]).await;
        assert_eq!(desk.state(lane, 0).await, "in_doubt");
        desk.commit([report(0, "second")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        desk.verify().await;
    })
    .await;
}

/// Two texts to the same numbers, no answer to any, and a daemon that is killed: by the number nobody could
/// tell which report is whose.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_finds_each_message_by_its_own_id() {
    let (keys, settings) = dialled(Settings {
        protocol: Kind::Sgip12,
        report_delay: Duration::from_millis(600),
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        ..carrier()
    });
    let gateway = format!("rate = 600\nwindow = 64\nresponse_timeout = \"30s\"{keys}");
    let mut stage = Stage::open(settings, "doubt_grace = \"60s\"", &gateway).await;
    stage.set_gateway("kind", "sgip12");
    let list = stage.numbers(0, 20);
    let runs = [
        stage.queue(&list, &[]).await,
        stage.queue(&list, &["--priority", "urgent"]).await,
    ];
    let (mut daemon, _) = stage.serve().await;
    stage.taken_at_least(40).await;
    daemon.kill().await;
    let (daemon, _) = stage.serve().await;
    eventually("all are delivered", async || {
        let mut delivered = 0;
        for run in &runs {
            delivered += stage.view(run).await.counts.of(Outcome::Delivered);
        }
        delivered == 40
    })
    .await;
    daemon.ends_well().await;
    let office = stage.office().await;
    assert_eq!(log(&office).await.len(), 40);
    let verified = stage.run(&["audit", "verify", "--json"]).await.ok().json();
    assert_eq!(verified["ok"], true);
    let counts = stage.carrier.counts();
    assert_eq!((counts.recipients, counts.malformed), (40, 0));
}
