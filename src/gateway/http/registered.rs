//! Carriers that take registered templates and values instead of texts: which template a text is, and
//! with which values. The carrier fills it in again and sends the very text that was approved.

use serde_json::{Map, Value};

/// A registered template.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    code: String,
    /// What stands before each variable, and the variable's name.
    pieces: Vec<(String, String)>,
    end: String,
}

impl Registered {
    /// Reads `…${name}…`; none when a variable has no end, or two stand side by side.
    pub(super) fn parse(code: &str, text: &str) -> Option<Self> {
        let mut pieces: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}')?;
            if name.is_empty() || (before.is_empty() && !pieces.is_empty()) {
                return None;
            }
            pieces.push((before.to_owned(), name.to_owned()));
            rest = tail;
        }
        Some(Self {
            code: code.to_owned(),
            pieces,
            end: rest.to_owned(),
        })
    }

    /// The values that make this text of the template.
    fn values(&self, text: &str) -> Option<Map<String, Value>> {
        let mut values = Map::new();
        let body = text.strip_suffix(self.end.as_str())?;
        let Some(((first, _), _)) = self.pieces.split_first() else {
            return body.is_empty().then_some(values);
        };
        let mut rest = body.strip_prefix(first.as_str())?;
        for (at, (_, name)) in self.pieces.iter().enumerate() {
            let (value, tail) = match self.pieces.get(at + 1) {
                Some((before, _)) => rest.split_once(before.as_str())?,
                None => (rest, ""),
            };
            if value.is_empty() {
                return None;
            }
            let known = values.insert(name.clone(), value.into());
            if known.is_some_and(|known| known != value) {
                return None;
            }
            rest = tail;
        }
        Some(values)
    }
}

/// The first of these templates that makes this text: its code, and its values as JSON.
pub(super) fn matching(all: &[Registered], text: &str) -> Option<(String, String)> {
    all.iter().find_map(|t| {
        let values = t.values(text)?;
        Some((t.code.clone(), Value::Object(values).to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_finds_its_template_and_values() {
        let all = [
            Registered::parse("SMS_1", "${unit}：今日高温，请${what}。").expect("good"),
            Registered::parse("SMS_2", "汛期注意安全。").expect("good"),
        ];
        let found = matching(&all, "云岭镇：今日高温，请落实防暑降温措施。");
        assert_eq!(
            found,
            Some((
                "SMS_1".into(),
                r#"{"unit":"云岭镇","what":"落实防暑降温措施"}"#.into()
            ))
        );
        assert_eq!(
            matching(&all, "汛期注意安全。"),
            Some(("SMS_2".into(), "{}".into()))
        );
        for other in ["：今日高温，请回家。", "汛期注意安全！", ""] {
            assert_eq!(matching(&all, other), None, "{other}");
        }
    }

    #[test]
    fn variables_side_by_side_can_not_be_told_apart() {
        assert!(Registered::parse("x", "${a}${b}").is_none());
        assert!(Registered::parse("x", "${a").is_none());
    }
}
