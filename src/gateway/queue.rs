//! Segments that wait in the gateway: the most urgent first, then in the order of arrival; a message that
//! has begun is finished before others of its line begin, so that its parts reach the phone together.
//! Parts that must stay on one link wait for that link alone and hold up nobody else.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::{LinkNo, Submit};
use crate::domain::{id::LaneId, priority::Priority};

/// The arrival number of a later part: before all first parts, behind what was put back in front.
const BEGUN: i64 = 0;

/// The waiting line; its room is bounded by the driver.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: [PriorityLine; Priority::ALL.len()],
    /// Arrival numbers count up at the back, and down at the front for what comes back.
    back: i64,
    front: i64,
    len: usize,
}

#[derive(Debug, Default)]
struct PriorityLine {
    free: VecDeque<WaitingSubmit>,
    pinned: BTreeMap<LinkNo, VecDeque<WaitingSubmit>>,
}

#[derive(Debug)]
struct WaitingSubmit {
    arrival: i64,
    submit: Submit,
}

/// Which segment goes next; valid until the queue changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick {
    line: usize,
    /// The link it must go over, if it must.
    pub(super) link: Option<LinkNo>,
}

impl Queue {
    /// Segments that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Is there nothing to write?
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a segment at the end of its line, or behind the other begun messages in front of it.
    pub(super) fn push(&mut self, submit: Submit) {
        let arrival = if submit.part.number > 1 {
            BEGUN
        } else {
            self.back += 1;
            self.back
        };
        self.line(&submit)
            .push_back(WaitingSubmit { arrival, submit });
        self.len += 1;
    }

    /// Puts segments that were taken too early back in front, in their order.
    pub(super) fn push_front(&mut self, submits: Vec<Submit>) {
        for submit in submits.into_iter().rev() {
            self.front -= 1;
            let arrival = self.front;
            self.line(&submit)
                .push_front(WaitingSubmit { arrival, submit });
            self.len += 1;
        }
    }

    /// The most urgent, oldest segment that one of `open` links can take.
    pub(super) fn pick(&self, open: &[LinkNo]) -> Option<Pick> {
        if self.len == 0 || open.is_empty() {
            return None;
        }
        self.lines.iter().enumerate().find_map(|(line, waiting)| {
            let free = waiting
                .free
                .front()
                .map(|w| (w.arrival, Pick { line, link: None }));
            let pinned = open.iter().filter_map(|link| {
                let first = waiting.pinned.get(link)?.front()?;
                Some((
                    first.arrival,
                    Pick {
                        line,
                        link: Some(*link),
                    },
                ))
            });
            pinned
                .chain(free)
                .min_by_key(|(arrival, _)| *arrival)
                .map(|(_, pick)| pick)
        })
    }

    /// How many segments fit into the picked one's submit, itself included: those right behind it with the same
    /// content, each number once, and `most` at most.
    pub(super) fn batchable(&self, pick: Pick, most: usize) -> usize {
        let line = &self.lines[pick.line];
        let waiting = match pick.link {
            None => Some(&line.free),
            Some(link) => line.pinned.get(&link),
        };
        let Some((waiting, first)) = waiting.and_then(|w| Some((w, &w.front()?.submit))) else {
            return 0;
        };
        let is_new = |n: usize, submit: &Submit| {
            let before = waiting.iter().take(n);
            first.same_content(submit) && before.into_iter().all(|w| w.submit.phone != submit.phone)
        };
        let more = waiting.iter().take(most).enumerate().skip(1);
        1 + more.take_while(|(n, w)| is_new(*n, &w.submit)).count()
    }

    /// Takes out the picked segment and those behind it, `count` together.
    pub(super) fn take(&mut self, pick: Pick, count: usize) -> Vec<Submit> {
        let line = &mut self.lines[pick.line];
        let waiting = match pick.link {
            None => Some(&mut line.free),
            Some(link) => line.pinned.get_mut(&link),
        };
        let taken: Vec<Submit> = waiting.map_or_else(Vec::new, |waiting| {
            let count = count.min(waiting.len());
            waiting.drain(..count).map(|w| w.submit).collect()
        });
        line.pinned.retain(|_, waiting| !waiting.is_empty());
        self.len -= taken.len();
        taken
    }

    /// Takes out everything of these lanes (of all when empty): the sequence numbers.
    pub(super) fn recall(&mut self, lanes: &[LaneId]) -> Vec<u32> {
        let wanted: HashSet<LaneId> = lanes.iter().copied().collect();
        self.remove(|submit| wanted.is_empty() || wanted.contains(&submit.lane))
    }

    /// Takes out everything that must go over `link`.
    pub(super) fn unpin(&mut self, link: LinkNo) -> Vec<u32> {
        self.remove(|submit| submit.link == Some(link))
    }

    fn remove(&mut self, gone: impl Fn(&Submit) -> bool) -> Vec<u32> {
        let mut sequences = Vec::new();
        for line in &mut self.lines {
            for waiting in std::iter::once(&mut line.free).chain(line.pinned.values_mut()) {
                waiting.retain(|w| {
                    let goes = gone(&w.submit);
                    if goes {
                        sequences.push(w.submit.sequence);
                    }
                    !goes
                });
            }
            line.pinned.retain(|_, waiting| !waiting.is_empty());
        }
        self.len -= sequences.len();
        sequences
    }

    fn line(&mut self, submit: &Submit) -> &mut VecDeque<WaitingSubmit> {
        let line = &mut self.lines[submit.priority as usize];
        match submit.link {
            None => &mut line.free,
            Some(link) => line.pinned.entry(link).or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::phone::Phone,
        gateway::{RequestId, SegmentPlace, Sharing},
    };

    fn submit(sequence: u32, priority: Priority, link: Option<LinkNo>, lane: i64) -> Submit {
        Submit {
            sequence,
            link,
            lane: LaneId(lane),
            priority,
            phone: Phone::from_number(13_800_138_000).expect("a mobile number"),
            text: "注意安全".to_owned(),
            part: SegmentPlace {
                number: 1,
                total: 1,
                reference: 0,
            },
            segments: 1,
            valid_until: None,
            request: RequestId::default(),
            sharing: Sharing::default(),
        }
    }

    fn drain(queue: &mut Queue, open: &[LinkNo]) -> Vec<u32> {
        std::iter::from_fn(|| Some(queue.take(queue.pick(open)?, 1)))
            .flatten()
            .map(|s| s.sequence)
            .collect()
    }

    #[test]
    fn urgent_overtakes_and_the_rest_keeps_its_order() {
        let mut queue = Queue::default();
        queue.push(submit(1, Priority::Bulk, None, 1));
        queue.push(submit(2, Priority::Normal, None, 1));
        queue.push(submit(3, Priority::Bulk, None, 1));
        queue.push(submit(4, Priority::Urgent, None, 1));
        assert_eq!(drain(&mut queue, &[0]), [4, 2, 1, 3]);
    }

    #[test]
    fn a_part_waits_for_its_link_and_holds_up_nobody() {
        let mut queue = Queue::default();
        queue.push(submit(1, Priority::Normal, Some(1), 1));
        queue.push(submit(2, Priority::Normal, None, 1));
        assert_eq!(drain(&mut queue, &[0]), [2]);
        assert_eq!(queue.len(), 1);
        queue.push(submit(3, Priority::Normal, None, 1));
        assert_eq!(drain(&mut queue, &[0, 1]), [1, 3]);
    }

    #[test]
    fn a_message_that_has_begun_is_finished_before_others_begin() {
        let mut queue = Queue::default();
        for sequence in [1, 2] {
            queue.push(submit(sequence, Priority::Normal, None, 2));
        }
        for sequence in [12, 13] {
            let mut second = submit(sequence, Priority::Normal, Some(0), 1);
            second.part.number = 2;
            queue.push(second);
        }
        queue.push(submit(3, Priority::Urgent, None, 3));
        assert_eq!(drain(&mut queue, &[0]), [3, 12, 13, 1, 2]);
    }

    #[test]
    fn what_comes_back_goes_first_again() {
        let mut queue = Queue::default();
        queue.push(submit(3, Priority::Normal, None, 1));
        queue.push_front(vec![
            submit(1, Priority::Normal, None, 1),
            submit(2, Priority::Normal, Some(0), 1),
        ]);
        assert_eq!(drain(&mut queue, &[0]), [1, 2, 3]);
    }

    #[test]
    fn those_who_get_the_same_may_travel_together_and_each_number_once() {
        let mut queue = Queue::default();
        let to = |sequence: u32, number: u64| Submit {
            phone: Phone::from_number(number).expect("a mobile number"),
            ..submit(sequence, Priority::Normal, None, 1)
        };
        for n in 0..5 {
            queue.push(to(n, 13_800_138_000 + u64::from(n)));
        }
        let other = Submit {
            text: "另一条".to_owned(),
            ..to(5, 13_800_138_005)
        };
        queue.push(other);
        queue.push(to(6, 13_800_138_006));
        queue.push(to(7, 13_800_138_006));
        let pick = queue.pick(&[0]).expect("somebody waits");
        assert_eq!(queue.batchable(pick, 3), 3);
        assert_eq!(queue.batchable(pick, 99), 5, "the sixth gets another text");
        assert_eq!(queue.take(pick, 5).len(), 5);
        let pick = queue.pick(&[0]).expect("somebody waits");
        assert_eq!(queue.batchable(pick, 99), 1);
        queue.take(pick, 1);
        let pick = queue.pick(&[0]).expect("somebody waits");
        assert_eq!(queue.batchable(pick, 99), 1, "the same number twice");
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn a_recall_takes_exactly_its_lanes() {
        let mut queue = Queue::default();
        for (sequence, lane) in [(1, 1), (2, 2), (3, 1)] {
            queue.push(submit(sequence, Priority::Bulk, None, lane));
        }
        queue.push(submit(4, Priority::Urgent, Some(0), 2));
        assert_eq!(queue.recall(&[LaneId(2)]), [4, 2]);
        assert_eq!(queue.recall(&[]), [1, 3]);
        assert!(queue.is_empty());
    }
}
