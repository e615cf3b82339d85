//! Work orders as people and programs read them.

use serde_json::json;

use super::{CliError, Ctx};
use crate::{
    domain::{bilingual::headings, lang::Lang, time::Zoned, work_order::readback},
    service::work_order::OrderView,
};

fn owed(view: &OrderView, lang: Lang) -> String {
    let late = view.line.overdue;
    late.map_or_else(String::new, |o| o.label(lang).to_owned())
}

/// All of them, or those that are late.
pub(super) fn list(orders: &[OrderView], as_json: bool, ctx: &Ctx) -> Result<(), CliError> {
    if as_json {
        let rows: Vec<_> = orders.iter().map(|o| &o.line).collect();
        return ctx.out.json(&json!({ "work_orders": rows }));
    }
    let heading = headings(
        ctx.lang,
        [
            ("委托单", "work order"),
            ("编号", "number"),
            ("运营商", "carrier"),
            ("名称", "name"),
            ("状态", "state"),
            ("逾期未交", "overdue"),
            ("应发", "requested"),
            ("已发", "sent"),
            ("送达", "delivered"),
            ("截至", "as of"),
        ],
    );
    let cell = |n: Option<i64>| n.map_or_else(|| "—".to_owned(), |n| n.to_string());
    let rows = orders.iter().map(|o| {
        let line = &o.line;
        [
            line.id.to_string(),
            line.number.clone(),
            line.carrier.to_string(),
            line.name.clone(),
            line.state.label(ctx.lang).to_owned(),
            owed(o, ctx.lang),
            cell(line.figures.requested),
            cell(line.figures.sent),
            cell(line.figures.delivered),
            line.figures.as_of.map_or_else(|| "—".to_owned(), when),
        ]
    });
    ctx.out.table(heading, rows)
}

fn when(at: Zoned) -> String {
    at.format("%m-%d %H:%M")
}

/// One of them, whole.
pub(super) fn one(view: &OrderView, as_json: bool, ctx: &Ctx) -> Result<(), CliError> {
    let (l, lang) = (&view.line, ctx.lang);
    if as_json {
        return ctx.out.json(&view.json(lang));
    }
    line(view, ctx)?;
    let code = l.check_code.grouped();
    ctx.out
        .line(format!("【{}】{}", view.signature, view.text))?;
    ctx.out.line(lang.pick(
        format!(
            "校验码 {code}，第 {} 稿；{}；{} 至 {}，每日 {}，每日上限 {}",
            l.revision.max(1),
            view.audience,
            l.from,
            l.to,
            view.hours,
            view.daily_cap
        ),
        format!(
            "check code {code}, revision {}; {}; {} to {}, {} each day, at most {} a day",
            l.revision.max(1),
            view.audience,
            l.from,
            l.to,
            view.hours,
            view.daily_cap
        ),
    ))?;
    if let Some(owed) = l.owed {
        let (what, until) = (owed.what.label(lang), when(owed.until));
        ctx.out.line(lang.pick(
            format!("运营商应在 {until} 之前给出{what}"),
            format!("the carrier owes {what} by {until}"),
        ))?;
    }
    proofs(view, ctx)?;
    for c in &view.counts {
        let cell = |n: Option<i64>| n.map_or_else(|| "—".to_owned(), |n| n.to_string());
        let last = match c.is_final {
            true => lang.pick("（最终）", " (final)"),
            false => "",
        };
        let as_of = c.figures.as_of.map_or_else(String::new, when);
        let [requested, sent, delivered] =
            [c.figures.requested, c.figures.sent, c.figures.delivered].map(cell);
        ctx.out.line(lang.pick(
            format!("截至 {as_of}：应发 {requested}，已发 {sent}，送达 {delivered}{last}（运营商申报）"),
            format!("as of {as_of}: requested {requested}, sent {sent}, delivered {delivered}{last} (declared by the carrier)"),
        ))?;
    }
    contradictions(view, ctx)?;
    for e in &view.evidence {
        let digest = &e.sha256;
        ctx.out.line(lang.pick(
            format!("凭证 {}：{}（{}），SHA-256 {digest}", e.n, e.name, e.media),
            format!(
                "evidence {}: {} ({}), SHA-256 {digest}",
                e.n, e.name, e.media
            ),
        ))?;
    }
    Ok(())
}

/// Each proof, with its differences named.
pub(super) fn proofs(view: &OrderView, ctx: &Ctx) -> Result<(), CliError> {
    for p in &view.proofs {
        let (phone, revision) = (&p.phone, p.revision);
        let found = match p.differences.is_empty() {
            true => ctx.say("逐字一致", "equal to the character").to_owned(),
            false => readback::summary(&p.differences, ctx.lang),
        };
        ctx.out.line(ctx.lang.pick(
            format!("回读（第 {revision} 稿，{phone}）：{found}"),
            format!("read-back (revision {revision}, {phone}): {found}"),
        ))?;
    }
    Ok(())
}

/// What cannot be about its figures.
pub(super) fn contradictions(view: &OrderView, ctx: &Ctx) -> Result<(), CliError> {
    for c in &view.contradictions {
        let text = c.text(view.zone, ctx.lang);
        ctx.out.line(ctx.lang.pick(
            format!("数量存疑：{text}"),
            format!("contradiction: {text}"),
        ))?;
    }
    Ok(())
}

/// What it is and where it stands.
pub(super) fn line(view: &OrderView, ctx: &Ctx) -> Result<(), CliError> {
    let r = &view.line;
    let number = match r.number.is_empty() {
        true => r.id.to_string(),
        false => r.number.clone(),
    };
    let state = r.state.label(ctx.lang);
    let late = match r.overdue.is_some() {
        true => ctx.lang.pick(
            format!("，逾期未交{}", owed(view, ctx.lang)),
            format!(", overdue: {}", owed(view, ctx.lang)),
        ),
        false => String::new(),
    };
    let reason = match r.state.has_reason() && !r.reason.is_empty() {
        false => String::new(),
        true => ctx
            .lang
            .pick(format!("（{}）", r.reason), format!(" ({})", r.reason)),
    };
    ctx.out.line(ctx.lang.pick(
        format!("委托单 {number}（{}）：{state}{reason}{late}", r.name),
        format!("work order {number} ({}): {state}{reason}{late}", r.name),
    ))
}
