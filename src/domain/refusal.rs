//! Why something does not happen: each refusal is a variant with its facts, a code that never changes for programs,
//! and its text in both languages. `docs/errors.md` is made from the same declarations.

use std::fmt;

use serde_json::{Map, Value};

use super::lang::Lang;

/// What kind of no it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was asked makes no sense, or speaks of something that does not exist; or the settings are wrong. Exit 2.
    Usage,
    /// It was understood, and the answer is no. Exit 1.
    Refused,
}

impl Kind {
    /// The exit code of a command that ends so.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Refused => 1,
        }
    }
}

/// One line of `docs/errors.md`.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// `snake_case`; never changed and never given another meaning.
    pub code: &'static str,
    /// What kind of no.
    pub kind: Kind,
    /// What it means.
    pub means: &'static str,
    /// What to do.
    pub mend: &'static str,
    /// The sentence, facts in braces.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
    /// The names of the facts, which stand beside code and message in JSON.
    pub facts: &'static [&'static str],
}

/// A refusal of any area. Its [`fmt::Display`] is English.
pub trait Refusal: std::error::Error {
    /// The code.
    fn code(&self) -> &'static str;

    /// What kind of no.
    fn kind(&self) -> Kind;

    /// The sentence for people.
    fn text(&self, lang: Lang) -> String;

    /// What the sentence speaks of, for programs.
    fn facts(&self, lang: Lang) -> Map<String, Value>;
}

/// Declares an enum of refusals. A variant begins with two lines of documentation: what it means, and what to do.
///
/// ```ignore
/// refusals! {
///     /// About users.
///     pub enum UserRefusal {
///         /// No user has this name.
///         /// `watchbell user list` lists them.
///         Unknown { name: String } = Usage "unknown_user"
///             zh "没有用户 {name}。"
///             en "no user {name}";
///     }
/// }
/// ```
macro_rules! refusals {
    (
        $(#[doc = $about:literal])*
        $vis:vis enum $name:ident {
            $(
                #[doc = $means:literal]
                #[doc = $mend:literal]
                $variant:ident $({ $($field:ident: $type:ty),+ $(,)? })? = $kind:ident $code:literal
                    zh $zh:literal
                    en $en:literal;
            )+
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        $vis enum $name {
            $(
                #[doc = $means]
                #[doc = $mend]
                $variant $({ $($field: $type),+ })?,
            )+
        }

        impl $name {
            /// All of them, for `docs/errors.md`.
            $vis const TABLE: &'static [$crate::domain::refusal::Entry] = &[
                $($crate::domain::refusal::Entry {
                    code: $code,
                    kind: $crate::domain::refusal::Kind::$kind,
                    means: $means,
                    mend: $mend,
                    zh: $zh,
                    en: $en,
                    facts: &[$($(stringify!($field)),+)?],
                }),+
            ];

            /// The code that programs read; it never changes.
            $vis const fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)+
                }
            }

            /// What kind of no it is.
            $vis const fn kind(&self) -> $crate::domain::refusal::Kind {
                match self {
                    $(Self::$variant { .. } => $crate::domain::refusal::Kind::$kind,)+
                }
            }

            /// The sentence for people.
            $vis fn text(&self, lang: $crate::domain::lang::Lang) -> String {
                use $crate::domain::lang::Lang;
                match self {
                    $(
                        Self::$variant $({ $($field),+ })? => {
                            $($(
                                let $field = $crate::domain::bilingual::Fact::text($field, lang);
                                // Not every sentence uses every fact.
                                _ = &$field;
                            )+)?
                            match lang {
                                Lang::Zh => format!($zh),
                                Lang::En => format!($en),
                            }
                        }
                    )+
                }
            }

            /// What the sentence speaks of, for programs.
            $vis fn facts(&self, lang: $crate::domain::lang::Lang) -> serde_json::Map<String, serde_json::Value> {
                let facts: Vec<(&str, serde_json::Value)> = match self {
                    $(
                        Self::$variant $({ $($field),+ })? => vec![
                            $($((
                                stringify!($field),
                                $crate::domain::bilingual::Fact::json($field, lang),
                            )),+)?
                        ],
                    )+
                };
                let owned = facts.into_iter().map(|(name, fact)| (name.to_owned(), fact));
                owned.collect()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.text($crate::domain::lang::Lang::En))
            }
        }

        impl std::error::Error for $name {}

        impl $crate::domain::refusal::Refusal for $name {
            fn code(&self) -> &'static str {
                self.code()
            }

            fn kind(&self) -> $crate::domain::refusal::Kind {
                self.kind()
            }

            fn text(&self, lang: $crate::domain::lang::Lang) -> String {
                self.text(lang)
            }

            fn facts(&self, lang: $crate::domain::lang::Lang) -> serde_json::Map<String, serde_json::Value> {
                self.facts(lang)
            }
        }
    };
}

pub(crate) use refusals;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "usage",
            Self::Refused => "refused",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    refusals! {
        /// Made up.
        enum Example {
            /// A group is not there.
            /// Look.
            Unknown { name: String, known: Vec<&'static str> } = Usage "unknown"
                zh "没有“{name}”，现有：{known}"
                en "no {name:?}; there are: {known}";
            /// No.
            /// Nothing.
            No = Refused "no"
                zh "不行"
                en "no";
        }
    }

    #[test]
    fn a_refusal_has_its_code_its_text_and_its_facts() {
        let unknown = Example::Unknown {
            name: "甲".into(),
            known: vec!["乙", "丙"],
        };
        assert_eq!(unknown.text(Lang::Zh), "没有“甲”，现有：乙、丙");
        assert_eq!(unknown.to_string(), "no \"甲\"; there are: 乙, 丙");
        assert_eq!(unknown.code(), "unknown");
        assert_eq!(
            Value::Object(unknown.facts(Lang::En)),
            serde_json::json!({"name": "甲", "known": ["乙", "丙"]})
        );
        assert_eq!(Example::No.kind().exit_code(), 1);
        assert_eq!(Example::TABLE[0].facts, ["name", "known"]);
        assert_eq!(Example::TABLE[1].means.trim(), "No.");
    }
}
