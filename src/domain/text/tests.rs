use proptest::prelude::*;

use super::*;

fn compose(signature: &str, body: &str, opt_out: &str) -> Result<FinalText, TextError> {
    Composition {
        signature,
        body,
        opt_out,
        signature_by: SignatureBy::Us,
    }
    .compose()
}

#[test]
fn chinese_edges_are_70_and_67() {
    for (units, parts) in [
        (0, 1),
        (1, 1),
        (70, 1),
        (71, 2),
        (134, 2),
        (135, 3),
        (201, 3),
        (202, 4),
    ] {
        let text = "安".repeat(units);
        assert_eq!(segments(&text, Count::Ucs2), parts, "{units}");
        assert_eq!(split(&text, Count::Ucs2).len(), parts, "{units}");
        assert_eq!(segments(&text, Count::Gsm7), parts, "{units}");
    }
}

#[test]
fn chinese_carriers_count_ascii_like_chinese() {
    let text = "a".repeat(71);
    assert_eq!(segments(&text, Count::Ucs2), 2);
    assert_eq!(segments(&text, Count::Gsm7), 1);
}

#[test]
fn gsm_edges_are_160_and_153_and_the_extension_table_costs_two() {
    for (septets, parts) in [(160, 1), (161, 2), (306, 2), (307, 3)] {
        assert_eq!(
            segments(&"a".repeat(septets), Count::Gsm7),
            parts,
            "{septets}"
        );
    }
    assert_eq!(segments(&"{".repeat(80), Count::Gsm7), 1);
    assert_eq!(segments(&"{".repeat(81), Count::Gsm7), 2);
    // 153 is odd: an escaped character is not cut, so a part of them holds 152 septets.
    assert_eq!(segments(&"{".repeat(153), Count::Gsm7), 3);
    assert_eq!(split(&"{".repeat(153), Count::Gsm7)[0].len(), 76);
}

#[test]
fn a_rare_character_is_two_units_and_is_never_cut() {
    assert_eq!(segments(&"𠮷".repeat(35), Count::Ucs2), 1);
    assert_eq!(segments(&"𠮷".repeat(36), Count::Ucs2), 2);
    // 66 units, then a pair across the edge: the first part stays one unit short.
    let text = format!("{}𠮷{}", "安".repeat(66), "安".repeat(66));
    let parts = split(&text, Count::Ucs2);
    assert_eq!(
        parts
            .iter()
            .map(|p| p.encode_utf16().count())
            .collect::<Vec<_>>(),
        [66, 67, 1]
    );
    assert_eq!(
        segments(&text, Count::Ucs2),
        3,
        "134 units, yet three parts"
    );
}

#[test]
fn signature_and_opt_out_count() {
    let text = compose("县安委办", &"安".repeat(59), "拒收请回复R").unwrap();
    assert_eq!(text.full().encode_utf16().count(), 71);
    assert_eq!(text.segments(Count::Ucs2), Ok(2));
    let text = compose("县安委办", &"安".repeat(59), "退订回T").unwrap();
    assert_eq!(
        text.segments(Count::Ucs2),
        Ok(1),
        "the other carrier's wording is shorter"
    );
    assert!(text.full().starts_with("【县安委办】安") && text.full().ends_with("退订回T"));
}

#[test]
fn the_two_office_signature_leaves_38_characters() {
    let signature = "安".repeat(24);
    let room = |n: usize| {
        compose(&signature, &"字".repeat(n), "拒收请回复R")
            .unwrap()
            .segments(Count::Ucs2)
    };
    assert_eq!((room(38), room(39)), (Ok(1), Ok(2)));
}

#[test]
fn nothing_is_doubled_when_the_body_already_has_it() {
    let once = compose("县安委办", "注意防溺水。", "拒收请回复R").unwrap();
    for body in [
        "【县安委办】注意防溺水。",
        "【县安委办】 注意防溺水。拒收请回复R",
        "注意防溺水。拒收请回复R",
        "注意防溺水。【县安委办】",
    ] {
        assert_eq!(
            compose("县安委办", body, "拒收请回复R").unwrap().full(),
            once.full(),
            "{body}"
        );
    }
    assert_eq!(
        compose("【县安委办】", "注意防溺水。", "拒收请回复R").unwrap(),
        once
    );
    assert!(
        compose("县安委办", "注意防溺水，拒收请回复R。", "拒收请回复R")
            .unwrap()
            .full()
            .ends_with("，拒收请回复R。")
    );
}

#[test]
fn a_signature_added_by_the_carrier_is_counted_but_not_written() {
    let body = "安".repeat(65);
    let text = Composition {
        signature: "县安委办",
        body: &body,
        opt_out: "",
        signature_by: SignatureBy::Carrier,
    }
    .compose()
    .unwrap();
    assert_eq!(text.written(), body);
    assert_eq!(text.segments(Count::Ucs2), Ok(2));
    let parts = text.split(Count::Ucs2);
    assert_eq!(
        parts.iter().map(|p| p.chars().count()).collect::<Vec<_>>(),
        [61, 4]
    );
}

#[test]
fn what_carriers_or_phones_would_refuse_is_refused_here() {
    assert_eq!(
        compose("县安委办", " \n ", "拒收请回复R"),
        Err(TextError::Empty)
    );
    assert_eq!(
        compose("县安委办", "【县安委办】", ""),
        Err(TextError::Empty)
    );
    assert_eq!(
        compose("县安委办", "请看【通知】", ""),
        Err(TextError::SecondSignature)
    );
    assert_eq!(
        compose("县安委办", "【县应急局】注意", ""),
        Err(TextError::SecondSignature)
    );
    assert_eq!(
        compose("", "注意【县安委办】", ""),
        Err(TextError::SecondSignature)
    );
    assert_eq!(
        compose("县安委办", "注\u{7}意", ""),
        Err(TextError::Unsendable { place: 2, code: 7 })
    );
    assert_eq!(
        compose("县安委办", "注\u{202e}意", ""),
        Err(TextError::Unsendable {
            place: 2,
            code: 0x202e
        })
    );
    assert!(matches!(
        compose(&"安".repeat(31), "注意", ""),
        Err(TextError::BadSignature(_))
    ));
    assert!(matches!(
        compose("县】办", "注意", ""),
        Err(TextError::BadSignature(_))
    ));
    let long = compose("县安委办", &"安".repeat(1000), "").unwrap();
    assert_eq!(long.segments(Count::Ucs2), Err(TextError::TooLong(16)));
}

#[test]
fn line_breaks_are_one_unit_however_they_were_typed() {
    assert_eq!(
        compose("", "一\r\n二\r三\n四", "").unwrap().full(),
        "一\n二\n三\n四"
    );
}

#[test]
fn a_text_may_bring_its_own_signature_when_none_is_configured() {
    assert_eq!(
        compose("", "【县安委办】注意", "").unwrap().full(),
        "【县安委办】注意"
    );
}

proptest! {
    #[test]
    fn parts_join_to_the_text_and_are_as_many_as_counted(text in "[安a{€𠮷😀\n]{0,400}", gsm in any::<bool>()) {
        let count = if gsm { Count::Gsm7 } else { Count::Ucs2 };
        let parts = split(&text, count);
        prop_assert_eq!(parts.len(), segments(&text, count));
        prop_assert_eq!(parts.concat(), text.clone());
        let room = if gsm && is_gsm7(&text) { [160, 153] } else { [70, 67] };
        let limit = room[usize::from(parts.len() > 1)];
        for part in &parts {
            let used: usize = part.chars().map(|c| if limit > 70 { septets(c).unwrap() } else { c.len_utf16() }).sum();
            prop_assert!(used <= limit);
        }
    }
}
