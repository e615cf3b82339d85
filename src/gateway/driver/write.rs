//! The driver's writing side: what goes to the sockets, and when.

use tokio::time::Instant;

use super::{BATCH_BYTES, Driver, GATE_POLL};
use crate::gateway::{
    Answer, Event, LinkNo, Sharing, Submit,
    link::{Link, LinkPhase},
    protocol::SessionProtocol,
    session::NotTaken,
};

impl<P: SessionProtocol + Clone> Driver<P> {
    /// Writes what may be written now: responses first, then submits by urgency, as far as pacer,
    /// windows and sockets let them.
    pub(super) fn pump(&mut self, now: Instant) -> Option<Instant> {
        if !self.context.gate.is_open(now) {
            return Some(now + GATE_POLL);
        }
        if let Some(listener) = &mut self.listener {
            listener.flush(&self.context.gate);
        }
        let mut wake = None;
        let mut written = Vec::new();
        for link in &mut self.links {
            let Some(connection) = link.connection() else {
                continue;
            };
            if !connection.has_output() {
                continue;
            }
            if connection.half_written > 0
                && let Err(at) = self.pacer.take(now, connection.half_written)
            {
                wake = Some(wake.map_or(at, |w: Instant| w.min(at)));
                continue;
            }
            written.append(&mut connection.flush(&self.context.gate));
            connection.half_written = 0;
        }
        if !self.queue.is_empty() {
            let paced = self.fill(now);
            self.write_filled(&mut written);
            // A full transmit buffer ends this turn; the next one follows at once.
            let more = paced.is_none() && self.queue.pick(&self.open_links()).is_some();
            wake = [wake, paced, more.then_some(now)]
                .into_iter()
                .flatten()
                .min();
        }
        if !written.is_empty() {
            self.outbox.push(Event::Written(written));
        }
        wake
    }

    /// Moves submits from the queue to the links' transmit buffers.
    fn fill(&mut self, now: Instant) -> Option<Instant> {
        let mut open = self.open_links();
        let most = match self.only_singly {
            true => 1,
            false => usize::from(self.settings.batch).min(self.settings.rate as usize),
        };
        while let Some(pick) = self.queue.pick(&open) {
            let count = self.queue.batchable(pick, most);
            if let Err(at) = self.pacer.take(now, u32::try_from(count).unwrap_or(1)) {
                return Some(at);
            }
            let load = |no: &LinkNo| match &self.links[usize::from(*no)].phase {
                LinkPhase::Connected(connection) => connection.session.unanswered(),
                LinkPhase::Waiting { .. } | LinkPhase::Connecting { .. } => usize::MAX,
            };
            let Some(no) = pick.link.or_else(|| open.iter().copied().min_by_key(load)) else {
                break;
            };
            let Some(connection) = self.links[usize::from(no)].connection() else {
                break;
            };
            let taken = connection.session.submit(self.queue.take(pick, count));
            if connection.session.room() == 0
                || connection.session.poll_transmit().len() >= BATCH_BYTES
            {
                open.retain(|other| *other != no);
            }
            match taken {
                Ok(()) => {}
                Err(NotTaken::NoRoom(batch)) => {
                    self.queue.push_front(batch);
                    open.retain(|other| *other != no);
                }
                Err(NotTaken::Unsendable(batch, _)) if batch.len() > 1 => self.split(batch),
                Err(NotTaken::Unsendable(batch, reason)) => {
                    let answer = Answer::Refused(format!("local: {reason}"));
                    let refused = |submit: Submit| (submit.sequence, answer.clone());
                    self.outbox.push(Event::Answered {
                        link: no,
                        answers: batch.into_iter().map(refused).collect(),
                    });
                }
            }
        }
        None
    }

    /// A submit to several numbers was refused as a whole, perhaps for one of them: it goes again as two halves,
    /// and a half that is refused is split in turn, down to the number that is the reason.
    pub(super) fn split(&mut self, mut batch: Vec<Submit>) {
        let mut half = batch.split_off(batch.len().div_ceil(2));
        for half in [&mut half, &mut batch] {
            self.splits = self.splits.wrapping_add(1);
            for submit in half.iter_mut() {
                submit.sharing = Sharing::Only(self.splits);
                // Over SGIP number and time are the id, and an id that comes again is refused.
                submit.request.asked = submit.request.asked.plus_secs(1);
            }
            self.queue.push_front(std::mem::take(half));
        }
    }

    /// The links that take a submit now.
    fn open_links(&self) -> Vec<LinkNo> {
        let takes = |link: &&Link<P>| matches!(&link.phase, LinkPhase::Connected(connection) if connection.takes_submits());
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
            let Some(connection) = link.connection() else {
                continue;
            };
            if connection.session.poll_transmit().is_empty() || !connection.has_output() {
                continue;
            }
            let mut went = connection.flush(&self.context.gate);
            if connection.session.ended().is_none() {
                let back = connection.session.withdraw();
                self.queue.push_front(back);
                connection.half_written = connection.session.half_sent();
            }
            written.append(&mut went);
        }
    }
}
