//! What every protocol's gateway and simulated carrier do alike, told once and lived through in each.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use watchbell::{
    config::Kind,
    domain::message::Outcome,
    domain::policy::OnDoubt,
    gateway::{Answer, Event, LinkEnd, LoginFault, LoginRefusal, Notice, SegmentPlace, Submit},
    service::gateways::Finding,
    simulate::{BusyLogins, Faults, Running, Settings, Simulator, SubmitRefusal},
};

use crate::{
    gateway_stories::extra,
    harness::county::{self, County, both_sides_agree, somebody, until},
    harness::gateway::{self, *},
};

macro_rules! stories {
    ($($module:ident $kind:ident),+) => { $(stories!(in $module, $kind:
        a_wrong_password_is_tried_three_times_and_then_slowly,
        a_login_refused_for_something_else_is_tried_until_it_is_taken,
        a_late_answer_is_a_doubt_first,
        reports_come_early_and_twice_and_garbage_closes_nothing,
        three_parts_are_one_message,
        a_phone_writes_back_in_short_and_long,
        too_fast_halves_the_pace,
        refusals_say_what_may_go_elsewhere,
        window_and_rate_are_kept,
        an_unbind_waits_for_what_is_open,
        a_cut_link_tells_what_was_written_and_reports_come_again,
        both_sides_ask_whether_the_other_is_there,
        the_check_logs_in_and_sends_nothing,
        a_refusal_by_phone_is_heeded,
        thousands_with_faults_lose_nobody_and_double_nobody
    );)+ };
    (in $module:ident, $kind:ident: $($story:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $story() {
                    super::$story(watchbell::config::Kind::$kind).await;
                }
            )+
        }
    };
}

stories!(cmpp20 Cmpp20, cmpp30 Cmpp30, sgip12 Sgip12, smgp30 Smgp30, smpp34 Smpp34);

/// The numbers that a protocol has for: too fast, another carrier's number, refused for good; and the
/// status of a refused login.
fn codes(kind: Kind) -> (u8, u8, u8, &'static str) {
    match kind {
        Kind::Sgip12 => (11, 6, 5, "status 1:"),
        Kind::Smgp30 => (1, 47, 36, "status 21"),
        Kind::Smpp34 => (0x58, 0x0B, 0x45, "status 14"),
        _ => (8, 13, 10, "status 3"),
    }
}

fn carrier(kind: Kind) -> Settings {
    Settings {
        protocol: kind,
        ..gateway::carrier()
    }
}

fn slow(kind: Kind, ms: u64) -> Settings {
    Settings {
        faults: Faults {
            slow_answers: 100.0,
            slow_by: Duration::from_millis(ms),
            ..Faults::default()
        },
        ..carrier(kind)
    }
}

fn links_down(received: &[Event]) -> usize {
    let down = |e: &&Event| matches!(e, Event::LinkDown { .. });
    received.iter().filter(down).count()
}

/// The gateway of this kind, with this many links.
fn config_of(kind: Kind, carrier: &Running, links: u16) -> watchbell::config::Gateway {
    let mut config = config(carrier.address());
    config.kind = kind;
    if kind == Kind::Sgip12 {
        config.extra = sgip_keys("127.0.0.1:0");
    }
    config.links = links;
    config
}

fn refusals(received: &[Event]) -> Vec<(LoginRefusal, Option<Duration>)> {
    let refusal = |e: &Event| match e {
        Event::Notice(Notice::LoginRefused { refusal, rests }) => Some((refusal.clone(), *rests)),
        _ => None,
    };
    received.iter().filter_map(refusal).collect()
}

async fn a_wrong_password_is_tried_three_times_and_then_slowly(kind: Kind) {
    let carrier = Simulator::start(carrier(kind)).await.expect("a free port");
    let mut config = config_of(kind, &carrier, 4);
    config.password = watchbell::config::Secret::new("wrong");
    config.login_retry = Duration::from_millis(1_500);
    let mut pair = Pair::open(&config);
    pair.until("a rest", |received| {
        refusals(received).iter().any(|r| r.1.is_some())
    })
    .await;
    let (.., status) = codes(kind);
    let seen = refusals(&pair.received);
    assert!(
        seen.iter()
            .all(|(r, _)| r.about == LoginFault::Credentials && r.reason.contains(status))
    );
    assert_eq!((seen.len(), carrier.counts().refused_logins), (3, 3));
    assert_eq!(seen[2].1, Some(config.login_retry));
    let rested = Instant::now();
    pair.until("the next try", |received| refusals(received).len() == 4)
        .await;
    assert!(
        rested.elapsed() > Duration::from_secs(1),
        "it rests in between"
    );
    assert_eq!(
        carrier.counts().refused_logins,
        4,
        "one try, not one a link"
    );
    assert_eq!(pair.gateway.health().links_up, 0);
}

/// After a failover the carrier still counts the dead links; a busy one, or one that starts.
async fn a_login_refused_for_something_else_is_tried_until_it_is_taken(kind: Kind) {
    let settings = Settings {
        faults: Faults {
            busy_logins: BusyLogins::of(6),
            ..Faults::default()
        },
        ..carrier(kind)
    };
    let carrier = Simulator::start(settings).await.expect("a free port");
    let mut pair = Pair::open(&config_of(kind, &carrier, 2));
    pair.until("both links", |received| {
        received
            .iter()
            .filter(|e| matches!(e, Event::LinkUp(_)))
            .count()
            == 2
    })
    .await;
    let seen = refusals(&pair.received);
    assert_eq!((seen.len(), carrier.counts().refused_logins), (6, 6));
    assert!(
        seen.iter()
            .all(|(r, rests)| r.about == LoginFault::Passing && rests.is_none())
    );
    let health = pair.gateway.health();
    assert_eq!((health.links_up, health.trouble), (2, None));
}

async fn a_late_answer_is_a_doubt_first(kind: Kind) {
    let (_carrier, mut pair) = Pair::start(slow(kind, 700), |c| {
        c.response_timeout = Duration::from_millis(200);
    })
    .await;
    pair.gateway.submit(vec![submit(1)]);
    pair.until("the late answer", |received| accepted(received).len() == 1)
        .await;
    let at = |which: fn(&Event) -> bool| pair.received.iter().position(which);
    let timed_out = at(|e| matches!(e, Event::TimedOut(which) if which == &[1]));
    let answered = at(|e| matches!(e, Event::Answered { .. }));
    assert!(timed_out.is_some() && timed_out < answered);
}

async fn reports_come_early_and_twice_and_garbage_closes_nothing(kind: Kind) {
    let settings = Settings {
        faults: Faults {
            early_reports: 50.0,
            duplicate_reports: 50.0,
            garbage: 20.0,
            out_of_order: 30.0,
            ..Faults::default()
        },
        undelivered_percent: 20.0,
        seed: 11,
        ..carrier(kind)
    };
    let (carrier, mut pair) = Pair::start(settings, |_| {}).await;
    pair.gateway.submit((1..=200).map(submit).collect());
    pair.until("all answers and reports", |received| {
        let ids: BTreeSet<_> = reports(received).iter().map(|r| &r.carrier_id).collect();
        ids.len() == 200 && accepted(received).len() == 200
    })
    .await;
    let ids: BTreeSet<_> = accepted(&pair.received).into_values().collect();
    assert!(
        reports(&pair.received)
            .iter()
            .all(|r| ids.contains(&r.carrier_id))
    );
    let numbers = carrier.per_number();
    for report in reports(&pair.received) {
        let made = numbers[&report.phone].report.as_deref();
        assert!(made.is_some_and(|stat| report.code.starts_with(stat)));
        let has_time = kind != Kind::Sgip12;
        assert_eq!(
            report.submit_time.len(),
            if has_time { 10 } else { 0 },
            "{report:?}"
        );
    }
    assert_eq!(
        (carrier.counts().malformed, links_down(&pair.received)),
        (0, 0)
    );
}

async fn three_parts_are_one_message(kind: Kind) {
    let (carrier, mut pair) = Pair::start(carrier(kind), |_| {}).await;
    let part = |number: u8, sequence| Submit {
        part: SegmentPlace {
            number,
            total: 3,
            reference: 9,
        },
        text: "安".repeat(67),
        phone: phone(1),
        ..submit(sequence)
    };
    pair.gateway
        .submit((1..=3).map(|n| part(n, n.into())).collect());
    pair.until("all reports", |received| reports(received).len() == 3)
        .await;
    let counts = carrier.counts();
    assert_eq!(
        (
            counts.segments,
            counts.recipients,
            counts.recipients_sent_twice
        ),
        (3, 1, 0)
    );
    let reported: BTreeSet<_> = reports(&pair.received)
        .iter()
        .map(|r| &r.carrier_id)
        .collect();
    assert_eq!(reported.len(), 3, "each part has an id of its own");
    pair.gateway.submit(vec![part(2, 4)]);
    pair.until("the repeat", |received| accepted(received).len() == 4)
        .await;
    assert_eq!(
        carrier.counts().recipients_sent_twice,
        1,
        "its place is seen"
    );
}

async fn a_phone_writes_back_in_short_and_long(kind: Kind) {
    let (carrier, mut pair) = Pair::start(carrier(kind), |config| config.links = 2).await;
    let long = "已收到，".repeat(40);
    carrier.inject_mo(phone(5), "R");
    carrier.inject_mo(phone(6), &long);
    pair.until("both texts", |received| mos(received).len() == 2)
        .await;
    let texts: BTreeSet<_> = mos(&pair.received)
        .iter()
        .map(|mo| (mo.phone.number(), mo.text.clone(), mo.to.clone()))
        .collect();
    let to = "10690000".to_owned();
    let expected = [
        (phone(5).number(), "R".to_owned(), to.clone()),
        (phone(6).number(), long, to),
    ];
    assert_eq!(texts, BTreeSet::from(expected));
    pair.close().await;
    until("all parts are acknowledged", async || {
        carrier.pending() == 0
    })
    .await;
}

async fn too_fast_halves_the_pace(kind: Kind) {
    let settings = Settings {
        rate: Some(50),
        ..carrier(kind)
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.window) = (1_000, 200);
    })
    .await;
    pair.gateway.submit((1..=100).map(submit).collect());
    pair.until("all answers", |received| answers(received).count() == 100)
        .await;
    let (too_fast, ..) = codes(kind);
    let throttled = answers(&pair.received)
        .filter(|(_, answer)| **answer == Answer::Throttled(too_fast.to_string()))
        .count();
    assert!(throttled > 0);
    assert_eq!(carrier.counts().segments as usize, 100 - throttled);
    let halved = |e: &Event| matches!(e, Event::Pace(pace) if *pace <= 500.0);
    assert!(pair.received.iter().any(halved));
}

async fn refusals_say_what_may_go_elsewhere(kind: Kind) {
    let (too_fast, elsewhere, refused, _) = codes(kind);
    let rule = |suffix: &str, result| SubmitRefusal {
        suffix: suffix.to_owned(),
        part: None,
        result,
    };
    let settings = Settings {
        refusals: vec![
            rule("1", refused),
            rule("2", elsewhere),
            rule("3", 201),
            rule("4", too_fast),
            rule("6", 202),
        ],
        ..carrier(kind)
    };
    let (_carrier, mut pair) = Pair::start(settings, |config| {
        config.extra = extra(&format!(
            "busy_codes = [201]\nwrong_network_codes = [{elsewhere}, 202]"
        ));
    })
    .await;
    pair.gateway.submit((1..=6).map(submit).collect());
    pair.until("all answers", |received| answers(received).count() == 6)
        .await;
    let mut by_sequence: Vec<_> = answers(&pair.received).collect();
    by_sequence.sort_by_key(|(sequence, _)| *sequence);
    let answers: Vec<&Answer> = by_sequence.into_iter().map(|(_, answer)| answer).collect();
    assert_eq!(answers[0], &Answer::Refused(refused.to_string()));
    assert_eq!(answers[1], &Answer::WrongNetwork(elsewhere.to_string()));
    assert_eq!(answers[2], &Answer::Throttled("201".to_owned()));
    assert_eq!(answers[3], &Answer::Throttled(too_fast.to_string()));
    assert!(matches!(answers[4], Answer::Accepted(_)));
    assert_eq!(answers[5], &Answer::WrongNetwork("202".to_owned()));
}

async fn window_and_rate_are_kept(kind: Kind) {
    // The carrier answers late and refuses a fifth unanswered request.
    let settings = Settings {
        window: Some(4),
        ..slow(kind, 20)
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.window, config.rate) = (4, 100);
    })
    .await;
    pair.gateway.submit((1..=150).map(submit).collect());
    pair.until("all answers", |received| answers(received).count() == 150)
        .await;
    assert_eq!(accepted(&pair.received).len(), 150);
    let peak = carrier.counts().peak_segments_in_one_second;
    // On a busy machine what was written in one second may be read in less.
    assert!((50..=110).contains(&peak), "{peak}");
}

async fn an_unbind_waits_for_what_is_open(kind: Kind) {
    let (carrier, mut pair) = Pair::start(slow(kind, 150), |_| {}).await;
    pair.gateway.submit((1..=10).map(submit).collect());
    pair.until("all written", |received| written(received).len() == 10)
        .await;
    let received = pair.close().await;
    assert_eq!(accepted(&received).len(), 10);
    assert_eq!(left_behind(&received), (vec![], vec![]));
    let unbound = |e: &Event| {
        let end = LinkEnd::Unbound { answered: true };
        matches!(e, Event::LinkDown { end: e, .. } if *e == end)
    };
    assert!(received.iter().any(unbound), "{:?}", received.last());
    assert_eq!(carrier.counts().malformed, 0);
}

async fn a_cut_link_tells_what_was_written_and_reports_come_again(kind: Kind) {
    let settings = Settings {
        report_delay: Duration::from_secs(1),
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        ..carrier(kind)
    };
    let (carrier, mut pair) = Pair::start(settings, |config| config.window = 10).await;
    pair.gateway.submit((1..=25).map(submit).collect());
    until("a full window has arrived", async || {
        carrier.counts().submits == 10
    })
    .await;
    carrier.kick();
    pair.until("the link to be down", |received| links_down(received) == 1)
        .await;
    let (unanswered, unwritten) = left_behind(&pair.received);
    assert_eq!(unanswered, (1..=10).collect::<Vec<_>>());
    assert_eq!(unwritten, (11..=25).collect::<Vec<_>>());
    pair.until("the reports over the next link", |received| {
        reports(received).len() == 10
    })
    .await;
    pair.close().await;
    until("ten acknowledged", async || carrier.counts().reports == 10).await;
    assert_eq!(carrier.stop().await.reports, 10);
}

async fn both_sides_ask_whether_the_other_is_there(kind: Kind) {
    if kind == Kind::Sgip12 {
        return both_sides_may_end_a_quiet_link(kind).await;
    }
    // First only the carrier asks, then only we do; either would close the link without answers.
    for (theirs, ours) in [(200, "30s"), (60_000, "150ms")] {
        let settings = Settings {
            active_test: Duration::from_millis(theirs),
            ..carrier(kind)
        };
        let (carrier, mut pair) = Pair::start(settings, |config| {
            config.extra = extra(&format!("keep_alive = \"{ours}\""));
        })
        .await;
        pair.only_still_there(Duration::from_secs(1)).await;
        pair.gateway.submit(vec![submit(1)]);
        pair.until("an answer", |received| accepted(received).len() == 1)
            .await;
        let counts = carrier.counts();
        assert_eq!((counts.logins, counts.malformed), (1, 0));
    }
}

/// Without a question whether the other is there, a link that is quiet is closed, by the carrier first, then
/// by us: the next comes at once, nothing is in doubt, and nobody is told.
async fn both_sides_may_end_a_quiet_link(kind: Kind) {
    for (theirs, ours) in [(500, "0"), (60_000, "1200ms")] {
        let settings = Settings {
            active_test: Duration::from_millis(theirs),
            ..carrier(kind)
        };
        let (carrier, mut pair) = Pair::start(settings, |config| {
            config.extra = extra(&format!("idle_close = \"{ours}\""));
        })
        .await;
        pair.gateway.submit(vec![submit(1)]);
        pair.until("two more links", |received| {
            let up = |e: &&Event| matches!(e, Event::LinkUp(_));
            received.iter().filter(up).count() == 3
        })
        .await;
        let noisy = |e: &&Event| matches!(e, Event::LinkDown { idle: false, .. });
        assert_eq!(
            pair.received.iter().find(noisy).map(|e| format!("{e:?}")),
            None
        );
        assert_eq!(left_behind(&pair.received), (vec![], vec![]));
        assert_eq!(pair.gateway.health().trouble, None);
        pair.gateway.submit(vec![submit(2)]);
        pair.until("an answer", |received| accepted(received).len() == 2)
            .await;
        assert_eq!(carrier.counts().malformed, 0);
    }
}

/// An office whose carrier speaks `kind`.
async fn county(kind: Kind, settings: Settings, sending: &str, gateway: &str) -> County {
    let settings = Settings {
        protocol: kind,
        ..settings
    };
    County::open(settings, sending, gateway).await
}

async fn the_check_logs_in_and_sends_nothing(kind: Kind) {
    let county = county(kind, county::carrier(), "", "links = 3").await;
    let found = county
        .office
        .gateways()
        .check(&somebody(), false)
        .await
        .unwrap();
    assert_eq!(
        (
            found.ok,
            found.gateways[0].links_up,
            &found.gateways[0].finding
        ),
        (true, 3, &Finding::Fine)
    );
    let counts = county.carrier.counts();
    assert_eq!((counts.logins, counts.submits, counts.malformed), (3, 0, 0));
}

async fn a_refusal_by_phone_is_heeded(kind: Kind) {
    let county = county(kind, county::carrier(), "", "rate = 100\nwindow = 16").await;
    let list = county.numbers(200);
    let queued = county.send(&list, "注意防汛", OnDoubt::Hold).await;
    let last = watchbell::domain::phone::Phone::from_number(13_800_100_199).unwrap();
    county.carrier.inject_mo(last, "退订");
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(
        (
            counts.of(Outcome::Delivered),
            counts.of(Outcome::Suppressed)
        ),
        (199, 1),
        "{counts:?}"
    );
    assert!(!county.carrier.per_number().contains_key(&last));
}

async fn thousands_with_faults_lose_nobody_and_double_nobody(kind: Kind) {
    let settings = Settings {
        undelivered_percent: 3.0,
        faults: Faults {
            disconnect_every: Some(900),
            ..county::one_in_a_hundred()
        },
        ..county::carrier()
    };
    let county = county(
        kind,
        settings,
        "doubt_grace = \"10s\"",
        "rate = 1000\nlinks = 2\nwindow = 32\nresponse_timeout = \"1s\"",
    )
    .await;
    let list = county.numbers(3_000);
    // One part: a long message that was cut in the middle waits for a person's word.
    let text = "今日高温，请落实防暑降温措施。";
    let queued = county.send(&list, text, OnDoubt::Hold).await;
    let counts = county.finish(queued.frozen.run).await;
    // What was written to a link when it was cut stays in doubt exactly where the carrier never had it.
    let in_doubt = counts.of(Outcome::InDoubt);
    assert_eq!(
        (counts.total(), counts.open()),
        (3_000, in_doubt),
        "{counts:?}"
    );
    assert!(in_doubt <= 64, "{counts:?}");
    both_sides_agree(&county).await;
    let theirs = county.carrier.counts();
    println!("{} {counts:?} {theirs:?}", kind.as_str());
    assert_eq!(
        (
            theirs.distinct_recipients + in_doubt.unsigned_abs(),
            theirs.recipients_sent_twice,
            theirs.malformed
        ),
        (3_000, 0, 0)
    );
}
