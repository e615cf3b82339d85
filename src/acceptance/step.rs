//! The steps by name, and one of them as it went.

use std::time::Duration;

use crate::domain::{
    bilingual::{Bilingual, labels},
    time::Micros,
};

/// What is proved, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepName {
    /// All links log in.
    Login,
    /// A short text to each phone is taken.
    Short,
    /// Their reports come.
    Reports,
    /// A text of three parts is taken and reported.
    Long,
    /// The phone shows it as one.
    OnePiece,
    /// One submit to many.
    Batch,
    /// The contract's rate.
    Rate,
    /// So many submits without an answer.
    Window,
    /// A phone's reply comes in.
    Reply,
    /// A silent link stays up.
    KeepAlive,
    /// An orderly end.
    Goodbye,
}

impl StepName {
    /// All steps in the order they are made.
    pub const ALL: [Self; 11] = [
        Self::Login,
        Self::Short,
        Self::Reports,
        Self::Long,
        Self::OnePiece,
        Self::Batch,
        Self::Rate,
        Self::Window,
        Self::Reply,
        Self::KeepAlive,
        Self::Goodbye,
    ];

    /// Its name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Short => "short",
            Self::Reports => "reports",
            Self::Long => "long",
            Self::OnePiece => "one_piece",
            Self::Batch => "batch",
            Self::Rate => "rate",
            Self::Window => "window",
            Self::Reply => "reply",
            Self::KeepAlive => "keep_alive",
            Self::Goodbye => "goodbye",
        }
    }
}

labels!(StepName {
    Login: "登录", "login";
    Short: "短信提交", "short texts";
    Reports: "状态报告", "reports";
    Long: "长短信", "long text";
    OnePiece: "长短信合并显示", "long text on the phone";
    Batch: "群发提交", "one submit to many";
    Rate: "速率", "rate";
    Window: "滑动窗口", "window";
    Reply: "上行短信", "reply from a phone";
    KeepAlive: "链路保持", "keep-alive";
    Goodbye: "断开连接", "goodbye";
});

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepVerdict {
    /// Seen as it should be.
    Ok,
    /// Seen otherwise.
    Failed,
    /// Not seen: the reason says why.
    NotShown,
}

impl StepVerdict {
    /// For programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::NotShown => "not_shown",
        }
    }
}

labels!(StepVerdict {
    Ok: "通过", "ok";
    Failed: "不通过", "FAILED";
    NotShown: "未验证", "not shown";
});

/// One step as it went.
#[derive(Debug, Clone)]
pub struct Step {
    /// From 1.
    pub n: usize,
    /// The step that was made.
    pub name: StepName,
    /// What should be seen.
    pub expected: Bilingual,
    /// What was seen.
    pub observed: Bilingual,
    /// What that comes to.
    pub verdict: StepVerdict,
    /// Why it failed, or was not shown.
    pub reason: Option<Bilingual>,
    /// When it began.
    pub started: Micros,
    /// How long it took.
    pub took: Duration,
    /// What programs read of it: the step's counts and times.
    pub figures: serde_json::Value,
}
