//! Address books into groups: every row is accounted for, and the ledger agrees after each import.

use std::{collections::BTreeMap, fs, io::Cursor, sync::Arc};

use watchbell::{
    demo::county::{AddressBook, LEADERS, address_books},
    domain::{event::Event, phone::Phone, role::Role},
    service::contacts::{Import, ImportReport, OptOut, Step},
};

use crate::harness::story::{Story, machine, misused, on_each_database, refused};

async fn import(story: &Story, group: &str, book: &[u8]) -> ImportReport {
    let wish = Import::into_group(group);
    let book = Cursor::new(book.to_vec());
    story
        .office
        .contacts()
        .import(&machine(), book, wish)
        .await
        .unwrap()
}

fn accounted(report: &ImportReport) -> u64 {
    let refused = report.refused.len() as u64;
    report.new + report.changed + report.unchanged + report.duplicate + refused
}

fn figures(r: &ImportReport) -> [u64; 5] {
    [
        r.new,
        r.changed,
        r.unchanged,
        r.duplicate,
        r.refused.len() as u64,
    ]
}

/// A book of numbers `from..to`, each with a name.
fn book(rows: impl IntoIterator<Item = (u64, &'static str)>) -> Vec<u8> {
    let lines = rows
        .into_iter()
        .map(|(n, name)| format!("{name},{}\n", 13_800_000_000 + n));
    ["姓名,手机\n".to_owned()]
        .into_iter()
        .chain(lines)
        .collect::<String>()
        .into_bytes()
}

async fn members(story: &Story, group: &str) -> BTreeMap<u64, (String, Vec<u8>)> {
    let mut tx = story.office.store.read("members").await.unwrap();
    let Some(row) = tx.group(group).await.unwrap() else {
        return BTreeMap::new();
    };
    let rows = tx.contacts_after(row.id, None, i64::MAX).await.unwrap();
    rows.into_iter()
        .map(|c| (c.phone.number() % 13_800_000_000, (c.name, c.salt)))
        .collect()
}

#[tokio::test]
async fn every_row_of_every_book_is_accounted_for_and_a_second_import_changes_nothing() {
    on_each_database(async |story| {
        for AddressBook {
            group,
            bytes,
            accepted,
            planted,
            ..
        } in address_books(300, 7).unwrap()
        {
            let first = import(story, group, &bytes).await;
            assert_eq!(
                (first.rows, first.new),
                (accounted(&first), accepted as u64)
            );
            let refused: Vec<_> = first.refused.iter().map(|r| (r.row, r.code)).collect();
            let wrong = planted
                .iter()
                .filter(|p| !["repaired", "duplicate"].contains(&p.code));
            assert_eq!(refused, wrong.map(|p| (p.row, p.code)).collect::<Vec<_>>());
            let repaired = planted.iter().filter(|p| p.code == "repaired").count();
            assert_eq!(first.repaired, repaired as u64);

            let (before, people) = (story.events().await.len(), members(story, group).await);
            let again = import(story, group, &bytes).await;
            assert_eq!(
                (again.new, again.changed, again.unchanged),
                (0, 0, first.new)
            );
            assert_eq!(story.events().await.len(), before, "nothing to record");
            assert_eq!(members(story, group).await, people);
        }
    })
    .await;
}

#[tokio::test]
async fn the_corrected_file_imports_clean_also_from_a_dry_run() {
    on_each_database(async |story| {
        let [leaders, ..] = address_books(60, 7).unwrap();
        let original = story.path("leaders.csv");
        fs::write(&original, &leaders.bytes).unwrap();
        for dry_run in [true, false] {
            let corrected = story.path(if dry_run { "dry.csv" } else { "wet.xlsx" });
            let wish = Import {
                dry_run,
                corrected: Some(corrected.clone()),
                ..Import::into_group(LEADERS)
            };
            let done = story
                .office
                .contacts()
                .import_file(&machine(), &original, wish)
                .await
                .unwrap();
            let written = done.corrected.as_ref().unwrap().written;
            let (group, wish) = ("改正", Import::into_group("改正"));
            let clean = story
                .office
                .contacts()
                .import_file(&machine(), &corrected, wish)
                .await
                .unwrap();
            assert_eq!((clean.rows, clean.repaired), (written, 0));
            assert_eq!((clean.duplicate, clean.refused.len()), (0, 0));
            assert_eq!(members(story, group).await.len() as u64, written);
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    on_each_database(async |story| {
        let [leaders, ..] = address_books(60, 7).unwrap();
        let dry = Import {
            dry_run: true,
            ..Import::into_group(LEADERS)
        };
        let before = story.events().await;
        let file = Cursor::new(leaders.bytes.clone());
        let said = story
            .office
            .contacts()
            .import(&machine(), file, dry)
            .await
            .unwrap();
        assert_eq!(story.events().await, before);
        assert!(
            story
                .office
                .contacts()
                .groups(&machine())
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(import(story, LEADERS, &leaders.bytes).await, said);
    })
    .await;
}

#[tokio::test]
async fn only_rows_that_say_something_else_get_a_new_salt() {
    on_each_database(async |story| {
        import(story, "g", &book([(2, "乙"), (4, "丁"), (6, "己")])).await;
        let before = members(story, "g").await;
        let report = import(
            story,
            "g",
            &book([(7, "庚"), (4, "丁丁"), (1, "甲"), (6, "己"), (7, "辛")]),
        )
        .await;
        assert_eq!(figures(&report), [2, 1, 1, 1, 0]);
        let after = members(story, "g").await;
        let names: Vec<_> = after
            .iter()
            .map(|(n, (name, _))| (*n, name.as_str()))
            .collect();
        assert_eq!(
            names,
            [(1, "甲"), (2, "乙"), (4, "丁丁"), (6, "己"), (7, "庚")]
        );
        assert_eq!((&before[&2], &before[&6]), (&after[&2], &after[&6]));
        assert_ne!(before[&4].1, after[&4].1);
    })
    .await;
}

#[tokio::test]
async fn a_large_book_goes_in_by_chunks_that_each_verify() {
    on_each_database(async |story| {
        import(story, "g", &book((0..2_500).map(|n| (n * 3, "甲")))).await;
        // Between, over and beyond what is there: the ledger's last word is checked when the story ends.
        let report = import(story, "g", &book((0..2_500).rev().map(|n| (n * 4, "乙")))).await;
        assert_eq!(figures(&report), [1_875, 625, 0, 0, 0]);
        let sizes = story.events().await.into_iter().filter_map(|e| match e {
            Event::Contacts { members, .. } => Some(members),
            _ => None,
        });
        let sizes: Vec<_> = sizes.collect();
        assert_eq!(sizes, [1_000, 2_000, 2_500, 3_166, 3_875, 4_375]);
    })
    .await;
}

#[tokio::test]
async fn a_killed_import_leaves_a_group_that_verifies_and_the_next_one_finishes_it() {
    on_each_database(async |story| {
        import(story, "g", &book((0..2_500).map(|n| (n * 3, "甲")))).await;
        let bytes = book((0..2_500).map(|n| (n * 4, "乙")));
        let wish = Import {
            progress: Arc::new(|step| assert!(!matches!(step, Step::Written(..)), "killed")),
            ..Import::into_group("g")
        };
        let (office, file) = (story.office.clone(), Cursor::new(bytes.clone()));
        let killed = async move { office.contacts().import(&machine(), file, wish).await };
        assert!(tokio::spawn(killed).await.unwrap_err().is_panic());
        story.books_agree_with_the_ledger().await;
        let done = members(story, "g").await.len();
        assert_eq!(done, 3_166);
        let report = import(story, "g", &bytes).await;
        assert_eq!(figures(&report), [1_209, 291, 1_000, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn an_import_that_meets_another_stops_at_a_whole_place_and_the_next_one_finishes() {
    on_each_database(async |story| {
        let (one, other) = (story.office.clone(), story.another_office().await);
        let big = |name| book((0..3_000).map(move |n| (n, name)));
        let (root, wish) = (machine(), Import::into_group("g"));
        let (a, b) = tokio::join!(
            one.contacts()
                .import(&root, Cursor::new(big("甲")), wish.clone()),
            other
                .contacts()
                .import(&root, Cursor::new(big("乙")), wish.clone()),
        );
        other.store.close().await;
        assert!(a.is_ok() || b.is_ok() || (a.is_err() && b.is_err()));
        for done in [a, b] {
            if let Err(e) = done {
                assert!(e.to_string().contains("import the file again"), "{e}");
            }
        }
        let report = import(story, "g", &big("乙")).await;
        assert_eq!(report.rows, accounted(&report));
        assert!(
            members(story, "g")
                .await
                .values()
                .all(|(name, _)| name == "乙")
        );
    })
    .await;
}

#[tokio::test]
async fn an_opt_out_survives_every_import() {
    on_each_database(async |story| {
        let office = &story.office;
        let [leaders, ..] = address_books(60, 7).unwrap();
        import(story, LEADERS, &leaders.bytes).await;
        let number = members(story, LEADERS).await.into_keys().next().unwrap();
        let number = if number < 10_000_000_000 {
            number + 13_800_000_000
        } else {
            number
        }
        .to_string();
        let phone = Phone::from_wire(&number).unwrap();
        let change = office.installation().await.unwrap().change;
        let done = office
            .contacts()
            .opt_out(&machine(), &number, Some("打电话要求"))
            .await
            .unwrap();
        assert_eq!(done, OptOut::Added(phone));
        assert!(
            office.installation().await.unwrap().change > change,
            "the engine must notice"
        );
        import(story, LEADERS, &leaders.bytes).await;
        import(story, "又一组", &leaders.bytes).await;
        let list = office
            .store
            .read("list")
            .await
            .unwrap()
            .suppressions_after(0, 9)
            .await
            .unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!((list[0].phone, &*list[0].source), (phone, "system:root"));
        let again = office
            .contacts()
            .opt_out(&machine(), &format!("+86 {number}"), None)
            .await
            .unwrap();
        assert_eq!(again, OptOut::Known(phone));
        // No number gets into the ledger, not even by a reason.
        misused(
            office
                .contacts()
                .opt_out(
                    &machine(),
                    "13800138000",
                    Some(&format!("same as {number}")),
                )
                .await,
        );
        misused(office.contacts().opt_out(&machine(), "12345", None).await);
        assert!(!format!("{:?}", story.events().await).contains(&number));
    })
    .await;
}

#[tokio::test]
async fn groups_nest_and_never_in_a_circle() {
    on_each_database(async |story| {
        let (office, root) = (&story.office, machine());
        let nest = async |group: &str, children: &[&str]| {
            let children: Vec<_> = children.iter().map(|c| (*c).to_owned()).collect();
            office.contacts().nest(&root, group, &children).await
        };
        import(story, "a", &book([(1, "甲")])).await;
        nest("b", &["a"]).await.unwrap();
        nest("c", &["b", "a", "a"]).await.unwrap();
        let said = refused(nest("a", &["c"]).await);
        assert!(
            said.contains("a > c > b > a") || said.contains("a > c > a"),
            "{said}"
        );
        refused(nest("a", &["a"]).await);
        misused(nest("c", &["nobody"]).await);
        misused(nest(" ", &["a"]).await);
        nest("b", &[]).await.unwrap();
        let groups = office.contacts().groups(&root).await.unwrap();
        let told: Vec<_> = groups
            .iter()
            .map(|g| (&*g.name, g.members, g.contains.join("+")))
            .collect();
        assert_eq!(
            told,
            [
                ("a", 1, String::new()),
                ("b", 0, String::new()),
                ("c", 0, "a+b".into())
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn who_may_not_import_does_not_and_no_file_is_overwritten() {
    on_each_database(async |story| {
        let office = &story.office;
        story.person("admin", Role::Admin).await;
        let auditor = story.person("zhao", Role::Auditor).await;
        let path = story.path("book.refused.csv");
        fs::write(&path, book([(1, "甲")])).unwrap();
        let said = refused(
            office
                .contacts()
                .import_file(&auditor, &path, Import::into_group("g"))
                .await,
        );
        assert!(said.contains("import contacts"), "{said}");
        for target in ["book.refused.csv", "book.csv"] {
            let wish = Import {
                corrected: Some(story.path(target)),
                ..Import::into_group("g")
            };
            let said = misused(office.contacts().import_file(&machine(), &path, wish).await);
            assert!(said.contains("overwritten"), "{said}");
        }
        assert_eq!(fs::read(&path).unwrap(), book([(1, "甲")]));
        let none = story.path("none.csv");
        misused(
            office
                .contacts()
                .import_file(&machine(), &none, Import::into_group("g"))
                .await,
        );
        refused(
            office
                .contacts()
                .import(
                    &machine(),
                    Cursor::new(b"a,b\n1,2\n".to_vec()),
                    Import::into_group("g"),
                )
                .await,
        );
    })
    .await;
}
