//! kill -9 at any moment: nobody lost, nobody twice, doubt settled by its report, totals add up.

use std::{collections::HashMap, time::Duration};

use watchbell::{
    config::Kind,
    domain::{message::Outcome, phone::Phone},
    random::SplitMix64,
    simulate::{Faults, Settings},
    store::lane::Counts,
};

use crate::{
    harness::county::{carrier, dialled},
    harness::postgres,
    harness::program::{Stage, eventually, log},
    harness::story::machine,
};

/// Messages of a round's main run.
const MAIN: u64 = 1_500;

/// Messages of the run that a killed `send --wait` brings along.
const EXTRA: u64 = 20;

/// Kills in a round.
const KILLS: u64 = 5;

/// Messages a killed process may leave in doubt: what the rate lets out in 200 ms and what is written
/// and unanswered (two links' windows).
const DOUBT_A_KILL: i64 = 120 + 64;

fn troubled(seed: u64) -> Settings {
    Settings {
        seed,
        undelivered_percent: 5.0,
        report_jitter: Duration::from_millis(100),
        faults: Faults {
            lost_answers: 3.0,
            duplicate_reports: 5.0,
            early_reports: 5.0,
            late_reports: 5.0,
            late_factor: 20,
            ..Faults::default()
        },
        ..carrier()
    }
}

/// Queues a run, kills whatever sends it five times, lets a last daemon finish it, compares both sides.
/// Gives how many stayed in doubt because they never reached the carrier.
async fn round(seed: u64, database: &str, kind: Kind) -> i64 {
    println!("seed {seed}, {}", kind.as_str());
    let mut dice = SplitMix64::new(seed);
    let (keys, carrier) = dialled(Settings {
        protocol: kind,
        ..troubled(seed)
    });
    let gateway = format!("rate = 600\nlinks = 2\nwindow = 32\nresponse_timeout = \"1s\"{keys}");
    let mut stage = Stage::with_database(database, carrier, "doubt_grace = \"4s\"", &gateway).await;
    stage.set_gateway("kind", kind.as_str());
    let mut runs = vec![stage.queue(&stage.numbers(0, MAIN), &[]).await];
    for turn in 0..KILLS {
        let before = stage.carrier.counts().submits;
        let list = stage
            .numbers(MAIN + turn * EXTRA, EXTRA)
            .display()
            .to_string();
        let args = [
            "send",
            "--to",
            &list,
            "--text",
            "防汛提醒：请检查排水。",
            "--wait",
        ];
        let mut victim = match (turn + seed) % 2 {
            0 => stage.spawn(&["serve"]),
            _ => stage.spawn(&args),
        };
        if dice.below(5) == 0 {
            // Before the links are up: while it freezes, takes over, recovers or logs in.
            tokio::time::sleep(Duration::from_millis(dice.below(600))).await;
        } else {
            let enough = before + 1 + dice.below(250);
            eventually("the next process goes on", async || {
                assert!(victim.is_running(), "it ended: {}", victim.said());
                stage.carrier.counts().submits >= enough
            })
            .await;
        }
        victim.kill().await;
    }
    let (last, _) = stage.serve().await;
    let office = stage.office().await;
    for view in office.runs().list(&machine()).await.unwrap() {
        if !runs.contains(&view.id.to_string()) {
            runs.push(view.id.to_string());
        }
    }
    let counted = async || {
        let mut sum = Counts::default();
        for run in &runs {
            sum.add(
                &office
                    .runs()
                    .get(&machine(), run.parse().unwrap())
                    .await
                    .unwrap()
                    .counts,
            );
        }
        sum
    };
    eventually("everything is settled", async || {
        let counts = counted().await;
        counts.open() == counts.of(Outcome::InDoubt) && stage.carrier.pending() == 0
    })
    .await;
    last.ends_well().await;
    let counts = counted().await;
    let extra = counts.total() - MAIN as i64;
    assert_eq!(
        extra,
        (runs.len() as i64 - 1) * EXTRA as i64,
        "seed {seed}: totals are the frozen audiences"
    );
    assert_eq!(
        office.installation().await.unwrap().held,
        "",
        "seed {seed}: a plain kill must not hold"
    );
    both_sides_agree(&stage, &log(&office).await, seed);
    let left = counts.of(Outcome::InDoubt);
    assert!(
        left <= KILLS as i64 * DOUBT_A_KILL,
        "seed {seed}: {left} in doubt"
    );
    left
}

/// Number by number: what the carrier took is what its report says; what it never saw is in doubt at
/// most; nothing was taken twice.
fn both_sides_agree(stage: &Stage, rows: &[watchbell::store::log::LoggedMessage], seed: u64) {
    let theirs = stage.carrier.per_number();
    let ours: HashMap<Phone, &str> = rows
        .iter()
        .map(|r| (r.phone.unwrap(), r.state.as_str()))
        .collect();
    assert_eq!(ours.len(), rows.len(), "a number stands in one run");
    for (phone, state) in &ours {
        let expected = match theirs.get(phone).and_then(|n| n.report.as_deref()) {
            None => "in_doubt",
            Some("DELIVRD") => "delivered",
            Some("EXPIRED") => "expired",
            Some(_) => "undelivered",
        };
        assert_eq!(*state, expected, "seed {seed}: {}", phone.expose());
    }
    for (phone, number) in &theirs {
        assert!(
            ours.contains_key(phone),
            "seed {seed}: {} is in no run",
            phone.expose()
        );
        assert_eq!(number.submits, 1, "seed {seed}: {}", phone.expose());
    }
    let counts = stage.carrier.counts();
    assert_eq!(counts.recipients_sent_twice, 0, "seed {seed}");
}

fn first_seed() -> u64 {
    std::env::var("WATCHBELL_TEST_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1)
}

/// Rounds at the same time: most of a round is waiting.
async fn rounds(first: u64, databases: Vec<String>, kind: Kind) {
    let rounds = (first..)
        .zip(&databases)
        .map(|(seed, database)| round(seed, database, kind));
    let in_doubt = futures_util::future::join_all(rounds).await;
    println!("in doubt, and never at the carrier: {in_doubt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_fifty_times_nobody_is_lost_and_nobody_gets_it_twice() {
    for half in 0..2 {
        rounds(
            first_seed() + half * 5,
            vec!["sqlite://watchbell.db".to_owned(); 5],
            Kind::Cmpp20,
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_on_a_server_nobody_is_lost_and_nobody_gets_it_twice() {
    let (Some(one), Some(two)) = (postgres::scratch().await, postgres::scratch().await) else {
        println!("no WATCHBELL_TEST_POSTGRES: scripts/test brings one");
        return;
    };
    rounds(first_seed(), vec![one, two], Kind::Cmpp20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_fifteen_times_over_sgip_each_is_found_by_its_own_id() {
    let databases = vec!["sqlite://watchbell.db".to_owned(); 3];
    rounds(first_seed(), databases, Kind::Sgip12).await;
}

/// Three parts each: what a kill leaves half sent is in doubt, and no part of it goes again by itself.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_midst_of_long_texts_no_part_goes_twice() {
    let rounds = (first_seed()..first_seed() + 3).map(long_round);
    futures_util::future::join_all(rounds).await;
}

async fn long_round(seed: u64) {
    let mut dice = SplitMix64::new(seed);
    let gateway = "rate = 900\nlinks = 2\nwindow = 32\nresponse_timeout = \"1s\"";
    let stage = Stage::open(troubled(seed), "doubt_grace = \"4s\"", gateway).await;
    let list = stage.numbers(0, 400).display().to_string();
    let text = "今日高温，请落实防暑降温措施。".repeat(11);
    let wish = ["send", "--to", &list, "--text", &text, "--json"];
    let queued = stage.run(&wish).await.ok().json();
    let run = queued["run"].as_str().unwrap().to_owned();
    for _ in 0..KILLS {
        let (mut victim, _) = stage.serve().await;
        let enough = stage.carrier.counts().submits + 1 + dice.below(200);
        eventually("the next process goes on", async || {
            let counts = stage.view(&run).await.counts;
            stage.carrier.counts().submits >= enough || counts.queued == 0
        })
        .await;
        victim.kill().await;
    }
    let (last, _) = stage.serve().await;
    eventually("everything is settled", async || {
        let counts = stage.view(&run).await.counts;
        counts.open() == counts.of(Outcome::InDoubt) && stage.carrier.pending() == 0
    })
    .await;
    last.ends_well().await;
    let counts = stage.carrier.counts();
    assert_eq!(counts.recipients_sent_twice, 0, "seed {seed}: {counts:?}");
    let theirs = stage.carrier.per_number();
    for row in log(&stage.office().await).await {
        let number = theirs.get(&row.phone.unwrap());
        let parts = number.map_or(0, |n| n.segments);
        assert_eq!(row.segments, 3);
        assert!(
            parts == 3 || row.state.as_str() != "delivered",
            "seed {seed}: {} with {parts} of 3 parts",
            row.state
        );
        assert!(
            matches!(
                row.state.as_str(),
                "delivered" | "undelivered" | "expired" | "in_doubt"
            ),
            "seed {seed}: {}",
            row.state
        );
    }
}

/// A report that comes while the answer is missing settles the doubt as soon as the time-out is over,
/// also in a daemon whose connection lives for weeks; and after a kill.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_settled_by_its_report_while_the_connection_lives() {
    let settings = Settings {
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let gateway = "rate = 600\nwindow = 32\nresponse_timeout = \"500ms\"";
    let stage = Stage::open(settings, "doubt_grace = \"60s\"", gateway).await;
    let first = stage.queue(&stage.numbers(0, 5), &[]).await;
    let second = stage.queue(&stage.numbers(10, 5), &[]).await;
    let delivered = async |run: &str| stage.view(run).await.counts.of(Outcome::Delivered);
    let (mut daemon, _) = stage.serve().await;
    eventually("all are delivered", async || {
        delivered(&first).await + delivered(&second).await == 10
    })
    .await;
    let third = stage.queue(&stage.numbers(20, 5), &[]).await;
    stage.taken_at_least(15).await;
    daemon.kill().await;
    let (daemon, _) = stage.serve().await;
    eventually("those are, too", async || delivered(&third).await == 5).await;
    daemon.ends_well().await;
    let counts = stage.carrier.counts();
    assert_eq!((counts.recipients, counts.recipients_sent_twice), (15, 0));
}
