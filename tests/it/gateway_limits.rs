//! A gateway at its limits: the contract's rate, full sockets, broken lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use watchbell::{
    domain::id::LaneId,
    gateway::{Event, Submit},
    simulate::{Faults, Settings},
};

use crate::{gateway_stories::extra, harness::gateway::*};
#[tokio::test]
async fn the_rate_is_used_and_never_exceeded_as_the_carrier_counts() {
    let rate = 2_000;
    // The carrier refuses whatever is too much, so one refusal would show.
    let settings = Settings {
        rate: Some(rate),
        report_delay: Duration::from_mins(1),
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.links, config.window) = (rate, 2, 256);
    })
    .await;
    let seconds = 5;
    let total = rate * seconds;
    pair.gateway.submit((1..=total).map(submit).collect());
    pair.until("the first", |received| !written(received).is_empty())
        .await;
    let begin = tokio::time::Instant::now();
    let answered = |e: &Event| usize::from(matches!(e, Event::Answered { .. }));
    pair.until_counted("all answers", total as usize, answered)
        .await;
    let used = f64::from(total) / begin.elapsed().as_secs_f64() / f64::from(rate);
    let counts = carrier.counts();
    assert_eq!(
        accepted(&pair.received).len(),
        total as usize,
        "nothing was refused"
    );
    // At the sender it is exact (the pacer's own tests); the receiver's clock adds what the machine
    // stalls beyond the 25 ms of guard.
    let most = u64::from(rate) * 103 / 100;
    assert!(counts.peak_segments_in_one_second <= most, "{counts:?}");
    // The last second's guard of 25 ms counts against a run this short.
    assert!(
        used >= 0.97 || used * f64::from(seconds) / (f64::from(seconds) - 0.1) >= 0.97,
        "{used}"
    );
}

#[tokio::test]
async fn nobody_gets_it_twice_and_nobody_is_lost_through_disconnects() {
    let settings = Settings {
        faults: Faults {
            disconnect_every: Some(40),
            lost_answers: 2.0,
            ..Faults::default()
        },
        seed: 3,
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |c| {
        (c.links, c.response_timeout) = (2, Duration::from_millis(500));
    })
    .await;
    let total = 400;
    let mut waiting: BTreeSet<u32> = (1..=total).collect();
    let mut settled = BTreeSet::new();
    let mut seen = 0;
    let mut next = 1_000;
    let mut sequences: BTreeMap<u32, u32> = BTreeMap::new();
    while settled.len() < total as usize {
        // The engine's part: what surely did not leave goes again, under a new sequence number.
        if pair.gateway.health().links_up > 0 && !waiting.is_empty() {
            let batch = std::mem::take(&mut waiting);
            let batch = batch.into_iter().map(|message| {
                next += 1;
                sequences.insert(next, message);
                Submit {
                    sequence: next,
                    ..submit(message)
                }
            });
            pair.gateway.submit(batch.collect());
        }
        let before = pair.received.len();
        pair.until("something to happen", |received| received.len() > before)
            .await;
        for event in &pair.received[seen..] {
            match event {
                Event::Answered { answers, .. } => {
                    settled.extend(answers.iter().map(|(s, _)| sequences[s]));
                }
                Event::TimedOut(doubts) => settled.extend(doubts.iter().map(|s| sequences[s])),
                Event::LinkDown {
                    unanswered,
                    unwritten,
                    ..
                } => {
                    settled.extend(unanswered.iter().map(|s| sequences[s]));
                    waiting.extend(unwritten.iter().map(|s| sequences[s]));
                }
                Event::Recalled(back) | Event::GivenBack(back) => {
                    waiting.extend(back.iter().map(|s| sequences[s]));
                }
                _ => {}
            }
        }
        seen = pair.received.len();
    }
    let counts = carrier.counts();
    assert_eq!(counts.recipients_sent_twice, 0);
    assert!(counts.distinct_recipients >= accepted(&pair.received).len() as u64);
    assert!(counts.logins > 3, "{counts:?}");
}

#[tokio::test]
async fn a_slow_reader_gets_every_segment_whole_once_and_in_order() {
    use tokio::io::AsyncReadExt;
    use watchbell_wire::cmpp::{FrameReader, Pdu, Version};

    let (mut stream, mut pair) = a_carrier_with_a_small_buffer().await;
    let total = 40_000;
    pair.gateway.submit((1..=total).map(submit).collect());
    let mut reader = FrameReader::new(Version::V20, watchbell_wire::FrameLimits::default());
    let mut chunk = vec![0; 10_000];
    let mut seen = Vec::new();
    while seen.len() < total as usize {
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut chunk))
            .await
            .expect("bytes come")
            .expect("connected");
        assert!(count > 0, "closed after {} segments", seen.len());
        reader.push(&chunk[..count]);
        while let Some(frame) = reader.next_frame().expect("the stream stays in step") {
            if let Pdu::Submit(_) = frame.pdu {
                seen.push(frame.sequence);
            }
        }
    }
    assert_eq!(seen, (1..=total).collect::<Vec<_>>());
    pair.until_counted("all written", total as usize, |e| {
        if let Event::Written(w) = e {
            w.len()
        } else {
            0
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_full_socket_did_not_take_is_unwritten() {
    let (stream, mut pair) = a_carrier_with_a_small_buffer().await;
    let total = 40_000;
    pair.gateway.submit((1..=total).map(submit).collect());
    pair.until("some to be written", |received| {
        !written(received).is_empty()
    })
    .await;
    drop(stream);
    pair.until("the link to be down", |received| {
        received.iter().any(|e| matches!(e, Event::LinkDown { .. }))
    })
    .await;
    let (unanswered, unwritten) = left_behind(&pair.received);
    let mut written = written(&pair.received);
    written.sort_unstable();
    assert_eq!(unanswered, written);
    assert!(
        !unwritten.is_empty(),
        "the socket can't have taken all of it"
    );
    let mut all = [unanswered, unwritten].concat();
    all.sort_unstable();
    assert_eq!(all, (1..=total).collect::<Vec<_>>());
}

/// A carrier that logs in and then reads nothing by itself.
async fn a_carrier_with_a_small_buffer() -> (tokio::net::TcpStream, Pair) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .set_recv_buffer_size(64 * 1_024)
        .expect("a small buffer");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a free port");
    let listener = socket.listen(1).expect("listening");
    let mut config = config(listener.local_addr().expect("bound"));
    (config.rate, config.window) = (1_000_000, 60_000);
    let mut pair = Pair::open(&config);
    let (mut stream, _) = listener.accept().await.expect("the gateway connects");
    let mut login = [0; 39];
    stream.read_exact(&mut login).await.expect("a login");
    stream
        .write_all(&connected(&login))
        .await
        .expect("connected");
    pair.until("the link", |received| {
        received.iter().any(|e| matches!(e, Event::LinkUp(_)))
    })
    .await;
    (stream, pair)
}

/// The answer to a login.
pub(crate) fn connected(login: &[u8]) -> Vec<u8> {
    let mut response = vec![0, 0, 0, 30, 0x80, 0, 0, 1];
    response.extend_from_slice(&login[8..12]);
    response.resize(30, 0);
    response
}

#[tokio::test]
async fn a_listener_that_stops_listening_neither_deadlocks_nor_loses_the_link() {
    let settings = Settings {
        report_delay: Duration::ZERO,
        ..carrier()
    };
    let (_carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.window) = (1_000_000, 20_000);
        config.extra = extra("keep_alive = \"50ms\"");
    })
    .await;
    let total = 20_000;
    pair.gateway.submit((1..=total).map(submit).collect());
    // Nobody takes events: the channel and what waits before it fill up. Commands are still taken.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while pair.events.len() < pair.events.max_capacity() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    let deaf_until = tokio::time::Instant::now() + Duration::from_millis(500);
    while tokio::time::Instant::now() < deaf_until {
        pair.gateway.recall(vec![LaneId(99)]);
        tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(5)).await;
    }
    let settles = |e: &Event| {
        usize::from(matches!(
            e,
            Event::Answered { .. } | Event::Delivered { .. }
        ))
    };
    pair.until_counted("all answers and reports", 2 * total as usize, settles)
        .await;
    assert!(
        !pair
            .received
            .iter()
            .any(|e| matches!(e, Event::LinkDown { .. }))
    );
}
