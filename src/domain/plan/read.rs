//! From a plan file to a plan: all that is wrong is said at once, each with its line and the nearest right word.

use std::{collections::HashSet, time::Duration};

use chrono::{Datelike, NaiveDate};
use toml::de::{DeTable, DeValue};

use super::{
    Campaign, Event, LunarDay, Plan, TextSource, WantedCount, WorkOrder,
    table::{Places, Problem, Reading, Table, line_of_text, parsed, text, texts, unknown, whole},
};
use crate::domain::{
    bilingual::{Bilingual, Fixed as Expect, bilingual},
    calendar::date_of,
    carrier::Carrier,
    hours::{HourMinute, HourSpan, parse_duration},
    nearest::nearest,
    policy::{Late, OnDoubt},
    priority::Priority,
    schedule::{
        Amount, Cron, Edge, Every, Fitting, Form, MAX_CRON_DAYS, Offset, Otherwise, Schedule, Span,
        Way,
    },
    template,
    text::MAX_SIGNATURE,
};

const TEXT: Expect = Expect("一行文字", "a line of text");
const ID: Expect = Expect(
    "小写字母、数字和连字符组成的代号，如 consultation-day",
    "an id of small letters, digits and hyphens, consultation-day",
);
const DATE: Expect = Expect(
    "日期，不加引号：2023-06-12",
    "a date without quotes: 2023-06-12",
);
const TIME: Expect = Expect("时间 \"09:00\"", "a time of day, \"09:00\"");
const TEXTS: Expect = Expect("文字列表 [\"…\"]", "a list of texts, [\"…\"]");
const GROUPS: Expect = Expect("至少一个组名 [\"…\"]", "at least one group, [\"…\"]");
const AMOUNT: Expect = Expect(
    "\"3 days\"、\"2 workdays\" 或 \"1 weeks\"",
    "\"3 days\", \"2 workdays\" or \"1 weeks\"",
);
const SPAN_TIME: Expect = Expect("时长，如 \"9h\"、\"3d\"", "a duration, \"9h\" or \"3d\"");

/// The hours of a work order that names none.
const OFFICE_HOURS: &str = "09:00-18:00";

/// A plan with the lines on which its keys stand.
#[derive(Debug, Clone)]
pub struct Read {
    /// The plan.
    pub plan: Plan,
    /// Where its keys stand, for problems that come to light later.
    pub places: Places,
}

impl Plan {
    /// Reads a plan file's text.
    pub fn parse(source: &str) -> Result<Read, Vec<Problem>> {
        let mut reading = Reading::new(source);
        let table = DeTable::parse(source).map_err(|e| {
            let line = reading.line(e.span().map_or(0, |s| s.start));
            let why = e.message();
            vec![Problem::new(
                line,
                "TOML",
                bilingual!("不是合法的 TOML：{why}", "not valid TOML: {why}"),
            )]
        })?;
        let mut root = Table::new(&mut reading, "", table);
        let plan = read(&mut reading, &mut root);
        root.finish(&mut reading);
        match plan.filter(|_| reading.problems.is_empty()) {
            Some(plan) => Ok(Read {
                plan,
                places: reading.places,
            }),
            None => {
                reading.problems.sort_by_key(|p| p.line);
                Err(reading.problems)
            }
        }
    }
}

fn read<'i>(reading: &mut Reading<'i>, root: &mut Table<'i>) -> Option<Plan> {
    let head = root.table(reading, "plan").map(|mut t| {
        let head = (
            t.required(reading, "name", ID, id),
            t.required(reading, "title", TEXT, line_of_text),
            t.required(
                reading,
                "year",
                Expect("年份，如 2023", "a year, 2023"),
                |v| {
                    whole(v)
                        .and_then(|y| i32::try_from(y).ok())
                        .filter(|y| (1900..=2200).contains(y))
                },
            ),
            t.optional(
                reading,
                "timezone",
                Expect(
                    "时区名，如 \"Asia/Shanghai\"",
                    "a time zone, \"Asia/Shanghai\"",
                ),
                parsed,
            ),
            t.optional(reading, "texts", TEXT, line_of_text),
        );
        t.finish(reading);
        head
    });
    let events = root.tables(reading, "events");
    let campaigns = root.tables(reading, "campaigns");
    let work_orders = root.tables(reading, "work_orders");
    let events = each(reading, events, event);
    unique(reading, "events", &events, |e| &e.id);
    unique_names(reading, &events);
    let ids: Vec<String> = events.iter().flatten().map(|e| e.id.clone()).collect();
    let campaigns = each(reading, campaigns, |r, t| campaign(r, t, &ids));
    unique(reading, "campaigns", &campaigns, |c| &c.id);
    let work_orders = each(reading, work_orders, work_order);
    unique(reading, "work_orders", &work_orders, |w| &w.id);
    let (name, title, year, zone, texts) = head?;
    Some(Plan {
        name: name?,
        title: title?,
        year: year?,
        zone,
        texts,
        events: events.into_iter().collect::<Option<_>>()?,
        campaigns: campaigns.into_iter().collect::<Option<_>>()?,
        work_orders: work_orders.into_iter().collect::<Option<_>>()?,
    })
}

fn each<'i, T>(
    reading: &mut Reading<'i>,
    tables: Vec<Table<'i>>,
    read: impl Fn(&mut Reading<'i>, &mut Table<'i>) -> Option<T>,
) -> Vec<Option<T>> {
    let one = |mut table: Table<'i>| {
        let one = read(reading, &mut table);
        table.finish(reading);
        one
    };
    tables.into_iter().map(one).collect()
}

fn unique<T>(
    reading: &mut Reading<'_>,
    list: &str,
    items: &[Option<T>],
    id: impl Fn(&T) -> &String,
) {
    let mut seen = HashSet::new();
    for (n, item) in items.iter().enumerate() {
        let Some(id) = item.as_ref().map(&id) else {
            continue;
        };
        if !seen.insert(id) {
            let problem = reading.places.problem(
                &format!("{list}[{}]", n + 1),
                "id",
                bilingual!(
                    "“{id}”用了两次，每项要有自己的代号",
                    "{id:?} is used twice; each needs an id of its own"
                ),
            );
            reading.problems.push(problem);
        }
    }
}

/// An event's name stands in texts for its date: two of a name, or one of a person's fields, would be ambiguous.
fn unique_names(reading: &mut Reading<'_>, events: &[Option<Event>]) {
    let mut seen: HashSet<&str> = [
        template::NAME,
        template::UNIT,
        template::DEPARTMENT,
        template::POST,
    ]
    .into();
    for (n, event) in events.iter().enumerate() {
        let Some(event) = event else { continue };
        if !seen.insert(&event.name) {
            let name = &event.name;
            let problem = reading.places.problem(&format!("events[{}]", n + 1), "name", bilingual!(
                "“{name}”已用作另一事件或通讯录字段的名字，正文里的 (({name})) 会说不清",
                "{name:?} is another event's or a contact field's name: (({name})) in a text would be ambiguous"
            ));
            reading.problems.push(problem);
        }
    }
}

fn event<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>) -> Option<Event> {
    let id = t.required(reading, "id", ID, id);
    let name = t.required(reading, "name", TEXT, line_of_text);
    let span = match t.has("date") {
        true => t.required(reading, "date", DATE, date).map(Span::day),
        false => span(reading, t),
    };
    let lunar = t.optional(
        reading,
        "lunar",
        Expect(
            "农历月日，如 \"05-05\"",
            "a day of the lunar year, \"05-05\"",
        ),
        parsed::<LunarDay>,
    );
    if let (Some(lunar), Some(span)) = (lunar, span) {
        let year = span.from.year();
        match lunar.in_year(year) {
            Some(day) if span == Span::day(day) => {}
            Some(day) => t.problem(
                reading,
                "lunar",
                bilingual!(
                    "农历 {lunar} 在 {year} 年是 {day}，与 date 不符",
                    "lunar {lunar} is {day} in {year}, not the event's date"
                ),
            ),
            None => t.problem(
                reading,
                "lunar",
                bilingual!(
                    "{year} 年没有农历 {lunar}",
                    "there is no lunar {lunar} in {year}"
                ),
            ),
        }
    }
    let units = t.optional(reading, "units", TEXTS, texts);
    let about = t.optional(reading, "about", TEXT, line_of_text);
    Some(Event {
        id: id?,
        name: name?,
        span: span?,
        lunar,
        units: units.unwrap_or_default(),
        about: about.unwrap_or_default(),
    })
}

fn span<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>) -> Option<Span> {
    let from = t.required(reading, "from", DATE, date);
    let to = t.required(reading, "to", DATE, date);
    let (from, to) = (from?, to?);
    if to < from {
        t.problem(
            reading,
            "to",
            bilingual!("{to} 在 {from} 之前", "{to} is before {from}"),
        );
        return None;
    }
    Some(Span { from, to })
}

fn source<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>) -> Option<TextSource> {
    let is_inline = t.has("text");
    if is_inline && t.has("template") {
        t.problem(
            reading,
            "text",
            bilingual!(
                "text 和 template 只能写一个",
                "write text or template, not both"
            ),
        );
    }
    let template = match is_inline {
        true => None,
        false => t.required(
            reading,
            "template",
            Expect(
                "正文文件名（不带 .txt），或改写 text = \"…\"",
                "a text's file name without .txt, or text = \"…\" instead",
            ),
            id,
        ),
    };
    let inline = t.optional(
        reading,
        "text",
        Expect("短信正文", "the message's text"),
        |v| text(v).filter(|s| !s.trim().is_empty()),
    );
    inline
        .map(TextSource::Inline)
        .or(template.map(TextSource::Template))
}

fn campaign<'i>(
    reading: &mut Reading<'i>,
    t: &mut Table<'i>,
    events: &[String],
) -> Option<Campaign> {
    let id = t.required(reading, "id", ID, id);
    let name = t.required(reading, "name", TEXT, line_of_text);
    let to = t.required(reading, "to", GROUPS, |v| {
        texts(v).filter(|g| !g.is_empty())
    });
    let exclude = t.optional(reading, "exclude", TEXTS, texts);
    let text = source(reading, t);
    let schedule = t.table(reading, "schedule").and_then(|mut s| {
        let schedule = schedule(reading, &mut s, events);
        s.finish(reading);
        schedule
    });
    let priority = match t.has("priority") {
        true => t.word(reading, "priority", &Priority::ALL, Priority::as_str),
        false => Some(Priority::Normal),
    };
    let late = match t.has("late") {
        true => t.word(reading, "late", &Late::ALL, Late::as_str),
        false => Some(Late::Ask),
    };
    let on_doubt = match t.has("on_doubt") {
        true => t.word(
            reading,
            "on_doubt",
            &[OnDoubt::Hold, OnDoubt::Resend],
            OnDoubt::as_str,
        ),
        false => Some(OnDoubt::Hold),
    };
    let not_after = t.optional(reading, "not_after", SPAN_TIME, duration);
    Some(Campaign {
        id: id?,
        name: name?,
        to: to?,
        exclude: exclude.unwrap_or_default(),
        text: text?,
        schedule: schedule?,
        priority: priority?,
        not_after,
        late: late?,
        on_doubt: on_doubt?,
    })
}

fn schedule<'i>(
    reading: &mut Reading<'i>,
    t: &mut Table<'i>,
    events: &[String],
) -> Option<Schedule> {
    let forms = ["on", "cron", "event"];
    let form = match forms.iter().filter(|f| t.has(f)).count() {
        1 if t.has("on") => once(reading, t),
        1 if t.has("cron") => cron(reading, t),
        1 => by_event(reading, t, events),
        _ => {
            t.problem(
                reading,
                "",
                bilingual!(
                    "on、cron、event 要写且只能写一个",
                    "write exactly one of on, cron and event"
                ),
            );
            None
        }
    };
    let days = match t.has("days") {
        true => t.word(reading, "days", Fitting::ALL, Fitting::as_str),
        false => Some(Fitting::Any),
    };
    let otherwise = match t.has("otherwise") {
        true => t.word(reading, "otherwise", Otherwise::ALL, Otherwise::as_str),
        false => Some(Otherwise::Skip),
    };
    Some(Schedule {
        form: form?,
        days: days?,
        otherwise: otherwise?,
    })
}

fn once<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>) -> Option<Form> {
    let date = t.required(reading, "on", DATE, date);
    let at = t.required(reading, "at", TIME, parsed::<HourMinute>);
    Some(Form::On {
        date: date?,
        at: at?,
    })
}

fn cron<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>) -> Option<Form> {
    const RULE: Expect = Expect(
        "五段的 cron 规则 \"30 8 * * MON-FRI\"",
        "a cron rule of five fields, \"30 8 * * MON-FRI\"",
    );
    let rule: Option<Result<Cron, _>> =
        t.required(reading, "cron", RULE, |v| text(v).map(|s| s.parse()));
    let span = span(reading, t);
    if let Some(Err(e)) = &rule {
        t.problem(reading, "cron", Bilingual::of(|lang| e.text(lang)));
    }
    let span = span?;
    if (span.to - span.from).num_days() >= MAX_CRON_DAYS {
        t.problem(
            reading,
            "to",
            bilingual!(
                "起止日期最多 {MAX_CRON_DAYS} 天",
                "from and to span at most {MAX_CRON_DAYS} days"
            ),
        );
        return None;
    }
    Some(Form::Cron {
        rule: rule?.ok()?,
        span,
    })
}

fn by_event<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>, events: &[String]) -> Option<Form> {
    let event = t.required(reading, "event", ID, id);
    if let Some(event) = event.as_ref().filter(|e| !events.contains(e)) {
        let known: Vec<&str> = events.iter().map(String::as_str).collect();
        let near = nearest(event, &known, 4);
        let written = format!("{event:?}");
        let blank = unknown(0, String::new(), &written, near, &known);
        let what = blank.into_what();
        t.problem(
            reading,
            "event",
            bilingual!([what] "事件：{what}", "event: {what}"),
        );
    }
    let at = t.required(reading, "at", TIME, parsed::<HourMinute>);
    if t.has("every") {
        let every = t.word(reading, "every", Every::ALL, Every::as_str);
        return Some(Form::Every {
            event: event?,
            every: every?,
            at: at?,
        });
    }
    if t.has("before") && t.has("after") {
        t.problem(
            reading,
            "",
            bilingual!(
                "before 和 after 只能写一个",
                "write before or after, not both"
            ),
        );
    }
    let written = t.has("before") || t.has("after");
    let before = t.optional(reading, "before", AMOUNT, parsed::<Amount>);
    let after = t.optional(reading, "after", AMOUNT, parsed::<Amount>);
    let offset = |way, amount: Amount| Offset {
        way,
        count: amount.0,
        unit: amount.1,
    };
    let offset = before
        .map(|a| offset(Way::Before, a))
        .or(after.map(|a| offset(Way::After, a)));
    let edge = match t.has("edge") {
        true => t.word(reading, "edge", Edge::ALL, Edge::as_str),
        false => Some(Edge::Start),
    };
    // What could not be read must not pass for the day itself.
    if written && offset.is_none() {
        return None;
    }
    Some(Form::Around {
        event: event?,
        offset,
        edge: edge?,
        at: at?,
    })
}

fn work_order<'i>(reading: &mut Reading<'i>, t: &mut Table<'i>) -> Option<WorkOrder> {
    const CARRIERS: [Carrier; 4] = [
        Carrier::Mobile,
        Carrier::Unicom,
        Carrier::Telecom,
        Carrier::Broadnet,
    ];
    let id = t.required(reading, "id", ID, id);
    let name = t.required(reading, "name", TEXT, line_of_text);
    let carrier = match t.has("carrier") {
        true => t.word(reading, "carrier", &CARRIERS, Carrier::as_str),
        false => t.required(
            reading,
            "carrier",
            Expect(
                "mobile、unicom、telecom 或 broadnet",
                "mobile, unicom, telecom or broadnet",
            ),
            parsed,
        ),
    };
    let text = source(reading, t);
    let signature = t.required(
        reading,
        "signature",
        Expect("签名，不带【】", "a signature without its brackets"),
        |v| {
            line_of_text(v)
                .filter(|s| s.chars().count() <= MAX_SIGNATURE && !s.contains(['【', '】']))
        },
    );
    let appended = t.optional(reading, "appended", TEXT, line_of_text);
    let audience = t.required(reading, "audience", TEXT, line_of_text);
    let span = span(reading, t);
    let hours = match t.has("hours") {
        true => t.optional(
            reading,
            "hours",
            Expect("\"09:00-18:00\"", "\"09:00-18:00\""),
            |v| hours(&self::text(v)?),
        ),
        false => hours(OFFICE_HOURS),
    };
    let daily_cap = t.optional(
        reading,
        "daily_cap",
        Expect("不小于 0 的整数", "a whole number from 0"),
        |v| whole(v).and_then(|n| u64::try_from(n).ok()),
    );
    let counts = match t.has("counts") {
        true => t.optional(
            reading,
            "counts",
            Expect(
                "requested、sent、delivered 的列表",
                "a list of requested, sent, delivered",
            ),
            counts,
        ),
        false => Some(WantedCount::ALL.to_vec()),
    };
    let evidence = t.optional(reading, "evidence", TEXT, line_of_text);
    let contact = t.required(
        reading,
        "contact",
        Expect(
            "联系人，不写电话号码",
            "whom to ask, without a phone number",
        ),
        |v| line_of_text(v).filter(|s| !holds_number(s)),
    );
    Some(WorkOrder {
        id: id?,
        name: name?,
        carrier: carrier?,
        text: text?,
        signature: signature?,
        appended: appended.unwrap_or_default(),
        audience: audience?,
        span: span?,
        hours: hours?,
        daily_cap: daily_cap.unwrap_or(0),
        counts: counts?,
        evidence: evidence.unwrap_or_default(),
        contact: contact?,
    })
}

/// A key: small letters, digits, hyphens.
fn id(value: &DeValue<'_>) -> Option<String> {
    text(value).filter(|s| {
        (1..=64).contains(&s.len())
            && s.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}

/// A date, as TOML has it, or as text.
fn date(value: &DeValue<'_>) -> Option<NaiveDate> {
    match value {
        DeValue::Datetime(d) => date_of(d),
        DeValue::String(s) => s.parse().ok(),
        _ => None,
    }
}

fn duration(value: &DeValue<'_>) -> Option<Duration> {
    let d = parse_duration(&text(value)?).ok()?;
    (!d.is_zero() && d <= Duration::from_hours(24 * 366)).then_some(d)
}

fn hours(text: &str) -> Option<HourSpan> {
    let hours: HourSpan = text.parse().ok()?;
    (hours.opens < hours.closes).then_some(hours)
}

fn counts(value: &DeValue<'_>) -> Option<Vec<WantedCount>> {
    texts(value)?.iter().map(|word| word.parse().ok()).collect()
}

fn holds_number(text: &str) -> bool {
    let mut digits = 0;
    text.chars().any(|c| {
        digits = match c {
            c if c.is_numeric() => digits + 1,
            '-' | ' ' => digits,
            _ => 0,
        };
        digits >= 7
    })
}
