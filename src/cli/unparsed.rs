//! What is known of arguments that clap did not take, or before it took them: was `--json` given, in which language
//! is the answer, what was wrong.

use std::{
    ffi::OsString,
    io::{IsTerminal as _, Write as _},
};

use super::{Global, refusal::CliRefusal};

/// From so many digits in a row on it may be a phone number, and is not repeated.
const NUMBER_DIGITS: usize = 11;

/// Was `--json` given? Also to a command that does not know it: whoever gives it reads JSON.
pub(super) fn wants_json(args: &[OsString]) -> bool {
    options(args).any(|a| a == "--json")
}

/// The language, when it was given and is one.
pub(super) fn global(args: &[OsString]) -> Global {
    let given: Vec<_> = options(args).collect();
    let lang = given.iter().enumerate().find_map(|(n, a)| {
        let value = match a.strip_prefix("--lang") {
            Some("") => given.get(n + 1).copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        value?.parse().ok()
    });
    Global {
        lang,
        ..Global::default()
    }
}

/// Clap's words without the usage lines below them, on one line, and without what may be a number.
pub(super) fn refusal(error: &clap::Error) -> CliRefusal {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words = first.strip_prefix("error: ").unwrap_or(first);
    let line: Vec<_> = words.split_whitespace().collect();
    CliRefusal::Arguments {
        why: without_numbers(&line.join(" ")),
    }
}

/// Shows clap's help on standard output, and what was wrong on standard error, without what may be a number.
pub(super) fn show(error: &clap::Error) {
    if !error.use_stderr() {
        _ = error.print();
        return;
    }
    let rendered = error.render();
    let text = match std::io::stderr().is_terminal() {
        true => rendered.ansi().to_string(),
        false => rendered.to_string(),
    };
    // Nobody is left to be told when this cannot be written.
    _ = std::io::stderr().write_all(without_numbers(&text).as_bytes());
}

/// Before `--`, behind which everything is a value.
fn options(args: &[OsString]) -> impl Iterator<Item = &str> {
    args.iter()
        .take_while(|a| *a != "--")
        .filter_map(|a| a.to_str())
}

fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        out.push_str(before);
        out.push_str(match end >= NUMBER_DIGITS {
            true => "***",
            false => &digits[..end],
        });
        rest = &digits[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lang::Lang;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn json_and_language_are_found_before_the_values() {
        assert!(wants_json(&args("watchbell doctor --json")));
        assert!(!wants_json(&args("watchbell pdu decode -- --json")));
        assert_eq!(global(&args("watchbell x --lang zh")).lang, Some(Lang::Zh));
        assert_eq!(global(&args("watchbell x --lang=en")).lang, Some(Lang::En));
        assert_eq!(global(&args("watchbell x --lang xx")).lang, None);
    }

    #[test]
    fn what_may_be_a_number_is_not_repeated() {
        assert_eq!(
            without_numbers("unexpected '13800138000' at 12"),
            "unexpected '***' at 12"
        );
    }
}
