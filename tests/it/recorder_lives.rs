//! Lives of one number in the journal, decided by a seed: ids that come again, reports before the answer, late,
//! repeated, and older than any message of ours. Whatever the order, a message is delivered only by a report that came
//! after it was handed over, and no report delivers two.

use watchbell::{
    domain::{id::LaneId, message::ReportStatus::Delivered, policy::OnDoubt::Hold, time::Micros},
    engine::journal::Op,
};

use crate::harness::journal::*;

/// Lives on each database.
const LIVES: u64 = 8;

const STEPS: usize = 40;

/// Few, so that they come again.
const IDS: [&str; 3] = ["0", "1", "65535"];

/// Chance by seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        // Knuth's MMIX generator; its high bits are good enough for a test.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

/// A message that was handed over.
struct Handed {
    lane: LaneId,
    asked: Micros,
    answered: bool,
}

struct Life {
    desk: Desk,
    dice: Dice,
    handed: Vec<Handed>,
    /// When each report came.
    reports: Vec<Micros>,
}

impl Life {
    async fn step(&mut self) {
        match self.dice.below(10) {
            0..=2 => {
                let seconds = [1, 60, 3_600, 86_400][self.dice.below(4)];
                self.desk.later(seconds);
            }
            3 | 4 if self.handed.len() < 8 => self.hand_over().await,
            3..=6 => self.answer().await,
            _ => self.report().await,
        }
    }

    async fn hand_over(&mut self) {
        let (_, lane) = self.desk.run(1, 1, Hold).await;
        let asked = self.desk.clock.now();
        let grant = self.desk.claim(lane, 1).await;
        self.desk.commit([Op::Close(lane, grant.claim.id)]).await;
        self.handed.push(Handed {
            lane,
            asked,
            answered: false,
        });
    }

    async fn answer(&mut self) {
        let id = IDS[self.dice.below(IDS.len())];
        let in_doubt = self.dice.below(2) == 0;
        let Some(message) = self.handed.iter_mut().find(|h| !h.answered) else {
            return;
        };
        message.answered = true;
        let word = match in_doubt {
            true => doubt(message.lane, 0, 0),
            false => accepted(message.lane, 0, 0, id),
        };
        let word = asked(message.asked, word);
        self.desk.commit([word]).await;
    }

    /// About a submit of a moment ago, of years ago, or without a time.
    async fn report(&mut self) {
        let id = IDS[self.dice.below(IDS.len())];
        let now = self.desk.clock.now();
        let time = match self.dice.below(3) {
            0 => "0106010930".to_owned(),
            1 => now.utc().format("%y%m%d%H%M").to_string(),
            _ => String::new(),
        };
        self.reports.push(now);
        self.desk
            .commit([report_at(0, id, &time, Delivered, mobile())])
            .await;
    }

    async fn promises(&self, seed: u64) {
        let mut reports = self.reports.clone();
        // From the newest on, each takes a report that came after it, or there was none for it.
        for message in self.handed.iter().rev() {
            if self.desk.state(message.lane, 0).await != "delivered R" {
                continue;
            }
            let own = reports.iter().rposition(|at| *at >= message.asked);
            let own = own.unwrap_or_else(|| {
                panic!(
                    "seed {seed}: lane {} was delivered by a report of before",
                    message.lane
                )
            });
            reports.remove(own);
        }
    }
}

#[tokio::test]
async fn no_message_is_delivered_by_a_report_of_before_and_no_report_delivers_two() {
    for seed in 1..=LIVES {
        on_each(async |desk| {
            let mut life = Life {
                desk,
                dice: Dice(seed),
                handed: Vec::new(),
                reports: Vec::new(),
            };
            for _ in 0..STEPS {
                life.step().await;
                life.promises(seed).await;
            }
            life.desk.verify().await;
        })
        .await;
    }
}
