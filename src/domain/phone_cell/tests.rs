use proptest::prelude::*;

use super::*;

fn ok(cell: &str) -> (String, bool) {
    let (phone, repaired) = Phone::parse(cell).unwrap_or_else(|e| panic!("{cell:?}: {e}"));
    (phone.expose(), repaired.any())
}

fn code(cell: &str) -> &'static str {
    Phone::parse(cell).expect_err(cell).code()
}

#[test]
fn eleven_plain_digits_need_no_repair() {
    assert_eq!(ok("13800138001"), ("13800138001".into(), false));
}

#[test]
fn what_people_write_is_repaired() {
    for cell in [
        "+8613800138001",
        "+86 138 0013 8001",
        "0086138 00138001",
        "8613800138001",
        "(86)138-0013-8001",
        "(+86) 138-0013-8001",
        "（86）13800138001",
        "+(86)13800138001",
        "138 0013 8001",
        "138-0013-8001",
        "138.0013.8001",
        "１３８００１３８００１",
        "＋８６１３８００１３８００１",
        "'13800138001",
        "’13800138001",
        "\t13800138001",
        "13800138001\t",
        "\u{a0}13800138001",
        "138\u{3000}0013\u{3000}8001",
        "\u{202d}13800138001\u{202c}",
        "\u{2068}13800138001\u{2069}",
        "\u{feff}13800138001",
        "138\u{200b}00138001",
        "13800138001.0",
        "13800138001.00",
        "13800138001.",
        "1.3800138001E+10",
        "1.3800138001e10",
        "1.38001380010E+10",
        "013800138001",
        "+86 013800138001",
        "1795113800138001",
        "12593 13800138001",
        "17951 0 138 0013 8001",
        "0086 0138 0013 8001",
        "138–0013—8001",
        " 13800138001 ",
        "13800138001\n",
    ] {
        assert_eq!(ok(cell), ("13800138001".into(), true), "{cell:?}");
    }
}

#[test]
fn each_mistake_has_a_code_of_its_own() {
    for (cell, expected) in [
        ("", "phone_empty"),
        ("   ", "phone_empty"),
        ("\u{3000}", "phone_empty"),
        ("'", "phone_empty"),
        ("1380013", "phone_too_short"),
        ("1380013800", "phone_too_short"),
        ("12", "phone_too_short"),
        ("138001380011", "phone_too_long"),
        ("13800138001139", "phone_too_long"),
        ("1.38E+10", "phone_digits_lost"),
        ("1.38001E+10", "phone_digits_lost"),
        ("1.3800138E10", "phone_digits_lost"),
        ("8.61E+12", "phone_digits_lost"),
        ("1E+10", "phone_digits_lost"),
        ("010-62345678", "landline"),
        ("0898-12345678", "landline"),
        ("(0755)12345678", "landline"),
        ("62345678", "landline"),
        ("2345678", "landline"),
        ("+86 10 6234 5678", "landline"),
        ("0086-755-12345678", "landline"),
        ("010-62345678转801", "landline"),
        ("400-800-1234", "service_number"),
        ("+852 9123 4567", "hong_kong_macao_taiwan"),
        ("85291234567", "hong_kong_macao_taiwan"),
        ("00853 6612 3456", "hong_kong_macao_taiwan"),
        ("+886 912 345 678", "hong_kong_macao_taiwan"),
        ("886912345678", "hong_kong_macao_taiwan"),
        ("+1 202 555 0100", "foreign_number"),
        ("0044 20 7946 0000", "foreign_number"),
        ("668001", "short_number"),
        ("12350", "short_number"),
        ("110", "short_number"),
        ("1440012345678", "iot_number"),
        ("1064812345678", "iot_number"),
        ("15412345678", "not_a_mobile_segment"),
        ("12345678901", "not_a_mobile_segment"),
        ("10012345678", "not_a_mobile_segment"),
        ("23800138001", "not_a_mobile_segment"),
        ("张三", "not_a_number"),
        ("无", "not_a_number"),
        ("13800138001张三", "not_a_number"),
        ("13800138001.5", "phone_too_long"),
        ("1.38E-10", "not_a_number"),
        ("-", "not_a_number"),
        ("1380013800A", "not_a_number"),
        ("#N/A", "not_a_number"),
    ] {
        assert_eq!(code(cell), expected, "{cell:?}");
    }
}

#[test]
fn several_numbers_are_told_from_one_number_with_blanks() {
    let two = ["13800138001", "13900139002"];
    for cell in [
        "13800138001/13900139002",
        "13800138001、13900139002",
        "13800138001;13900139002",
        "13800138001；13900139002",
        "13800138001，13900139002",
        "13800138001,13900139002",
        "13800138001 13900139002",
        "13800138001\n13900139002",
        "138 0013 8001 139 0013 9002",
        "138-0013-8001 / +86 139-0013-9002",
        "13800138001或13900139002",
        "13800138001 13900139002/",
        "13800138001/13900139002/13800138001",
        "'13800138001/'13900139002",
        "13800138001/13900139002/0898-12345678",
    ] {
        let Err(PhoneError::Several(found)) = Phone::parse(cell) else {
            panic!("{cell:?}: {:?}", Phone::parse(cell))
        };
        assert_eq!(
            found.iter().map(|p| p.expose()).collect::<Vec<_>>(),
            two,
            "{cell:?}"
        );
    }
    for cell in [
        "0898-12345678/13800138001",
        "0898-12345678 13800138001",
        "13800138001\n62345678",
    ] {
        let Err(PhoneError::Several(found)) = Phone::parse(cell) else {
            panic!("{cell:?}: {:?}", Phone::parse(cell))
        };
        assert_eq!(found.len(), 1, "the landline is none of the mobile numbers");
    }
    assert_eq!(code("13800138001 2"), "phone_too_long");
}

#[test]
fn several_landlines_are_landlines_still() {
    assert_ne!(code("0898-12345678/0898-12345679"), "several_numbers");
}

#[test]
fn a_number_masks_itself_wherever_it_prints() {
    let (phone, _) = Phone::parse("13800138001").unwrap();
    assert_eq!(phone.to_string(), "138****8001");
    assert!(!format!("{phone:?}").contains("13800138001"));
    let (low, _) = Phone::parse("13800000001").unwrap();
    assert_eq!(low.to_string(), "138****0001");
    let several = Phone::parse("13800138001/13900139002").unwrap_err();
    assert!(!format!("{several} {several:?}").contains("13800138001"));
}

#[test]
fn carriers_spellings_are_read_from_the_wire() {
    let phone = Phone::from_number(13_800_138_001);
    for text in [
        "13800138001",
        "8613800138001",
        "+8613800138001",
        "008613800138001",
        "8613800138001\0\0\0",
    ] {
        assert_eq!(Phone::from_wire(text), phone, "{text:?}");
    }
    for text in [
        "",
        "86138001380",
        "23800138001",
        "1380013800x",
        "9913800138001",
    ] {
        assert_eq!(Phone::from_wire(text), None, "{text:?}");
    }
}

#[test]
fn every_reason_is_given_in_both_languages() {
    let all = [
        PhoneError::Empty,
        PhoneError::TooShort(7),
        PhoneError::TooLong(12),
        PhoneError::DigitsLost,
        PhoneError::Landline,
        PhoneError::ServiceNumber,
        PhoneError::HongKongMacaoTaiwan,
        PhoneError::Foreign,
        PhoneError::ShortNumber,
        PhoneError::Iot,
        PhoneError::NotAMobileSegment,
        PhoneError::Several(vec![]),
        PhoneError::NotANumber,
    ];
    let mut codes: Vec<_> = all.iter().map(PhoneError::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len(), "codes are distinct");
    for error in all {
        assert!(error.reason(Lang::En).is_ascii());
        assert!(!error.reason(Lang::Zh).is_ascii());
    }
}

proptest! {
    #[test]
    fn any_text_is_a_number_or_a_reason(cell in "\\PC{0,40}|[0-9 +()/.E、-]{0,40}") {
        match Phone::parse(&cell) {
            Ok((phone, _)) => prop_assert_eq!(Phone::parse(&phone.expose()).unwrap(), (phone, Repaired::NOTHING)),
            Err(error) => prop_assert!(!error.code().is_empty()),
        }
    }

    #[test]
    fn decoration_never_changes_the_number(
        number in 13_500_000_000_u64..13_999_999_999,
        prefix in prop::sample::select(vec!["", "+86", "0086", "86", "(86)", "'", "0", "17951", "\u{202d}", "\t"]),
        gap in prop::sample::select(vec!["", " ", "-", "\u{a0}", "\u{3000}", "\u{200b}"]),
        suffix in prop::sample::select(vec!["", " ", "\t", "\u{202c}", "\u{1a}"]),
    ) {
        let digits = number.to_string();
        let cell = format!("{prefix}{}{gap}{}{gap}{}{suffix}", &digits[..3], &digits[3..7], &digits[7..]);
        let (phone, _) = Phone::parse(&cell).unwrap();
        prop_assert_eq!(phone.number(), number);
    }
}
