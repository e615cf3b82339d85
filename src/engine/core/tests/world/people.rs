//! What people do.

use super::*;

impl World {
    pub(super) fn pause_or_resume(&mut self) {
        let ids: Vec<_> = self.journal.lanes.keys().copied().collect();
        let id = self.dice.pick(&ids);
        if let Some(lane) = self.journal.lanes.get_mut(&id) {
            lane.paused = !lane.paused && self.dice.percent(60);
        }
        self.look_now = true;
    }

    pub(super) fn stop_or_go_on(&mut self) {
        self.journal.stopped = !self.journal.stopped && self.dice.percent(40);
        self.look_now = true;
    }

    pub(super) fn end_one(&mut self) {
        let ids: Vec<_> = self.journal.lanes.keys().copied().collect();
        if self.dice.percent(20) {
            let id = self.dice.pick(&ids);
            self.journal.end(id);
            self.look_now = true;
        }
    }

    pub(super) fn resend(&mut self) {
        let doubtful = self.journal.doubtful();
        if doubtful.is_empty() {
            return;
        }
        let (message, part) = self.dice.pick(&doubtful);
        let lane = &self.journal.lanes[&message.lane()];
        let update = PartChange {
            message,
            part,
            phone: Phone::from_number(13_800_100_000).expect("a mobile number"),
            gateway: lane.gateway.clone(),
            change: Change::Resent,
            source: Source::Watchbell,
            asked: self.now,
            counted: None,
        };
        self.recorded.push_back(vec![Op::Part(update)]);
        self.core.forget(message);
        // Its second sending is another one to the carrier.
        self.recorded.make_contiguous();
        while !self.recorded.is_empty() {
            self.commit();
        }
        if self.journal.standings[&message].attempt == 2 {
            self.wire.retain(|(m, _), _| *m != message);
            self.handed.retain(|(m, _)| *m != message);
            self.accepted.retain(|(m, _)| *m != message);
            self.part_of.retain(|_, (m, _)| *m != message);
        }
    }
}
