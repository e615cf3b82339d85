//! Work orders as people and programs read them.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{CliError, Ctx};
use crate::{
    domain::{
        bilingual::headings,
        lang::Lang,
        time::Micros,
        work_order::{due::Owed, readback},
    },
    service::work_order::{Compared, OrderView},
};

/// Seed phones are the office's own, and yet numbers: the middle is left out.
fn masked(phone: &str) -> String {
    match (phone.get(..3), phone.get(7..)) {
        (Some(head), Some(tail)) => format!("{head}****{tail}"),
        _ => String::new(),
    }
}

fn owed(view: &OrderView, lang: Lang) -> String {
    let late = Owed::ALL
        .into_iter()
        .find(|o| o.as_str() == view.row.overdue);
    late.map_or_else(String::new, |o| o.label(lang).to_owned())
}

fn to_json(view: &OrderView, zone: Tz) -> Value {
    let r = &view.row;
    let figures = view.figures();
    json!({
        "work_order": r.id, "item": r.item, "name": r.name, "number": r.number, "carrier": r.carrier, "state": r.state,
        "overdue": r.overdue, "revision": r.revision, "channel": r.channel, "check_code": view.check_code().grouped(),
        "from": r.from_day, "to": r.to_day, "reason": r.reason,
        "as_of": figures.map(|c| Micros(c.as_of_us).rfc3339(zone)),
        "requested": figures.and_then(|c| c.requested), "sent": figures.and_then(|c| c.sent),
        "delivered": figures.and_then(|c| c.delivered), "contradictions": view.contradictions.len(),
        "owed": view.owed.map(|(o, at)| json!({ "what": o.as_str(), "until": at.rfc3339(zone) })),
    })
}

/// All of them, or those that are late.
pub(super) fn list(
    orders: &[OrderView],
    as_json: bool,
    zone: Tz,
    ctx: &Ctx,
) -> Result<(), CliError> {
    if as_json {
        let rows: Vec<_> = orders.iter().map(|o| to_json(o, zone)).collect();
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
        let figures = o.figures();
        [
            o.row.id.clone(),
            o.row.number.clone(),
            o.row.carrier.clone(),
            o.row.name.clone(),
            o.state.label(ctx.lang).to_owned(),
            owed(o, ctx.lang),
            cell(figures.and_then(|c| c.requested)),
            cell(figures.and_then(|c| c.sent)),
            cell(figures.and_then(|c| c.delivered)),
            figures.map_or_else(|| "—".to_owned(), |c| when(c.as_of_us, zone)),
        ]
    });
    ctx.out.table(heading, rows)
}

fn when(us: i64, zone: Tz) -> String {
    Micros(us).local(zone).format("%m-%d %H:%M").to_string()
}

/// One of them, whole.
pub(super) fn one(view: &OrderView, as_json: bool, zone: Tz, ctx: &Ctx) -> Result<(), CliError> {
    let (r, lang) = (&view.row, ctx.lang);
    if as_json {
        let mut value = to_json(view, zone);
        value["text"] = json!(r.text);
        value["signature"] = json!(r.signature);
        value["audience"] = json!(r.audience);
        value["proofs"] = view.proofs.iter().map(|p| proof_json(p, lang)).collect();
        value["counts"] = view
            .counts
            .iter()
            .map(|c| {
                json!({
                    "as_of": Micros(c.as_of_us).rfc3339(zone), "requested": c.requested, "sent": c.sent,
                    "delivered": c.delivered, "final": c.last != 0, "by": c.by_whom,
                })
            })
            .collect();
        value["contradiction_texts"] = view
            .contradictions
            .iter()
            .map(|c| c.text(zone, lang))
            .collect();
        value["evidence"] = view
            .evidence
            .iter()
            .map(|e| json!({ "n": e.n, "name": e.name, "media": e.media, "sha256": hex::encode(&e.sha256) }))
            .collect();
        return ctx.out.json(&value);
    }
    line(view, ctx)?;
    let code = view.check_code().grouped();
    ctx.out.line(format!("【{}】{}", r.signature, r.text))?;
    ctx.out.line(lang.pick(
        format!(
            "校验码 {code}，第 {} 稿；{}；{} 至 {}，每日 {}，每日上限 {}",
            r.revision.max(1),
            r.audience,
            r.from_day,
            r.to_day,
            r.hours,
            r.daily_cap
        ),
        format!(
            "check code {code}, revision {}; {}; {} to {}, {} each day, at most {} a day",
            r.revision.max(1),
            r.audience,
            r.from_day,
            r.to_day,
            r.hours,
            r.daily_cap
        ),
    ))?;
    if let Some((o, at)) = view.owed {
        ctx.out.line(lang.pick(
            format!("运营商应在 {} 之前给出{}", when(at.0, zone), o.label(lang)),
            format!("the carrier owes {} by {}", o.label(lang), when(at.0, zone)),
        ))?;
    }
    proofs(view, ctx)?;
    for c in &view.counts {
        let cell = |n: Option<i64>| n.map_or_else(|| "—".to_owned(), |n| n.to_string());
        let last = if c.last == 0 {
            ""
        } else {
            lang.pick("（最终）", " (final)")
        };
        ctx.out.line(lang.pick(
            format!(
                "截至 {}：应发 {}，已发 {}，送达 {}{last}（运营商申报）",
                when(c.as_of_us, zone),
                cell(c.requested),
                cell(c.sent),
                cell(c.delivered)
            ),
            format!(
                "as of {}: requested {}, sent {}, delivered {}{last} (declared by the carrier)",
                when(c.as_of_us, zone),
                cell(c.requested),
                cell(c.sent),
                cell(c.delivered)
            ),
        ))?;
    }
    contradictions(view, zone, ctx)?;
    for e in &view.evidence {
        let digest = hex::encode(&e.sha256);
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

fn proof_json(p: &Compared, lang: Lang) -> Value {
    let differences: Vec<_> = p
        .differences
        .iter()
        .map(|d| json!({ "at": d.at + 1, "kind": d.kind.as_str(), "text": d.text(lang) }))
        .collect();
    json!({
        "revision": p.proof.revision, "phone": masked(&p.proof.phone), "equal": p.differences.is_empty(),
        "differences": differences, "by": p.proof.by_whom,
    })
}

/// Each proof, with its differences named.
pub(super) fn proofs(view: &OrderView, ctx: &Ctx) -> Result<(), CliError> {
    for p in &view.proofs {
        let phone = masked(&p.proof.phone);
        let revision = p.proof.revision;
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
pub(super) fn contradictions(view: &OrderView, zone: Tz, ctx: &Ctx) -> Result<(), CliError> {
    for c in &view.contradictions {
        let text = c.text(zone, ctx.lang);
        ctx.out.line(ctx.lang.pick(
            format!("数量存疑：{text}"),
            format!("contradiction: {text}"),
        ))?;
    }
    Ok(())
}

/// What it is and where it stands.
pub(super) fn line(view: &OrderView, ctx: &Ctx) -> Result<(), CliError> {
    let r = &view.row;
    let number = if r.number.is_empty() {
        &r.id
    } else {
        &r.number
    };
    let state = view.state.label(ctx.lang);
    let late = match view.is_overdue() {
        true => ctx.lang.pick(
            format!("，逾期未交{}", owed(view, ctx.lang)),
            format!(", overdue: {}", owed(view, ctx.lang)),
        ),
        false => String::new(),
    };
    let reason = match view.state.has_reason() && !r.reason.is_empty() {
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
