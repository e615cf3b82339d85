//! What a plan comes to: each campaign's final text and slots, each work order's text.

use std::collections::BTreeSet;

use chrono::Datelike;
use chrono_tz::Tz;

use super::{Plan, Planned, Problem, Read, TextSource, WorkOrder};
use crate::domain::{
    bilingual::{Bilingual, bilingual},
    calendar::Calendar,
    nearest::nearest,
    schedule::Form,
    template::{self, Template},
    time::Micros,
};

/// A work order with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// As the plan has it.
    pub order: WorkOrder,
    /// Its text, the events' dates filled in.
    pub text: String,
}

/// A plan worked out.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What is sent.
    pub items: Vec<Planned>,
    /// What carriers are asked to send.
    pub orders: Vec<Ordered>,
    /// What a person should look at; nothing that keeps the plan from being used.
    pub warnings: Vec<Problem>,
}

impl Read {
    /// Works it out. `texts` gives a text by its name, `office` is the clock of a plan that names none, `groups` the
    /// groups there are, where they are known.
    pub fn resolve(
        &self,
        texts: &dyn Fn(&str) -> Option<String>,
        names: &[String],
        calendar: &Calendar,
        office: Tz,
        groups: Option<&[String]>,
    ) -> Result<Resolved, Vec<Problem>> {
        let mut work = Work {
            read: self,
            texts,
            names,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let plan = &self.plan;
        let zone = plan.zone.unwrap_or(office);
        let mut items = Vec::with_capacity(plan.campaigns.len());
        let mut years = BTreeSet::new();
        for (n, c) in plan.campaigns.iter().enumerate() {
            let table = format!("campaigns[{}]", n + 1);
            let text = work.text(&table, &c.text, Fields::OfPeople);
            let slots = work.slots(&table, n, calendar, zone);
            if let Some(groups) = groups {
                work.groups(&table, "to", &c.to, groups);
                work.groups(&table, "exclude", &c.exclude, groups);
            }
            if c.schedule.asks_calendar() {
                let dates = slots.iter().flatten();
                years.extend(dates.map(|s| s.local(zone).date_naive().year()));
                years.insert(plan.year);
            }
            if let (Some(text), Some(slots)) = (text, slots) {
                items.push(Planned {
                    item: c.id.clone(),
                    name: c.name.clone(),
                    text,
                    include: c.to.clone(),
                    exclude: c.exclude.clone(),
                    priority: c.priority,
                    on_doubt: c.on_doubt,
                    late: c.late,
                    lasts: c.not_after,
                    rule: c.schedule.to_string(),
                    slots,
                });
            }
        }
        let mut orders = Vec::with_capacity(plan.work_orders.len());
        for (n, order) in plan.work_orders.iter().enumerate() {
            let table = format!("work_orders[{}]", n + 1);
            if let Some(text) = work.text(&table, &order.text, Fields::None) {
                let order = order.clone();
                orders.push(Ordered { order, text });
            }
        }
        for doubt in calendar.warnings(years) {
            let what = Bilingual::of(|lang| doubt.text(lang));
            work.warnings
                .push(self.places.problem("plan", "year", what));
        }
        match work.problems.is_empty() {
            true => Ok(Resolved {
                items,
                orders,
                warnings: work.warnings,
            }),
            false => {
                work.problems.sort_by_key(|p| p.line);
                Err(work.problems)
            }
        }
    }
}

/// What may stand in a text besides events' dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// What address books say of a person.
    OfPeople,
    /// Nothing: everybody gets the same.
    None,
}

struct Work<'a> {
    read: &'a Read,
    texts: &'a dyn Fn(&str) -> Option<String>,
    names: &'a [String],
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Work<'_> {
    fn wrong(&mut self, table: &str, key: &'static str, what: Bilingual) {
        self.problems
            .push(self.read.places.problem(table, key, what));
    }

    fn text(&mut self, table: &str, source: &TextSource, fields: Fields) -> Option<String> {
        let (key, text) = match source {
            TextSource::Inline(text) => ("text", text.clone()),
            TextSource::Template(name) => match (self.texts)(name) {
                Some(text) => ("template", text),
                None => {
                    let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
                    let near = near(name, &known);
                    self.wrong(
                        table,
                        "template",
                        bilingual!(
                            [near] "没有正文文件 {name}.txt{near}",
                            "there is no text {name}.txt{near}"
                        ),
                    );
                    return None;
                }
            },
        };
        let template = match Template::parse(text.trim()) {
            Ok(template) => template,
            Err(e) => {
                self.wrong(table, key, bilingual!("正文有误：{e}", "the text: {e}"));
                return None;
            }
        };
        let events = &self.read.plan.events;
        let filled = template.fill(|name| {
            let event = events.iter().find(|e| e.name == name);
            event.map(|e| e.span.to_string())
        });
        let left = Template::parse(&filled).ok()?;
        for name in left.names() {
            self.field(table, key, name, fields);
        }
        Some(filled)
    }

    /// What was no event must be a person's field; another name may be a column of an address book, or a slip.
    fn field(&mut self, table: &str, key: &'static str, name: &str, fields: Fields) {
        let own = [
            template::NAME,
            template::UNIT,
            template::DEPARTMENT,
            template::POST,
        ];
        if fields == Fields::OfPeople && own.contains(&name) {
            return;
        }
        let events = self.read.plan.events.iter().map(|e| e.name.as_str());
        let known: Vec<&str> = own.into_iter().chain(events).collect();
        let near = near(name, &known);
        let problem = self.read.places.problem(table, key, bilingual!(
            [near] "(({name})) 不是事件，也不是姓名、单位、部门、职务{near}；通讯录里要有这一列",
            "(({name})) is neither an event nor 姓名, 单位, 部门, 职务{near}; the address books must have such a column"
        ));
        match fields {
            Fields::OfPeople => self.warnings.push(problem),
            Fields::None => self.problems.push(problem),
        }
    }

    fn slots(
        &mut self,
        table: &str,
        n: usize,
        calendar: &Calendar,
        zone: Tz,
    ) -> Option<Vec<Micros>> {
        let plan: &Plan = &self.read.plan;
        let schedule = &plan.campaigns[n].schedule;
        let span = |id: &str| plan.events.iter().find(|e| e.id == id).map(|e| e.span);
        match schedule.slots(&span, calendar, zone) {
            Ok(slots) if slots.is_empty() => {
                let what = match schedule.form {
                    Form::Cron { .. } => bilingual!(
                        "这条规则在起止日期内一次也不发",
                        "the rule never fires between from and to"
                    ),
                    _ => bilingual!(
                        "按 days 的要求没有合适的日子，一次也不发",
                        "no day fits `days`, so it never fires"
                    ),
                };
                self.wrong(table, "schedule", what);
                None
            }
            Ok(slots) => Some(slots),
            Err(e) => {
                self.wrong(table, "schedule", Bilingual::of(|lang| e.text(lang)));
                None
            }
        }
    }

    fn groups(&mut self, table: &str, key: &'static str, wanted: &[String], known: &[String]) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        for name in wanted.iter().filter(|g| !known.contains(&g.as_str())) {
            let near = near(name, &known);
            self.wrong(
                table,
                key,
                bilingual!(
                    [near] "通讯录里没有组“{name}”{near}",
                    "there is no group {name:?}{near}"
                ),
            );
        }
    }
}

fn near(name: &str, known: &[&str]) -> Bilingual {
    match nearest(name, known, 4) {
        Some(near) => bilingual!("，是不是 {near}？", "; did you mean {near}?"),
        None => Bilingual::default(),
    }
}
