//! Claims of an earlier life whose requests may be said again: the carrier knows each by its key, so it
//! answers as it did the first time, and nobody gets anything twice. What can't be repeated in time is
//! in doubt.

use super::{Claim, ClaimReplay, Core, Progress, plan::progress};
use crate::{
    domain::{
        event::{Source, Span},
        id::{GatewayId, MessageId, Position},
        message::Change,
        time::Micros,
    },
    engine::journal::{Op, PartChange},
};

impl Core {
    /// Takes over what recovery left open: handed over again once its gateway has a link.
    pub fn replay(&mut self, replays: Vec<ClaimReplay>) {
        for replay in &replays {
            if let Some(gateway) = self.gateways.get_mut(&replay.grant.claim.gateway) {
                // Behind the numbers that are in use.
                gateway.sequence = end_of(replay);
            }
        }
        self.replays.extend(replays);
    }

    /// Their run does not go any more: nothing of them is said again.
    pub(super) fn give_up_stopped(&mut self) {
        let lanes = &self.lanes;
        let (stay, gone) = std::mem::take(&mut self.replays)
            .into_iter()
            .partition(|k| lanes.contains_key(&k.grant.claim.span.lane));
        self.replays = stay;
        self.give_up(gone);
    }

    /// It is too late for the carrier to know them, or the clock was set back and nobody can tell.
    pub(super) fn give_up_old(&mut self, now: Micros) {
        let (stay, gone) = std::mem::take(&mut self.replays)
            .into_iter()
            .partition(|k| k.until > now && k.grant.claim.at <= now);
        self.replays = stay;
        self.give_up(gone);
    }

    fn give_up(&mut self, replays: Vec<ClaimReplay>) {
        for replay in replays {
            let claim = &replay.grant.claim;
            let lane = claim.span.lane;
            let items = replay.grant.items.iter();
            for item in items.filter(|i| replay.open.contains(&i.position)) {
                self.ops.push(Op::Part(PartChange {
                    message: MessageId::new(lane, item.position),
                    part: 0,
                    phone: item.phone,
                    gateway: claim.gateway.clone(),
                    change: Change::Doubt { id: None },
                    source: Source::Gateway,
                    asked: claim.at,
                    counted: None,
                }));
            }
            self.ops.push(Op::Close(lane, claim.id));
        }
    }

    /// Hands the requests of this gateway's replays over again, all numbers as they were.
    pub(super) fn replay_all(&mut self, id: &GatewayId) {
        let (mine, rest) = std::mem::take(&mut self.replays)
            .into_iter()
            .partition(|k| k.grant.claim.gateway == *id);
        self.replays = rest;
        for replay in mine {
            self.replay_one(id, replay);
        }
    }

    fn replay_one(&mut self, id: &GatewayId, replay: ClaimReplay) {
        let lane_id = replay.grant.claim.span.lane;
        let (Some(lane), Some(gateway)) = (self.lanes.get(&lane_id), self.gateways.get(id)) else {
            // The lanes have not been read yet.
            self.replays.push(replay);
            return;
        };
        let account = &gateway.account;
        let all: Vec<(Position, Progress)> = replay
            .grant
            .items
            .iter()
            .map(|item| {
                (
                    item.position,
                    progress(lane, item, account.count, account.framing),
                )
            })
            .collect();
        if all.iter().any(|(_, p)| p.parts.is_empty()) {
            // The request can't be made as it was.
            return self.give_up(vec![replay]);
        }
        let claim = Claim {
            open: all
                .iter()
                .filter(|(position, _)| replay.open.contains(position))
                .cloned()
                .collect(),
            ..Claim::of(&replay.grant, lane, lane.priority)
        };
        self.claims.insert(replay.grant.claim.id, claim);
        self.hand_over_whole(
            replay.grant.claim.id,
            &all,
            &replay.grant,
            Some(&replay.gone),
        );
    }

    /// The first number of `span` that no claim of this gateway uses, from `first` on.
    pub(super) fn free_sequences(&self, id: &GatewayId, first: u32, span: u32) -> u32 {
        let used: Vec<(u32, u32)> = self
            .claims
            .values()
            .filter(|c| c.gateway == *id)
            .map(|c| (c.first, length(c.span, c.stride)))
            .chain(
                self.replays
                    .iter()
                    .filter(|k| k.grant.claim.gateway == *id)
                    .map(|k| (start_of(k), end_of(k).wrapping_sub(start_of(k)))),
            )
            .collect();
        let mut first = first;
        while let Some((start, length)) = used.iter().find(|(start, length)| {
            first.wrapping_sub(*start) < *length || start.wrapping_sub(first) < span
        }) {
            first = start.wrapping_add(*length);
        }
        first
    }
}

fn length(span: Span, stride: u32) -> u32 {
    u32::try_from(span.len())
        .unwrap_or(u32::MAX)
        .wrapping_mul(stride)
}

fn start_of(replay: &ClaimReplay) -> u32 {
    replay.grant.claim.first
}

fn end_of(replay: &ClaimReplay) -> u32 {
    let claim = &replay.grant.claim;
    claim.first.wrapping_add(length(claim.span, claim.stride))
}
