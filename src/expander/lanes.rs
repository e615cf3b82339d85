//! The lanes of a run that is being frozen: each person's gateway, text, segments and commitment.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{FreezeError, Office, Order, Person, commitment, route};
use crate::{
    config,
    domain::{
        carrier::{Carrier, serving},
        event::{FrozenLane, Span, SuppressedSpan},
        id::{GatewayId, LaneId, MessageId, RunId},
        ledger::{Tree, salted},
        phone::Phone,
        template::Template,
        text::{Composition, Count, MAX_SEGMENTS, SignatureBy, TextError, segments},
    },
    store::{Store, freeze::LaneFigures, hot::NewMessage},
};

/// Random bytes drawn from the operating system at a time.
const SALTS: usize = 1_024 * 16;

/// A finished lane.
#[derive(Debug)]
pub(super) struct MadeLane {
    pub(super) gateway: GatewayId,
    pub(super) figures: LaneFigures,
    pub(super) spans: Vec<SuppressedSpan>,
    written_from: i64,
}

impl MadeLane {
    pub(super) fn event(&self) -> FrozenLane {
        FrozenLane {
            lane: self.figures.lane,
            gateway: self.gateway.clone(),
            size: self.figures.size,
            segments: self.figures.segments,
            root: hex::encode(self.figures.root),
            written_from: self.written_from,
        }
    }
}

#[derive(Debug)]
struct Lane {
    gateway: GatewayId,
    template: Template,
    /// The whole text and its segments, when there are no placeholders.
    fixed: Option<(String, i64)>,
    composition: Frame,
    count: Count,
    tree: Tree,
    spans: Vec<SuppressedSpan>,
    figures: LaneFigures,
    written_from: i64,
}

/// How this gateway frames a text.
#[derive(Debug, Clone)]
struct Frame {
    signature: String,
    opt_out: String,
    signature_by: SignatureBy,
}

impl Frame {
    fn compose(&self, body: &str) -> Result<(String, usize), TextError> {
        let text = Composition {
            signature: &self.signature,
            body,
            opt_out: &self.opt_out,
            signature_by: self.signature_by,
        }
        .compose()?;
        let written_from = text.full().len() - text.written().len();
        Ok((text.full().to_owned(), written_from))
    }
}

/// Turns people into messages.
#[derive(Debug)]
pub(super) struct LaneMaker<'a> {
    office: Office<'a>,
    run: RunId,
    body: Template,
    text: &'a str,
    /// A handful: looked through from the front.
    lanes: Vec<Lane>,
    routing: HashMap<Phone, Carrier>,
    suppressed: HashSet<Phone>,
    salts: Vec<u8>,
}

impl<'a> LaneMaker<'a> {
    pub(super) async fn open(
        store: &Store,
        office: Office<'a>,
        order: &'a Order,
        run: RunId,
    ) -> Result<Self, FreezeError> {
        let mut tx = store.read("freeze_open").await?;
        let routing = tx
            .routing()
            .await?
            .into_iter()
            .filter_map(|(phone, carrier)| Some((Phone::from_wire(&phone)?, carrier.parse().ok()?)))
            .collect();
        let mut suppressed = HashSet::new();
        let mut after = 0;
        loop {
            let rows = tx.suppressions_after(after, 50_000).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            suppressed.extend(rows.iter().filter_map(|r| Phone::from_wire(&r.phone)));
        }
        Ok(Self {
            office,
            run,
            body: Template::parse(&order.text)?,
            text: &order.text,
            lanes: Vec::new(),
            routing,
            suppressed,
            salts: Vec::new(),
        })
    }

    pub(super) fn template(&self) -> &Template {
        &self.body
    }

    pub(super) fn has_placeholders(&self) -> bool {
        !self.body.names().is_empty()
    }

    /// One person's message: the next position of its lane.
    pub(super) async fn message(
        &mut self,
        store: &Store,
        person: &Person,
    ) -> Result<NewMessage, FreezeError> {
        let carrier = serving(
            None,
            self.routing.get(&person.phone).copied(),
            self.office.carriers.carrier(person.phone),
        );
        let gateway = route(self.office.gateways, carrier);
        let id = gateway.map_or("", |g| g.id.0.as_str());
        let at = match self.lanes.iter().position(|lane| lane.gateway.0 == id) {
            Some(at) => at,
            None => {
                let lane = self.new_lane(store, gateway).await?;
                self.lanes.push(lane);
                self.lanes.len() - 1
            }
        };
        let salt = self.salt();
        let why = match (gateway, self.suppressed.contains(&person.phone)) {
            (_, true) => Some("opt_out"),
            (None, false) => Some("no_route"),
            (Some(_), false) => None,
        };
        let lane = &mut self.lanes[at];
        let position = lane.figures.size;
        let (text, vals, parts) = lane.text(person)?;
        let leaf = salted(
            &salt,
            commitment(position, &person.phone.expose(), &vals, &text).as_bytes(),
        );
        lane.tree.push(leaf);
        lane.figures.size += 1;
        lane.figures.segments += parts;
        lane.figures.max_parts = lane.figures.max_parts.max(parts);
        if let Some(reason) = why {
            lane.suppress(position, reason);
        }
        Ok(NewMessage {
            id: MessageId::new(lane.figures.lane, position),
            phone: person.phone,
            vals,
            salt,
            carrier: carrier.as_str(),
            segments: parts,
            state: why.map(|_| "suppressed"),
            code: why,
        })
    }

    async fn new_lane(
        &self,
        store: &Store,
        gateway: Option<&config::Gateway>,
    ) -> Result<Lane, FreezeError> {
        let composition = match gateway {
            Some(g) => Frame {
                signature: g.signature.clone(),
                opt_out: g.opt_out.clone(),
                signature_by: g.signature_by,
            },
            None => Frame {
                signature: self.office.signature.to_owned(),
                opt_out: String::new(),
                signature_by: SignatureBy::Us,
            },
        };
        let count = gateway.map_or(Count::Ucs2, |g| g.count);
        let (full, written_from) = composition.compose(self.text)?;
        let fixed = match self.has_placeholders() {
            true => None,
            false => Some((full.clone(), parts_of(&full, count)?)),
        };
        let id = gateway.map_or_else(|| GatewayId(String::new()), |g| g.id.clone());
        let mut tx = store.begin("freeze_lane").await?;
        let lane = LaneId(tx.draw("lane", 1).await?);
        tx.insert_lane(lane, self.run, &id.0, &full, written_from as i64)
            .await?;
        tx.commit().await?;
        Ok(Lane {
            gateway: id,
            template: Template::parse(&full)?,
            fixed,
            composition,
            count,
            tree: Tree::default(),
            spans: Vec::new(),
            figures: LaneFigures {
                lane,
                size: 0,
                max_parts: 1,
                segments: 0,
                suppressed: 0,
                root: [0; 32],
            },
            written_from: written_from as i64,
        })
    }

    fn salt(&mut self) -> [u8; 16] {
        if self.salts.is_empty() {
            self.salts.resize(SALTS, 0);
            getrandom::fill(&mut self.salts).expect("the operating system gives random bytes");
        }
        let at = self.salts.len() - 16;
        let salt = self.salts[at..].try_into().expect("16 bytes were cut off");
        self.salts.truncate(at);
        salt
    }

    /// The lanes with their figures, in the order of their ids.
    pub(super) fn done(self) -> Vec<MadeLane> {
        let mut lanes: Vec<_> = self
            .lanes
            .into_iter()
            .map(|lane| MadeLane {
                gateway: lane.gateway,
                figures: LaneFigures {
                    root: lane.tree.root(),
                    ..lane.figures
                },
                spans: lane.spans,
                written_from: lane.written_from,
            })
            .collect();
        lanes.sort_by_key(|l| l.figures.lane);
        lanes
    }
}

impl Lane {
    /// A person's final text, stored values and segments.
    fn text(&self, person: &Person) -> Result<(Cow<'_, str>, String, i64), FreezeError> {
        if let Some((text, parts)) = &self.fixed {
            return Ok((text.into(), String::new(), *parts));
        }
        let frame = || FreezeError::Frame { row: person.row };
        let text = self.template.render(&person.values).map_err(|_| frame())?;
        // Composed again from the finished body, it must come out the same: no value may pose as a
        // signature or as the opt-out wording.
        let body = text
            .strip_prefix(&self.composition.prefix())
            .and_then(|t| t.strip_suffix(self.composition.opt_out.as_str()))
            .unwrap_or(&text);
        if self.composition.compose(body)?.0 != text {
            return Err(frame());
        }
        let parts = parts_of(&text, self.count)?;
        Ok((text.into(), person.values.to_json(), parts))
    }

    fn suppress(&mut self, position: i64, reason: &str) {
        self.figures.suppressed += 1;
        match self.spans.last_mut() {
            Some(last) if last.span.to == position && last.reason == reason => last.span.to += 1,
            _ => self.spans.push(SuppressedSpan {
                span: Span {
                    lane: self.figures.lane,
                    from: position,
                    to: position + 1,
                },
                reason: reason.to_owned(),
            }),
        }
    }
}

impl Frame {
    fn prefix(&self) -> String {
        match self.signature.is_empty() {
            true => String::new(),
            false => format!("【{}】", self.signature.trim_matches(['【', '】'])),
        }
    }
}

fn parts_of(text: &str, count: Count) -> Result<i64, TextError> {
    let n = segments(text, count);
    if n > MAX_SEGMENTS {
        return Err(TextError::TooLong(n));
    }
    Ok(n as i64)
}
