//! The example county's address books: each planted fault is found, and nobody is lost.

use std::collections::{BTreeMap, BTreeSet};

use watchbell::{
    demo::county::{AddressBook, LEADERS, address_books},
    domain::{
        carrier::{Carrier, CarrierTable},
        lang::Lang,
        phone::Phone,
    },
    intake::{Counts, Person, Row, Verdict, corrected::Corrected, read},
};

fn import(book: &AddressBook) -> (Vec<Row>, Counts) {
    let (_, rows, counts) = read(&book.bytes, CarrierTable::builtin())
        .unwrap_or_else(|e| panic!("{}: {e}", book.group));
    (rows, counts)
}

fn people(book: &AddressBook) -> Vec<Person> {
    let accepted = import(book)
        .0
        .into_iter()
        .filter_map(|row| match row.verdict {
            Verdict::Accepted(person) => Some(person),
            _ => None,
        });
    accepted.collect()
}

#[test]
fn every_planted_fault_is_found_in_its_row_and_nothing_else_is() {
    for n in [0, 1, 5, 60, 1000] {
        for book in address_books(n, 7).unwrap() {
            let (rows, counts) = import(&book);
            let found: Vec<_> = rows
                .iter()
                .filter_map(|row| match &row.verdict {
                    Verdict::Accepted(p) => p.repaired.map(|_| (row.line, "repaired")),
                    Verdict::Duplicate { .. } => Some((row.line, "duplicate")),
                    Verdict::Refused(refusal) => Some((row.line, refusal.code())),
                })
                .collect();
            let planted: Vec<_> = book.planted.iter().map(|p| (p.row, p.code)).collect();
            assert_eq!(found, planted, "{} of {n}", book.group);
            assert_eq!(counts.accepted, book.accepted as u64);
            assert_eq!(
                counts.rows,
                counts.accepted + counts.duplicate + counts.refused
            );
            assert_eq!(counts.rows, rows.len() as u64, "every row is accounted for");
        }
    }
}

#[test]
fn the_leaders_book_holds_all_kinds_of_faults() {
    let [leaders, ..] = address_books(1000, 7).unwrap();
    let kinds: BTreeSet<_> = leaders.planted.iter().map(|p| p.code).collect();
    assert_eq!(leaders.group, LEADERS);
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}

#[test]
fn the_corrected_book_imports_clean_with_the_several_numbers_in_rows_of_their_own() {
    let [leaders, ..] = address_books(60, 7).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for name in ["corrected.csv", "corrected.xlsx"] {
        let path = dir.path().join(name);
        let (layout, rows, _) = read(&leaders.bytes, CarrierTable::builtin()).unwrap();
        let mut corrected = Corrected::create(&path, &layout, Lang::Zh).unwrap();
        for row in &rows {
            corrected.add(row).unwrap();
        }
        let summary = corrected.finish().unwrap();
        let again = AddressBook {
            bytes: std::fs::read(&path).unwrap(),
            ..leaders.clone()
        };
        let (_, counts) = import(&again);
        let expected = leaders.accepted as u64 + 2;
        assert_eq!(
            (counts.rows, counts.accepted, counts.repaired),
            (expected, expected, 0),
            "{name}"
        );
        assert_eq!(
            (summary.written, summary.split, summary.left_out),
            (expected, 2, 11)
        );
        let names = |book: &AddressBook| {
            people(book)
                .into_iter()
                .map(|p| (p.phone, p.name))
                .collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (names(&leaders), names(&again));
        assert!(
            before
                .iter()
                .all(|(phone, name)| after.get(phone) == Some(name))
        );
    }
}

#[test]
fn the_county_has_exactly_as_many_people_as_asked_for_and_some_stand_in_two_groups() {
    for n in [0, 1, 9, 60, 5000] {
        let books = address_books(n, 7).unwrap();
        let all: Vec<Phone> = books.iter().flat_map(people).map(|p| p.phone).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), n);
        assert!(n < 60 || all.len() > n);
    }
    let [leaders, units, staff] = address_books(5000, 7).unwrap().map(|b| b.accepted);
    assert!(
        leaders < units && units < staff,
        "{leaders} {units} {staff}"
    );
}

#[test]
fn most_people_are_with_china_mobile_and_every_carrier_has_some() {
    let mut share = BTreeMap::new();
    for person in address_books(5000, 7).unwrap().iter().flat_map(people) {
        *share
            .entry(CarrierTable::builtin().carrier(person.phone))
            .or_insert(0) += 1;
    }
    let of = |carrier| share.get(&carrier).copied().unwrap_or(0);
    assert!(of(Carrier::Mobile) > of(Carrier::Unicom) + of(Carrier::Telecom));
    assert!(of(Carrier::Broadnet) > 50);
    // Satellite phones, one in a hundred.
    assert!((40..=60).contains(&of(Carrier::Other)));
}

#[test]
fn the_same_seed_gives_the_same_books() {
    assert_eq!(address_books(60, 7).unwrap(), address_books(60, 7).unwrap());
    assert_ne!(address_books(60, 7).unwrap(), address_books(60, 8).unwrap());
}

#[test]
fn the_committed_books_are_what_the_generator_makes() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/");
    for book in address_books(60, 2023).unwrap() {
        let committed = AddressBook {
            bytes: std::fs::read(format!("{dir}{}", book.file_name)).unwrap(),
            ..book.clone()
        };
        assert_eq!(
            import(&committed),
            import(&book),
            "run scripts/example-address-books"
        );
    }
}
