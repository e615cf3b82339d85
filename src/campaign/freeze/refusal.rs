//! Why a text cannot go to its audience, for people and programs.

use super::{FreezeError, first_problems};
use crate::{domain::refusal::refusals, store};

refusals! {
    /// Why a text cannot go to its audience.
    pub enum TextRefusal {
        /// The text's placeholders cannot be read.
        /// Mend the place that the sentence names.
        Template { why: String } = Usage "text_unreadable"
            zh "短信正文有误：{why}"
            en "the text: {why}";
        /// The text cannot be sent as it is: empty, too long, or a character that no phone shows.
        /// Mend the text.
        Text { why: String } = Usage "text_cannot_be_sent"
            zh "短信正文不能发送：{why}"
            en "the text: {why}";
        /// A placeholder names what the address book does not have.
        /// Mend the placeholder, or add the column.
        UnknownPlaceholder { total: u64, first: String } = Usage "unknown_placeholder"
            zh "正文中有 {total} 处占位符填不出来：{first}"
            en "{total} of the text's placeholders cannot be filled: {first}";
        /// Some of the audience have no value for a placeholder.
        /// Fill in their rows, or leave them out.
        ValueMissing { total: u64, first: String } = Refused "value_missing"
            zh "名单中有 {total} 处填不出这条短信：{first}"
            en "{total} of the audience cannot get this text: {first}";
        /// Nobody would get this text.
        /// Check the groups and who is excluded.
        Nobody = Refused "audience_empty"
            zh "名单是空的：没有人会收到这条短信"
            en "the audience is empty: nobody would get this text";
        /// With one person's values the text would not be the approved one.
        /// Take brackets and signatures out of the values.
        Frame { row: u64 } = Refused "value_changes_frame"
            zh "第 {row} 人：填入本人信息后正文与审批内容不符，请去掉其中的括号和签名"
            en "row {row}: with this person's values the text would not be the approved one; take brackets and signatures out of the values";
    }
}

impl FreezeError {
    /// The refusal, unless it was the database.
    pub fn refusal(&self) -> Result<TextRefusal, &store::Error> {
        Ok(match self {
            Self::Store(error) => return Err(error),
            Self::Template(e) => TextRefusal::Template { why: e.to_string() },
            Self::Text(e) => TextRefusal::Text { why: e.to_string() },
            Self::Values(problems) => {
                let (total, first) = (problems.total as u64, first_problems(problems));
                // A placeholder that no row can fill is the text's fault, not the rows'.
                match problems.listed.iter().all(|p| p.row.is_none()) {
                    true => TextRefusal::UnknownPlaceholder { total, first },
                    false => TextRefusal::ValueMissing { total, first },
                }
            }
            Self::Nobody => TextRefusal::Nobody,
            Self::Frame { row } => TextRefusal::Frame { row: *row },
        })
    }
}
