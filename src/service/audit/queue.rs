//! A lane as it follows from the ledger: its front, its end, what waits in `again`.

use std::collections::BTreeMap;

use super::{
    difference::{Say, say},
    standing::{Messages, Words},
};
use crate::{
    domain::event::{FrozenLane, Span},
    store::lane::{AgainRow, ClaimRow},
};

/// Positions have 32 bits.
const MAX_SIZE: i64 = 1 << 32;

/// A lane as the ledger knows it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) run: String,
    pub(super) gateway: String,
    pub(super) size: i64,
    pub(super) segments: i64,
    pub(super) written_from: i64,
    /// One part a message, however many segments it counts.
    pub(super) whole: bool,
    /// Hexadecimal.
    pub(super) root: String,
    pub(super) next: i64,
    pub(super) end: i64,
    pub(super) end_reason: String,
    pub(super) reserved: i64,
    /// When its last claim closed.
    pub(super) sent_us: i64,
    /// By first position.
    pub(super) again: BTreeMap<i64, AgainRow>,
    pub(super) messages: Messages,
}

fn must(is: bool, zh: &str, en: &str) -> Result<(), Say> {
    if is { Ok(()) } else { Err(say(zh, en)) }
}

impl Lane {
    pub(super) fn new(run: &str, lane: &FrozenLane) -> Result<Self, Say> {
        must(
            (0..=MAX_SIZE).contains(&lane.size),
            "队列长度不可能",
            "no lane has this size",
        )?;
        Ok(Self {
            run: run.to_owned(),
            gateway: lane.gateway.0.clone(),
            size: lane.size,
            segments: lane.segments,
            written_from: lane.written_from,
            whole: lane.whole,
            root: lane.root.clone(),
            next: 0,
            end: lane.size,
            end_reason: String::new(),
            reserved: 0,
            sent_us: 0,
            again: BTreeMap::new(),
            messages: Messages::default(),
        })
    }

    /// From the front, or out of `again`: what is left of a range there keeps waiting.
    pub(super) fn claim(&mut self, claim: &ClaimRow, again: bool) -> Result<(), Say> {
        must(claim.from < claim.to, "领取区间为空", "the claim is empty")?;
        if !again {
            must(
                claim.from == self.next && claim.to <= self.end,
                "领取不是从队首开始",
                "the claim does not begin at the lane's front, or goes beyond its end",
            )?;
            self.next = claim.to;
            return Ok(());
        }
        let waiting = self.again.remove(&claim.from).filter(|a| {
            claim.to <= a.to
                && (a.part, &a.gateway, a.attempt) == (claim.part, &claim.gateway, claim.attempt)
        });
        let Some(waiting) = waiting else {
            return Err(say(
                "领取的区间并不在等待重发",
                "what is claimed again does not wait",
            ));
        };
        if claim.to < waiting.to {
            self.again.insert(
                claim.to,
                AgainRow {
                    from: claim.to,
                    ..waiting
                },
            );
        }
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        entry: u32,
        row: AgainRow,
        words: &mut Words,
    ) -> Result<(), Say> {
        must(
            row.from < row.to && row.to <= self.next,
            "退回的区间未曾领取",
            "what goes back was never claimed",
        )?;
        let elsewhere = if row.gateway == self.gateway {
            0
        } else {
            words.number(&row.gateway)
        };
        for position in row.from..row.to {
            self.messages.reroute(position, elsewhere, entry);
        }
        must(
            self.again.insert(row.from, row).is_none(),
            "该区间已在等待",
            "this range waits already",
        )
    }

    /// Nothing more is claimed; what waited is cancelled one by one by the words that follow.
    pub(super) fn end(&mut self, span: Span, reason: String) -> Result<(), Say> {
        must(
            (span.from, span.to) == (self.next, self.end),
            "结束的区间不是余下的区间",
            "the range that ends is not what remained",
        )?;
        must(
            self.end_reason.is_empty(),
            "该队列已经结束",
            "the lane had ended already",
        )?;
        (self.end, self.end_reason) = (self.next, reason);
        self.again.clear();
        Ok(())
    }

    pub(super) fn reserve(&mut self, span: Span) -> Result<(), Say> {
        must(
            span.from == self.reserved,
            "预留区间不连续",
            "the reserved range does not follow the last one",
        )?;
        self.reserved = span.to;
        Ok(())
    }

    pub(super) fn give_back(&mut self, span: Span) -> Result<(), Say> {
        must(
            span.to == self.reserved,
            "归还区间不连续",
            "the range given back is not the last one reserved",
        )?;
        self.reserved = span.from;
        Ok(())
    }
}
