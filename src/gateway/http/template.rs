//! Placeholders in a description: `{text}`, `{phones}`, `{option.sign_code}` … filled in for one request.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Keys of the gateway's table that only this carrier knows: with a default, or required.
pub(super) type Keys = BTreeMap<String, Option<String>>;

/// Where a template stands: other names are filled in each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The fields of a request with messages.
    SendFields,
    /// The fields of any other request.
    Fields,
    /// A request's headers.
    Headers,
    /// A request's path, which proxies and servers log: no secret stands there.
    Path,
    /// What `md5-concat` is made over.
    Md5,
    /// What `hmac-sha256` is made over.
    Hmac,
    /// What a call's `hmac-sha256` is made over.
    CallHmac,
}

impl Place {
    fn knows(self, name: &str) -> bool {
        const GATEWAY: &[&str] = &["account", "secret", "access_number", "service_id"];
        const SENDING: &[&str] = &[
            "key",
            "text",
            "phones",
            "count",
            "priority",
            "valid_until",
            "signature",
            "template.code",
            "template.params",
        ];
        let groups: &[&[&str]] = match self {
            Self::SendFields => &[GATEWAY, SENDING],
            Self::Fields => &[GATEWAY, &["cursor"]],
            Self::Headers => &[GATEWAY, &["key"]],
            Self::Path => &[&["account", "access_number", "service_id", "key"]],
            Self::Md5 => &[GATEWAY, SENDING, &["cursor"]],
            Self::Hmac => &[GATEWAY, &["seconds", "key", "method", "path", "body"]],
            Self::CallHmac => &[&["seconds", "key", "body"]],
        };
        groups.iter().any(|names| names.contains(&name))
    }

    /// A call is judged before anything is known of the gateway's own keys.
    fn knows_options(self) -> bool {
        self != Self::CallHmac
    }
}

/// Names that are filled for each number, within a list made by [`EACH`].
const OF_EACH: [&str; 2] = ["phone", "reference"];

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
        self.text_with(template, str::to_owned)
    }

    /// The same with each value as `written` has it, for a place that cannot hold every character.
    pub(super) fn text_with(&self, template: &str, written: impl Fn(&str) -> String) -> String {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after
                .split_once('}')
                .and_then(|(name, tail)| Some((self.values.get(name)?, tail)))
            {
                Some((value, tail)) => {
                    filled.push_str(&written(value));
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

/// The placeholders in these values that nothing would fill.
pub(super) fn check_fields(fields: &Value, keys: &Keys, place: Place) -> Vec<String> {
    match fields {
        Value::String(text) if text == "{phones[]}" && place == Place::SendFields => Vec::new(),
        Value::String(text) => check_text(text, keys, place),
        Value::Array(all) => all
            .iter()
            .flat_map(|v| check_fields(v, keys, place))
            .collect(),
        Value::Object(table) => match table.get(EACH).filter(|_| table.len() == 1) {
            Some(one) if place == Place::SendFields => {
                let mut unknown = check_fields(one, keys, place);
                unknown.retain(|what| !OF_EACH.iter().any(|name| *what == unfilled(name)));
                unknown
            }
            Some(_) => vec!["`each` makes a list of numbers: only [send] has any".to_owned()],
            None => table
                .values()
                .flat_map(|v| check_fields(v, keys, place))
                .collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The placeholders in this text that nothing would fill.
pub(super) fn check_text(text: &str, keys: &Keys, place: Place) -> Vec<String> {
    let is_option = |name: &str| {
        let key = name.strip_prefix("option.");
        place.knows_options() && key.is_some_and(|key| keys.contains_key(key))
    };
    let known = |name: &String| place.knows(name) || is_option(name);
    let unknown = names(text).into_iter().filter(|name| !known(name));
    unknown.map(|name| unfilled(&name)).collect()
}

fn unfilled(name: &str) -> String {
    match OF_EACH.contains(&name) {
        true => format!("{{{name}}} is filled only within `each = {{ … }}`"),
        false => format!("nothing fills {{{name}}} here"),
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
    fn a_value_in_a_path_stays_one_piece_of_it() {
        let mut fill = Fill::default();
        fill.set("account", "云岭/1 ?");
        let path = fill.text_with(
            "/v1/{account}/send?x={y}",
            crate::gateway::http::sign::percent,
        );
        assert_eq!(path, "/v1/%E4%BA%91%E5%B2%AD%2F1%20%3F/send?x={y}");
    }

    #[test]
    fn what_a_value_holds_is_not_filled_again() {
        assert_eq!(fill().text("“{text}”{x}{"), "“注意{安全}”{x}{");
    }

    #[test]
    fn names_that_nothing_fills_are_told() {
        let keys = BTreeMap::from([("sign".to_owned(), None)]);
        let fields = json!({
            "a": "{option.sign}{option.ext}",
            "b": "{text}",
            "c": "{\"x\":1}",
            "list": "{phones[]}",
            "to": { "each": { "p": "{phone}" } },
        });
        let unknown = |fields: &Value, place| check_fields(fields, &keys, place);
        assert_eq!(
            unknown(&fields, Place::SendFields),
            ["nothing fills {option.ext} here"]
        );
        assert_eq!(unknown(&fields, Place::Fields).len(), 4);
        // One number a request: it is still `{phones}`.
        assert_eq!(
            unknown(&json!({ "mobile": "{phone}" }), Place::SendFields),
            ["{phone} is filled only within `each = { … }`"]
        );
        assert_eq!(
            unknown(&json!("to {phones[]}"), Place::SendFields),
            ["nothing fills {phones[]} here"]
        );
    }

    #[test]
    fn each_place_has_names_of_its_own() {
        let keys = BTreeMap::from([("sign".to_owned(), None)]);
        let unknown = |text, place| check_text(text, &keys, place);
        assert!(unknown("{secret}{phones}{text}{option.sign}", Place::Md5).is_empty());
        assert_eq!(
            unknown("{secert}", Place::Md5),
            ["nothing fills {secert} here"]
        );
        assert!(unknown("{method}{path}{seconds}{body}{account}", Place::Hmac).is_empty());
        assert_eq!(unknown("{text}{nonce}", Place::Hmac).len(), 2);
        assert!(unknown("{key}.{seconds}.{body}", Place::CallHmac).is_empty());
        assert_eq!(unknown("{account}{option.sign}", Place::CallHmac).len(), 2);
        assert!(unknown("Bearer {secret}", Place::Headers).is_empty());
        assert_eq!(unknown("{text}", Place::Headers).len(), 1);
        assert!(unknown("/v1/{account}/{option.sign}", Place::Path).is_empty());
        assert_eq!(unknown("/v1/{secret}/{text}", Place::Path).len(), 2);
    }
}
