//! What freezing would make of a text and an audience, counted and nothing written.

use std::collections::BTreeMap;

use super::{
    Audience, CHUNK, FreezeError, FreezeSettings, is_fillable,
    routing::{Route, Router},
    wording::Wording,
};
use crate::{
    domain::{
        id::GatewayId,
        message::SuppressReason,
        template::{Problems, Template, ValueLimits},
    },
    store::Store,
};

/// What an audience comes to. Does not grow with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// By gateway, in the order of their ids; the empty one's people have no route.
    pub through: Vec<Through>,
    /// People who stood in the audience more than once.
    pub merged: i64,
    /// People who will get nothing, by reason.
    pub suppressed: BTreeMap<SuppressReason, i64>,
    /// Placeholders that can't be filled.
    pub problems: Problems,
}

/// One gateway's part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Through {
    /// Which; empty: no route.
    pub gateway: GatewayId,
    /// Messages, the suppressed ones included: the lane's size.
    pub people: i64,
    /// Their segments: the lane's.
    pub segments: i64,
    /// Of the people so many will get it, by how many segments it has for them.
    pub by_segments: BTreeMap<i64, i64>,
}

impl Through {
    /// People who will get it.
    pub fn reached(&self) -> i64 {
        self.by_segments.values().sum()
    }

    /// Segments that will be sent.
    pub fn sent(&self) -> i64 {
        self.by_segments.iter().map(|(k, n)| k * n).sum()
    }
}

impl Survey {
    /// Messages, the suppressed ones included.
    pub fn people(&self) -> i64 {
        self.through.iter().map(|t| t.people).sum()
    }

    /// How many people get a text of 1, 2, 3 … segments.
    pub fn by_segments(&self) -> BTreeMap<i64, i64> {
        let mut sum = BTreeMap::new();
        for (k, n) in self.through.iter().flat_map(|t| &t.by_segments) {
            *sum.entry(*k).or_default() += n;
        }
        sum
    }
}

/// Counts what freezing this text for this audience would make: the same routes, words and segments.
pub async fn survey(
    store: &Store,
    office: FreezeSettings<'_>,
    text: &str,
    audience: Audience,
) -> Result<Survey, FreezeError> {
    let template = Template::parse(text)?;
    let mut audience = audience.using(&template);
    let mut survey = Survey {
        problems: audience.check_names(&template),
        ..Survey::default()
    };
    if survey.problems.total > 0 {
        return Ok(survey);
    }
    let router = Router::open(store, office).await?;
    let limits = ValueLimits::default();
    let mut through: BTreeMap<GatewayId, (Wording, Through)> = BTreeMap::new();
    loop {
        let people = audience.next(store, CHUNK).await?;
        if people.is_empty() {
            break;
        }
        for person in people {
            if !is_fillable(&template, &person, &limits, &mut survey.problems) {
                continue;
            }
            survey.merged += i64::from(!person.others.is_empty());
            let Route {
                gateway,
                suppressed,
                ..
            } = router.route(person.phone);
            let id = gateway.map_or_else(GatewayId::default, |g| g.id.clone());
            if !through.contains_key(&id) {
                let wording = Wording::new(text, gateway, router.signature())?;
                let part = Through {
                    gateway: id.clone(),
                    ..Through::default()
                };
                through.insert(id.clone(), (wording, part));
            }
            let Some((wording, part)) = through.get_mut(&id) else {
                continue;
            };
            let parts = wording.text(&person)?.2;
            part.people += 1;
            part.segments += parts;
            let sum = match suppressed {
                Some(reason) => survey.suppressed.entry(reason).or_default(),
                None => part.by_segments.entry(parts).or_default(),
            };
            *sum += 1;
        }
    }
    survey.through = through.into_values().map(|(_, part)| part).collect();
    Ok(survey)
}
