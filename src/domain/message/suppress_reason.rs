//! Why we don't send to a number.

use serde::{Deserialize, Serialize};

use crate::domain::bilingual::labels;

/// Why a message is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressReason {
    /// The person wants no messages.
    OptOut,
    /// No gateway serves the number.
    NoRoute,
    /// The number had its limit of the day.
    DailyLimit,
    /// The text is not what was frozen and approved.
    TextDiffers,
    /// The number was erased at the end of its time.
    Erased,
}

labels!(SuppressReason {
    OptOut: "本人已退订，按要求不再发送", "the person has opted out";
    NoRoute: "该号段没有可用的网关", "no gateway serves this number";
    DailyLimit: "该号码当天已达条数上限", "this number had its limit of the day";
    TextDiffers: "冻结后的内容与审批的不一致，没有发送", "the text was not the approved one";
    Erased: "号码已按期限删除", "the number had been erased";
});

impl SuppressReason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OptOut,
        Self::NoRoute,
        Self::DailyLimit,
        Self::TextDiffers,
        Self::Erased,
    ];

    /// Its word in the ledger and the message's row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::NoRoute => "no_route",
            Self::DailyLimit => "daily_limit",
            Self::TextDiffers => "text_differs",
            Self::Erased => "erased",
        }
    }

    /// The one of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}
