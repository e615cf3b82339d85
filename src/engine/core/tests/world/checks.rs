//! What the core asks for is checked against what it may know.

use super::*;

impl World {
    pub(super) fn check_op(&mut self, op: &Op) {
        match op {
            Op::Release(release) => {
                for position in release.span.from..release.span.to {
                    let id = MessageId::new(release.span.lane, position);
                    self.handed.remove(&(id, release.part));
                    let wire = self.wire.get(&(id, release.part));
                    assert_eq!(
                        wire, None,
                        "{id} waits again though the carrier may have it"
                    );
                }
            }
            Op::Claim(request) => self.check_claim(request),
            _ => {}
        }
    }

    fn check_claim(&mut self, r: &ClaimRequest) {
        assert!(!self.core.halted, "a halted core claims nothing");
        assert!(
            self.open_lanes.contains(&r.lane),
            "lane {} does not go",
            r.lane
        );
        assert!(
            self.requested.insert(r.gateway.clone()),
            "one question at a time"
        );
        let account = self
            .accounts
            .iter()
            .find(|a| a.id == r.gateway)
            .expect("a known gateway");
        let lane = &self.core.lanes[&r.lane];
        let mine = || {
            self.seen
                .iter()
                .filter(|(k, _)| k.0 == r.gateway)
                .map(|(_, t)| t)
        };
        let ahead: usize = mine()
            .filter(|t| !t.written && t.priority <= lane.priority)
            .map(|t| t.cost)
            .sum();
        let unanswered: usize = mine()
            .filter(|t| t.written && !t.timed_out)
            .map(|t| t.cost)
            .sum();
        let window = account.window * self.seen_up.get(&r.gateway).map_or(0, BTreeSet::len);
        let rate = ((self.pace[&r.gateway] * 0.2) as usize).max(1);
        assert!(unanswered + ahead < window, "there is room in the window");
        assert!(ahead < rate, "the rate lets it out soon");
        let room = (window - unanswered - ahead).min(rate - ahead);
        // Everybody has a text of their own.
        let each = match (account.framing, account.unit) {
            (Framing::Whole, RateUnit::Requests) => 1,
            (Framing::Whole, RateUnit::Segments) | (Framing::Parts, _) => {
                usize::from(lane.max_parts)
            }
        };
        let most = (room / each).max(1);
        assert!(
            r.most as usize <= most,
            "{} claimed where {most} fit",
            r.most
        );
        for other in self
            .core
            .lanes
            .values()
            .filter(|l| l.priority < lane.priority && !self.core.stale.contains(&l.id))
        {
            let front = other.gateway == r.gateway && other.next < other.end;
            let due = |w: &Requeued| w.gateway == r.gateway && w.due <= self.now;
            let rests = self.core.gateways[&r.gateway].rests(other, self.now);
            let sendable = !rests
                && other.not_after.is_none_or(|t| t >= self.now)
                && (front || other.requeued.iter().any(due));
            assert!(
                !sendable,
                "lane {} is more urgent than lane {}",
                other.id, lane.id
            );
        }
    }
}
