//! Texts in both languages, written side by side: `bilingual!` for sentences, `refusals!` of [`super::refusal`] for
//! those that have a code. A text without one of the languages does not compile.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    id::{CampaignId, RunId},
    lang::Lang,
};

/// One text in both languages. [`std::fmt::Display`] is English.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bilingual {
    /// 中文
    pub zh: String,
    /// The English text.
    pub en: String,
}

impl Bilingual {
    /// From what is written already, or says it in either language.
    pub fn of<T: Into<String>>(text: impl Fn(Lang) -> T) -> Self {
        Self {
            zh: text(Lang::Zh).into(),
            en: text(Lang::En).into(),
        }
    }

    /// What has no translation: another program's words.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            zh: text.clone(),
            en: text,
        }
    }

    /// The one in this language.
    pub fn text(&self, lang: Lang) -> &str {
        lang.pick(&self.zh, &self.en)
    }

    /// Nothing is said, in either language.
    pub fn is_empty(&self) -> bool {
        self.zh.is_empty() && self.en.is_empty()
    }

    /// Another half-sentence.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        if !self.zh.is_empty() && !more.zh.is_empty() {
            self.zh.push('；');
            self.en.push_str("; ");
        }
        self.then(more)
    }

    /// The same half-sentence, further on.
    #[must_use]
    pub fn then(mut self, more: &Self) -> Self {
        self.zh.push_str(&more.zh);
        self.en.push_str(&more.en);
        self
    }
}

impl std::fmt::Display for Bilingual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en)
    }
}

/// A [`Bilingual`] of two format strings with inline captures: `bilingual!("组 {name}", "group {name}")`. Arguments
/// that follow go into both: `bilingual!("{} 秒", "{} s", wait.as_secs())`.
///
/// What is said differently in each language (a label, a list) is named in front and shown by [`Fact`]:
/// `bilingual!([state, names] "{state}：{names}", "{state}: {names}")`.
macro_rules! bilingual {
    ([$($fact:ident),+ $(,)?] $zh:literal, $en:literal $(,)?) => {
        $crate::domain::bilingual::Bilingual {
            zh: {
                $(let $fact = $crate::domain::bilingual::Fact::text(&$fact, $crate::domain::lang::Lang::Zh);)+
                format!($zh)
            },
            en: {
                $(let $fact = $crate::domain::bilingual::Fact::text(&$fact, $crate::domain::lang::Lang::En);)+
                format!($en)
            },
        }
    };
    ($zh:literal, $en:literal $(, $($arg:tt)*)?) => {
        $crate::domain::bilingual::Bilingual {
            zh: format!($zh, $($($arg)*)?),
            en: format!($en, $($($arg)*)?),
        }
    };
}

pub(crate) use bilingual;

/// The labels of a plain enum: `labels!(Verdict { Ok: "通过", "ok"; Failed: "不通过", "FAILED" })` gives it
/// `label(Lang)`.
macro_rules! labels {
    ($name:ident { $($variant:ident: $zh:literal, $en:literal);+ $(;)? }) => {
        impl $name {
            /// The name that people read.
            pub const fn label(self, lang: $crate::domain::lang::Lang) -> &'static str {
                match (self, lang) {
                    $(
                        (Self::$variant, $crate::domain::lang::Lang::Zh) => $zh,
                        (Self::$variant, $crate::domain::lang::Lang::En) => $en,
                    )+
                }
            }
        }
    };
}

/// What has labels stands in sentences by its label, and in JSON by the word that it is serialized as, or by `as_str`.
macro_rules! labelled_facts {
    (as_str: $($name:ty),+ $(,)?) => {
        $(impl $crate::domain::bilingual::Fact for $name {
            fn text(&self, lang: $crate::domain::lang::Lang) -> String {
                self.label(lang).to_owned()
            }

            fn json(&self, _: $crate::domain::lang::Lang) -> serde_json::Value {
                self.as_str().into()
            }
        })+
    };
    ($($name:ty),+ $(,)?) => {
        $(impl $crate::domain::bilingual::Fact for $name {
            fn text(&self, lang: $crate::domain::lang::Lang) -> String {
                self.label(lang).to_owned()
            }

            fn json(&self, _: $crate::domain::lang::Lang) -> serde_json::Value {
                serde_json::json!(self)
            }
        })+
    };
}

pub(crate) use labelled_facts;
pub(crate) use labels;

/// What a refusal or a sentence speaks of: a name, a number, a state. Never a whole phone number, a password or
/// a message's text.
pub trait Fact {
    /// As it stands in a sentence.
    fn text(&self, lang: Lang) -> String;

    /// As programs read it: names, numbers and words are the same in both languages, sentences are in this one.
    fn json(&self, lang: Lang) -> Value;
}

/// Facts that are written alike in both languages.
macro_rules! plain_facts {
    ($($type:ty),+ $(,)?) => {
        $(impl Fact for $type {
            fn text(&self, _: Lang) -> String {
                self.to_string()
            }

            fn json(&self, _: Lang) -> Value {
                json!(self)
            }
        })+
    };
}

plain_facts!(
    CampaignId, RunId, String, str, char, u8, u16, u32, u64, usize, i32, i64
);

impl Fact for PathBuf {
    fn text(&self, _: Lang) -> String {
        self.display().to_string()
    }

    fn json(&self, _: Lang) -> Value {
        self.display().to_string().into()
    }
}

/// A constant text in both languages: 中文, then English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed(pub &'static str, pub &'static str);

/// A table's headings, each in both languages.
pub fn headings<const N: usize>(
    lang: Lang,
    both: [(&'static str, &'static str); N],
) -> [&'static str; N] {
    both.map(|(zh, en)| lang.pick(zh, en))
}

impl From<Fixed> for Bilingual {
    fn from(Fixed(zh, en): Fixed) -> Self {
        Self {
            zh: zh.to_owned(),
            en: en.to_owned(),
        }
    }
}

impl Fact for Fixed {
    fn text(&self, lang: Lang) -> String {
        lang.pick(self.0, self.1).to_owned()
    }

    fn json(&self, lang: Lang) -> Value {
        self.text(lang).into()
    }
}

impl Fact for Bilingual {
    fn text(&self, lang: Lang) -> String {
        self.text(lang).to_owned()
    }

    fn json(&self, lang: Lang) -> Value {
        self.text(lang).into()
    }
}

impl<T: Fact + ?Sized> Fact for &T {
    fn text(&self, lang: Lang) -> String {
        (**self).text(lang)
    }

    fn json(&self, lang: Lang) -> Value {
        (**self).json(lang)
    }
}

impl<T: Fact> Fact for Vec<T> {
    fn text(&self, lang: Lang) -> String {
        self.as_slice().text(lang)
    }

    fn json(&self, lang: Lang) -> Value {
        self.as_slice().json(lang)
    }
}

impl<T: Fact> Fact for [T] {
    fn text(&self, lang: Lang) -> String {
        let each: Vec<_> = self.iter().map(|f| f.text(lang)).collect();
        each.join(lang.pick("、", ", "))
    }

    fn json(&self, lang: Lang) -> Value {
        self.iter().map(|f| f.json(lang)).collect()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_languages_show_the_same_facts_each_in_its_way() {
        let (names, n) = (vec!["甲", "乙"], 2);
        let both = bilingual!([names] "{n} 个：{names}", "{n}: {names}");
        assert_eq!(both.zh, "2 个：甲、乙");
        assert_eq!(both.to_string(), "2: 甲, 乙");
    }
}
