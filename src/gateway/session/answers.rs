//! What an answer means for each number of its submit, and what becomes of submits without one.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{LATE_LIMIT, LinkEnd, Sent, Session, SessionEvent, sequences};
use crate::{
    domain::phone::Phone,
    gateway::{Answer, Submit, protocol::SessionProtocol},
};

impl<P: SessionProtocol> Session<P> {
    pub(super) fn answered(
        &mut self,
        now: Instant,
        sequence: u32,
        answer: Answer,
        except: &[(Phone, Answer)],
    ) {
        let limit = self.limits.response_timeout;
        let (batch, delay, late, recalled) = match self.open.remove(&sequence) {
            Some(sent) => {
                let delay = now.saturating_duration_since(sent.at);
                (sent.batch, delay, false, sent.recalled)
            }
            None => match self.late.remove(&sequence) {
                Some(batch) => (batch, limit, true, false),
                // Not ours: an answer to nothing we asked on this connection.
                None => return,
            },
        };
        self.events.push_back(match (&answer, late) {
            _ if batch.is_empty() => SessionEvent::Answered {
                answers: vec![(sequence, answer)],
                delay,
            },
            (Answer::Refused(_) | Answer::WrongNetwork(_), false) if recalled => {
                SessionEvent::Recalled(sequences(sequence, &batch))
            }
            (Answer::Refused(_) | Answer::WrongNetwork(_), false) => SessionEvent::Split(batch),
            _ => SessionEvent::Answered {
                answers: self.answers(&batch, &answer, except),
                delay,
            },
        });
        self.forget_answered();
    }

    /// Is a submit to several numbers open under this one?
    pub(super) fn carries_several(&self, sequence: u32) -> bool {
        let open = self.open.get(&sequence);
        open.is_some_and(|sent| sent.batch.len() > 1)
    }

    /// The peer has no submit to several numbers: each goes alone.
    pub(super) fn answered_singly(&mut self, sequence: u32) {
        let Some(sent) = self.open.remove(&sequence) else {
            return;
        };
        self.events.push_back(match sent.recalled {
            true => SessionEvent::Recalled(sequences(sequence, &sent.batch)),
            false => SessionEvent::OnlySingly(sent.batch),
        });
        self.forget_answered();
    }

    /// The answer of each number.
    fn answers(
        &self,
        batch: &[Submit],
        answer: &Answer,
        except: &[(Phone, Answer)],
    ) -> Vec<(u32, Answer)> {
        let own = |place: u16, submit: &Submit| {
            let single = except.iter().find(|(phone, _)| *phone == submit.phone);
            match (single, answer) {
                (Some((_, answer)), _) => answer.clone(),
                (None, Answer::Accepted(first)) => match self.protocol.counted(first, place) {
                    counted if counted == *first => Answer::Accepted(counted),
                    counted => Answer::AcceptedAs {
                        answered: first.clone(),
                        counted,
                    },
                },
                (None, other) => other.clone(),
            }
        };
        (0..)
            .zip(batch)
            .map(|(place, submit)| (submit.sequence, own(place, submit)))
            .collect()
    }

    fn forget_answered(&mut self) {
        let is_open = |open: &HashMap<u32, Sent>, (written, own): &(Instant, u32)| {
            open.get(own).is_some_and(|sent| sent.at == *written)
        };
        while self
            .order
            .front()
            .is_some_and(|first| !is_open(&self.open, first))
        {
            self.order.pop_front();
        }
        // One overdue answer at the front would let the answered ones behind it pile up.
        if self.order.len() > 2 * self.open.len() + 1_024 {
            let open = &self.open;
            self.order.retain(|entry| is_open(open, entry));
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let mut overdue = Vec::new();
        while let Some(&(written, sequence)) = self.order.front() {
            if written + self.limits.response_timeout > now {
                break;
            }
            self.order.pop_front();
            let is_it = self
                .open
                .get(&sequence)
                .is_some_and(|sent| sent.at == written);
            if let Some(sent) = is_it.then(|| self.open.remove(&sequence)).flatten() {
                overdue.extend(sequences(sequence, &sent.batch));
                self.late.insert(sequence, sent.batch);
            }
        }
        if !overdue.is_empty() {
            self.events.push_back(SessionEvent::TimedOut(overdue));
        }
        if self.late.len() > LATE_LIMIT {
            self.end(LinkEnd::TooManyOverdue);
        }
    }
}
