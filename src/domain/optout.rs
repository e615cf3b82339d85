//! Is a reply a refusal? Whole texts only: "请问R楼在哪" is a question, and a person taken for refusing would miss
//! the next warning.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::text::is_invisible;

/// What carriers' own wordings ask people to answer with. `TD` may be followed by digits.
const WORDS: [&str; 9] = [
    "R",
    "T",
    "TD",
    "N",
    "退订",
    "拒收",
    "不再接收",
    "0000",
    "00000",
];

/// The replies that count as a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOutWords {
    words: BTreeSet<String>,
}

impl Default for OptOutWords {
    fn default() -> Self {
        Self::new([""; 0])
    }
}

impl OptOutWords {
    /// The usual words and those of the office.
    pub fn new<W: AsRef<str>>(extra: impl IntoIterator<Item = W>) -> Self {
        let mut words: BTreeSet<String> = WORDS.into_iter().map(str::to_owned).collect();
        words.extend(
            extra
                .into_iter()
                .map(|w| normal(w.as_ref()))
                .filter(|w| !w.is_empty()),
        );
        Self { words }
    }

    /// Does the reply refuse further messages?
    pub fn is_opt_out(&self, reply: &str) -> bool {
        let reply = normal(reply);
        let numbered = reply
            .strip_prefix("TD")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        numbered || self.words.contains(&reply)
    }
}

/// Half-width, upper case, without blanks and punctuation.
fn normal(text: &str) -> String {
    let kept = text.nfkc().filter(|c| {
        let mark = c.is_ascii_punctuation()
            || matches!(c, '·' | '\u{2010}'..='\u{205e}' | '\u{3001}'..='\u{303f}' | '\u{fe10}'..='\u{fe6f}');
        !(mark || c.is_whitespace() || c.is_control() || is_invisible(*c))
    });
    kept.flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_understood_however_they_are_typed() {
        let words = OptOutWords::default();
        for reply in [
            "R",
            "r",
            "Ｒ",
            "ｔ",
            " T ",
            "T。",
            "td",
            "ＴＤ",
            "TD123",
            "n",
            "N!",
            "“退订”",
            "退订。",
            "退 订",
            "拒收！",
            "不再接收",
            "0000",
            "００００",
            "00000",
            "R\r\n",
            "\u{feff}R",
            "【退订】",
        ] {
            assert!(words.is_opt_out(reply), "{reply:?}");
        }
    }

    #[test]
    fn a_word_inside_a_longer_text_is_no_refusal() {
        let words = OptOutWords::default();
        for reply in [
            "",
            "  ",
            "。",
            "请问R楼在哪",
            "收到",
            "不退订",
            "RT",
            "000",
            "000000",
            "TDX",
            "NO",
            "我不想退订",
            "R1",
            "Thanks",
        ] {
            assert!(!words.is_opt_out(reply), "{reply:?}");
        }
    }

    #[test]
    fn the_office_may_add_words_of_its_own() {
        let words = OptOutWords::new(["别发了", " qx ", ""]);
        assert!(words.is_opt_out("别发了！") && words.is_opt_out("ＱＸ") && words.is_opt_out("R"));
        assert!(!words.is_opt_out(""));
    }
}
