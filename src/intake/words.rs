//! Why a file cannot be read, in the person's language.

use super::IntakeError;
use crate::domain::lang::Lang;

impl IntakeError {
    /// What is wrong, where, and how to mend it.
    pub fn text(&self, lang: Lang) -> String {
        let zh = match self {
            Self::Io(e) => format!("文件读不出来：{e}"),
            Self::Empty => "文件是空的，请重新保存通讯录。".into(),
            Self::OldExcel => "这是旧的 .xls 工作簿，请在 Excel 里另存为 .xlsx 或 CSV。".into(),
            Self::Workbook(e) => {
                format!(
                    "看起来是 .xlsx 工作簿，但读不出来（{e}）。请在 Excel 里打开后重新另存为 .xlsx。"
                )
            }
            Self::Encoding { line, tried } => {
                format!("第 {line} 行不是 {tried} 编码的文字。请另存为“CSV UTF-8”或 .xlsx。")
            }
            Self::UnclosedQuote { row } => {
                format!(
                    "第 {row} 行有一个引号 \" 没有配对，会把下面的行都吞进去。请删掉它或写成两个。"
                )
            }
            Self::NoHeading { row, column } => format!(
                "第 {row} 行没有表头，{column} 列已经是手机号码。请在最上面插入一行表头，如：姓名,手机"
            ),
            Self::NoPhoneColumn { found } => format!(
                "没有哪一列的表头是手机、手机号码、联系电话、电话、phone 或 mobile；找到的表头是：{}",
                found.join("、")
            ),
            Self::TwoPhoneColumns { row, first, second } => format!(
                "第 {row} 行的“{first}”和“{second}”都像手机号码列。请把不用的那一列改名，如：备用号码"
            ),
        };
        lang.pick(zh, self.to_string())
    }
}
