//! What a gateway's events count.

use crate::{
    domain::{id::GatewayId, message::ReportStatus},
    gateway::{Answer, Delivery, Event, Notice},
    telemetry::{ANSWERS, LINKS_UP, LOGINS, MO_MESSAGES, PACE, REPORTS, SUBMITS_WRITTEN},
};

/// Counts one event; `links_up`: of this gateway, now.
pub(super) fn count(id: &GatewayId, event: &Event, links_up: u16) {
    let gateway = ("gateway", id.0.as_str());
    let outcome = |outcome| [gateway, ("outcome", outcome)];
    match event {
        Event::LinkUp(_) => {
            LOGINS.add(&outcome("accepted"), 1);
            LINKS_UP.set(&[gateway], f64::from(links_up));
        }
        Event::LinkDown { unanswered, .. } => {
            LINKS_UP.set(&[gateway], f64::from(links_up));
            ANSWERS.add(&outcome("lost"), unanswered.len() as u64);
        }
        Event::Notice(Notice::LoginRefused { .. }) => LOGINS.add(&outcome("refused"), 1),
        Event::Written(sequences) => SUBMITS_WRITTEN.add(&[gateway], sequences.len() as u64),
        Event::Answered { answers, .. } => {
            // Nearly always one outcome: a request's numbers share their answer.
            for of_one in answers.chunk_by(|a, b| word(&a.1) == word(&b.1)) {
                ANSWERS.add(&outcome(word(&of_one[0].1)), of_one.len() as u64);
            }
        }
        Event::TimedOut(sequences) => ANSWERS.add(&outcome("timed_out"), sequences.len() as u64),
        Event::Delivered {
            delivery: Delivery::Report(report),
            ..
        } => REPORTS.add(&outcome(status(report.status)), 1),
        Event::Delivered {
            delivery: Delivery::Mo(_),
            ..
        } => MO_MESSAGES.add(&[gateway], 1),
        Event::Pace(pace) => PACE.set(&[gateway], *pace),
        Event::Recalled(_) | Event::GivenBack(_) | Event::Notice(_) => {}
    }
}

const fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted(_) | Answer::AcceptedAs { .. } => "accepted",
        Answer::Throttled(_) => "throttled",
        Answer::WrongNetwork(_) => "wrong_network",
        Answer::Refused(_) => "refused",
    }
}

const fn status(status: ReportStatus) -> &'static str {
    match status {
        ReportStatus::Delivered => "delivered",
        ReportStatus::Undelivered => "undelivered",
        ReportStatus::Expired => "expired",
    }
}
