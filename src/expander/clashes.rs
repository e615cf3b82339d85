//! Who gets several texts on one day: the day's audiences merged in the order of the numbers, so that memory does not
//! grow with them.

use std::collections::{BTreeMap, VecDeque};

use super::{Audience, CHUNK, FreezeError};
use crate::{domain::phone::Phone, store::Store};

/// An audience of the day, with how many texts it gets.
struct Stream {
    audience: Audience,
    texts: usize,
    ready: VecDeque<(Phone, String)>,
    is_over: bool,
}

impl Stream {
    async fn head(&mut self, store: &Store) -> Result<Option<Phone>, FreezeError> {
        if self.ready.is_empty() && !self.is_over {
            let people = self.audience.next(store, CHUNK).await?;
            self.is_over = people.is_empty();
            self.ready
                .extend(people.into_iter().map(|p| (p.phone, p.kept)));
        }
        Ok(self.ready.front().map(|(phone, _)| *phone))
    }
}

/// How many people of which group get at least `least` texts of these audiences, by how many they get.
pub async fn clashes(
    store: &Store,
    audiences: Vec<(Audience, usize)>,
    least: usize,
) -> Result<BTreeMap<(String, usize), u64>, FreezeError> {
    let mut streams: Vec<Stream> = audiences
        .into_iter()
        .map(|(audience, texts)| Stream {
            audience,
            texts,
            ready: VecDeque::new(),
            is_over: false,
        })
        .collect();
    let mut found: BTreeMap<(String, usize), u64> = BTreeMap::new();
    loop {
        let mut next: Option<Phone> = None;
        for stream in &mut streams {
            let head = stream.head(store).await?;
            next = [next, head].into_iter().flatten().min();
        }
        let Some(phone) = next else {
            return Ok(found);
        };
        let (mut texts, mut group) = (0, None);
        for stream in &mut streams {
            if let Some((_, kept)) = stream.ready.pop_front_if(|(p, _)| *p == phone) {
                texts += stream.texts;
                group.get_or_insert(kept);
            }
        }
        if texts >= least {
            *found.entry((group.unwrap_or_default(), texts)).or_default() += 1;
        }
    }
}
