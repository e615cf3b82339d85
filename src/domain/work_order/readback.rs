//! The read-back: what arrived on a seed phone against the approved text, character by character. A carrier
//! that retypes a text gets characters wrong that an eye reads over; here each one is found, named and located.

use crate::domain::bilingual::{labelled_facts, labels};
use std::fmt::Write as _;

use super::confusable::look_alike;
use crate::domain::{
    lang::Lang,
    text::{half_width, is_invisible},
};

/// Beyond so many pairs of characters the differing stretch is told as replaced from end to end: a text that is
/// quite another one needs no alignment, and a hostile one gets no memory.
const MAX_PAIRS: usize = 4_000_000;

/// What kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A character that looks nearly the same.
    LookAlike,
    /// The same character in full or half width.
    Width,
    /// A character that nobody sees: zero-width, no-break, directional, a byte order mark, a control.
    Invisible,
    /// It is in the order and did not arrive.
    Missing,
    /// It arrived and is not in the order.
    Extra,
    /// Another character.
    Other,
}

impl Kind {
    /// Its word in programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LookAlike => "look_alike",
            Self::Width => "width",
            Self::Invisible => "invisible",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Other => "other",
        }
    }
}

labels!(Kind {
    LookAlike: "形近字", "look-alike";
    Width: "全角/半角", "full or half width";
    Invisible: "看不见的字符", "invisible character";
    Missing: "漏字", "missing";
    Extra: "多字", "extra";
    Other: "错字", "another character";
});

labelled_facts!(as_str: Kind);

/// One character that is not as approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Where in the approved text, in characters from 0; of an extra one: before which.
    pub at: usize,
    /// What kind.
    pub kind: Kind,
    /// What was approved; `None`: nothing stands there.
    pub approved: Option<char>,
    /// What arrived; `None`: nothing did.
    pub arrived: Option<char>,
}

impl Difference {
    fn of(at: usize, approved: Option<char>, arrived: Option<char>) -> Self {
        let unseen = |c: Option<char>| c.is_some_and(is_unseen);
        let kind = match (approved, arrived) {
            _ if unseen(approved) || unseen(arrived) => Kind::Invisible,
            (Some(a), Some(b)) if same_but_wide(a, b) => Kind::Width,
            (Some(a), Some(b)) if look_alike(a, b) => Kind::LookAlike,
            (Some(_), Some(_)) => Kind::Other,
            (_, None) => Kind::Missing,
            (None, _) => Kind::Extra,
        };
        Self {
            at,
            kind,
            approved,
            arrived,
        }
    }

    /// `第 12 字：应为“忻”，收到“折”（形近字）`.
    pub fn text(&self, lang: Lang) -> String {
        let place = self.at + 1;
        let kind = self.kind.label(lang);
        match (self.approved.map(shown), self.arrived.map(shown)) {
            (Some(a), Some(b)) => lang.pick(
                format!("第 {place} 字：应为{a}，收到{b}（{kind}）"),
                format!("character {place}: {a} was approved, {b} arrived ({kind})"),
            ),
            (Some(a), None) => lang.pick(
                format!("第 {place} 字：{a}没有收到（{kind}）"),
                format!("character {place}: {a} did not arrive ({kind})"),
            ),
            (None, b) => {
                let b = b.unwrap_or_default();
                lang.pick(
                    format!("第 {place} 字之前：多出{b}（{kind}）"),
                    format!("before character {place}: {b} is too much ({kind})"),
                )
            }
        }
    }
}

/// Differences in one line for people, the first ones whole.
pub fn summary(differences: &[Difference], lang: Lang) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for d in differences.iter().take(SHOWN) {
        if !text.is_empty() {
            text.push_str(lang.pick("；", "; "));
        }
        text.push_str(&d.text(lang));
    }
    if differences.len() > SHOWN {
        let more = differences.len() - SHOWN;
        _ = match lang {
            Lang::Zh => write!(text, "；另有 {more} 处"),
            Lang::En => write!(text, "; and {more} more"),
        };
    }
    text
}

/// A character as people can see it: an invisible one by its code.
fn shown(c: char) -> String {
    if is_unseen(c) {
        format!("U+{:04X}", c as u32)
    } else {
        format!("“{c}”")
    }
}

/// Shows as nothing, or as a blank that is not the blank.
fn is_unseen(c: char) -> bool {
    is_invisible(c)
        || c.is_control()
        || matches!(
            c,
            '\u{a0}' | '\u{180e}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}'
                | '\u{2066}'..='\u{2069}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
        )
}

fn same_but_wide(a: char, b: char) -> bool {
    let narrow = |c: char| match c {
        '\u{ff61}' => '\u{3002}',
        '\u{ff62}' => '\u{300c}',
        '\u{ff63}' => '\u{300d}',
        '\u{ff64}' => '\u{3001}',
        '\u{ffe5}' => '\u{a5}',
        other => half_width(other),
    };
    a != b && narrow(a) == narrow(b)
}

/// What arrived against what was approved. `appended` is what the carrier adds at the end by agreement: it is no
/// difference, whether it is there or not.
pub fn compare(approved: &str, arrived: &str, appended: &str) -> Vec<Difference> {
    let mut arrived = arrived;
    if !appended.is_empty()
        && let Some(rest) = arrived.strip_suffix(appended)
        // An approved text that itself ends so keeps its own.
        && (!approved.ends_with(appended) || rest.ends_with(appended))
    {
        arrived = rest;
    }
    let a: Vec<char> = approved.chars().collect();
    let b: Vec<char> = arrived.chars().collect();
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..]
        .iter()
        .rev()
        .zip(b[head..].iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    align(head, &a[head..a.len() - tail], &b[head..b.len() - tail])
}

/// What it costs to tell two stretches apart: the cheapest story is told. A swapped look-alike is likelier than any
/// other swap, and one swap likelier than a character lost and another gained.
fn swap_cost(a: char, b: char) -> u32 {
    match Difference::of(0, Some(a), Some(b)).kind {
        _ if a == b => 0,
        Kind::LookAlike | Kind::Width => 2,
        _ => 3,
    }
}

/// Lost or gained.
const GAP: u32 = 2;

/// The cheapest way from `a` to `b`, as differences in the order of the text.
fn align(from: usize, a: &[char], b: &[char]) -> Vec<Difference> {
    if a.is_empty() || b.is_empty() || a.len().saturating_mul(b.len()) > MAX_PAIRS {
        return replaced(from, a, b);
    }
    let width = b.len() + 1;
    let mut cost = vec![0_u32; (a.len() + 1) * width];
    for (i, cell) in cost.iter_mut().enumerate().take(width) {
        *cell = i as u32 * GAP;
    }
    for (i, x) in a.iter().enumerate() {
        cost[(i + 1) * width] = (i as u32 + 1) * GAP;
        for (j, y) in b.iter().enumerate() {
            let swap = cost[i * width + j] + swap_cost(*x, *y);
            let lost = cost[i * width + j + 1] + GAP;
            let gained = cost[(i + 1) * width + j] + GAP;
            cost[(i + 1) * width + j + 1] = swap.min(lost).min(gained);
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut found = Vec::new();
    while i > 0 || j > 0 {
        let here = cost[i * width + j];
        if i > 0 && j > 0 && here == cost[(i - 1) * width + j - 1] + swap_cost(a[i - 1], b[j - 1]) {
            (i, j) = (i - 1, j - 1);
            if a[i] != b[j] {
                found.push(Difference::of(from + i, Some(a[i]), Some(b[j])));
            }
        } else if i > 0 && here == cost[(i - 1) * width + j] + GAP {
            i -= 1;
            found.push(Difference::of(from + i, Some(a[i]), None));
        } else {
            j -= 1;
            found.push(Difference::of(from + i, None, Some(b[j])));
        }
    }
    found.reverse();
    found
}

/// Character for character, then the longer one's rest.
fn replaced(from: usize, a: &[char], b: &[char]) -> Vec<Difference> {
    let both = a.len().min(b.len());
    let pairs = a.iter().zip(b).enumerate();
    let mut found: Vec<_> = pairs
        .filter(|(_, (x, y))| x != y)
        .map(|(i, (x, y))| Difference::of(from + i, Some(*x), Some(*y)))
        .collect();
    let lost = a[both..].iter().enumerate();
    found.extend(lost.map(|(i, x)| Difference::of(from + both + i, Some(*x), None)));
    let gained = b[both..].iter();
    found.extend(gained.map(|y| Difference::of(from + a.len(), None, Some(*y))));
    found
}

/// What arrived, from what was approved and the differences: nothing was left out of them.
pub fn apply(approved: &str, differences: &[Difference]) -> String {
    let mut arrived = String::with_capacity(approved.len());
    let mut rest = differences.iter().peekable();
    let mut take = |at: usize, arrived: &mut String| -> bool {
        let mut replaced = false;
        while let Some(d) = rest.next_if(|d| d.at == at) {
            arrived.extend(d.arrived);
            if d.approved.is_some() {
                replaced = true;
                break;
            }
        }
        replaced
    };
    let mut n = 0;
    for c in approved.chars() {
        if !take(n, &mut arrived) {
            arrived.push(c);
        }
        n += 1;
    }
    take(n, &mut arrived);
    arrived
}
