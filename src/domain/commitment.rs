//! What digests are made of: of campaigns, so that an approval binds what was approved; of plans; and of each
//! message, which the freeze event's root commits to. The bytes are decided for good (`docs/ledger.md`).

use sha2::{Digest as _, Sha256};

use super::{
    audience_spec::AudienceSpec,
    event::{FrozenLane, Terms},
    policy::{Late, OnDoubt},
    priority::Priority,
    time::Micros,
};

/// A campaign's part that binds before its run is frozen.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// The text with placeholders.
    pub template: &'a str,
    /// How urgent.
    pub priority: Priority,
    /// The policy for doubt.
    pub on_doubt: OnDoubt,
    /// What it does when it is late.
    pub late: Late,
    /// Not later than so many microseconds after a slot; 0: no limit.
    pub lasts_us: i64,
    /// Whom it goes to.
    pub audience: &'a AudienceSpec,
    /// When it fires.
    pub slots: &'a [Micros],
}

/// What an approval binds of a frozen run: the text, the exact people (by their lanes' roots), the time, the
/// policies.
pub fn frozen(text: &str, terms: &Terms, lanes: &[FrozenLane]) -> [u8; 32] {
    let us = |at: Option<Micros>| at.map_or(0, |at| at.0);
    let lanes: Vec<_> = lanes
        .iter()
        .map(|l| (&l.gateway.0, l.size, &l.root))
        .collect();
    let mut bound = vec![
        serde_json::json!(text),
        serde_json::json!(terms.priority),
        serde_json::json!(terms.on_doubt),
        us(terms.not_after).into(),
        us(terms.not_before).into(),
        serde_json::json!(lanes),
    ];
    // Absent where it is the first version's only way.
    if terms.late != Late::Send {
        bound.push(terms.late.as_str().into());
    }
    hash(&bound.into())
}

/// What stands in a draft: everything that its approval will bind, but for the exact people.
pub fn draft(b: &Bound<'_>) -> [u8; 32] {
    hash(&serde_json::json!([
        "draft",
        b.template,
        b.priority,
        b.on_doubt,
        b.late,
        b.lasts_us,
        b.audience.to_json(),
        b.slots
    ]))
}

/// What the approval of a recurring campaign binds: its people by their groups and their number.
pub fn recurring(b: &Bound<'_>, people: i64) -> [u8; 32] {
    hash(&serde_json::json!([
        "recurring",
        b.template,
        b.priority,
        b.on_doubt,
        b.late,
        b.lasts_us,
        b.audience.to_json(),
        b.slots,
        people
    ]))
}

/// What a plan's import notes.
pub fn plan(name: &str, title: &str, source: &str) -> [u8; 32] {
    hash(&serde_json::json!([name, title, source]))
}

/// A message's commitment: what its freeze leaf covers, one JSON array.
pub fn message(position: i64, phone: &str, vals: &str, text: &str) -> String {
    serde_json::to_string(&(position, phone, vals, text)).expect("numbers and strings")
}

fn hash(bound: &serde_json::Value) -> [u8; 32] {
    Sha256::digest(bound.to_string()).into()
}
