//! A lane as it follows from the ledger: its front, its end, what is requeued.

use std::collections::BTreeMap;

use super::standing::{Interner, Messages};
use crate::{
    domain::{
        bilingual::{Bilingual, Fixed, bilingual},
        event::{FrozenLane, Span},
        id::{GatewayId, Position, RunId},
        time::Micros,
    },
    store::lane::{Claim, Requeued},
};

/// Positions have 32 bits.
const MAX_SIZE: i64 = 1 << 32;

/// A lane as the ledger knows it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) run: RunId,
    /// `None`: no route.
    pub(super) gateway: Option<GatewayId>,
    pub(super) size: i64,
    pub(super) segments: i64,
    pub(super) written_from: i64,
    /// One part a message, however many segments it counts.
    pub(super) whole: bool,
    /// The Merkle root, as 64 hex digits.
    pub(super) root: String,
    pub(super) next: i64,
    pub(super) end: i64,
    pub(super) end_reason: Option<String>,
    pub(super) reserved: i64,
    /// When the carrier last answered.
    pub(super) sent: Option<Micros>,
    /// By first position.
    pub(super) requeued: BTreeMap<Position, Requeued>,
    pub(super) messages: Messages,
}

fn must(is: bool, what: Fixed) -> Result<(), Bilingual> {
    if is { Ok(()) } else { Err(what.into()) }
}

impl Lane {
    pub(super) fn new(run: RunId, lane: &FrozenLane) -> Result<Self, Bilingual> {
        must(
            (0..=MAX_SIZE).contains(&lane.size),
            Fixed("队列长度不可能", "no lane has this size"),
        )?;
        Ok(Self {
            run,
            gateway: Some(lane.gateway.clone()).filter(|g| !g.0.is_empty()),
            size: lane.size,
            segments: lane.segments,
            written_from: lane.written_from,
            whole: lane.whole,
            root: lane.root.clone(),
            next: 0,
            end: lane.size,
            end_reason: None,
            reserved: 0,
            sent: None,
            requeued: BTreeMap::new(),
            messages: Messages::default(),
        })
    }

    /// From the front, or of what is requeued: what is left of a range there keeps waiting.
    pub(super) fn claim(&mut self, claim: &Claim, again: bool) -> Result<(), Bilingual> {
        let span = claim.span;
        must(
            !span.is_empty(),
            Fixed("领取区间为空", "the claim is empty"),
        )?;
        if !again {
            must(
                span.from == self.next && span.to <= self.end,
                Fixed(
                    "领取不是从队首开始",
                    "the claim does not begin at the lane's front, or goes beyond its end",
                ),
            )?;
            self.next = span.to;
            return Ok(());
        }
        let waiting = self.requeued.remove(&span.from).filter(|r| {
            span.to <= r.span.to
                && (r.part, &r.gateway, r.attempt) == (claim.part, &claim.gateway, claim.attempt)
        });
        let Some(mut waiting) = waiting else {
            return Err(bilingual!(
                "领取的区间并不在等待重发",
                "what is claimed again does not wait"
            ));
        };
        if span.to < waiting.span.to {
            waiting.span.from = span.to;
            self.requeued.insert(span.to, waiting);
        }
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        entry: u32,
        range: Requeued,
        words: &mut Interner,
    ) -> Result<(), Bilingual> {
        let span = range.span;
        must(
            !span.is_empty() && span.to <= self.next,
            Fixed("退回的区间未曾领取", "what goes back was never claimed"),
        )?;
        let elsewhere = match self.gateway.as_ref() == Some(&range.gateway) {
            true => 0,
            false => words.number(&range.gateway.0),
        };
        for position in span.positions() {
            self.messages.reroute(position, elsewhere, entry);
        }
        must(
            self.requeued.insert(span.from, range).is_none(),
            Fixed("该区间已在等待", "this range waits already"),
        )
    }

    /// Nothing more is claimed; what waited is cancelled one by one by the words that follow.
    pub(super) fn end(&mut self, span: Span, reason: String) -> Result<(), Bilingual> {
        must(
            (span.from, span.to) == (self.next, self.end),
            Fixed(
                "结束的区间不是余下的区间",
                "the range that ends is not what remained",
            ),
        )?;
        must(
            self.end_reason.is_none(),
            Fixed("该队列已经结束", "the lane had ended already"),
        )?;
        (self.end, self.end_reason) = (self.next, Some(reason));
        self.requeued.clear();
        Ok(())
    }

    pub(super) fn reserve(&mut self, span: Span) -> Result<(), Bilingual> {
        must(
            span.from == self.reserved,
            Fixed(
                "预留区间不连续",
                "the reserved range does not follow the last one",
            ),
        )?;
        self.reserved = span.to;
        Ok(())
    }

    pub(super) fn give_back(&mut self, span: Span) -> Result<(), Bilingual> {
        must(
            span.to == self.reserved,
            Fixed(
                "归还区间不连续",
                "the range given back is not the last one reserved",
            ),
        )?;
        self.reserved = span.from;
        Ok(())
    }
}
