//! Who of an audience gets a text at all, number by number.

use super::{Audience, CHUNK, FreezeSettings, routing::Router};
use crate::{
    domain::phone::Phone,
    store::{self, Store},
};

/// Reads audiences without the people who will get nothing: those who have opted out or have no route.
#[derive(Debug)]
pub struct Reached<'a> {
    router: Router<'a>,
}

impl<'a> Reached<'a> {
    /// Knows who has opted out by now.
    pub async fn open(store: &Store, office: FreezeSettings<'a>) -> store::Result<Self> {
        Ok(Self {
            router: Router::open(store, office).await?,
        })
    }

    /// The next people by number, each with the group whose row won; none at the end.
    pub async fn next(
        &self,
        store: &Store,
        audience: &mut Audience,
    ) -> store::Result<Vec<(Phone, String)>> {
        loop {
            let people = audience.next(store, CHUNK).await?;
            if people.is_empty() {
                return Ok(Vec::new());
            }
            let reached: Vec<_> = people
                .into_iter()
                .filter(|p| self.router.route(p.phone).suppressed.is_none())
                .map(|p| (p.phone, p.kept))
                .collect();
            if !reached.is_empty() {
                return Ok(reached);
            }
        }
    }
}
