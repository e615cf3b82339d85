use std::time::Duration;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::{
    OrderEvent as E, OrderState as S, ReadBack, confusable,
    counts::{Bounds, Figure, Report, What, check, in_order},
    due::{Owed, Patience, Times, owed},
    number, on_the_phone,
    readback::{Difference, Kind, apply, compare, summary},
};
use crate::domain::{lang::Lang, time::Micros};

const TEXT: &str =
    "【云岭县安委办】安全生产月温馨提示：天热请看护好孩子，不到忻河、水库游泳。用完燃气关好阀门。";

fn only(arrived: &str) -> Difference {
    let found = compare(TEXT, arrived, "");
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

/// A correction that is settled explains nothing any more: "sending (character 10 is wrong)" was read as a warning.
#[test]
fn a_state_is_explained_by_a_reason_only_while_it_is_the_reason() {
    let explained: Vec<_> = S::ALL.iter().filter(|s| s.has_reason()).collect();
    assert_eq!(explained, [&S::Corrected, &S::Refused, &S::Withdrawn]);
}

#[test]
fn only_a_proofed_order_may_send() {
    for &from in S::ALL {
        assert_eq!(from.on(E::Release).is_ok(), from == S::Proofed, "{from}");
    }
}

#[test]
fn an_order_lives_from_draft_to_closed_by_way_of_a_stopped_proof() {
    let life = [
        (E::Approve, S::Approved),
        (E::Issue, S::Issued),
        (E::Acknowledge, S::Acknowledged),
        (E::Proofs(ReadBack::Differs), S::Acknowledged),
        (E::Correct, S::Corrected),
        (E::Proofs(ReadBack::Partial), S::Corrected),
        (E::Proofs(ReadBack::Equal), S::Proofed),
        (E::Release, S::Sending),
        (E::Counts { last: false }, S::Sending),
        (E::Counts { last: true }, S::Reported),
        (E::Evidence, S::Reported),
        (E::Accept { proven: true }, S::Accepted),
        (E::Close, S::Closed),
    ];
    let mut state = S::Draft;
    for (event, then) in life {
        state = state.on(event).unwrap();
        assert_eq!(state, then, "{event}");
    }
}

#[test]
fn a_phone_that_shows_something_else_takes_a_proof_back() {
    assert_eq!(
        S::Proofed.on(E::Proofs(ReadBack::Differs)),
        Ok(S::Acknowledged)
    );
    assert!(S::Reported.on(E::Accept { proven: false }).is_err());
}

#[test]
fn an_order_can_be_withdrawn_until_it_is_closed() {
    for &from in S::ALL {
        let is_over = matches!(from, S::Closed | S::Refused | S::Withdrawn);
        assert_eq!(from.on(E::Withdraw).is_ok(), !is_over, "{from}");
    }
}

#[test]
fn a_swapped_look_alike_is_found_named_and_located() {
    let d = only(&TEXT.replace('忻', "折"));
    assert_eq!(
        (d.kind, d.approved, d.arrived),
        (Kind::LookAlike, Some('忻'), Some('折'))
    );
    assert_eq!(TEXT.chars().nth(d.at), Some('忻'));
    let said = d.text(Lang::Zh);
    assert!(
        said.contains("应为“忻”") && said.contains("收到“折”") && said.contains("形近字"),
        "{said}"
    );
}

#[test]
fn widths_and_characters_that_nobody_sees_are_named() {
    assert_eq!(only(&TEXT.replacen('，', ",", 1)).kind, Kind::Width);
    for hidden in ['\u{200b}', '\u{feff}', '\u{a0}', '\u{202e}', '\r'] {
        let d = only(&TEXT.replacen("孩子", &format!("孩{hidden}子"), 1));
        assert_eq!(d.kind, Kind::Invisible, "{hidden:?}");
        let code = format!("U+{:04X}", hidden as u32);
        assert!(d.text(Lang::En).contains(&code), "{}", d.text(Lang::En));
    }
    assert_eq!(only(&TEXT.replacen('热', "", 1)).kind, Kind::Missing);
    assert_eq!(only(&TEXT.replacen('热', "热热", 1)).kind, Kind::Extra);
    assert_eq!(only(&TEXT.replacen('热', "冷", 1)).kind, Kind::Other);
    // Latin and Cyrillic, and another code for the same shape.
    assert!(confusable::look_alike('a', 'а') && confusable::look_alike('⼀', '一'));
    assert!(!confusable::look_alike('热', '冷') && !confusable::look_alike('a', 'a'));
}

#[test]
fn what_the_carrier_appends_by_agreement_is_no_difference_and_else_it_is() {
    let arrived = format!("{TEXT}拒收请回复R");
    assert_eq!(compare(TEXT, &arrived, "拒收请回复R"), []);
    assert_eq!(compare(TEXT, TEXT, "拒收请回复R"), []);
    assert_eq!(compare(TEXT, &arrived, "").len(), 6);
    let other = format!("{TEXT}退订回T");
    assert!(!compare(TEXT, &other, "拒收请回复R").is_empty());
    // An approved text that itself ends so.
    assert_eq!(compare("回复R", "回复R", "R"), []);
    assert_eq!(compare("回复R", "回复RR", "R"), []);
    assert_eq!(compare("回复R", "回复", "R").len(), 1);
    // The signature always counts.
    assert!(!compare(TEXT, TEXT.trim_start_matches("【云岭县安委办】"), "").is_empty());
    assert_eq!(on_the_phone("甲", "乙"), "【甲】乙");
}

#[test]
fn a_summary_is_short_whatever_came() {
    let found = compare(TEXT, &"啊".repeat(90), "");
    let said = summary(&found, Lang::Zh);
    assert!(
        said.contains("另有") && said.chars().count() < 200,
        "{said}"
    );
}

/// One change of one character.
#[derive(Debug, Clone, Copy)]
enum Edit {
    Swap(char),
    Lose,
    Gain(char),
}

fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        Just('忻'),
        Just('折'),
        Just('我'),
        Just('找'),
        Just('，'),
        Just(','),
        Just('a'),
        Just('а'),
        Just('\u{200b}'),
        Just('\u{a0}'),
        Just(' '),
        Just('安'),
        Just('全'),
        any::<char>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(character(), 0..40).prop_map(|c| c.into_iter().collect())
}

proptest! {
    #[test]
    fn equal_texts_have_no_difference(text in text()) {
        prop_assert_eq!(compare(&text, &text, ""), vec![]);
    }

    #[test]
    fn the_differences_applied_to_the_one_give_the_other(a in text(), b in text()) {
        prop_assert_eq!(apply(&a, &compare(&a, &b, "")), b);
    }

    #[test]
    fn any_single_edit_is_found_named_and_located(
        text in text(),
        at in any::<prop::sample::Index>(),
        edit in prop_oneof![character().prop_map(Edit::Swap), Just(Edit::Lose), character().prop_map(Edit::Gain)],
    ) {
        let approved: Vec<char> = text.chars().collect();
        prop_assume!(!approved.is_empty());
        let at = at.index(approved.len());
        let mut arrived = approved.clone();
        match edit {
            Edit::Swap(c) => arrived[at] = c,
            Edit::Lose => _ = arrived.remove(at),
            Edit::Gain(c) => arrived.insert(at, c),
        }
        prop_assume!(arrived != approved);
        let arrived: String = arrived.into_iter().collect();
        let found = compare(&text, &arrived, "");
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        let d = found[0];
        prop_assert_eq!(apply(&text, &found), arrived);
        match edit {
            Edit::Swap(c) => {
                prop_assert_eq!((d.at, d.approved, d.arrived), (at, Some(approved[at]), Some(c)));
                prop_assert!(!matches!(d.kind, Kind::Missing | Kind::Extra));
            }
            // In a row of the same character any of them may be the one.
            Edit::Lose => {
                prop_assert_eq!((d.approved, d.arrived), (Some(approved[at]), None));
                let (low, high) = (d.at.min(at), d.at.max(at));
                prop_assert!(approved[low..=high].iter().all(|c| *c == approved[at]));
            }
            Edit::Gain(c) => {
                prop_assert_eq!((d.approved, d.arrived), (None, Some(c)));
                let (low, high) = (d.at.min(at), d.at.max(at));
                prop_assert!(approved[low..high].iter().all(|x| *x == c));
            }
        }
    }

    #[test]
    fn plausible_figures_have_no_contradiction(
        steps in proptest::collection::vec((0..500_i64, 0..=100_i64), 1..12),
    ) {
        let mut sent = 0;
        let mut delivered = 0;
        let reports: Vec<_> = steps.iter().zip(0_i64..).map(|((more, arrived), n)| {
            sent += more;
            delivered += more * arrived / 100;
            report(n, n + 2, [6_000, sent, delivered])
        }).collect();
        prop_assert_eq!(check(&reports, &bounds(0)), vec![]);
    }

    #[test]
    fn nothing_is_dropped_or_changed(figures in proptest::collection::vec((0..50_i64, any::<[i8; 3]>()), 0..8)) {
        let reports: Vec<_> = figures.iter().zip(0_i64..).map(|((hour, f), n)| report(n, *hour, f.map(i64::from))).collect();
        let ordered = in_order(&reports);
        prop_assert_eq!(ordered.len(), reports.len());
        prop_assert!(ordered.iter().all(|r| reports.contains(r)));
        // Whatever is more than what it is a part of is said.
        for r in &reports {
            if r.delivered > r.sent {
                let found = check(&reports, &bounds(0));
                let said = found.iter().any(|c| {
                    c.n == r.n && matches!(c.what, What::DeliveredOverSent { .. })
                });
                prop_assert!(said);
            }
        }
    }
}

/// 2023-06-05 09:00 in Shanghai.
const OPENS: Micros = Micros(1_685_926_800_000_000);

fn report(n: i64, hour: i64, [requested, sent, delivered]: [i64; 3]) -> Report {
    let as_of = OPENS.plus_secs(hour * 3_600);
    Report {
        n,
        as_of,
        got: as_of.plus_secs(60),
        requested: Some(requested),
        sent: Some(sent),
        delivered: Some(delivered),
    }
}

fn bounds(daily_cap: i64) -> Bounds {
    Bounds {
        zone: chrono_tz::Asia::Shanghai,
        from: NaiveDate::from_ymd_opt(2023, 6, 5).unwrap(),
        opens: OPENS,
        released: Some(OPENS.plus_secs(-3_600)),
        daily_cap: Some(daily_cap).filter(|cap| *cap > 0),
    }
}

#[test]
fn each_contradiction_is_named() {
    let found = |reports: &[Report], cap| -> Vec<What> {
        check(reports, &bounds(cap))
            .into_iter()
            .map(|c| c.what)
            .collect()
    };
    let fell = What::Fell {
        figure: Figure::Sent,
        before: 1,
        was: 900,
        is: 800,
    };
    assert_eq!(
        found(
            &[
                report(1, 2, [1000, 900, 700]),
                report(2, 8, [1000, 800, 700])
            ],
            0
        ),
        [fell]
    );
    assert_eq!(
        found(&[report(1, 2, [1000, 900, 901])], 0),
        [What::DeliveredOverSent {
            delivered: 901,
            sent: 900
        }]
    );
    assert_eq!(
        found(&[report(1, 2, [1000, 1001, 7])], 0),
        [What::SentOverRequested {
            sent: 1001,
            requested: 1000
        }]
    );
    let above = What::AboveDailyCap {
        sent: 500,
        days: 1,
        cap: 499,
    };
    assert_eq!(found(&[report(1, 2, [1000, 500, 7])], 499), [above]);
    assert_eq!(
        found(
            &[report(1, 2, [1000, 500, 7]), report(2, 26, [1000, 998, 7])],
            500
        ),
        []
    );
    let early = report(1, -2, [1000, 5, 0]);
    assert_eq!(found(&[early], 0), [What::BeforeWindow { sent: 5 }]);
    let never = Bounds {
        released: None,
        ..bounds(0)
    };
    let c = check(&[report(1, 2, [1000, 5, 0])], &never);
    assert_eq!(c[0].what, What::NotReleased { sent: 5 });
    let future = Report {
        got: OPENS,
        ..report(1, 2, [9, 5, 0])
    };
    assert_eq!(found(&[future], 0), [What::AsOfInFuture]);
    assert_eq!(
        found(&[report(1, 2, [9, 5, 0]), report(2, 2, [9, 6, 0])], 0),
        [What::Repeated { before: 1 }]
    );
    assert_eq!(
        found(&[report(1, 2, [9, 5, 0]), report(2, 2, [9, 5, 0])], 0),
        []
    );
    let words = c[0].text(chrono_tz::Asia::Shanghai, Lang::Zh);
    assert!(
        words.contains("06-05 11:00") && words.contains("放行之前"),
        "{words}"
    );
}

#[test]
fn each_step_has_its_time() {
    let hour = Duration::from_hours;
    let patience = Patience {
        acknowledge: hour(1),
        proof: hour(2),
        counts: hour(3),
        evidence: hour(4),
    };
    let times = Times {
        step: Micros(0),
        counted: None,
        opens: Micros(0),
        ends: Micros(0),
        proven: false,
    };
    let due = |state| owed(state, &times, &patience).map(|(what, at)| (what, at.0 / 3_600_000_000));
    assert_eq!(due(S::Issued), Some((Owed::Acknowledgement, 1)));
    assert_eq!(due(S::Corrected), Some((Owed::Proof, 2)));
    assert_eq!(due(S::Sending), Some((Owed::Counts, 3)));
    assert_eq!(due(S::Reported), Some((Owed::Evidence, 4)));
    assert_eq!(due(S::Proofed), None);
    let proven = Times {
        proven: true,
        ..times
    };
    assert_eq!(owed(S::Reported, &proven, &patience), None);
    // An order that opens on Monday owes no figures on Saturday.
    let early = Times {
        opens: Micros(7_200_000_000),
        ..times
    };
    assert_eq!(
        owed(S::Sending, &early, &patience).unwrap().1.0,
        5 * 3_600_000_000
    );
}

#[test]
fn an_order_is_numbered_as_offices_number() {
    assert_eq!(number("县安委办短协", 2023, 1), "县安委办短协〔2023〕1号");
}
