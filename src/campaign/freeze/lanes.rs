//! The lanes of a run that is being frozen: each person's gateway, text, segments and commitment.

use super::{
    FreezeError, FreezeRequest, FreezeSettings, Person, commitment,
    routing::{Route, Router},
    wording::Wording,
};
use crate::{
    config,
    domain::{
        event::{FrozenLane, Span, SuppressedSpan},
        id::{GatewayId, LaneId, MessageId, RunId},
        ledger::{Tree, salted},
        message::SuppressReason,
        template::Template,
        text::Framing,
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
    framing: Framing,
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
            whole: self.framing == Framing::Whole,
        }
    }
}

#[derive(Debug)]
struct Lane {
    gateway: GatewayId,
    framing: Framing,
    wording: Wording,
    tree: Tree,
    spans: Vec<SuppressedSpan>,
    figures: LaneFigures,
}

/// Turns people into messages.
#[derive(Debug)]
pub(super) struct LaneMaker<'a> {
    router: Router<'a>,
    run: RunId,
    text: &'a str,
    body: Template,
    /// A handful: looked through from the front.
    lanes: Vec<Lane>,
    salts: Vec<u8>,
}

impl<'a> LaneMaker<'a> {
    pub(super) async fn open(
        store: &Store,
        office: FreezeSettings<'a>,
        request: &'a FreezeRequest,
        run: RunId,
    ) -> Result<Self, FreezeError> {
        Ok(Self {
            router: Router::open(store, office).await?,
            run,
            text: &request.text,
            body: Template::parse(&request.text)?,
            lanes: Vec::new(),
            salts: Vec::new(),
        })
    }

    pub(super) fn template(&self) -> &Template {
        &self.body
    }

    /// One person's message: the next position of its lane.
    pub(super) async fn message(
        &mut self,
        store: &Store,
        person: &Person,
    ) -> Result<NewMessage, FreezeError> {
        let Route {
            carrier,
            gateway,
            suppressed: why,
        } = self.router.route(person.phone);
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
        let lane = &mut self.lanes[at];
        let position = lane.figures.size;
        let (text, vals, parts) = lane.wording.text(person)?;
        let leaf = salted(
            &salt,
            commitment::message(position, &person.phone.expose(), &vals, &text).as_bytes(),
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
            suppressed: why,
        })
    }

    async fn new_lane(
        &self,
        store: &Store,
        gateway: Option<&config::Gateway>,
    ) -> Result<Lane, FreezeError> {
        let wording = Wording::new(self.text, gateway, self.router.signature())?;
        let id = gateway.map_or_else(|| GatewayId(String::new()), |g| g.id.clone());
        let framing = gateway.map_or(Framing::Parts, |g| g.kind.framing());
        let mut tx = store.begin("freeze_lane").await?;
        tx.must_be_half_made(self.run).await?;
        let lane = LaneId(tx.draw("lane", 1).await?);
        tx.insert_lane(
            lane,
            self.run,
            &id.0,
            wording.full(),
            wording.written_from(),
            framing,
        )
        .await?;
        tx.commit().await?;
        Ok(Lane {
            gateway: id,
            framing,
            wording,
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
                written_from: lane.wording.written_from(),
                framing: lane.framing,
            })
            .collect();
        lanes.sort_by_key(|l| l.figures.lane);
        lanes
    }
}

impl Lane {
    fn suppress(&mut self, position: i64, reason: SuppressReason) {
        self.figures.suppressed += 1;
        match self.spans.last_mut() {
            Some(last) if last.span.to == position && last.reason == reason => last.span.to += 1,
            _ => self.spans.push(SuppressedSpan {
                span: Span {
                    lane: self.figures.lane,
                    from: position,
                    to: position + 1,
                },
                reason,
            }),
        }
    }
}
