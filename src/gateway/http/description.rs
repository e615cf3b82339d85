//! A carrier's HTTP interface, described in a file: where to post what, how to sign it, how to read the
//! answer, the reports and the texts that come in. Declarative: fields, places and code tables, and one
//! of a few signature schemes; no scripting. `docs/http-descriptions.md` is its reference.

use std::time::Duration;

use serde_json::Value;

use super::{
    reader::{DescriptionError, Section, Source},
    template::{Fill, Keys, Place, check_fields, check_text},
};

/// The description that comes with the program, by name.
const BUILT_IN: [(&str, &str); 3] = [
    (
        "watchbell",
        include_str!("../../../config/gateways/watchbell.toml"),
    ),
    (
        "yunmas",
        include_str!("../../../config/gateways/yunmas.toml"),
    ),
    (
        "aliyun",
        include_str!("../../../config/gateways/aliyun.toml"),
    ),
];

/// A carrier's interface.
#[derive(Debug, Clone)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Numbers that one request takes at most.
    pub batch: u16,
    /// How long the carrier knows a request by its key; none: it does not.
    pub idempotency_window: Option<Duration>,
    /// Of the gateway's table.
    pub(super) keys: Keys,
    /// Does the carrier want registered templates instead of texts?
    pub(super) templates: bool,
    pub(super) sign: Scheme,
    pub(super) check: Option<Call>,
    pub(super) send: Call,
    pub(super) answer: AnswerRule,
    pub(super) report: Option<ReportRule>,
    pub(super) mo: Option<MoRule>,
    pub(super) callback: Option<CallbackRule>,
    pub(super) poll: Option<PollRule>,
}

/// How requests are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Not at all.
    None,
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// A header with HMAC-SHA256 over a template.
    HmacSha256 {
        over: String,
        header: String,
        time_header: String,
        id_header: String,
        base64: bool,
    },
    /// A field of the body with the MD5 over a template.
    Md5Concat { over: String, field: String },
    /// Alibaba Cloud's version 3.
    Acs3 { version: String },
}

/// How a request's fields travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    /// The Base64 of the JSON is the body.
    Base64Json,
    Form,
    Query,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) get: bool,
    pub(super) path: String,
    /// ACS3's `x-acs-action`.
    pub(super) action: String,
    pub(super) encoding: Encoding,
    pub(super) headers: Vec<(String, String)>,
    pub(super) fields: Value,
    pub(super) success: Option<Test>,
}

/// The value at one of these places is one of these words.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) at: Vec<String>,
    pub(super) is: Vec<String>,
}

/// How an answer to a send is read.
#[derive(Debug, Clone)]
pub(super) struct AnswerRule {
    pub(super) code: Vec<String>,
    pub(super) id: Vec<String>,
    pub(super) each: Option<EachRule>,
    pub(super) codes: Codes,
}

/// How the answer speaks of each number.
#[derive(Debug, Clone)]
pub(super) struct EachRule {
    pub(super) list: String,
    pub(super) phone: String,
    pub(super) id: String,
    pub(super) code: String,
    pub(super) accepted: Vec<String>,
}

/// What the carrier's codes mean; any other is a refusal for good.
#[derive(Debug, Clone, Default)]
pub(super) struct Codes {
    /// Too fast: surely did not leave.
    pub(super) throttled: Vec<String>,
    /// Another carrier's number: surely did not leave.
    pub(super) wrong_network: Vec<String>,
    /// The account is not let in: surely did not leave.
    pub(super) login: Vec<String>,
    /// The carrier is in trouble: it may have left.
    pub(super) transient: Vec<String>,
}

/// How a report is read.
#[derive(Debug, Clone)]
pub(super) struct ReportRule {
    pub(super) id: String,
    pub(super) phone: String,
    pub(super) status: String,
    pub(super) code: String,
    pub(super) time: String,
    pub(super) time_format: String,
    pub(super) delivered: Vec<String>,
    pub(super) expired: Vec<String>,
    pub(super) intermediate: Vec<String>,
}

/// How a text from a phone is read.
#[derive(Debug, Clone)]
pub(super) struct MoRule {
    pub(super) id: String,
    pub(super) phone: String,
    pub(super) to: String,
    pub(super) text: String,
}

/// How the carrier calls us.
#[derive(Debug, Clone)]
pub(super) struct CallbackRule {
    pub(super) sign: Scheme,
    pub(super) list: String,
    pub(super) reply: String,
}

/// How reports are fetched.
#[derive(Debug, Clone)]
pub(super) struct PollRule {
    pub(super) every: Duration,
    pub(super) call: Call,
    pub(super) list: String,
    pub(super) cursor: String,
    pub(super) more: Option<Test>,
    pub(super) confirm: Option<Call>,
}

impl Description {
    /// The one that is built in under this name.
    pub fn built_in(name: &str) -> Option<Result<Self, Vec<DescriptionError>>> {
        BUILT_IN
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| Self::parse(text))
    }

    /// The names of those built in.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// Reads a description; the error has all that is wrong.
    pub fn parse(text: &str) -> Result<Self, Vec<DescriptionError>> {
        let source = Source::new(text);
        let read = source.root().and_then(|mut root| {
            let read = Self::read(&mut root);
            root.finish();
            read
        });
        let problems = source.problems();
        match read {
            Some(description) if problems.is_empty() => Ok(description),
            _ => Err(problems),
        }
    }

    fn read(root: &mut Section<'_, '_>) -> Option<Self> {
        let name = root.required("name");
        let batch = root.count("batch").unwrap_or(1);
        let idempotency_window = root.duration("idempotency_window");
        let templates = root.word("texts", &[("free", false), ("registered", true)]);
        let required = root.texts("required_keys");
        let optional = root.text_table("optional_keys");
        let keys: Keys = required
            .into_iter()
            .map(|key| (key, None))
            .chain(optional.into_iter().map(|(key, value)| (key, Some(value))))
            .collect();
        let sign = root.section("sign");
        let sign = sign.map_or(Some(Scheme::None), |s| scheme(s, &keys, Signs::Requests));
        let check = root.section("check").map(|s| call(s, &keys, Place::Fields));
        let send = root.required_section("send");
        let (send, answer) = send.map_or((None, None), |mut section| {
            let answer = section.required_section("answer").map(answer);
            (call(section, &keys, Place::SendFields), answer)
        });
        let report = root.section("report").map(report);
        let mo = root.section("mo").map(mo);
        let callback = root.section("callback").map(|s| callback(s, &keys));
        let poll = root.section("poll").map(|s| poll(s, &keys));
        if callback.is_some() && report.is_none() && mo.is_none() {
            root.wrong_here("[callback] needs [report] or [mo]");
        }
        Some(Self {
            name: name?,
            batch,
            idempotency_window,
            templates: templates.unwrap_or(false),
            keys,
            sign: sign?,
            check: all(check)?,
            send: send?,
            answer: answer?,
            report: all(report)?,
            mo: all(mo)?,
            callback: all(callback)?,
            poll: all(poll)?,
        })
    }
}

/// Nothing, or what could be read.
#[expect(
    clippy::option_option,
    reason = "a section that is not there, or can't be read"
)]
fn all<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    match section {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// What a scheme signs.
#[derive(Clone, Copy)]
enum Signs {
    /// Our requests.
    Requests,
    /// The carrier's calls.
    Calls,
}

fn scheme(mut section: Section<'_, '_>, keys: &Keys, signs: Signs) -> Option<Scheme> {
    let names = [
        ("none", 0),
        ("standard-webhooks", 1),
        ("hmac-sha256", 2),
        ("md5-concat", 3),
        ("acs3", 4),
    ];
    let scheme = match section.word("scheme", &names) {
        Some(0) => Some(Scheme::None),
        Some(1) => Some(Scheme::StandardWebhooks),
        Some(2) => {
            let over = section.required("over");
            let header = section.required("header");
            let time_header = section.text("time_header").unwrap_or_default();
            let id_header = section.text("id_header").unwrap_or_default();
            let base64 = section.word("encoding", &[("hex", false), ("base64", true)]);
            Some(Scheme::HmacSha256 {
                over: over?,
                header: header?.to_ascii_lowercase(),
                time_header: time_header.to_ascii_lowercase(),
                id_header: id_header.to_ascii_lowercase(),
                base64: base64.unwrap_or(false),
            })
        }
        Some(3) => {
            let (over, field) = (section.required("over"), section.required("field"));
            Some(Scheme::Md5Concat {
                over: over?,
                field: field?,
            })
        }
        Some(_) => section
            .required("version")
            .map(|version| Scheme::Acs3 { version }),
        None => {
            section.wrong_here(
                "`scheme` is one of none, standard-webhooks, hmac-sha256, md5-concat, acs3",
            );
            None
        }
    };
    let over = match (&scheme, signs) {
        (Some(Scheme::HmacSha256 { over, .. }), Signs::Requests) => Some((over, Place::Hmac)),
        (Some(Scheme::HmacSha256 { over, .. }), Signs::Calls) => Some((over, Place::CallHmac)),
        (Some(Scheme::Md5Concat { over, .. }), _) => Some((over, Place::Md5)),
        _ => None,
    };
    if let Some((over, place)) = over {
        for what in check_text(over, keys, place) {
            section.wrong_here(&format!("over: {what}"));
        }
    }
    section.finish();
    scheme
}

fn call(mut section: Section<'_, '_>, keys: &Keys, place: Place) -> Option<Call> {
    let get = section.word("method", &[("POST", false), ("GET", true)]);
    let path = section.required("path");
    let action = section.text("action").unwrap_or_default();
    let encodings = [
        ("json", Encoding::Json),
        ("base64-json", Encoding::Base64Json),
        ("form", Encoding::Form),
        ("query", Encoding::Query),
    ];
    let encoding = section.word("encoding", &encodings);
    let headers = section.text_table("headers");
    let fields = section.json("fields").unwrap_or(Value::Null);
    let success = section.section("success").map(test);
    let mut unknown = check_fields(&fields, keys, place);
    for (_, value) in &headers {
        unknown.extend(check_text(value, keys, Place::Headers));
    }
    if let Some(path) = &path {
        unknown.extend(check_text(path, keys, Place::Path));
    }
    for what in unknown {
        section.wrong_here(&what);
    }
    section.finish();
    Some(Call {
        get: get.unwrap_or(false),
        path: path?,
        action,
        encoding: encoding.unwrap_or(Encoding::Json),
        headers,
        fields,
        success,
    })
}

fn test(mut section: Section<'_, '_>) -> Test {
    let at = section.texts("at");
    let is = section.texts("is");
    if at.is_empty() || is.is_empty() {
        section.wrong_here("needs `at`, a place in the answer, and `is`, what stands there");
    }
    section.finish();
    Test { at, is }
}

fn answer(mut section: Section<'_, '_>) -> AnswerRule {
    let code = section.texts("code");
    let id = section.texts("id");
    let each = section.section("each").and_then(|mut each| {
        let list = each.required("list");
        let phone = each.required("phone");
        let id = each.text("id").unwrap_or_default();
        let code = each.required("code");
        let accepted = each.texts("accepted");
        each.finish();
        Some(EachRule {
            list: list?,
            phone: phone?,
            id,
            code: code?,
            accepted,
        })
    });
    if each.is_none() && id.is_empty() {
        section.wrong_here("needs `id`, where the carrier's id stands, or [send.answer.each]");
    }
    let codes = section.section("codes").map(|mut codes| {
        let read = Codes {
            throttled: codes.texts("throttled"),
            wrong_network: codes.texts("wrong_network"),
            login: codes.texts("login"),
            transient: codes.texts("transient"),
        };
        codes.finish();
        read
    });
    section.finish();
    AnswerRule {
        code,
        id,
        each,
        codes: codes.unwrap_or_default(),
    }
}

fn report(mut section: Section<'_, '_>) -> Option<ReportRule> {
    let id = section.required("id");
    let phone = section.required("phone");
    let status = section.required("status");
    let code = section.text("code");
    let time = section.text("time").unwrap_or_default();
    let time_format = section.text("time_format").unwrap_or_default();
    let delivered = section.texts("delivered");
    let expired = section.texts("expired");
    let intermediate = section.texts("intermediate");
    if delivered.is_empty() {
        section.wrong_here("`delivered` lists the words that mean it has arrived");
    }
    section.finish();
    let status = status?;
    Some(ReportRule {
        id: id?,
        phone: phone?,
        code: code.unwrap_or_else(|| status.clone()),
        status,
        time,
        time_format,
        delivered,
        expired,
        intermediate,
    })
}

fn mo(mut section: Section<'_, '_>) -> Option<MoRule> {
    let id = section.text("id").unwrap_or_default();
    let phone = section.required("phone");
    let to = section.text("to").unwrap_or_default();
    let text = section.required("text");
    section.finish();
    Some(MoRule {
        id,
        phone: phone?,
        to,
        text: text?,
    })
}

fn callback(mut section: Section<'_, '_>, keys: &Keys) -> Option<CallbackRule> {
    let sign = section.section("sign");
    let sign = sign.map_or(Some(Scheme::None), |s| scheme(s, keys, Signs::Calls));
    if matches!(sign, Some(Scheme::Md5Concat { .. } | Scheme::Acs3 { .. })) {
        section.wrong_here("a callback's scheme is none, standard-webhooks or hmac-sha256");
    }
    let list = section.text("list").unwrap_or_default();
    let reply = section.text("reply").unwrap_or_default();
    section.finish();
    Some(CallbackRule {
        sign: sign?,
        list,
        reply,
    })
}

fn poll(mut section: Section<'_, '_>, keys: &Keys) -> Option<PollRule> {
    let every = section.duration("every");
    let list = section.text("list").unwrap_or_default();
    let cursor = section.text("cursor").unwrap_or_default();
    let more = section.section("more").map(test);
    let confirm = section
        .section("confirm")
        .map(|s| call(s, keys, Place::Fields));
    let call = call(section, keys, Place::Fields);
    Some(PollRule {
        every: every.unwrap_or(Duration::from_secs(30)),
        call: call?,
        list,
        cursor,
        more,
        confirm: all(confirm)?,
    })
}

impl Test {
    /// Does it hold?
    pub(super) fn holds(&self, answer: &Value) -> bool {
        self.at
            .iter()
            .filter_map(|at| Fill::at(answer, at))
            .any(|found| self.is.contains(&found))
    }
}
