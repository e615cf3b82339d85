//! A mobile number as people write it in a cell.
//!
//! Numbers come out of Excel, chat windows and paper; most of what looks wrong can be repaired without a guess. What
//! would need a guess is refused with a reason of its own, because each kind of mistake is mended differently.

mod refusal;

use super::{
    carrier::CarrierTable,
    lang::Lang,
    phone::{LEN, Phone},
    text::{half_width, is_invisible},
};

pub use refusal::PhoneError;

/// Prefixes once dialled before a number to make a cheap call; address books from that time still carry them.
const IP_CALL_PREFIXES: [&str; 21] = [
    "17951", "17950", "12593", "17911", "17910", "17909", "17908", "17901", "17900", "17931",
    "17930", "17961", "17960", "17969", "17968", "17991", "17990", "17996", "17995", "10193",
    "11808",
];

impl Phone {
    /// Reads a cell with the segments known at build time; see [`Phone::parse_with`].
    pub fn parse(cell: &str) -> Result<(Self, Repaired), PhoneError> {
        Self::parse_with(cell, CarrierTable::builtin())
    }

    /// Reads a cell: repairs what can be repaired without guessing, refuses the rest with its reason. The cell is
    /// first read as one number with blanks in it; only when that fails is it looked at as several.
    pub fn parse_with(cell: &str, table: &CarrierTable) -> Result<(Self, Repaired), PhoneError> {
        let (clean, repaired) = clean(cell);
        let one = read_one(&clean, table);
        match one {
            Ok((phone, more)) => Ok((phone, repaired.with(more))),
            Err(refusal) => Err(read_several(&clean, table).unwrap_or(refusal)),
        }
    }
}

/// What was mended in a cell; a small set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Repaired(u16);

impl Repaired {
    /// Nothing: the cell held 11 plain digits.
    pub const NOTHING: Self = Self(0);
    const BLANKS: Self = Self(1);
    const FULL_WIDTH: Self = Self(2);
    const INVISIBLE: Self = Self(4);
    const APOSTROPHE: Self = Self(8);
    const COUNTRY_CODE: Self = Self(16);
    const TRUNK_ZERO: Self = Self(32);
    const IP_PREFIX: Self = Self(64);
    const DECIMALS: Self = Self(128);
    const SCIENTIFIC: Self = Self(256);

    const NAMES: [(Self, &str, &str); 9] = [
        (
            Self::BLANKS,
            "去掉空格、横线或括号",
            "blanks, hyphens or brackets removed",
        ),
        (
            Self::FULL_WIDTH,
            "全角数字改为半角",
            "full-width digits made half-width",
        ),
        (
            Self::INVISIBLE,
            "去掉看不见的字符",
            "invisible characters removed",
        ),
        (
            Self::APOSTROPHE,
            "去掉开头的撇号",
            "leading apostrophe removed",
        ),
        (
            Self::COUNTRY_CODE,
            "去掉国家代码86",
            "country code 86 removed",
        ),
        (Self::TRUNK_ZERO, "去掉开头的0", "leading 0 removed"),
        (Self::IP_PREFIX, "去掉IP电话前缀", "IP-call prefix removed"),
        (Self::DECIMALS, "去掉小数点后的0", "decimal zeros removed"),
        (
            Self::SCIENTIFIC,
            "科学计数法还原",
            "scientific notation written out",
        ),
    ];

    /// Was anything mended?
    pub fn any(self) -> bool {
        self != Self::NOTHING
    }

    /// What was mended, in words.
    pub fn describe(self, lang: Lang) -> String {
        let parts: Vec<_> = Self::NAMES
            .iter()
            .filter(|(kind, ..)| self.0 & kind.0 != 0)
            .map(|(_, zh, en)| lang.pick(*zh, *en))
            .collect();
        parts.join(lang.pick("；", "; "))
    }

    fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    fn add(&mut self, more: Self) {
        *self = self.with(more);
    }
}

/// One cell in plain half-width characters, without what nobody can see.
fn clean(cell: &str) -> (String, Repaired) {
    let mut repaired = Repaired::NOTHING;
    let mut out = String::with_capacity(cell.len());
    for c in cell.chars() {
        let half = half_width(c);
        if half != c && half.is_ascii_digit() {
            repaired.add(Repaired::FULL_WIDTH);
        }
        match half {
            c if is_invisible(c) || (c.is_control() && !c.is_whitespace()) => {
                repaired.add(Repaired::INVISIBLE);
            }
            c if c.is_whitespace() => {
                repaired.add(Repaired::BLANKS);
                out.push(' ');
            }
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            '‘' | '’' | '`' | '´' => out.push('\''),
            c => out.push(c),
        }
    }
    let trimmed = out.trim();
    let bare = trimmed.trim_start_matches(['\'', ' ']);
    if bare.len() < trimmed.len() {
        repaired.add(Repaired::APOSTROPHE);
    }
    (bare.to_owned(), repaired)
}

/// Reads a cleaned cell as exactly one number.
fn read_one(clean: &str, table: &CarrierTable) -> Result<(Phone, Repaired), PhoneError> {
    if clean.is_empty() {
        return Err(PhoneError::Empty);
    }
    let mut repaired = Repaired::NOTHING;
    let mut text = clean.to_owned();
    if let Some(digits) = written_out(clean)? {
        repaired.add(Repaired::SCIENTIFIC);
        text = digits;
    } else if let Some((whole, zeros)) = clean.split_once('.')
        && zeros.bytes().all(|b| b == b'0')
        && whole.bytes().all(|b| b.is_ascii_digit())
    {
        repaired.add(Repaired::DECIMALS);
        whole.clone_into(&mut text);
    }

    let international = text.trim_start_matches(['(', ' ']).starts_with('+');
    let mut digits = String::with_capacity(text.len());
    let mut plus_allowed = true;
    for c in text.chars() {
        match c {
            '0'..='9' => {
                digits.push(c);
                plus_allowed = false;
            }
            '+' if plus_allowed => plus_allowed = false,
            ' ' | '-' | '(' | ')' | '.' => repaired.add(Repaired::BLANKS),
            '转' | '#' if looks_like_landline(&digits) => return Err(PhoneError::Landline),
            _ => return Err(PhoneError::NotANumber),
        }
    }
    if text.starts_with('+') && !digits.starts_with("86") && !digits.starts_with("0086") {
        return Err(abroad(&digits));
    }
    let (bare, stripped) = strip_prefixes(&digits);
    repaired.add(stripped);
    judge(
        bare,
        international || stripped.0 & Repaired::COUNTRY_CODE.0 != 0,
        table,
    )
    .map(|phone| (phone, repaired))
}

/// `1.3800138001E+10` as its digits; an error when the notation holds fewer digits than the number has.
fn written_out(text: &str) -> Result<Option<String>, PhoneError> {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return Ok(None);
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    if whole.is_empty() || !plain(whole) || !plain(fraction) || !plain(exponent) {
        return Err(PhoneError::NotANumber);
    }
    // Three digits of exponent are already beyond any number that a spreadsheet holds.
    let exponent: usize = match exponent.parse() {
        Ok(e) if e < 100 => e,
        _ => return Err(PhoneError::NotANumber),
    };
    match fraction.split_at_checked(exponent) {
        Some((kept, rest)) if rest.bytes().all(|b| b == b'0') => Ok(Some(format!("{whole}{kept}"))),
        Some(_) => Err(PhoneError::NotANumber),
        None => Err(PhoneError::DigitsLost),
    }
}

/// Takes country code, trunk zero and IP-call prefix off, as long as a whole number remains behind them.
fn strip_prefixes(digits: &str) -> (&str, Repaired) {
    let mut repaired = Repaired::NOTHING;
    let mut rest = digits;
    while rest.len() > LEN {
        let (next, kind) = if let Some(next) = rest.strip_prefix("0086") {
            (next, Repaired::COUNTRY_CODE)
        } else if let Some(next) = rest.strip_prefix("86") {
            (next, Repaired::COUNTRY_CODE)
        } else if rest.len() == LEN + 1 && rest.starts_with("01") && !rest.starts_with("010") {
            (&rest[1..], Repaired::TRUNK_ZERO)
        } else if rest.len() >= LEN + 5 && IP_CALL_PREFIXES.contains(&&rest[..5]) {
            (&rest[5..], Repaired::IP_PREFIX)
        } else {
            break;
        };
        repaired.add(kind);
        rest = next;
    }
    (rest, repaired)
}

/// What a bare string of digits is.
fn judge(digits: &str, international: bool, table: &CarrierTable) -> Result<Phone, PhoneError> {
    let n = digits.len();
    let first = digits.as_bytes().first().copied();
    match n {
        0 => Err(PhoneError::NotANumber),
        LEN if first == Some(b'1') => digits
            .parse()
            .ok()
            .and_then(Phone::from_number)
            .filter(|phone| table.by_segment(*phone).is_some())
            .ok_or(PhoneError::NotAMobileSegment),
        _ if is_hong_kong_macao_taiwan(digits) => Err(PhoneError::HongKongMacaoTaiwan),
        _ if digits.starts_with("00") => Err(abroad(&digits[2..])),
        13 if digits.starts_with("14") || digits.starts_with("106") => Err(PhoneError::Iot),
        10 if digits.starts_with("400") || digits.starts_with("800") => {
            Err(PhoneError::ServiceNumber)
        }
        // After +86 the area code stands without its 0: 10 is Beijing.
        9..=11 if international && (first != Some(b'1') || digits.starts_with("10")) => {
            Err(PhoneError::Landline)
        }
        _ if looks_like_landline(digits) => Err(PhoneError::Landline),
        3..=6 => Err(PhoneError::ShortNumber),
        LEN => Err(PhoneError::NotAMobileSegment),
        _ if n < LEN => Err(PhoneError::TooShort(n)),
        _ => Err(PhoneError::TooLong(n)),
    }
}

fn looks_like_landline(digits: &str) -> bool {
    match digits.as_bytes() {
        // An area code and seven or eight digits.
        [b'0', b'1'..=b'9', ..] => (10..=12).contains(&digits.len()),
        [b'2'..=b'8', ..] => (7..=8).contains(&digits.len()),
        _ => false,
    }
}

fn is_hong_kong_macao_taiwan(digits: &str) -> bool {
    let digits = digits.strip_prefix("00").unwrap_or(digits);
    match digits.len() {
        11 => ["852", "853", "886"]
            .iter()
            .any(|code| digits.starts_with(code)),
        12..=13 => digits.starts_with("886"),
        _ => false,
    }
}

fn abroad(digits: &str) -> PhoneError {
    let digits = digits.strip_prefix("00").unwrap_or(digits);
    if ["852", "853", "886"]
        .iter()
        .any(|code| digits.starts_with(code))
    {
        PhoneError::HongKongMacaoTaiwan
    } else {
        PhoneError::Foreign
    }
}

/// The refusal for a cell that holds several numbers, at least one of them mobile.
fn read_several(clean: &str, table: &CarrierTable) -> Option<PhoneError> {
    let mut found: Vec<Phone> = Vec::new();
    let mut numbers = 0;
    for part in clean.split(['/', '\\', '、', ';', ',', '|', '&', '或', '和', '与', '及']) {
        let part = part.trim_matches([' ', '\'']);
        match read_one(part, table) {
            Ok((phone, _)) => {
                numbers += 1;
                found.push(phone);
            }
            Err(PhoneError::Empty | PhoneError::NotANumber) => {}
            Err(_) => match read_run(part, table) {
                Some(run) => {
                    numbers += run.len().max(2);
                    found.extend(run);
                }
                None => numbers += 1,
            },
        }
    }
    let mut distinct = Vec::with_capacity(found.len());
    for phone in found {
        if !distinct.contains(&phone) {
            distinct.push(phone);
        }
    }
    (numbers > 1 && !distinct.is_empty()).then_some(PhoneError::Several(distinct))
}

/// Numbers that follow each other with blanks between and inside: `138 0013 8001 139 0013 9002`.
fn read_run(part: &str, table: &CarrierTable) -> Option<Vec<Phone>> {
    let mut found = Vec::new();
    let mut open = String::new();
    for piece in part.split([' ', '-']).filter(|piece| !piece.is_empty()) {
        open.push_str(piece);
        if let Ok((phone, _)) = read_one(&open, table) {
            found.push(phone);
            open.clear();
        }
    }
    if found.len() > 1 && open.is_empty() {
        return Some(found);
    }
    // A mobile number beside a landline.
    let whole: Vec<&str> = part.split(' ').filter(|piece| piece.len() >= 7).collect();
    let mobile = whole.iter().filter_map(|piece| read_one(piece, table).ok());
    let mobile: Vec<Phone> = mobile.map(|(phone, _)| phone).collect();
    (whole.len() > 1 && !mobile.is_empty()).then_some(mobile)
}

#[cfg(test)]
mod tests;
