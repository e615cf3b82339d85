//! The month's report: what stands on the page, and the page. Figures come in, HTML goes out.

pub mod acceptance;
mod words;

use askama::Template;

use crate::domain::{
    lang::Lang,
    message::{Ending, LogState},
};
pub use words::{cause, meaning, reason};

/// How many messages ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Messages in any state.
    pub total: i64,
    /// On the handset, says the carrier.
    pub delivered: i64,
    /// The carrier said no, or that it did not arrive.
    pub failed: i64,
    /// Not sent, on purpose.
    pub held_back: i64,
    /// Nobody knows.
    pub doubt: i64,
}

impl Sum {
    /// Counts `n` messages in a state of the log.
    pub fn count(&mut self, state: LogState, n: i64) {
        self.total += n;
        match state.ending() {
            Ending::OnTheWay => {}
            Ending::Delivered => self.delivered += n,
            Ending::Failed => self.failed += n,
            Ending::HeldBack => self.held_back += n,
            Ending::Doubtful => self.doubt += n,
        }
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.held_back += other.held_back;
        self.doubt += other.doubt;
    }

    /// Those that are still on their way.
    pub fn open(&self) -> i64 {
        self.total - self.delivered - self.failed - self.held_back - self.doubt
    }

    /// Delivered of those that were to be sent.
    pub fn rate(&self) -> String {
        percent(self.delivered, self.total - self.held_back)
    }

    /// The bar's pieces, for a bar of `width` that stands for `whole` messages.
    pub fn bar(&self, width: i64, whole: i64) -> Vec<Piece> {
        let at = |n: i64| n.saturating_mul(width) / whole.max(1);
        let mut from = 0;
        let mut pieces = Vec::new();
        for (class, n) in [
            ("good", self.delivered),
            ("bad", self.failed),
            ("doubt", self.doubt + self.open()),
            ("held", self.held_back),
        ] {
            // Edges are rounded, not widths, so that the pieces add up.
            pieces.push(Piece {
                class,
                x: at(from),
                width: at(from + n) - at(from),
            });
            from += n;
        }
        pieces.retain(|p| p.width > 0);
        pieces
    }
}

/// A part of a whole with one decimal; a dash where there is no whole.
pub fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "—".to_owned();
    }
    // Cut, not rounded: 100.0% is said only of all.
    let tenths = i128::from(part) * 1000 / i128::from(whole);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// A piece of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Which colour.
    pub class: &'static str,
    /// Left edge in the chart, in pixels.
    pub x: i64,
    /// How wide.
    pub width: i64,
}

/// A line with a name and a sum.
#[derive(Debug, Clone)]
pub struct Line {
    /// Of what.
    pub name: String,
    /// How many.
    pub sum: Sum,
}

/// A day with its bar.
#[derive(Debug, Clone)]
pub struct Day {
    /// `06-12`.
    pub name: String,
    /// How many.
    pub sum: Sum,
    /// Its bar.
    pub bar: Vec<Piece>,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// `06-12 09:00`.
    pub slot: String,
    /// Its campaign.
    pub name: String,
    /// To whom.
    pub to: String,
    /// How it stands, in words.
    pub standing: String,
    /// Nothing of it went out though its time is past.
    pub missed: bool,
    /// How many.
    pub sum: Sum,
}

/// A gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its messages by how they ended.
    pub sum: Sum,
    /// Segments that it took.
    pub segments: i64,
    /// What they cost by the price in the settings; a dash where none is set.
    pub cost: String,
}

/// A state with its meaning.
#[derive(Debug, Clone)]
pub struct State {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// How many.
    pub n: i64,
    /// Of all.
    pub share: String,
}

/// Why messages did not arrive.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The state's word.
    pub state: &'static str,
    /// In plain words.
    pub cause: String,
    /// The code as it came.
    pub code: String,
    /// How many.
    pub n: i64,
}

/// A carrier's work order. Its figures are the carrier's: they are never added to what was observed.
#[derive(Debug, Clone)]
pub struct Order {
    /// As on the letter.
    pub number: String,
    /// Who sends.
    pub carrier: &'static str,
    /// To whom, in words.
    pub audience: String,
    /// `06-05 至 06-09`.
    pub days: String,
    /// Where it stands, in words.
    pub standing: String,
    /// The carrier owes something and is late.
    pub late: bool,
    /// How many were to get it; a dash where the carrier does not say.
    pub requested: String,
    /// How many were sent to.
    pub sent: String,
    /// How many got it.
    pub delivered: String,
    /// The figures are as of then.
    pub as_of: String,
    /// Rounds of proofs, and those that were stopped.
    pub proofs: String,
    /// Pieces of evidence.
    pub evidence: usize,
    /// What cannot be about the figures, in words.
    pub contradictions: Vec<String>,
}

/// The report.
#[derive(Debug, Clone, Template)]
#[template(path = "report/month.html")]
pub struct Report {
    /// Its language.
    pub lang: Lang,
    /// The office.
    pub office: String,
    /// `2023年6月`, `June 2023`.
    pub month: String,
    /// When the figures were read.
    pub as_of: String,
    /// The office's zone.
    pub zone: String,
    /// Nothing of this went to anybody.
    pub practice: bool,
    /// The ledger's head at that moment.
    pub head: String,
    /// All messages of the report's time.
    pub total: Sum,
    /// By state.
    pub states: Vec<State>,
    /// By day.
    pub days: Vec<Day>,
    /// By run.
    pub runs: Vec<Run>,
    /// By audience.
    pub groups: Vec<Line>,
    /// By unit, the largest.
    pub units: Vec<Line>,
    /// Messages of units that are not listed.
    pub other_units: i64,
    /// By carrier.
    pub carriers: Vec<Line>,
    /// By gateway.
    pub gateways: Vec<Gateway>,
    /// Why not.
    pub failures: Vec<Failure>,
    /// Asked, no answer.
    pub in_doubt: i64,
    /// Taken, no report.
    pub unconfirmed: i64,
    /// What carriers were asked to send themselves.
    pub orders: Vec<Order>,
}

impl Report {
    /// The page; everything in it is escaped.
    pub fn html(&self) -> Result<String, askama::Error> {
        self.render()
    }

    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.lang.pick(zh, en)
    }

    fn missed(&self) -> usize {
        self.runs.iter().filter(|r| r.missed).count()
    }

    fn segments(&self) -> i64 {
        self.gateways.iter().map(|g| g.segments).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bars_pieces_add_up_whatever_is_rounded() {
        let sum = Sum {
            total: 1000,
            delivered: 333,
            failed: 333,
            held_back: 333,
            doubt: 1,
        };
        let pieces = sum.bar(100, 1000);
        assert_eq!(pieces.iter().map(|p| p.width).sum::<i64>(), 100);
        assert!(pieces.windows(2).all(|p| p[0].x + p[0].width == p[1].x));
        assert!(Sum::default().bar(100, 0).is_empty());
    }

    #[test]
    fn all_is_said_only_of_all() {
        assert_eq!(percent(9_999, 10_000), "99.9%");
        assert_eq!(percent(7, 7), "100.0%");
        assert_eq!(percent(0, 0), "—");
    }
}
