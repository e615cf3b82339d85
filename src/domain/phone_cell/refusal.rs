//! Why a cell is not taken as a mobile number, in words that say how to mend it.

use super::Phone;
use crate::domain::{bilingual::Fact, lang::Lang};

/// Why a cell is not taken as a mobile number. Holds no digits but the numbers of [`PhoneError::Several`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason(Lang::En))]
pub enum PhoneError {
    /// Nothing in the cell.
    Empty,
    /// Too few digits; carries how many there are.
    TooShort(usize),
    /// Too many digits; carries how many there are.
    TooLong(usize),
    /// Scientific notation that no longer holds all digits.
    DigitsLost,
    /// An office or home line.
    Landline,
    /// A 400 or 800 number.
    ServiceNumber,
    /// A number of Hong Kong, Macao or Taiwan.
    HongKongMacaoTaiwan,
    /// A number of another country.
    Foreign,
    /// A short number of a virtual network, or a hotline.
    ShortNumber,
    /// A 13-digit machine number.
    Iot,
    /// 11 digits, but in no segment given to mobile phones.
    NotAMobileSegment,
    /// Several numbers; the mobile numbers among them.
    Several(Vec<Phone>),
    /// Other text.
    NotANumber,
}

impl PhoneError {
    /// A code that never changes, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "phone_empty",
            Self::TooShort(_) => "phone_too_short",
            Self::TooLong(_) => "phone_too_long",
            Self::DigitsLost => "phone_digits_lost",
            Self::Landline => "landline",
            Self::ServiceNumber => "service_number",
            Self::HongKongMacaoTaiwan => "hong_kong_macao_taiwan",
            Self::Foreign => "foreign_number",
            Self::ShortNumber => "short_number",
            Self::Iot => "iot_number",
            Self::NotAMobileSegment => "not_a_mobile_segment",
            Self::Several(_) => "several_numbers",
            Self::NotANumber => "not_a_number",
        }
    }

    /// What is wrong and how to mend it.
    pub fn reason(&self, lang: Lang) -> String {
        let fixed = match self {
            Self::TooShort(n) => {
                return lang.pick(
                    format!("手机号码应为11位，这里只有{n}位，请补全"),
                    format!("a mobile number has 11 digits, this has {n}: complete it"),
                );
            }
            Self::TooLong(n) => {
                return lang.pick(
                    format!("手机号码应为11位，这里有{n}位，请核对"),
                    format!("a mobile number has 11 digits, this has {n}: check it"),
                );
            }
            Self::Several(numbers) => {
                return lang.pick(
                    format!(
                        "一格里有几个号码（其中手机号{}个），请每行只写一个",
                        numbers.len()
                    ),
                    format!(
                        "the cell holds several numbers ({} of them mobile): write one per row",
                        numbers.len()
                    ),
                );
            }
            Self::Empty => ("没有填写手机号码", "the phone cell is empty: fill it in"),
            Self::DigitsLost => (
                "Excel 把号码变成了科学计数法，末尾数字已丢失，请按文本格式重新填写",
                "Excel turned the number into scientific notation and its last digits are lost: type it again as text",
            ),
            Self::Landline => (
                "这是固定电话，收不到短信，请改填手机号码",
                "a landline takes no SMS: give a mobile number",
            ),
            Self::ServiceNumber => (
                "这是400/800服务号码，收不到短信，请改填手机号码",
                "a 400/800 number takes no SMS: give a mobile number",
            ),
            Self::HongKongMacaoTaiwan => (
                "港澳台号码不在发送范围内，请改填内地手机号码",
                "numbers of Hong Kong, Macao and Taiwan are out of scope: give a mainland mobile number",
            ),
            Self::Foreign => (
                "境外号码不在发送范围内，请改填内地手机号码",
                "foreign numbers are out of scope: give a mainland mobile number",
            ),
            Self::ShortNumber => (
                "这是短号，网外无法送达，请改填11位手机号码",
                "a short number works only inside its own network: give the 11-digit mobile number",
            ),
            Self::Iot => (
                "这是13位物联网号码，收不到普通短信",
                "a 13-digit number belongs to a machine and takes no ordinary SMS",
            ),
            Self::NotAMobileSegment => (
                "这个号段没有分配给手机，请核对号码",
                "no mobile carrier has this number segment: check the number",
            ),
            Self::NotANumber => (
                "这一格不是电话号码，请只填11位手机号码",
                "not a phone number: write the 11 digits and nothing else",
            ),
        };
        lang.pick(fixed.0, fixed.1).to_owned()
    }
}

impl Fact for PhoneError {
    fn text(&self, lang: Lang) -> String {
        self.reason(lang)
    }

    fn json(&self, _: Lang) -> serde_json::Value {
        self.code().into()
    }
}
