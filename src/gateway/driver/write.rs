//! The driver's writing side: what goes to the sockets, and when.

use tokio::time::Instant;

use super::{BATCH_BYTES, Driver, GATE_POLL};
use crate::gateway::{
    Answer, Event, LinkNo,
    link::{Link, Phase},
    protocol::Protocol,
    session::NotTaken,
};

impl<P: Protocol + Clone> Driver<P> {
    /// Writes what may be written now: responses first, then submits by urgency, as far as pacer,
    /// windows and sockets let them.
    pub(super) fn pump(&mut self, now: Instant) -> Option<Instant> {
        if !self.context.gate.is_open(now) {
            return Some(now + GATE_POLL);
        }
        if let Some(door) = &mut self.door {
            door.flush(&self.context.gate);
        }
        let mut wake = None;
        let mut written = Vec::new();
        for link in &mut self.links {
            let Some(talk) = link.talk() else { continue };
            if !talk.has_output() {
                continue;
            }
            if talk.half_written
                && let Err(at) = self.pacer.take(now, 1)
            {
                wake = Some(wake.map_or(at, |w: Instant| w.min(at)));
                continue;
            }
            written.append(&mut talk.flush(&self.context.gate));
            talk.half_written = false;
        }
        if !self.queue.is_empty() {
            let paced = self.fill(now);
            self.write_filled(&mut written);
            // A full batch ends a turn, not the work: go on as soon as the others had theirs.
            let more = paced.is_none() && self.queue.pick(&self.open_links()).is_some();
            wake = [wake, paced, more.then_some(now)]
                .into_iter()
                .flatten()
                .min();
        }
        if !written.is_empty() {
            self.outbox.push_back(Event::Written(written));
        }
        wake
    }

    /// Moves submits from the queue to the links' transmit buffers.
    fn fill(&mut self, now: Instant) -> Option<Instant> {
        let mut open = self.open_links();
        while let Some(pick) = self.queue.pick(&open) {
            if let Err(at) = self.pacer.take(now, 1) {
                return Some(at);
            }
            let load = |no: &LinkNo| match &self.links[usize::from(*no)].phase {
                Phase::Talking(talk) => talk.session.unanswered(),
                Phase::Waiting { .. } | Phase::Connecting { .. } => usize::MAX,
            };
            let Some(no) = pick.link.or_else(|| open.iter().copied().min_by_key(load)) else {
                break;
            };
            let Some(submit) = self.queue.take(pick) else {
                break;
            };
            let Some(talk) = self.links[usize::from(no)].talk() else {
                break;
            };
            match talk.session.submit(submit) {
                Ok(()) => {}
                Err(NotTaken::NoRoom(submit)) => {
                    self.queue.push_front(vec![submit]);
                    open.retain(|other| *other != no);
                    continue;
                }
                Err(NotTaken::Unsendable(submit, reason)) => {
                    let answer = Answer::Refused(format!("local: {reason}"));
                    self.outbox.push_back(Event::Answered {
                        sequence: submit.sequence,
                        link: no,
                        answer,
                    });
                }
            }
            if talk.session.room() == 0 || talk.session.poll_transmit().len() >= BATCH_BYTES {
                open.retain(|other| *other != no);
            }
        }
        None
    }

    /// The links that take a submit now.
    fn open_links(&self) -> Vec<LinkNo> {
        let takes =
            |link: &&Link<P>| matches!(&link.phase, Phase::Talking(talk) if talk.takes_submits());
        self.links
            .iter()
            .filter(takes)
            .map(|link| link.no)
            .collect()
    }

    /// Hands the filled buffers over; what the sockets did not take goes back to the queue, to be
    /// paced again when it really goes.
    fn write_filled(&mut self, written: &mut Vec<u32>) {
        for link in &mut self.links {
            let Some(talk) = link.talk() else { continue };
            if talk.session.poll_transmit().is_empty() || !talk.has_output() {
                continue;
            }
            let mut went = talk.flush(&self.context.gate);
            if talk.session.ended().is_none() {
                let back = talk.session.withdraw();
                self.queue.push_front(back);
                talk.half_written = !went.is_empty() && !talk.session.poll_transmit().is_empty();
            }
            written.append(&mut went);
        }
    }
}
