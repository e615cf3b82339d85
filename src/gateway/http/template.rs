//! Placeholders in a description: `{text}`, `{phones}`, `{option.sign_code}` … filled in for one request.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Names that every request knows.
const ALWAYS: [&str; 8] = [
    "account",
    "secret",
    "access_number",
    "service_id",
    "nonce",
    "seconds",
    "date",
    "cursor",
];

/// Names that a request with messages knows.
const SENDING: [&str; 12] = [
    "key",
    "text",
    "phones",
    "phones[]",
    "phone",
    "reference",
    "count",
    "priority",
    "valid_until",
    "signature",
    "template.code",
    "template.params",
];

/// A table whose only key is this stands for a list: one such value for each number.
const EACH: &str = "each";

/// The values of one request's placeholders.
#[derive(Debug, Default)]
pub(super) struct Fill {
    values: BTreeMap<String, String>,
    phones: Vec<String>,
    references: Vec<String>,
}

impl Fill {
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// The numbers, and our name for each.
    pub(super) fn numbers(&mut self, phones: Vec<String>, references: Vec<String>) {
        self.set("phones", phones.join(","));
        self.set("count", phones.len().to_string());
        (self.phones, self.references) = (phones, references);
    }

    /// A text with its placeholders filled. Braces around anything else stay.
    pub(super) fn text(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after
                .split_once('}')
                .and_then(|(name, tail)| Some((self.values.get(name)?, tail)))
            {
                Some((value, tail)) => {
                    filled.push_str(value);
                    rest = tail;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// A value with all placeholders filled.
    pub(super) fn value(&self, template: &Value) -> Value {
        match template {
            Value::String(text) if text == "{phones[]}" => self.phones.clone().into(),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(all) => Value::Array(all.iter().map(|v| self.value(v)).collect()),
            Value::Object(table) => match table.get(EACH).filter(|_| table.len() == 1) {
                Some(one) => self.each(one),
                None => Value::Object(
                    table
                        .iter()
                        .map(|(k, v)| (k.clone(), self.value(v)))
                        .collect::<Map<_, _>>(),
                ),
            },
            other => other.clone(),
        }
    }

    fn each(&self, one: &Value) -> Value {
        let mut fill = Self {
            values: self.values.clone(),
            ..Self::default()
        };
        let mut all = Vec::with_capacity(self.phones.len());
        for (phone, reference) in self.phones.iter().zip(&self.references) {
            fill.set("phone", phone);
            fill.set("reference", reference);
            all.push(fill.value(one));
        }
        Value::Array(all)
    }

    /// What stands at a place in an answer, as text; none where there is nothing.
    pub(super) fn at(answer: &Value, place: &str) -> Option<String> {
        match answer.pointer(place)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The placeholders that nothing would fill.
pub(super) fn check_names<'a>(
    fields: &Value,
    texts: impl Iterator<Item = &'a str>,
    keys: &BTreeMap<String, Option<String>>,
    sending: bool,
) -> Vec<String> {
    let mut found = Vec::new();
    names_in(fields, &mut found);
    for text in texts {
        found.extend(names(text));
    }
    let known = |name: &str| {
        ALWAYS.contains(&name)
            || (sending && SENDING.contains(&name))
            || name
                .strip_prefix("option.")
                .is_some_and(|key| keys.contains_key(key))
    };
    found
        .into_iter()
        .filter(|name| !known(name))
        .map(|name| format!("nothing fills {{{name}}}"))
        .collect()
}

fn names_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(names(text)),
        Value::Array(all) => all.iter().for_each(|v| names_in(v, found)),
        Value::Object(table) => table.values().for_each(|v| names_in(v, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What looks like a placeholder: a name in braces.
fn names(text: &str) -> Vec<String> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c == '.' || c == '[' || c == ']')
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill() -> Fill {
        let mut fill = Fill::default();
        fill.set("text", "注意{安全}");
        fill.numbers(
            vec!["13800000001".into(), "13800000002".into()],
            vec!["k.0".into(), "k.1".into()],
        );
        fill
    }

    #[test]
    fn lists_are_made_for_the_numbers() {
        let template = json!({
            "all": "{phones}",
            "list": "{phones[]}",
            "to": { "each": { "phone": "{phone}", "ref": "{reference}" } },
            "n": 3,
        });
        assert_eq!(
            fill().value(&template),
            json!({
                "all": "13800000001,13800000002",
                "list": ["13800000001", "13800000002"],
                "to": [{ "phone": "13800000001", "ref": "k.0" }, { "phone": "13800000002", "ref": "k.1" }],
                "n": 3,
            })
        );
    }

    #[test]
    fn what_a_value_holds_is_not_filled_again() {
        assert_eq!(fill().text("“{text}”{x}{"), "“注意{安全}”{x}{");
    }

    #[test]
    fn names_that_nothing_fills_are_told() {
        let keys = BTreeMap::from([("sign".to_owned(), None)]);
        let fields = json!({ "a": "{option.sign}{option.ext}", "b": "{text}", "c": "{\"x\":1}" });
        assert_eq!(
            check_names(&fields, std::iter::empty(), &keys, true),
            ["nothing fills {option.ext}"]
        );
        assert_eq!(
            check_names(&fields, std::iter::empty(), &keys, false).len(),
            2
        );
    }
}
