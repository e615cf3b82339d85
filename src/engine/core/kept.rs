//! Claims of an earlier life whose requests may be said again: the carrier knows each by its key, so it
//! answers as it did the first time, and nobody gets anything twice. What can't be repeated in time is
//! in doubt.

use super::{Claim, Core, Kept, Progress, plan::progress};
use crate::{
    domain::{
        event::{Source, Span},
        id::{GatewayId, MessageId, Position},
        message::Change,
        time::Micros,
    },
    engine::journal::{Op, PartNews},
};

impl Core {
    /// Takes over what recovery kept open: handed over again once its gateway has a link.
    pub fn keep(&mut self, kept: Vec<Kept>) {
        for kept in &kept {
            if let Some(gateway) = self.gateways.get_mut(&kept.grant.claim.gateway) {
                // Behind the numbers that are in use.
                gateway.sequence = end_of(kept);
            }
        }
        self.kept.extend(kept);
    }

    /// Their run does not go any more: nothing of them is said again.
    pub(super) fn give_up_stopped(&mut self) {
        let lanes = &self.lanes;
        let (stay, gone) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|k| lanes.contains_key(&k.grant.claim.span.lane));
        self.kept = stay;
        self.give_up(gone);
    }

    /// It is too late for the carrier to know them.
    pub(super) fn give_up_old(&mut self, now: Micros) {
        let (stay, gone) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|k| k.until > now);
        self.kept = stay;
        self.give_up(gone);
    }

    fn give_up(&mut self, kept: Vec<Kept>) {
        for kept in kept {
            let claim = &kept.grant.claim;
            let lane = claim.span.lane;
            let items = kept.grant.items.iter();
            for item in items.filter(|i| kept.open.contains(&i.position)) {
                self.ops.push(Op::Part(PartNews {
                    message: MessageId::new(lane, item.position),
                    part: 0,
                    phone: item.phone,
                    gateway: claim.gateway.clone(),
                    change: Change::Doubt { id: None },
                    source: Source::Gateway,
                    asked: claim.at,
                    answer_lost: true,
                    counted: None,
                }));
            }
            self.ops.push(Op::Close(lane, claim.id));
        }
    }

    /// Hands the requests of this gateway's kept claims over again, all numbers as they were.
    pub(super) fn repeat_kept(&mut self, id: &GatewayId) {
        let (mine, rest) = std::mem::take(&mut self.kept)
            .into_iter()
            .partition(|k| k.grant.claim.gateway == *id);
        self.kept = rest;
        for kept in mine {
            self.repeat(id, kept);
        }
    }

    fn repeat(&mut self, id: &GatewayId, kept: Kept) {
        let lane_id = kept.grant.claim.span.lane;
        let (Some(lane), Some(gateway)) = (self.lanes.get(&lane_id), self.gateways.get(id)) else {
            // The lanes have not been read yet.
            self.kept.push(kept);
            return;
        };
        let account = &gateway.account;
        let all: Vec<(Position, Progress)> = kept
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
            return self.give_up(vec![kept]);
        }
        let claim = Claim {
            open: all
                .iter()
                .filter(|(position, _)| kept.open.contains(position))
                .cloned()
                .collect(),
            ..Claim::of(&kept.grant, lane, lane.priority)
        };
        self.claims.insert(kept.grant.claim.id, claim);
        self.hand_over_whole(kept.grant.claim.id, &all, &kept.grant, Some(&kept.gone));
    }

    /// The first number of `span` that no claim of this gateway uses, from `first` on.
    pub(super) fn free_sequences(&self, id: &GatewayId, first: u32, span: u32) -> u32 {
        let used: Vec<(u32, u32)> = self
            .claims
            .values()
            .filter(|c| c.gateway == *id)
            .map(|c| (c.first, length(c.span, c.stride)))
            .chain(
                self.kept
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

fn start_of(kept: &Kept) -> u32 {
    kept.grant.claim.first
}

fn end_of(kept: &Kept) -> u32 {
    let claim = &kept.grant.claim;
    claim.first.wrapping_add(length(claim.span, claim.stride))
}
