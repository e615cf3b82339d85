//! Who gets a run: groups put together, others taken out, one message per number.
//!
//! A city's audience does not fit in memory, so the work is a walk along sorted rows: the store hands them over in
//! the order of (number, rank of the group), and the walk keeps one number at a time.

use std::{collections::HashSet, fmt, iter::Peekable};

use super::phone::Phone;

/// Where a group stands among the included ones: 0 is first, and its rows win.
pub type Rank = u32;

/// The groups reached from `roots`, nested ones behind the one that holds them, each once and in that order: its
/// index is its [`Rank`].
pub fn flatten<G, I>(
    roots: impl IntoIterator<Item = G>,
    mut members: impl FnMut(&G) -> I,
) -> Result<Vec<G>, Cycle<G>>
where
    G: Clone + Eq + std::hash::Hash,
    I: IntoIterator<Item = G>,
    I::IntoIter: DoubleEndedIterator,
{
    enum Step<G> {
        Enter(G),
        Leave,
    }
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    let mut path: Vec<G> = Vec::new();
    for root in roots {
        let mut steps = vec![Step::Enter(root)];
        while let Some(step) = steps.pop() {
            let Step::Enter(group) = step else {
                path.pop();
                continue;
            };
            if let Some(start) = path.iter().position(|open| *open == group) {
                let mut cycle = path.split_off(start);
                cycle.push(group);
                return Err(Cycle { path: cycle });
            }
            if !seen.insert(group.clone()) {
                continue;
            }
            order.push(group.clone());
            steps.push(Step::Leave);
            steps.extend(members(&group).into_iter().rev().map(Step::Enter));
            path.push(group);
        }
    }
    Ok(order)
}

/// A group that contains itself, over however many others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle<G> {
    /// From the group back to itself.
    pub path: Vec<G>,
}

impl<G: fmt::Display> fmt::Display for Cycle<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a group contains itself: ")?;
        for (i, group) in self.path.iter().enumerate() {
            write!(f, "{}{group}", if i == 0 { "" } else { " > " })?;
        }
        f.write_str("; take one of them out of the next")
    }
}

impl<G: fmt::Debug + fmt::Display> std::error::Error for Cycle<G> {}

/// One row of one included group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<T> {
    /// Whom it would reach.
    pub phone: Phone,
    /// The group's rank.
    pub rank: Rank,
    /// The row itself: contact, name, values.
    pub row: T,
}

/// One number of the audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient<T> {
    /// The number.
    pub phone: Phone,
    /// The group whose row won: the first included one that has the number.
    pub rank: Rank,
    /// The row that won.
    pub row: T,
    /// The rows that were merged into it and lost, in the order of their groups.
    pub merged: Vec<(Rank, T)>,
}

/// What became of the candidates so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rows looked at.
    pub candidates: u64,
    /// Numbers that get the message.
    pub recipients: u64,
    /// Rows that went into another row of the same number.
    pub merged: u64,
    /// Rows whose number is excluded.
    pub excluded: u64,
}

/// Walks candidates sorted by (number, rank) beside excluded numbers sorted alike, and yields one recipient per
/// number.
pub struct Merger<C: Iterator, E: Iterator> {
    candidates: Peekable<C>,
    excluded: Peekable<E>,
    last: Option<Phone>,
    tally: Tally,
}

impl<T, C, E> Merger<C, E>
where
    C: Iterator<Item = Candidate<T>>,
    E: Iterator<Item = Phone>,
{
    /// Both must be sorted; a number that comes again later is our own bug and ends the program.
    pub fn new(
        candidates: impl IntoIterator<IntoIter = C>,
        excluded: impl IntoIterator<IntoIter = E>,
    ) -> Self {
        Self {
            candidates: candidates.into_iter().peekable(),
            excluded: excluded.into_iter().peekable(),
            last: None,
            tally: Tally::default(),
        }
    }

    /// The figures so far; at the end they add up.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn is_excluded(&mut self, phone: Phone) -> bool {
        while self.excluded.next_if(|e| *e < phone).is_some() {}
        self.excluded.peek() == Some(&phone)
    }
}

impl<T, C, E> Iterator for Merger<C, E>
where
    C: Iterator<Item = Candidate<T>>,
    E: Iterator<Item = Phone>,
{
    type Item = Recipient<T>;

    fn next(&mut self) -> Option<Recipient<T>> {
        loop {
            let Candidate { phone, rank, row } = self.candidates.next()?;
            assert!(
                self.last < Some(phone),
                "candidates are sorted by number, else somebody would get two messages"
            );
            self.last = Some(phone);
            let mut recipient = Recipient {
                phone,
                rank,
                row,
                merged: Vec::new(),
            };
            while let Some(next) = self.candidates.next_if(|c| c.phone == phone) {
                debug_assert!(recipient.merged.last().map_or(rank, |m| m.0) <= next.rank);
                recipient.merged.push((next.rank, next.row));
            }
            let rows = 1 + recipient.merged.len() as u64;
            self.tally.candidates += rows;
            if self.is_excluded(phone) {
                self.tally.excluded += rows;
                continue;
            }
            self.tally.recipients += 1;
            self.tally.merged += rows - 1;
            return Some(recipient);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn groups(
        roots: &[&'static str],
        edges: &[(&'static str, &[&'static str])],
    ) -> Result<Vec<&'static str>, Cycle<&'static str>> {
        let edges: BTreeMap<_, _> = edges.iter().copied().collect();
        flatten(roots.iter().copied(), |g| {
            edges.get(g).copied().unwrap_or_default().to_vec()
        })
    }

    fn phone(n: u64) -> Phone {
        Phone::from_number(13_800_000_000 + n).unwrap()
    }

    fn candidate(n: u64, rank: Rank, row: &'static str) -> Candidate<&'static str> {
        Candidate {
            phone: phone(n),
            rank,
            row,
        }
    }

    #[test]
    fn nested_groups_stand_behind_the_one_that_holds_them() {
        let order = groups(
            &["county", "staff"],
            &[
                ("county", &["leaders", "units"]),
                ("units", &["north", "staff"]),
            ],
        );
        assert_eq!(
            order.unwrap(),
            ["county", "leaders", "units", "north", "staff"]
        );
    }

    #[test]
    fn a_group_reached_twice_is_taken_once_and_is_no_cycle() {
        let order = groups(&["a", "b", "a"], &[("a", &["c"]), ("b", &["c"])]);
        assert_eq!(order.unwrap(), ["a", "c", "b"]);
    }

    #[test]
    fn a_cycle_is_an_error_that_names_the_path() {
        let cycle = groups(
            &["top"],
            &[("top", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])],
        )
        .unwrap_err();
        assert_eq!(cycle.path, ["a", "b", "c", "a"]);
        assert!(cycle.to_string().contains("a > b > c > a"));
        assert_eq!(
            groups(&["a"], &[("a", &["a"])]).unwrap_err().path,
            ["a", "a"]
        );
    }

    #[test]
    fn one_message_per_number_and_the_first_groups_row_wins() {
        let rows = [
            candidate(1, 0, "leader"),
            candidate(1, 1, "unit"),
            candidate(1, 2, "staff"),
            candidate(2, 2, "staff"),
        ];
        let mut merger = Merger::new(rows, []);
        let one = merger.next().unwrap();
        assert_eq!(
            (one.rank, one.row, one.merged),
            (0, "leader", vec![(1, "unit"), (2, "staff")])
        );
        assert_eq!(merger.next().unwrap().merged, []);
        assert_eq!(merger.next(), None);
        assert_eq!(
            merger.tally(),
            Tally {
                candidates: 4,
                recipients: 2,
                merged: 2,
                excluded: 0
            }
        );
    }

    #[test]
    fn an_excluded_number_gets_nothing_from_any_group() {
        let rows = [
            candidate(1, 0, "a"),
            candidate(2, 0, "b"),
            candidate(2, 1, "c"),
            candidate(3, 0, "d"),
        ];
        let mut merger = Merger::new(rows, [phone(0), phone(2), phone(2), phone(9)]);
        assert_eq!(
            merger.by_ref().map(|r| r.row).collect::<Vec<_>>(),
            ["a", "d"]
        );
        assert_eq!(
            merger.tally(),
            Tally {
                candidates: 4,
                recipients: 2,
                merged: 0,
                excluded: 2
            }
        );
    }

    #[test]
    #[should_panic(expected = "sorted by number")]
    fn unsorted_candidates_are_our_bug() {
        let _ = Merger::new([candidate(2, 0, "a"), candidate(1, 0, "b")], []).count();
    }

    proptest! {
        #[test]
        fn the_figures_add_up_and_nobody_gets_two(
            mut rows in prop::collection::vec((0_u64..30, 0_u32..4), 0..60),
            excluded in prop::collection::btree_set(0_u64..30, 0..10),
        ) {
            rows.sort_unstable();
            let wanted: BTreeSet<_> = rows.iter().map(|r| r.0).filter(|n| !excluded.contains(n)).collect();
            let candidates = rows.iter().map(|&(n, rank)| Candidate { phone: phone(n), rank, row: () });
            let mut merger = Merger::new(candidates, excluded.iter().map(|&n| phone(n)));
            let got: Vec<_> = merger.by_ref().map(|r| r.phone).collect();
            prop_assert_eq!(got, wanted.into_iter().map(phone).collect::<Vec<_>>());
            let t = merger.tally();
            prop_assert_eq!(t.candidates, rows.len() as u64);
            prop_assert_eq!(t.candidates, t.recipients + t.merged + t.excluded);
        }
    }
}
