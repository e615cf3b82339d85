//! The same plan for another year.

use chrono::{Datelike, NaiveDate};

use super::{Event, Plan};
use crate::domain::{
    bilingual::{Bilingual, bilingual},
    schedule::{Form, Span},
};

impl Plan {
    /// The plan for another year: days of the month stay, lunar festivals move, and the year in name and titles is
    /// replaced. Its notes say what has moved, and what then lies outside the plan's months.
    #[must_use]
    pub fn for_year(&self, year: i32) -> (Self, Vec<Bilingual>) {
        let mut plan = self.clone();
        let mut notes = Vec::new();
        let by = year - self.year;
        let (old, new) = (self.year.to_string(), year.to_string());
        plan.year = year;
        plan.name = self.name.replace(&old, &new);
        plan.title = self.title.replace(&old, &new);
        for event in &mut plan.events {
            notes.extend(move_event(event, by));
        }
        for campaign in &mut plan.campaigns {
            campaign.name = campaign.name.replace(&old, &new);
            match &mut campaign.schedule.form {
                Form::On { date, .. } => *date = shifted(*date, by),
                Form::Cron { span, .. } => *span = moved(*span, by),
                Form::Around { .. } | Form::Every { .. } => {}
            }
        }
        for order in &mut plan.work_orders {
            order.name = order.name.replace(&old, &new);
            order.span = moved(order.span, by);
        }
        (plan, notes)
    }
}

fn move_event(event: &mut Event, by: i32) -> Option<Bilingual> {
    let before = event.span;
    let fixed = moved(before, by);
    event.span = fixed;
    let lunar = event.lunar?;
    let (name, year) = (&event.name, fixed.from.year());
    let Some(day) = lunar.in_year(year) else {
        return Some(bilingual!(
            "{name}：{year} 年没有农历 {lunar}，请改日期",
            "{name}: there is no lunar {lunar} in {year}; set its date"
        ));
    };
    event.span = Span::day(day);
    let warning = match day.month() == before.from.month() {
        true => Bilingual::default(),
        false => bilingual!(
            "；已不在原来的月份，季节之外普通短信不会发出，请看清相关任务",
            "; no longer in the same month: out of season ordinary messages do not go out, so look at what hangs on it"
        ),
    };
    let was = before.from;
    Some(bilingual!(
        [warning] "{name}（农历 {lunar}）：{was} 改为 {day}{warning}",
        "{name} (lunar {lunar}): {was} becomes {day}{warning}"
    ))
}

fn moved(span: Span, by: i32) -> Span {
    Span {
        from: shifted(span.from, by),
        to: shifted(span.to, by),
    }
}

/// The same day of another year; 29 February becomes the 28th where there is none.
fn shifted(date: NaiveDate, by: i32) -> NaiveDate {
    let year = date.year() + by;
    date.with_year(year)
        .or_else(|| date.pred_opt()?.with_year(year))
        .unwrap_or(date)
}
