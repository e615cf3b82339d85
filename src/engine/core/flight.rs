//! What becomes of a segment once it is in line: written, answered, timed out, lost, given back.

use std::collections::BTreeMap;

use super::{Account, Action, Core, Flight, Gateway, THROTTLED_WAIT};
use crate::{
    domain::{
        event::Source,
        id::{GatewayId, LaneId, Position},
        message::Change,
        time::Micros,
    },
    engine::journal::{Op, PartChange},
    gateway::{Answer, LinkNo},
};

impl Gateway {
    /// Takes a segment out of the book.
    fn leave(&mut self, sequence: u32) -> Option<Flight> {
        let flight = self.flights.remove(&sequence)?;
        match (flight.written, flight.timed_out) {
            (false, _) => self.unwritten[flight.priority as usize] -= flight.cost,
            (true, false) => self.unanswered -= flight.cost,
            (true, true) => {}
        }
        Some(flight)
    }
}

impl Account {
    /// Does the other serve numbers that this one does not, and send the very same text?
    pub(super) fn may_pass_to(&self, other: &Self) -> bool {
        let serves_others =
            other.serves.is_empty() || other.serves.iter().any(|c| !self.serves.contains(c));
        serves_others
            && self.wording == other.wording
            && self.count == other.count
            && self.framing == other.framing
    }
}

impl Core {
    pub(super) fn written(&mut self, id: &GatewayId, sequences: &[u32]) {
        let Some(gateway) = self.gateways.get_mut(id) else {
            return;
        };
        for sequence in sequences {
            if let Some(flight) = gateway.flights.get_mut(sequence).filter(|f| !f.written) {
                flight.written = true;
                gateway.unwritten[flight.priority as usize] -= flight.cost;
                gateway.unanswered += flight.cost;
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        now: Micros,
        id: &GatewayId,
        sequence: u32,
        link: LinkNo,
        answer: Answer,
    ) {
        let Some(flight) = self.gateways.get_mut(id).and_then(|g| g.leave(sequence)) else {
            return;
        };
        if flight.timed_out {
            self.late_answer(id, &flight, answer);
            return;
        }
        match answer {
            Answer::Accepted(answered) => self.accepted(now, id, &flight, link, (answered.0, None)),
            Answer::AcceptedAs { answered, counted } => {
                self.accepted(now, id, &flight, link, (answered.0, Some(counted.0)));
            }
            Answer::Refused(code) => self.refused(&flight, code),
            Answer::Throttled(_) => self.again(&flight, id, now + THROTTLED_WAIT),
            Answer::WrongNetwork(code) => match self.other_way(&flight, id) {
                Some(other) => self.again(&flight, &other, now),
                None => self.refused(&flight, code),
            },
        }
    }

    fn accepted(
        &mut self,
        now: Micros,
        id: &GatewayId,
        flight: &Flight,
        link: LinkNo,
        (answered, counted): (String, Option<String>),
    ) {
        let position = flight.message.position();
        let change = Change::Accepted { id: answered };
        let update = self.part_change(flight.claim, flight.message, flight.part, change);
        self.ops.extend(update.map(|update| {
            Op::Part(PartChange {
                source: Source::Carrier,
                counted,
                ..update
            })
        }));
        let more = self
            .claims
            .get(&flight.claim)
            .and_then(|c| c.open.get(&position))
            .is_some_and(|p| usize::from(flight.part) + 1 < p.parts.len());
        if more && !self.goes(flight.message.lane()) {
            // Paused or halted: the next part waits with the rest.
            let rest = Flight {
                part: flight.part + 1,
                ..flight.clone()
            };
            self.again(&rest, id, now);
        } else if more {
            if let Some(submit) =
                self.hand_over(flight.claim, position, flight.part + 1, Some(link))
            {
                self.out.push_back(Action::Submit(id.clone(), vec![submit]));
            }
        } else {
            self.settle(flight.claim, position);
        }
    }

    fn refused(&mut self, flight: &Flight, code: String) {
        self.record(
            flight.claim,
            flight.message,
            flight.part,
            Change::Refused { code },
            Source::Carrier,
        );
        self.settle(flight.claim, flight.message.position());
    }

    /// Surely did not leave: goes back, to be sent later or another way.
    fn again(&mut self, flight: &Flight, gateway: &GatewayId, due: Micros) {
        let attempt = self.claims.get(&flight.claim).map_or(1, |c| c.attempt);
        let message = flight.message;
        self.release(
            message.lane(),
            &[message.position()],
            flight.part,
            gateway,
            attempt,
            due,
        );
        self.settle(flight.claim, message.position());
    }

    /// Another gateway for a number that this one's carrier does not serve: once a message, only while
    /// nothing of it has left, and only where the text that was approved stays what it is. Whose the number is
    /// nobody knows, so one that takes anybody's comes first.
    fn other_way(&self, flight: &Flight, id: &GatewayId) -> Option<GatewayId> {
        let claim = self.claims.get(&flight.claim)?;
        if claim.rerouted || flight.part > 0 {
            return None;
        }
        let mine = &self.gateways.get(id)?.account;
        self.gateways
            .iter()
            .filter(|(other, g)| *other != id && !g.up.is_empty() && mine.may_pass_to(&g.account))
            .min_by_key(|(_, g)| !g.account.serves.is_empty())
            .map(|(other, _)| other.clone())
    }

    /// An answer after the time-out, while the connection lives: it settles the doubt.
    fn late_answer(&mut self, id: &GatewayId, flight: &Flight, answer: Answer) {
        let mut known_as = None;
        let change = match answer {
            Answer::Accepted(answered) => Change::Accepted { id: answered.0 },
            Answer::AcceptedAs { answered, counted } => {
                known_as = Some(counted.0);
                Change::Accepted { id: answered.0 }
            }
            // Not sent, but no longer ours to repeat: a person or the run's policy decided meanwhile.
            Answer::Refused(code) | Answer::WrongNetwork(code) | Answer::Throttled(code) => {
                Change::Refused { code }
            }
        };
        self.ops.push(Op::LateAnswer {
            gateway: id.clone(),
            message: flight.message,
            part: flight.part,
            change,
            counted: known_as,
        });
    }

    pub(super) fn timed_out(&mut self, id: &GatewayId, sequences: &[u32]) {
        for sequence in sequences {
            let Some(gateway) = self.gateways.get_mut(id) else {
                return;
            };
            let Some(flight) = gateway
                .flights
                .get_mut(sequence)
                .filter(|f| f.written && !f.timed_out)
            else {
                continue;
            };
            flight.timed_out = true;
            gateway.unanswered -= flight.cost;
            let flight = flight.clone();
            // A late answer is still listened to, but no longer waited for.
            self.doubt(&flight);
        }
    }

    fn doubt(&mut self, flight: &Flight) {
        let id = self.own_id(flight);
        self.record(
            flight.claim,
            flight.message,
            flight.part,
            Change::Doubt { id },
            Source::Gateway,
        );
        self.settle(flight.claim, flight.message.position());
    }

    /// The id that the segment went with, where it was known before the answer.
    fn own_id(&self, flight: &Flight) -> Option<String> {
        let claim = self.claims.get(&flight.claim)?;
        let ids = self.gateways.get(&claim.gateway)?.account.own_ids?;
        let sequence = claim.sequence(flight.message.position(), flight.part);
        Some(ids.of(sequence, claim.at).0)
    }

    /// The connection is gone with these written and unanswered.
    pub(super) fn lost(&mut self, id: &GatewayId, sequences: &[u32]) {
        for sequence in sequences {
            let Some(mut flight) = self.gateways.get_mut(id).and_then(|g| g.leave(*sequence))
            else {
                continue;
            };
            // One that has timed out is in doubt already.
            if !flight.timed_out {
                flight.written = true;
                self.doubt(&flight);
            }
        }
    }

    /// These were never handed to a socket: they wait again, in ranges.
    pub(super) fn give_back(&mut self, now: Micros, id: &GatewayId, sequences: &[u32]) {
        let mut ranges: BTreeMap<(LaneId, u8, i64), Vec<Position>> = BTreeMap::new();
        let mut settled = Vec::new();
        for sequence in sequences {
            let Some(flight) = self.gateways.get_mut(id).and_then(|g| g.leave(*sequence)) else {
                continue;
            };
            if flight.replayed {
                // An earlier life may have written it: not in the queue again.
                self.doubt(&flight);
                continue;
            }
            let attempt = self.claims.get(&flight.claim).map_or(1, |c| c.attempt);
            let message = flight.message;
            ranges
                .entry((message.lane(), flight.part, attempt))
                .or_default()
                .push(message.position());
            settled.push((flight.claim, message.position()));
        }
        for ((lane, part, attempt), positions) in ranges {
            self.release(lane, &positions, part, id, attempt, now);
        }
        for (claim, position) in settled {
            self.settle(claim, position);
        }
    }
}
