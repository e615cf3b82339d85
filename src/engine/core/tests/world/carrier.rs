//! What the gateways and the carriers behind them do.

use super::*;

impl World {
    /// The gateway hands some of its line to the socket, the urgent first.
    pub(super) fn write(&mut self, id: &GatewayId) {
        let window = self
            .accounts
            .iter()
            .find(|a| a.id == *id)
            .map_or(1, |a| a.window);
        let (halted, goes) = (self.core.halted, self.open_lanes.clone());
        let line = self.lines.get_mut(id).expect("a known gateway");
        let mut sequences = Vec::new();
        for _ in 0..=self.dice.below(5) {
            let free =
                |no: LinkNo| line.written.iter().filter(|w| w.0 == no && !w.2).count() < window;
            let open: Vec<_> = line.up.iter().copied().filter(|no| free(*no)).collect();
            let sendable = |s: &Submit| s.link.map_or(!open.is_empty(), |no| open.contains(&no));
            let best = (0..line.queue.len())
                .filter(|i| sendable(&line.queue[*i]))
                .min_by_key(|i| (line.queue[*i].priority, *i));
            let Some(submit) = best.and_then(|i| line.queue.remove(i)) else {
                break;
            };
            assert!(
                !halted && goes.contains(&submit.lane),
                "what was recalled is not written: {submit:?}"
            );
            let link = submit.link.unwrap_or_else(|| open[0]);
            line.written.push((link, submit.sequence, false));
            line.recalled.remove(&submit.sequence);
            line.sent.insert(submit.sequence, submit.clone());
            sequences.push(submit.sequence);
            if let Some(key) = self.of_request.get(&(id.clone(), submit.sequence)).cloned() {
                // The rest of the request goes with it.
                let mut rest = Vec::new();
                line.queue.retain(|s| {
                    let same = self.of_request.get(&(id.clone(), s.sequence)) == Some(&key);
                    if same {
                        rest.push(s.sequence);
                    }
                    !same
                });
                line.written.extend(rest.iter().map(|s| (link, *s, false)));
                sequences.extend(&rest);
                rest.insert(0, submit.sequence);
                let members: Vec<_> = rest
                    .iter()
                    .map(|s| self.members[&(id.clone(), *s)])
                    .collect();
                requests::take_request(
                    &mut self.dice,
                    &mut self.answered,
                    &mut self.requests,
                    &mut self.wire,
                    key,
                    &members,
                    self.calm,
                );
                continue;
            }
            let part = self.part_of[&(id.clone(), submit.sequence)];
            let before = self.wire.insert(part, Wire::Unanswered);
            assert_eq!(before, None, "{part:?} goes to the carrier a second time");
        }
        if !sequences.is_empty() {
            line.events.push_back(Event::Written(sequences));
        }
    }

    /// The carrier answers one written segment, late ones too.
    pub(super) fn answer(&mut self, id: &GatewayId) {
        if !self.calm && self.dice.percent(10) {
            return self.refuse_whole(id);
        }
        let line = self.lines.get_mut(id).expect("a known gateway");
        if line.written.is_empty() {
            return;
        }
        let at = self.dice.below(line.written.len());
        let (link, sequence, _) = line.written.remove(at);
        if let Some(key) = self.of_request.get(&(id.clone(), sequence)).cloned() {
            return self.answer_request(id, link, sequence, &key);
        }
        let part = self.part_of.get(&(id.clone(), sequence)).copied();
        let answer = match self.dice.below(if self.calm { 60 } else { 100 }) {
            0..=69 => {
                self.answered += 1;
                Answer::Accepted(CarrierMessageId(format!("id{}", self.answered)))
            }
            70..=79 => Answer::Refused("10".into()),
            80..=89 => Answer::Throttled("8".into()),
            _ => Answer::WrongNetwork("33".into()),
        };
        match (&answer, part) {
            (Answer::Accepted(_) | Answer::AcceptedAs { .. } | Answer::Refused(_), Some(part)) => {
                _ = self.wire.insert(part, Wire::Answered);
            }
            (Answer::Throttled(_) | Answer::WrongNetwork(_), Some(part)) => {
                _ = self.wire.remove(&part);
            }
            // Answers to a first sending, after the second began.
            (_, None) => {}
        }
        line.events.push_back(Event::Answered {
            link,
            answers: vec![(sequence, answer)],
        });
    }

    /// Several of one lane went in one submit, and it is refused as a whole: they go again as halves, or back where
    /// they were recalled since.
    fn refuse_whole(&mut self, id: &GatewayId) {
        let line = self.lines.get_mut(id).expect("a known gateway");
        let single = |s: &u32| !self.of_request.contains_key(&(id.clone(), *s));
        let asked: Vec<_> = line
            .written
            .iter()
            .filter(|w| !w.2 && single(&w.1))
            .copied()
            .collect();
        if asked.is_empty() {
            return;
        }
        let (link, first, _) = self.dice.pick(&asked);
        let lane = line.sent[&first].lane;
        let whole: Vec<u32> = asked
            .iter()
            .filter(|w| w.0 == link && line.sent[&w.1].lane == lane)
            .map(|w| w.1)
            .collect();
        line.written.retain(|w| !whole.contains(&w.1));
        let mut back = Vec::new();
        for sequence in whole {
            if let Some(part) = self.part_of.get(&(id.clone(), sequence)) {
                self.wire.remove(part);
            }
            match line.recalled.contains(&sequence) {
                true => back.push(sequence),
                false => line.queue.push_front(line.sent[&sequence].clone()),
            }
        }
        if !back.is_empty() {
            line.events.push_back(Event::GivenBack(back));
        }
    }

    pub(super) fn time_out(&mut self, id: &GatewayId) {
        let line = self.lines.get_mut(id).expect("a known gateway");
        let mut late = Vec::new();
        for (_, sequence, timed_out) in line.written.iter_mut().filter(|w| !w.2) {
            if self.dice.percent(50) {
                *timed_out = true;
                late.push(*sequence);
            }
        }
        if !late.is_empty() {
            line.events.push_back(Event::TimedOut(late));
        }
    }

    pub(super) fn link_up(&mut self, id: &GatewayId) {
        let line = self.lines.get_mut(id).expect("a known gateway");
        let no = self.dice.below(3) as LinkNo;
        if line.up.insert(no) {
            line.events.push_back(Event::LinkUp(no));
        }
    }

    pub(super) fn link_down(&mut self, id: &GatewayId) {
        let line = self.lines.get_mut(id).expect("a known gateway");
        let up: Vec<_> = line.up.iter().copied().collect();
        if up.is_empty() {
            return;
        }
        let link = self.dice.pick(&up);
        line.up.remove(&link);
        let last = line.up.is_empty();
        let unanswered = line
            .written
            .iter()
            .filter(|w| w.0 == link)
            .map(|w| w.1)
            .collect();
        line.written.retain(|w| w.0 != link);
        let unwritten = line
            .queue
            .iter()
            .filter(|s| last || s.link == Some(link))
            .map(|s| s.sequence)
            .collect();
        line.queue.retain(|s| !last && s.link != Some(link));
        line.events.push_back(Event::LinkDown {
            link,
            end: crate::gateway::LinkEnd::PeerClosed,
            unanswered,
            unwritten,
            idle: false,
        });
    }

    pub(super) fn slow_down(&mut self, id: &GatewayId) {
        let rate = self
            .accounts
            .iter()
            .find(|a| a.id == *id)
            .map_or(1.0, |a| a.rate);
        let pace = rate / self.dice.pick(&[1.0, 2.0, 8.0]);
        self.lines
            .get_mut(id)
            .expect("a known gateway")
            .events
            .push_back(Event::Pace(pace));
    }
}
