//! What an acceptance sends: short, numbered, and saying what it is.

use std::fmt::Write as _;

use super::refusal::AcceptanceRefusal;
use crate::{
    config,
    domain::text::{Composition, Count, FinalText, Framing},
    random,
};

type Result<T> = std::result::Result<T, AcceptanceRefusal>;

/// Parts of the long text.
pub(super) const LONG_PARTS: usize = 3;

/// The texts of one acceptance, by the gateway's signature and opt-out wording.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    gateway: config::Gateway,
    /// The long text's: another one each time, or a phone would join two acceptances' parts.
    pub(super) reference: u8,
    /// What a phone is to reply.
    pub(super) word: String,
    pub(super) short: String,
    pub(super) batch: String,
    /// The long text's pieces as they are submitted, and the segments of each.
    pub(super) long: Vec<(String, u8)>,
}

impl Texts {
    pub(super) fn compose(gateway: &config::Gateway) -> Result<Self> {
        let [reference, a, b] = random::bytes();
        let word = (1_000 + u16::from_le_bytes([a, b]) % 9_000).to_string();
        let short = format!("短信网关联调测试，收到请回复{word}，其余无需理会。");
        Ok(Self {
            short: alone(gateway, &short, &format!("联调回复{word}"))?,
            batch: alone(gateway, "短信网关联调测试：群发，无需理会。", "联调群发")?,
            long: long(gateway)?,
            gateway: gateway.clone(),
            word,
            reference,
        })
    }

    /// One of many for the rate; each is another text, as carriers drop what is said again and again.
    pub(super) fn of_rate(&self, n: usize, all: usize) -> String {
        let text = format!("短信网关联调测试：速率 {n}/{all}，无需理会。");
        alone(&self.gateway, &text, &format!("联调{n}")).unwrap_or_else(|_| self.batch.clone())
    }
}

fn composed(gateway: &config::Gateway, body: &str) -> Result<FinalText> {
    let composition = Composition {
        signature: &gateway.signature,
        body,
        opt_out: &gateway.opt_out,
        signature_by: gateway.signature_by,
    };
    composition
        .compose()
        .map_err(|e| AcceptanceRefusal::Wording {
            gateway: gateway.id.to_string(),
            why: e.to_string(),
        })
}

/// A text of one segment: the full wording, or the brief one where signature and opt-out leave little room.
fn alone(gateway: &config::Gateway, full: &str, brief: &str) -> Result<String> {
    for body in [full, brief] {
        let text = composed(gateway, body)?;
        if text.split(gateway.count).len() == 1 {
            return Ok(text.written().to_owned());
        }
    }
    Err(AcceptanceRefusal::WordingTooLong {
        gateway: gateway.id.to_string(),
    })
}

/// A text of exactly [`LONG_PARTS`] segments, cut as this gateway's protocol wants it.
fn long(gateway: &config::Gateway) -> Result<Vec<(String, u8)>> {
    let count: Count = gateway.count;
    let mut body = String::from("短信网关联调测试：长短信应显示为完整的一条，从一开始，到末结束。");
    for n in 1..=60 {
        _ = write!(body, "第{n:02}节平安。");
        let text = composed(gateway, &format!("{body}末"))?;
        let parts = text.split(count);
        if parts.len() < LONG_PARTS {
            continue;
        }
        return Ok(match gateway.kind.framing() {
            Framing::Parts => parts.into_iter().map(|p| (p.to_owned(), 1)).collect(),
            Framing::Whole => vec![(text.written().to_owned(), LONG_PARTS as u8)],
        });
    }
    Err(AcceptanceRefusal::NoLongText)
}
