//! The letter that goes with an order on paper: a page that prints, with the text in a box that says not to retype it.

use askama::Template;

/// The letter.
#[derive(Debug, Clone, Template)]
#[template(path = "work_orders/letter.html")]
pub struct Letter {
    /// The office.
    pub office: String,
    /// Its number; empty: not issued yet.
    pub number: String,
    /// What people call it.
    pub name: String,
    /// To which company.
    pub company: String,
    /// Where it stands, in words.
    pub state: String,
    /// The check code.
    pub check_code: String,
    /// Which round of proofs.
    pub revision: i64,
    /// The text as a phone has to show it.
    pub shown: String,
    /// SHA-256 of the text, hex.
    pub text_sha256: String,
    /// How many characters.
    pub characters: usize,
    /// What the carrier adds by agreement.
    pub appended: String,
    /// To whom.
    pub audience: String,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Hours of a day.
    pub hours: String,
    /// At most so many a day; 0: no cap.
    pub daily_cap: i64,
    /// Wanted counts, in words.
    pub counts: String,
    /// Wanted evidence.
    pub evidence: String,
    /// Whom to ask.
    pub contact: String,
    /// How many seed phones there are.
    pub seeds: usize,
    /// When it was issued, or printed.
    pub date: String,
    /// Nothing of this is meant in earnest.
    pub practice: bool,
    /// The ledger's head when it was printed.
    pub head: String,
}
