//! Reading each section: what every key expects, and what its value means.

use std::{path::Path, time::Duration};

use super::{
    Alerts, Config, Database, Gateway, OrderCarrier, Sending, Server, WorkOrders,
    read::{Section, duration, flag, money, text, texts, whole},
};
use crate::domain::{
    bilingual::{Fixed as Expect, bilingual},
    hours::{QuietHours, Season},
    phone::Phone,
    text::MAX_SIGNATURE,
};

const SHARE: Expect = Expect("0 到 1 之间的小数", "a share between 0 and 1");
const FLAG: Expect = Expect("true 或 false", "true or false");
pub(super) const TEXT: Expect = Expect("文字", "text");
pub(super) const URL: Expect = Expect(
    "http:// 或 https:// 开头的网址",
    "a URL that begins with http:// or https://",
);

impl Config {
    pub(super) fn read(root: &mut Section<'_>) -> Option<Self> {
        let practice = root.get("practice", FLAG, flag);
        let server = root.table("server", Server::read);
        let database = root.table("database", Database::read);
        let sending = root.table("sending", Sending::read);
        let alerts = root.table("alerts", Alerts::read);
        let signature = sending.as_ref().map_or("", |s| s.signature.as_str());
        let gateways = root.tables("gateways", |section| Gateway::read(section, signature));
        let work_orders = root.table("work_orders", WorkOrders::read);
        let order_carriers = root.tables("work_order_carriers", OrderCarrier::read);
        let mut gateways = gateways?;
        let beside = database.as_ref().and_then(Database::trace_dir);
        for (n, gateway) in gateways.iter_mut().enumerate() {
            let unsaid = gateway
                .trace
                .as_mut()
                .filter(|trace| trace.dir.as_os_str().is_empty());
            match (unsaid, &beside) {
                (Some(trace), Some(dir)) => trace.dir.clone_from(dir),
                (Some(_), None) => root.problem(
                    &format!("gateways[{n}].trace_dir"),
                    None,
                    bilingual!(
                        "必填：用 PostgreSQL 时须写明跟踪文件放在哪个目录",
                        "is missing: with PostgreSQL, say in which folder the traces are to be"
                    ),
                ),
                (None, _) => {}
            }
        }
        for (n, gateway) in gateways.iter().enumerate() {
            if gateways[..n].iter().any(|g| g.id == gateway.id) {
                let id = &gateway.id.0;
                root.problem(
                    &format!("gateways[{n}].id"),
                    None,
                    bilingual!(
                        "“{id}”用了两次，每个网关要有自己的名字",
                        "{id:?} is used twice; each gateway needs a name of its own"
                    ),
                );
            }
        }
        let order_carriers = order_carriers?;
        for (n, one) in order_carriers.iter().enumerate() {
            if order_carriers[..n].iter().any(|c| c.carrier == one.carrier) {
                let carrier = one.carrier;
                root.problem(
                    &format!("work_order_carriers[{n}].carrier"),
                    None,
                    bilingual!(
                        "“{carrier}”写了两次，每家运营商只写一段",
                        "{carrier} stands twice; one section for each carrier"
                    ),
                );
            }
        }
        Some(Self {
            work_orders: WorkOrders {
                carriers: order_carriers,
                ..work_orders?
            },
            practice: practice? || gateways.is_empty(),
            server: server?,
            database: database?,
            sending: sending?,
            alerts: alerts?,
            gateways,
        })
    }
}

impl Server {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        const LISTEN: Expect = Expect(
            "“地址:端口”，如 127.0.0.1:8080",
            "address:port, such as 127.0.0.1:8080",
        );
        Some(Self {
            listen: section.get("listen", LISTEN, |v| text(v)?.parse().ok())?,
        })
    }
}

impl Database {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        const DATABASE: Expect = Expect(
            "sqlite://路径 或 postgres://用户:密码@主机/库",
            "sqlite://PATH or postgres://user:password@host/database",
        );
        let folder = section.layers().folder();
        let url = section.get("url", DATABASE, |v| {
            let url = text(v)?;
            if let Some(path) = url.strip_prefix("sqlite:") {
                let path = path.strip_prefix("//").unwrap_or(path);
                let (path, options) = path
                    .split_once('?')
                    .map_or((path, None), |(p, o)| (p, Some(o)));
                if path.is_empty() || path.starts_with(':') {
                    return None; // ":memory:" would forget what an auditor asks for.
                }
                let path = if Path::new(path).is_absolute() || folder.as_os_str().is_empty() {
                    path.to_owned()
                } else {
                    // The folder's name is a plain path, the rest a URL's.
                    let folder = folder.to_str()?.replace('%', "%25").replace('?', "%3F");
                    format!("{}/{path}", folder.trim_end_matches('/'))
                };
                Some(options.map_or_else(
                    || format!("sqlite://{path}"),
                    |o| format!("sqlite://{path}?{o}"),
                ))
            } else {
                let rest = url
                    .strip_prefix("postgres://")
                    .or_else(|| url.strip_prefix("postgresql://"))?;
                (!rest.is_empty()).then_some(url)
            }
        })?;
        Some(Self { url })
    }
}

impl Sending {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        const ZONE: Expect = Expect(
            "时区名，如 Asia/Shanghai",
            "a time zone's name, such as Asia/Shanghai",
        );
        const LIMIT: Expect = Expect("不小于 1 的整数", "a whole number, at least 1");
        const WORDS: Expect = Expect("非空词语的列表", "a list of words, none of them empty");
        let timezone = section.get("timezone", ZONE, |v| text(v)?.parse().ok());
        let season = section.table("season", |s| {
            const DAY: Expect = Expect("“月-日”，如 06-01", "month-day, such as 06-01");
            let from = s.get("from", DAY, |v| text(v)?.parse().ok());
            let to = s.get("to", DAY, |v| text(v)?.parse().ok());
            Some(Season {
                from: from?,
                to: to?,
            })
        });
        let quiet_hours = section.table("quiet_hours", |s| {
            const TIME: Expect = Expect("“时:分”，如 21:00", "hour:minute, such as 21:00");
            let from = s.get("from", TIME, |v| text(v)?.parse().ok());
            let to = s.get("to", TIME, |v| text(v)?.parse().ok());
            Some(QuietHours {
                from: from?,
                to: to?,
            })
        });
        let daily_limit = section.get("daily_limit_per_person", LIMIT, whole(1));
        let signature = section.get("signature", SIGNATURE, signature);
        let require_approval = section.get("require_approval", FLAG, flag);
        let report_window = section.get("report_window", DURATION, positive);
        let doubt_grace = section.get("doubt_grace", DURATION, duration);
        let opt_out_words = section.get("opt_out_words", WORDS, |v| {
            texts(v).filter(|words| words.iter().all(|word| !word.trim().is_empty()))
        });
        let max_deviation = section.get("max_deviation", SHARE, |v| {
            money(v).filter(|share| *share <= 1.0)
        });
        let folder = section.layers().folder();
        let calendar = section.get("calendar", TEXT, text).map(|file| {
            let path = folder.join(&file);
            (!file.is_empty()).then_some(path)
        });
        Some(Self {
            timezone: timezone?,
            season: season?,
            quiet_hours: quiet_hours?,
            daily_limit_per_person: daily_limit?,
            signature: signature?,
            require_approval: require_approval?,
            report_window: report_window?,
            doubt_grace: doubt_grace?,
            opt_out_words: opt_out_words?,
            max_deviation: max_deviation?,
            calendar: calendar?,
        })
    }
}

pub(super) const DURATION: Expect = Expect(
    "时长，如 72h、30m、30s",
    "a duration, such as 72h, 30m or 30s",
);
pub(super) const SIGNATURE: Expect = Expect(
    "不带【】的签名，至多 30 个字",
    "a signature without 【】, of at most 30 characters",
);

pub(super) fn positive(value: &config::Value) -> Option<Duration> {
    duration(value).filter(|d| !d.is_zero())
}

pub(super) fn signature(value: &config::Value) -> Option<String> {
    text(value).filter(|s| !s.contains(['【', '】', '\n']) && s.chars().count() <= MAX_SIGNATURE)
}

impl Alerts {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        const PHONES: Expect = Expect(
            "手机号列表，如 [\"13800138000\"]",
            "a list of phone numbers as text, such as [\"13800138000\"]",
        );
        let phones = section.get("phones", PHONES, |v| {
            texts(v).filter(|all| all.iter().all(|p| is_number(p)))
        });
        let webhook = section.get("webhook", URL, |v| {
            text(v).filter(|u| u.is_empty() || is_url(u))
        });
        Some(Self {
            phones: phones?,
            webhook: webhook?,
        })
    }
}

fn is_number(s: &str) -> bool {
    Phone::parse(s).is_ok()
}

pub(super) fn is_url(s: &str) -> bool {
    let rest = s
        .strip_prefix("https://")
        .or_else(|| s.strip_prefix("http://"));
    rest.is_some_and(|r| !r.is_empty() && !r.starts_with('/') && !r.contains(char::is_whitespace))
}
