//! Who gets too many texts on one day: the day's audiences read side by side in the order of the
//! numbers, so that however many people there are, only a chunk of each is held.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chrono::NaiveDate;
use serde::Serialize;

use super::{
    super::{Office, ServiceError},
    gather::{Crowd, Item},
};
use crate::{
    campaign::freeze::{Audience, Reached},
    domain::{hours::Hours, phone::Phone, priority::Priority},
    store::Store,
};

/// So many texts on one day are many.
pub const OFTEN: u32 = 3;

/// Numbers of a lane read at a time.
const CHUNK: i64 = 2_000;

/// People of a group who get many texts on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// The office's day.
    #[serde(serialize_with = "super::as_text")]
    pub day: NaiveDate,
    /// The group in which they stand; of a run that is frozen, its audience's name.
    pub group: String,
    /// So many people get [`OFTEN`] texts or more.
    pub often: i64,
    /// So many would get more than the daily limit (urgent ones not counted): the rest of theirs will be
    /// suppressed.
    pub over_limit: i64,
}

/// How often a crowd is written to on a day: in all, and of these under the daily limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Times {
    all: u32,
    limited: u32,
}

/// A day's crowds. Days with the same ones clash alike.
type Profile = BTreeMap<Crowd, Times>;

/// Often, and over the limit, by group.
type Counted = BTreeMap<Arc<str>, (i64, i64)>;

impl Office {
    /// The clashes of these days, all that goes on them counted.
    pub(super) async fn clashes(
        &self,
        hours: &Hours,
        items: &[Item],
        days: &BTreeSet<NaiveDate>,
    ) -> Result<Vec<Clash>, ServiceError> {
        let limit = self.config.sending.daily_limit_per_person;
        let mut profiles: BTreeMap<NaiveDate, Profile> = BTreeMap::new();
        for item in items {
            let day = self.day_of(item, hours);
            if !days.contains(&day) {
                continue;
            }
            let profile = profiles.entry(day).or_default();
            for crowd in &item.crowds {
                let times = profile.entry(crowd.clone()).or_default();
                times.all += 1;
                times.limited += u32::from(item.load.priority != Priority::Urgent);
            }
        }
        let mut reached = None;
        let mut known: BTreeMap<Profile, Counted> = BTreeMap::new();
        let mut clashes = Vec::new();
        for (day, profile) in profiles {
            let all: u32 = profile.values().map(|t| t.all).sum();
            let limited: u32 = profile.values().map(|t| t.limited).sum();
            // Nobody can get more than all there are.
            if all < OFTEN && limited <= limit {
                continue;
            }
            if !known.contains_key(&profile) {
                let reached = match &mut reached {
                    Some(reached) => reached,
                    none => none.insert(Reached::open(&self.store, self.freeze_settings()).await?),
                };
                let counted = self.count(reached, &profile, limit).await?;
                known.insert(profile.clone(), counted);
            }
            let counted = known.get(&profile).into_iter().flatten();
            clashes.extend(counted.map(|(group, (often, over_limit))| Clash {
                day,
                group: group.to_string(),
                often: *often,
                over_limit: *over_limit,
            }));
        }
        Ok(clashes)
    }

    async fn count(
        &self,
        reached: &Reached<'_>,
        profile: &Profile,
        limit: u32,
    ) -> Result<Counted, ServiceError> {
        let mut streams = Vec::new();
        for (crowd, times) in profile {
            let source = match crowd {
                Crowd::Groups { include, exclude } => {
                    Source::Groups(self.groups_audience(include, exclude).await?)
                }
                Crowd::Lane { from, to, group } => Source::Lane {
                    from: *from,
                    to: *to,
                    group: group.as_str().into(),
                },
            };
            let mut stream = Stream {
                times: *times,
                source,
                ready: VecDeque::new(),
            };
            stream.fill(&self.store, reached).await?;
            streams.push(stream);
        }
        let mut counted = Counted::new();
        let mut groups = BTreeSet::new();
        while let Some(phone) = streams.iter().filter_map(Stream::phone).min() {
            let mut times = Times::default();
            groups.clear();
            for stream in &mut streams {
                if stream.phone() == Some(phone)
                    && let Some((_, group)) = stream.ready.pop_front()
                {
                    times.all += stream.times.all;
                    times.limited += stream.times.limited;
                    groups.insert(group);
                    stream.fill(&self.store, reached).await?;
                }
            }
            let (often, over) = (times.all >= OFTEN, times.limited > limit);
            if often || over {
                for group in &groups {
                    let sums = counted.entry(group.clone()).or_default();
                    sums.0 += i64::from(often);
                    sums.1 += i64::from(over);
                }
            }
        }
        Ok(counted)
    }
}

/// One crowd, read in the order of its numbers.
struct Stream {
    times: Times,
    source: Source,
    ready: VecDeque<(Phone, Arc<str>)>,
}

enum Source {
    Groups(Audience),
    /// What is still to be read of it.
    Lane {
        from: i64,
        to: i64,
        group: Arc<str>,
    },
}

impl Stream {
    fn phone(&self) -> Option<Phone> {
        self.ready.front().map(|(phone, _)| *phone)
    }

    /// Reads on when nothing is ready any more.
    async fn fill(&mut self, store: &Store, reached: &Reached<'_>) -> crate::store::Result<()> {
        if !self.ready.is_empty() {
            return Ok(());
        }
        match &mut self.source {
            Source::Groups(audience) => {
                let people = reached.next(store, audience).await?;
                self.ready.extend(
                    people
                        .into_iter()
                        .map(|(phone, group)| (phone, group.into())),
                );
            }
            Source::Lane { from, to, group } => {
                let mut tx = store.read("clash").await?;
                let rows = tx.phones_ahead(*from, *to, CHUNK).await?;
                *from = rows.last().map_or(*to, |(id, _)| id + 1);
                self.ready
                    .extend(rows.iter().map(|(_, phone)| (*phone, group.clone())));
            }
        }
        Ok(())
    }
}
