//! Which reference a run's long messages get. A phone joins parts by it, so that no number may get it from two
//! messages within an hour; there are 128, and the eighth bit tells a repetition.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use crate::{
    domain::{id::LaneId, priority::Priority, time::Micros},
    store::{self, Tx, part_ref::PartRefUse, run::Run},
};

/// References there are.
const PART_REFS: u8 = 128;

/// A reference goes to nobody again so long after it was used: phones wait for parts an hour at most.
pub(super) const REST: Duration = Duration::from_hours(1);

/// What is not urgent waits so long for a reference that is free, and then takes the one used the longest ago: only
/// who gets both runs' texts may see wrongly joined ones, and without it nobody gets any.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Of so many people it is asked whether they share numbers with other runs: one look-up each, in the
/// journal's commit.
const PEOPLE_ASKED: i64 = 1_000;

/// What references are left for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// None: it waits for one.
    Waits,
    /// None, so that it has one that somebody else's long messages had within the hour.
    Reused,
}

/// A reference for the run, with what is to be told about it; none: it waits.
pub(super) async fn choose(
    tx: &mut Tx,
    run: &Run,
    now: Micros,
) -> store::Result<(Option<u8>, Option<Shortage>)> {
    let people = tx.people_with_parts(run.id).await?;
    if people == 0 {
        return Ok((Some(0), None));
    }
    let busy = Busy::of(tx.part_ref_uses(now - REST).await?, now);
    if let Some(free) = busy.free() {
        return Ok((Some(free), None));
    }
    if let (Some(from), true) = (busy.first_lane, people <= PEOPLE_ASKED) {
        let shared = tx.part_refs_shared(run.id, from, now - REST).await?;
        if let Some(unshared) = busy.least_recent(&shared) {
            return Ok((Some(unshared), None));
        }
    }
    let since = run.approved.max(run.not_before).unwrap_or(run.created);
    Ok(
        match run.priority == Priority::Urgent || now.since(since) > LONGEST_WAIT {
            true => (busy.least_recent(&HashSet::new()), Some(Shortage::Reused)),
            false => (None, Some(Shortage::Waits)),
        },
    )
}

/// References that were used within the hour or will be.
#[derive(Debug, Default)]
struct Busy {
    /// Whether one is still to be used, and when it was last.
    refs: BTreeMap<u8, (bool, Micros)>,
    first_lane: Option<LaneId>,
}

impl Busy {
    fn of(uses: Vec<PartRefUse>, now: Micros) -> Self {
        let mut busy = Self::default();
        let in_use = |u: &PartRefUse| u.is_sending || u.used > now - REST;
        for found in uses.into_iter().filter(in_use) {
            let last = busy
                .refs
                .entry(found.part_ref)
                .or_insert((false, Micros(0)));
            *last = (last.0 || found.is_sending, last.1.max(found.used));
            busy.first_lane = Some(busy.first_lane.map_or(found.lane, |l| l.min(found.lane)));
        }
        busy
    }

    fn free(&self) -> Option<u8> {
        (0..PART_REFS).find(|r| !self.refs.contains_key(r))
    }

    /// The one used the longest ago, one that is still to be used last.
    fn least_recent(&self, except: &HashSet<u8>) -> Option<u8> {
        let others = self.refs.iter().filter(|(r, _)| !except.contains(r));
        others
            .max_by_key(|(r, last)| Reverse((**last, **r)))
            .map(|(r, _)| *r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(100_000_000_000);

    fn used(part_ref: u8, seconds_ago: i64, is_sending: bool) -> PartRefUse {
        PartRefUse {
            part_ref,
            lane: LaneId(i64::from(part_ref) + 1),
            used: NOW.plus_secs(-seconds_ago),
            is_sending,
        }
    }

    #[test]
    fn what_was_used_over_an_hour_ago_is_free_whatever_reports_are_awaited() {
        let uses = vec![
            used(0, 3_599, false),
            used(1, 3_601, false),
            used(2, 9_000, true),
        ];
        let busy = Busy::of(uses, NOW);
        assert_eq!(busy.free(), Some(1));
        assert_eq!(busy.refs.keys().collect::<Vec<_>>(), [&0, &2]);
    }

    #[test]
    fn where_none_is_free_the_one_used_the_longest_ago_goes_first() {
        let uses = (0..PART_REFS).map(|r| used(r, 60 + i64::from(r), r == 127));
        let busy = Busy::of(uses.collect(), NOW);
        assert_eq!(busy.free(), None);
        let nobody = HashSet::new();
        assert_eq!(busy.least_recent(&nobody), Some(126), "127 is being sent");
        let shared = (1..127).collect();
        assert_eq!(busy.least_recent(&shared), Some(0));
        let all = (0..PART_REFS).collect();
        assert_eq!(busy.least_recent(&all), None);
    }
}
