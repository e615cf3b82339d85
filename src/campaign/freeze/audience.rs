//! Who gets a run: contacts of groups, or the people of a file, one at a time in the order of their
//! numbers.

use std::{collections::BTreeSet, fmt};

use crate::{
    domain::{
        audience::{Candidate, Merger, flatten},
        id::GroupId,
        phone::Phone,
        template::{self, Problems, Template, Values},
    },
    store::{self, Store, audience::Member},
};

/// One recipient.
#[derive(Debug, Clone)]
pub struct Person {
    /// The number.
    pub phone: Phone,
    /// What fills the placeholders: only what the text uses.
    pub values: Values,
    /// For error messages: the row in the file, or the person's place in the audience, from 1.
    pub row: u64,
    /// Whose row won.
    pub kept: String,
    /// Where the number stood besides.
    pub others: Vec<String>,
}

/// An audience, read in chunks.
pub struct Audience {
    source: Source,
    names: BTreeSet<String>,
    used: Vec<String>,
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience")
            .field("names", &self.names)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

enum Source {
    People(Box<dyn Iterator<Item = Person> + Send>),
    Groups {
        ids: Vec<GroupId>,
        titles: Vec<String>,
        excluded: Vec<Phone>,
        after: Option<Phone>,
        row: u64,
    },
}

/// Groups that make no audience.
#[derive(Debug, thiserror::Error)]
pub enum GroupsError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is none of this name.
    #[error("there is no group {0:?}")]
    Unknown(String),
    /// They contain each other.
    #[error("{0}")]
    Cycle(String),
}

impl Audience {
    /// The people of groups by name, the first one's rows win; without those of the excluded groups.
    pub async fn of_groups(
        tx: &mut store::Tx,
        include: &[String],
        exclude: &[String],
    ) -> Result<Self, GroupsError> {
        let groups = tx.groups().await?;
        let nestings = tx.nestings().await?;
        let id_of = |name: &String| {
            let found = groups.iter().find(|g| g.name == *name);
            found
                .map(|g| g.id)
                .ok_or_else(|| GroupsError::Unknown(name.clone()))
        };
        let children = |id: &GroupId| {
            let inside = nestings.iter().filter(|(p, _)| p == id);
            inside.map(|(_, c)| *c).collect::<Vec<_>>()
        };
        let all = |names: &[String]| {
            let roots = names.iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
            flatten(roots, children).map_err(|cycle| GroupsError::Cycle(cycle.to_string()))
        };
        let included = all(include)?;
        let excluded = all(exclude)?;
        let fields = tx.field_names(&included).await?;
        let excluded = tx.phones_of(&excluded).await?;
        let title = |id: &GroupId| {
            let found = groups.iter().find(|g| g.id == *id);
            found.map_or_else(String::new, |g| g.name.clone())
        };
        let titled = included.into_iter().map(|id| (id, title(&id))).collect();
        Ok(Self::groups(titled, excluded, fields))
    }

    /// People who come in the order of their numbers, each number once, made as they are asked for.
    /// `names` are the placeholders that they fill.
    pub fn ordered(
        people: impl Iterator<Item = Person> + Send + 'static,
        names: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            source: Source::People(Box::new(people)),
            names: names.into_iter().collect(),
            used: Vec::new(),
        }
    }

    /// The people of a file, in any order; a number that comes twice keeps its first row. `names` are
    /// the placeholders that the file can fill.
    pub fn people(mut people: Vec<Person>, names: impl IntoIterator<Item = String>) -> Self {
        people.sort_by_key(|p| p.phone);
        people.dedup_by(|later, first| {
            let same = later.phone == first.phone;
            if same {
                first.others.push(later.kept.clone());
            }
            same
        });
        Self::ordered(people.into_iter(), names)
    }

    /// The contacts of groups (ids with their names, in the order of who wins), but for numbers
    /// excluded. `fields` are the further named fields that their address books have.
    pub fn groups(
        groups: Vec<(GroupId, String)>,
        mut excluded: Vec<Phone>,
        fields: Vec<String>,
    ) -> Self {
        excluded.sort_unstable();
        let own = [
            template::NAME,
            template::UNIT,
            template::DEPARTMENT,
            template::POST,
        ];
        let names = own.into_iter().map(str::to_owned).chain(fields).collect();
        let (ids, titles) = groups.into_iter().unzip();
        Self {
            source: Source::Groups {
                ids,
                titles,
                excluded,
                after: None,
                row: 0,
            },
            names,
            used: Vec::new(),
        }
    }

    /// Keeps only what the text uses.
    #[must_use]
    pub fn using(mut self, template: &Template) -> Self {
        self.used = template.names().into_iter().map(str::to_owned).collect();
        self
    }

    /// How many people there are, each number once.
    pub async fn count(mut self, store: &Store) -> store::Result<i64> {
        let mut n = 0;
        loop {
            let people = self.next(store, 5_000).await?;
            if people.is_empty() {
                return Ok(n);
            }
            n += people.len() as i64;
        }
    }

    /// Placeholders that nobody here can fill.
    pub(super) fn check_names(&self, template: &Template) -> Problems {
        let listed = template.check_names(self.names.iter().map(String::as_str));
        Problems {
            total: listed.len(),
            listed,
        }
    }

    /// The next people, at most `limit` numbers; none at the end.
    pub(super) async fn next(&mut self, store: &Store, limit: usize) -> store::Result<Vec<Person>> {
        match &mut self.source {
            Source::People(people) => Ok(people.take(limit).collect()),
            Source::Groups {
                ids,
                titles,
                excluded,
                after,
                row,
            } => loop {
                let rows = store
                    .read("audience")
                    .await?
                    .audience_after(ids, *after, limit as i64)
                    .await?;
                let Some(last) = rows.last() else {
                    return Ok(Vec::new());
                };
                *after = Some(last.phone);
                let people = merge(rows, ids, titles, excluded, &self.used, row);
                // A chunk of excluded people only is not the end.
                if !people.is_empty() {
                    return Ok(people);
                }
            },
        }
    }
}

fn merge(
    rows: Vec<Member>,
    ids: &[GroupId],
    titles: &[String],
    excluded: &[Phone],
    used: &[String],
    row: &mut u64,
) -> Vec<Person> {
    let mut candidates: Vec<_> = rows
        .into_iter()
        .filter_map(|member| {
            let at = ids.iter().position(|id| *id == member.group)?;
            let rank = u32::try_from(at).ok()?;
            Some(Candidate {
                phone: member.phone,
                rank,
                row: member,
            })
        })
        .collect();
    candidates.sort_by_key(|c| (c.phone, c.rank));
    let title = |rank: u32| titles.get(rank as usize).cloned().unwrap_or_default();
    Merger::new(candidates, excluded.iter().copied())
        .map(|recipient| {
            *row += 1;
            Person {
                phone: recipient.phone,
                values: values(&recipient.row, used),
                row: *row,
                kept: title(recipient.rank),
                others: recipient
                    .merged
                    .iter()
                    .map(|(rank, _)| title(*rank))
                    .collect(),
            }
        })
        .collect()
}

/// The values of a contact that the text uses.
fn values(row: &Member, used: &[String]) -> Values {
    let mut values = Values::new();
    for name in used {
        let value = match name.as_str() {
            template::NAME => Some(row.name.as_str()),
            template::UNIT => Some(row.unit.as_str()),
            template::DEPARTMENT => Some(row.department.as_str()),
            template::POST => Some(row.post.as_str()),
            other => row.fields.get(other),
        };
        if let Some(value) = value {
            values.set(name, value);
        }
    }
    values
}
