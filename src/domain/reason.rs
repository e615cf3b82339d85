//! What a person may write as a reason: it stands in the ledger for good, where no number may stand.

use super::{
    phone::Phone,
    text::{half_width, is_invisible},
};

/// Digits in a row from which on it may be a number, of whatever country.
const NUMBER_DIGITS: usize = 11;

/// Does the text hold a phone number, also one written with blanks, hyphens or full-width digits?
pub fn holds_a_number(text: &str) -> bool {
    let plain: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(half_width)
        .collect();
    // What stands between a number's groups of digits; a colon or a letter ends it, as in a date with a time.
    let is_within = |c: char| c.is_ascii_digit() || c.is_whitespace() || "-‐‑–—().·+".contains(c);
    plain.split(|c| !is_within(c)).any(|run| {
        let groups: Vec<&str> = run
            .split(|c: char| !c.is_ascii_digit())
            .filter(|g| !g.is_empty())
            .collect();
        (0..groups.len()).any(|from| begins_a_number(&groups[from..]))
    })
}

/// Are the first of these groups a number together?
fn begins_a_number(groups: &[&str]) -> bool {
    if groups.first().is_some_and(|g| g.len() >= NUMBER_DIGITS) {
        return true;
    }
    let mut digits = String::new();
    groups.iter().any(|group| {
        digits.push_str(group);
        digits.len() >= NUMBER_DIGITS && Phone::from_wire(&digits).is_some_and(is_mobile)
    })
}

/// From 13 on; 10, 11 and 12 begin no person's number, and dates do.
fn is_mobile(phone: Phone) -> bool {
    phone.number() >= 13_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for text in [
            "请回电13800138000",
            "请回电138 0013 8000，谢谢",
            "138-0013-8000",
            "（138）00138000",
            "１３８００１３８０００",
            "+86 138 0013 8000",
            "0086-13800138000",
            "13800\u{200b}138000",
            "call 00852 5123 4567 or 85251234567",
        ] {
            assert!(holds_a_number(text), "{text}");
        }
    }

    #[test]
    fn days_times_and_counts_are_no_numbers() {
        for text in [
            "2023-06-15 14:30 起暂停",
            "2023-06-15 1430",
            "6月15日 120 人，另 1380 人",
            "文号〔2023〕138 号，0013 8000",
            "共 1 200 300 400 条",
            "工单 20230615-0138",
        ] {
            assert!(!holds_a_number(text), "{text}");
        }
    }
}
