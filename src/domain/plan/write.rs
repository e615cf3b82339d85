//! A plan as a file: what [`Plan::parse`] reads back as the same plan.

use std::{
    fmt::{self, Display, Write as _},
    time::Duration,
};

use super::{Campaign, Event, Plan, TextSource, WorkOrder};
use crate::domain::schedule::Span;

impl Plan {
    /// The file's text.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        // Writing into a string does not fail.
        _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "[plan]")?;
        pair(out, "name", quoted(&self.name))?;
        pair(out, "title", quoted(&self.title))?;
        pair(out, "year", self.year)?;
        if let Some(zone) = self.zone {
            pair(out, "timezone", quoted(zone.name()))?;
        }
        if let Some(texts) = &self.texts {
            pair(out, "texts", quoted(texts))?;
        }
        for event in &self.events {
            event.write(out)?;
        }
        for campaign in &self.campaigns {
            campaign.write(out)?;
        }
        for order in &self.work_orders {
            order.write(out)?;
        }
        Ok(())
    }
}

impl Event {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n[[events]]")?;
        pair(out, "id", quoted(&self.id))?;
        pair(out, "name", quoted(&self.name))?;
        match self.span.is_day() {
            true => pair(out, "date", self.span.from)?,
            false => span(out, self.span)?,
        }
        if let Some(lunar) = self.lunar {
            pair(out, "lunar", quoted(&lunar.to_string()))?;
        }
        if !self.units.is_empty() {
            pair(out, "units", list(&self.units))?;
        }
        if !self.about.is_empty() {
            pair(out, "about", quoted(&self.about))?;
        }
        Ok(())
    }
}

impl Campaign {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n[[campaigns]]")?;
        pair(out, "id", quoted(&self.id))?;
        pair(out, "name", quoted(&self.name))?;
        pair(out, "to", list(&self.to))?;
        if !self.exclude.is_empty() {
            pair(out, "exclude", list(&self.exclude))?;
        }
        source(out, &self.text)?;
        pair(out, "schedule", &self.schedule)?;
        pair(out, "priority", quoted(self.priority.as_str()))?;
        if let Some(d) = self.not_after {
            pair(out, "not_after", quoted(&duration(d)))?;
        }
        pair(out, "late", quoted(self.late.as_str()))?;
        pair(out, "on_doubt", quoted(self.on_doubt.as_str()))
    }
}

impl WorkOrder {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n[[work_orders]]")?;
        pair(out, "id", quoted(&self.id))?;
        pair(out, "name", quoted(&self.name))?;
        pair(out, "carrier", quoted(self.carrier.as_str()))?;
        source(out, &self.text)?;
        pair(out, "signature", quoted(&self.signature))?;
        if !self.appended.is_empty() {
            pair(out, "appended", quoted(&self.appended))?;
        }
        pair(out, "audience", quoted(&self.audience))?;
        span(out, self.span)?;
        pair(out, "hours", quoted(&self.hours.to_string()))?;
        pair(out, "daily_cap", self.daily_cap)?;
        let counts: Vec<String> = self.counts.iter().map(|c| c.as_str().to_owned()).collect();
        pair(out, "counts", list(&counts))?;
        if !self.evidence.is_empty() {
            pair(out, "evidence", quoted(&self.evidence))?;
        }
        pair(out, "contact", quoted(&self.contact))
    }
}

fn pair(out: &mut String, key: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "{key} = {value}")
}

fn span(out: &mut String, span: Span) -> fmt::Result {
    pair(out, "from", span.from)?;
    pair(out, "to", span.to)
}

fn source(out: &mut String, text: &TextSource) -> fmt::Result {
    match text {
        TextSource::Template(name) => pair(out, "template", quoted(name)),
        TextSource::Inline(text) => pair(out, "text", quoted(text)),
    }
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

fn list(texts: &[String]) -> String {
    let items: Vec<String> = texts.iter().map(|t| quoted(t).to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// The largest unit that leaves nothing over.
fn duration(d: Duration) -> String {
    let millis = d.as_millis();
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ];
    let fits = units.iter().find(|(unit, _)| millis.is_multiple_of(*unit));
    let (unit, word) = fits.unwrap_or(&(1, "ms"));
    format!("{}{word}", millis / unit)
}
