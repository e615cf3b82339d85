//! What importing a plan changes, item by item.

use crate::domain::{
    bilingual::labels,
    id::{CampaignId, OrderId},
};

/// What an import does to one campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// No draft of this name was there; one is made.
    New,
    /// Changed; nobody had decided about it.
    Changed,
    /// Only what people call it has changed: what was decided stands.
    Renamed,
    /// Changed after it was submitted or approved: it is a draft again.
    Voided,
    /// As it was.
    Unchanged,
    /// Over, or already begun: it stays as it is.
    TooLate,
    /// No longer in the file: it stays as it is.
    Gone,
}

impl Effect {
    /// Its name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Renamed => "renamed",
            Self::Voided => "voided",
            Self::Unchanged => "unchanged",
            Self::TooLate => "too_late",
            Self::Gone => "gone",
        }
    }
}

labels!(Effect {
    New: "新增草稿", "new draft";
    Changed: "草稿已改", "draft changed";
    Renamed: "只改了名称", "renamed";
    Voided: "已改，原审批作废，须重新送审", "changed: its approval is void, submit it again";
    Unchanged: "不变", "unchanged";
    TooLate: "已发送或已结束，不再改动", "begun or over: left as it is";
    Gone: "计划里已没有，保留原样", "no longer in the plan: left as it is";
});

/// One item of a plan beside what stands in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemDiff {
    /// Its key.
    pub item: String,
    /// Its name.
    pub name: String,
    /// Its campaign; none yet of a new one that was only looked at, and none of a work order.
    pub campaign: Option<CampaignId>,
    /// Its work order, where it is one.
    pub order: Option<OrderId>,
    /// What happens to it.
    pub effect: Effect,
    /// Which fields differ.
    pub fields: Vec<&'static str>,
}

/// What an import changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportDiff {
    /// The plan.
    pub plan: String,
    /// Its items in the file's order, then those that are no longer in it.
    pub items: Vec<ItemDiff>,
}
