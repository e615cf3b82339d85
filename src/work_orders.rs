//! Carriers' side of a work order: the interface that some of them offer, and the letter and form for those that
//! don't. Bytes in, an [`Answer`] out; what it means for the order, the service decides.

pub mod client;
pub mod form;
pub mod letter;
pub mod protocol;

use crate::domain::time::Micros;

/// What a carrier says of an order, by whichever way it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// It will do it.
    pub acknowledged: bool,
    /// It will not, for this reason.
    pub refused: Option<String>,
    /// When it means to send.
    pub planned: Option<(Micros, Micros)>,
    /// What arrived on seed phones.
    pub proofs: Vec<Proof>,
    /// Its figures.
    pub counts: Vec<Figures>,
    /// Its evidence.
    pub evidence: Vec<Piece>,
}

/// What arrived on a seed phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The carrier's own number of it; `None`: it has none.
    pub theirs: Option<i64>,
    /// Of which round; 0: the present one.
    pub revision: i64,
    /// Which phone; empty: not said.
    pub phone: String,
    /// What it shows.
    pub text: String,
}

/// Figures as the carrier declares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The carrier's own number of them; `None`: they have none.
    pub theirs: Option<i64>,
    /// As of when.
    pub as_of: Micros,
    /// How many were to get it.
    pub requested: Option<i64>,
    /// How many were sent to.
    pub sent: Option<i64>,
    /// How many got it.
    pub delivered: Option<i64>,
    /// These are its last.
    pub last: bool,
    /// In its own words.
    pub remark: String,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The carrier's own number of it; `None`: it has none.
    pub theirs: Option<i64>,
    /// What it is called.
    pub name: String,
    /// The file's content.
    pub bytes: Vec<u8>,
}
