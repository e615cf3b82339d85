//! One `[[gateways]]` table: the keys that all protocols share, and the rest for the protocol's own file.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
};

use config::{Value, ValueKind};

use super::{
    Gateway, Kind, RateUnit, Secret, SignatureBy, Trace,
    read::{Section, money, text, texts, whole},
    sections::{DURATION, SIGNATURE, TEXT, URL, is_url, positive, signature},
};
use crate::domain::{
    bilingual::{Fixed as Expect, bilingual},
    carrier::Carrier,
    id::GatewayId,
    nearest::nearest,
    text::Count,
    time::Micros,
};

/// What a carrier that dials us logs in with; only some protocols know it.
const LISTEN_PASSWORD: &str = "listen_password";

impl Gateway {
    pub(super) fn read(section: &mut Section<'_>, office: &str) -> Option<Self> {
        const ID: Expect = Expect(
            "字母、数字、- 和 _ 组成的名字，至多 32 个",
            "a name of letters, digits, - and _, at most 32",
        );
        const KIND: Expect = Expect(
            "cmpp20、cmpp30、sgip12、smgp30、smpp34 或 http",
            "cmpp20, cmpp30, sgip12, smgp30, smpp34 or http",
        );
        const CARRIERS: Expect = Expect(
            "列表，可含 mobile、unicom、telecom、broadnet，或只写 any",
            "a list of mobile, unicom, telecom, broadnet, or any alone",
        );
        const ACCOUNT: Expect = Expect("运营商给的账号", "the account that the carrier gave you");
        const COUNT: Expect = Expect("ucs2 或 gsm7", "ucs2 or gsm7");
        const UNIT: Expect = Expect("segments 或 requests", "segments or requests");
        const BY: Expect = Expect("us 或 carrier", "us or carrier");
        const PRICE: Expect = Expect("不小于 0 的数", "a number from 0 up");
        const POSITIVE: Expect = Expect("不小于 1 的整数", "a whole number, at least 1");
        const QUOTA: Expect = Expect(
            "不小于 0 的整数（0 表示不限）",
            "a whole number from 0 up (0: none)",
        );
        const LOCAL: Expect = Expect(
            "本机 IP 地址，或留空",
            "one of this machine's IP addresses, or empty",
        );

        let id = section.get("id", ID, |v| text(v).filter(|s| is_id(s)));
        let kind: Option<Kind> = section.get("kind", KIND, |v| text(v)?.parse().ok());
        let (host, url) = (
            Expect(
                "“主机:端口”，如 127.0.0.1:7890",
                "host:port, such as 127.0.0.1:7890",
            ),
            URL,
        );
        let address = section.get(
            "address",
            if kind == Some(Kind::Http) { url } else { host },
            |v| {
                text(v).filter(|a| {
                    if kind == Some(Kind::Http) {
                        is_url(a)
                    } else {
                        is_host_port(a)
                    }
                })
            },
        );
        let account = section.get("account", ACCOUNT, |v| text(v).filter(|a| !a.is_empty()));
        let password = secret(section, "password");
        let carriers = section.or("carriers", Vec::new(), CARRIERS, carriers);
        let access_number = section.or("access_number", String::new(), TEXT, text);
        let service_id = section.or("service_id", String::new(), TEXT, text);
        let rate = section.or("rate", 100, POSITIVE, whole(1));
        let rate_unit = section.or("rate_unit", RateUnit::Segments, UNIT, |v| {
            match text(v)?.as_str() {
                "segments" => Some(RateUnit::Segments),
                "requests" => Some(RateUnit::Requests),
                _ => None,
            }
        });
        let links = section.or("links", 1, POSITIVE, whole(1));
        let window = section.or("window", 16, POSITIVE, whole(1));
        let batch = section.or("batch", 1, batch_of(kind), |v| {
            whole(1)(v).filter(|n| kind.is_none_or(|k| *n <= k.max_batch()))
        });
        let count = section.or("count", Count::Ucs2, COUNT, |v| text(v)?.parse().ok());
        let own_signature = section.or("signature", String::new(), SIGNATURE, signature);
        let signature_by = section.or("signature_by", SignatureBy::Us, BY, |v| {
            text(v)?.parse().ok()
        });
        let opt_out = section.or("opt_out", String::new(), TEXT, text);
        let price = section.or("price", 0.0, PRICE, money);
        let daily_quota = section.or("daily_quota", 0, QUOTA, quota);
        let monthly_quota = section.or("monthly_quota", 0, QUOTA, quota);
        let response_timeout = section.or(
            "response_timeout",
            std::time::Duration::from_secs(30),
            DURATION,
            positive,
        );
        let login_retry = section.or(
            "login_retry",
            std::time::Duration::from_mins(10),
            DURATION,
            positive,
        );
        let local_address = section.or("local_address", String::new(), LOCAL, |v| {
            text(v).filter(|a| a.is_empty() || a.parse::<IpAddr>().is_ok())
        });
        let trace = trace(section, kind);
        // The carrier's password at our listener has the shape of ours at the carrier's.
        let listen_password = section
            .has(LISTEN_PASSWORD)
            .then(|| secret(section, LISTEN_PASSWORD));
        let mut extra = extra(section);
        if let Some(secret) = listen_password {
            let secret = toml::Value::String(secret?.expose().to_owned());
            extra.insert(LISTEN_PASSWORD.to_owned(), secret);
        }
        let folder = section.layers().folder().to_owned();
        described(&mut extra, &folder);
        Some(Self {
            id: GatewayId(id?),
            kind: kind?,
            carriers: carriers?,
            address: address?,
            account: account?,
            password: password?,
            access_number: access_number?,
            service_id: service_id?,
            rate: rate?,
            rate_unit: rate_unit?,
            links: links?,
            window: window?,
            batch: batch?,
            count: count?,
            signature: own_signature.map(|s| if s.is_empty() { office.to_owned() } else { s })?,
            signature_by: signature_by?,
            opt_out: opt_out?,
            price: price?,
            daily_quota: daily_quota?,
            monthly_quota: monthly_quota?,
            response_timeout: response_timeout?,
            login_retry: login_retry?,
            local_address: local_address?,
            trace: trace.ok()?,
            extra,
        })
    }
}

/// The shortest passphrase of a trace: the file travels, and whoever has it may guess for years.
const TRACE_KEY_CHARS: usize = 12;

/// A problem has been noted.
struct Wrong;

/// What is to be written down; an error: it is asked for and said wrongly.
fn trace(section: &mut Section<'_>, kind: Option<Kind>) -> Result<Option<Trace>, Wrong> {
    const UNTIL: Expect = Expect(
        "带时区的时间，如 2026-06-12T18:00:00+08:00，最远 7 天",
        "a time with its zone, such as 2026-06-12T18:00:00+08:00, at most 7 days ahead",
    );
    let keys = ["trace_key", "trace_until", "trace_dir"];
    if keys.into_iter().filter(|key| section.has(key)).count() == 0 {
        return Ok(None);
    }
    let key = secret(section, "trace_key");
    let until = section.get("trace_until", UNTIL, |v| {
        let time = chrono::DateTime::parse_from_rfc3339(&text(v)?).ok()?;
        Some(Micros::from(time))
    });
    let dir = section.or("trace_dir", String::new(), TEXT, text);
    let (Some(key), Some(until), Some(dir)) = (key, until, dir) else {
        return Err(Wrong);
    };
    if key.expose().chars().count() < TRACE_KEY_CHARS {
        section.problem(
            "trace_key",
            None,
            bilingual!(
                "至少 {TRACE_KEY_CHARS} 个字符",
                "needs {TRACE_KEY_CHARS} characters or more"
            ),
        );
        return Err(Wrong);
    }
    if kind == Some(Kind::Http) {
        section.problem(
            "trace_key",
            None,
            bilingual!(
                "http 没有 PDU，不能跟踪：请删去 trace_ 开头的键",
                "http has no PDUs to trace: leave the trace_ keys out"
            ),
        );
        return Err(Wrong);
    }
    let dir = match dir.as_str() {
        "" => PathBuf::new(),
        dir => section.layers().folder().join(dir),
    };
    Ok(Some(Trace { key, until, dir }))
}

/// A literal, `env:NAME` or `file:PATH`. One that cannot be found is an error at the start: a gateway
/// that fails at its first login, in the night before an event, is found too late.
pub(super) fn secret(section: &mut Section<'_>, key: &'static str) -> Option<Secret> {
    const PASSWORD: Expect = Expect(
        "密码，或 env:环境变量名，或 file:文件路径",
        "a password, env:NAME (a variable) or file:PATH (a file)",
    );
    let layers = section.layers();
    let mut origin = None;
    let written = section.get(key, PASSWORD, |v| {
        origin = v.origin().map(str::to_owned);
        text(v)
    })?;
    let what = if let Some(name) = written.strip_prefix("env:") {
        match layers.env.get(name) {
            Some(secret) if !secret.is_empty() => return Some(Secret::new(secret)),
            _ => bilingual!(
                "环境变量 {name} 没有设置或是空的，请在启动前设置",
                "the environment variable {name} is not set or empty; set it before the start"
            ),
        }
    } else if let Some(path) = written.strip_prefix("file:") {
        let path = layers.folder().join(path);
        let shown = path.display();
        match std::fs::read_to_string(&path) {
            Ok(content) if !content.trim_end_matches(['\r', '\n']).is_empty() => {
                return Some(Secret::new(content.trim_end_matches(['\r', '\n'])));
            }
            Ok(_) => bilingual!(
                "密码文件 {shown} 是空的，请写入密码",
                "the password file {shown} is empty; write the password into it"
            ),
            Err(e) => bilingual!(
                "读不了密码文件 {shown}：{e}，请检查路径和权限",
                "cannot read the password file {shown}: {e}; check its path and permissions"
            ),
        }
    } else {
        return Some(Secret::new(written));
    };
    section.problem(key, origin.as_deref(), what);
    None
}

/// The keys that the protocol's own file checks when the gateway is opened. One that is nearly a
/// common key which is not there is that key, misspelt, and must not pass silently until then; when the
/// common key is there too (`bind` beside `kind`), it is meant as it is written.
fn extra(section: &mut Section<'_>) -> BTreeMap<String, toml::Value> {
    let absent = section.absent().to_vec();
    let mut rest: Vec<_> = section.rest().into_iter().collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    let mut extra = BTreeMap::new();
    for (key, value) in rest {
        if nearest(&key, &absent, 2).is_some() {
            section.unknown(&key, &value);
        } else if let Some(value) = plain(value) {
            extra.insert(key, value);
        }
    }
    extra
}

/// An HTTP carrier's description is a name, or a path beside the settings file.
fn described(extra: &mut BTreeMap<String, toml::Value>, folder: &Path) {
    if let Some(toml::Value::String(name)) = extra.get_mut("description")
        && Path::new(name.as_str())
            .extension()
            .is_some_and(|e| e == "toml")
    {
        *name = folder.join(&*name).display().to_string();
    }
}

fn plain(value: Value) -> Option<toml::Value> {
    Some(match value.kind {
        ValueKind::Nil => return None,
        ValueKind::Boolean(b) => toml::Value::Boolean(b),
        ValueKind::I64(n) => toml::Value::Integer(n),
        ValueKind::I128(n) => toml::Value::Integer(n.try_into().ok()?),
        ValueKind::U64(n) => toml::Value::Integer(n.try_into().ok()?),
        ValueKind::U128(n) => toml::Value::Integer(n.try_into().ok()?),
        ValueKind::Float(n) => toml::Value::Float(n),
        ValueKind::String(s) => toml::Value::String(s),
        ValueKind::Table(t) => toml::Value::Table(
            t.into_iter()
                .filter_map(|(k, v)| Some((k, plain(v)?)))
                .collect(),
        ),
        ValueKind::Array(a) => toml::Value::Array(a.into_iter().filter_map(plain).collect()),
    })
}

fn carriers(value: &Value) -> Option<Vec<Carrier>> {
    let names = texts(value)?;
    if names.is_empty() || names == ["any"] {
        return Some(Vec::new());
    }
    let all: Option<Vec<Carrier>> = names
        .iter()
        .map(|n| n.parse().ok().filter(|c| *c != Carrier::Other))
        .collect();
    let mut all = all?;
    all.sort_unstable();
    all.dedup();
    Some(all)
}

fn quota(value: &Value) -> Option<u64> {
    whole::<i64>(0)(value).map(i64::unsigned_abs)
}

fn batch_of(kind: Option<Kind>) -> Expect {
    match kind {
        Some(Kind::Cmpp20 | Kind::Cmpp30) => {
            Expect("1 到 99 的整数", "a whole number from 1 to 99")
        }
        Some(Kind::Sgip12) => Expect("1 到 80 的整数", "a whole number from 1 to 80"),
        Some(Kind::Smgp30) => Expect("1 到 100 的整数", "a whole number from 1 to 100"),
        Some(Kind::Smpp34) => Expect("1 到 254 的整数", "a whole number from 1 to 254"),
        Some(Kind::Http) | None => Expect("不小于 1 的整数", "a whole number, at least 1"),
    }
}

fn is_id(s: &str) -> bool {
    (1..=32).contains(&s.len())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_host_port(s: &str) -> bool {
    s.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['/', ' ']) && port.parse::<u16>().is_ok_and(|p| p > 0)
    })
}
