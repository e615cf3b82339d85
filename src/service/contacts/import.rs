//! Reading an address book into a group.

use std::{
    fs::File,
    io::{Read, Seek},
    ops::ControlFlow,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use crate::{
    domain::{
        carrier::CarrierTable,
        event::Event,
        id::GroupId,
        lang::Lang,
        ledger::{Hash, Tree, salted},
        phone::Phone,
        role::{Act, Actor},
        template::Values,
    },
    intake::{
        Book, Person, Verdict,
        corrected::{Corrected, Summary, left_out_path},
    },
    service::{Contacts, Office, Result, ServiceError, refusal::ContactsRefusal},
    store::{Tx, contact::Contact},
};

/// Rows written in one transaction: a few milliseconds of the only writer's time.
const CHUNK: usize = 1_000;
/// Rows read at a time.
const PAGE: i64 = 5_000;
/// Rows between two words of progress.
const PROGRESS_EVERY: u64 = 1_000;

/// What to do with an address book.
#[derive(Clone)]
pub struct Import {
    /// Into which group; made if there is none of this name.
    pub group: String,
    /// Say what would happen, change nothing.
    pub dry_run: bool,
    /// Where to write a file that imports clean.
    pub corrected: Option<PathBuf>,
    /// The language of reasons.
    pub lang: Lang,
    /// Hears how far it is.
    pub progress: Arc<dyn Fn(Step) + Send + Sync>,
}

impl Import {
    /// Into a group, for good, without anything else.
    pub fn into_group(group: &str) -> Self {
        Self {
            group: group.to_owned(),
            dry_run: false,
            corrected: None,
            lang: Lang::default(),
            progress: Arc::new(|_| {}),
        }
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many rows are read.
    Read(u64),
    /// So many of so many rows are written.
    Written(u64, u64),
}

/// What became of each row of a file. `rows` is the sum of new, changed, unchanged, duplicate and refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportReport {
    /// Rows below the heading that are not blank.
    pub rows: u64,
    /// Numbers that the group did not have.
    pub new: u64,
    /// Numbers whose person is now described otherwise.
    pub changed: u64,
    /// Rows that say what the group said already.
    pub unchanged: u64,
    /// How many numbers of accepted rows had to be mended.
    pub repaired: u64,
    /// Rows whose number stands higher up in the file.
    pub duplicate: u64,
    /// Rows without a usable number.
    pub refused: Vec<RefusedRow>,
    /// The corrected file, if one was asked for.
    #[serde(skip)]
    pub corrected: Option<Summary>,
}

/// A row that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedRow {
    /// As Excel numbers it.
    pub row: u64,
    /// The heading of the column at fault.
    pub column: String,
    /// What the cell holds.
    pub value: String,
    /// A code that never changes.
    pub code: &'static str,
    /// What is wrong and how to mend it.
    pub reason: String,
}

/// A person of the file, small: a file may hold a million.
struct Wanted {
    phone: Phone,
    /// As [`Contact::commitment`] has it.
    words: Box<str>,
}

/// The group as it was when the file was compared with it.
struct Standing {
    /// `None`: there is none of this name yet.
    group: Option<(GroupId, Hash)>,
    /// Each member's number and leaf, by number.
    leaves: Vec<(Phone, Hash)>,
}

impl Contacts<'_> {
    /// Reads the address book at `path` into a group.
    pub async fn import_file(
        self,
        actor: &Actor,
        path: &Path,
        import: Import,
    ) -> Result<ImportReport> {
        let file = File::open(path).map_err(|e| ServiceError::cannot_open(path, &e))?;
        if file.metadata()?.is_dir() {
            return Err(ServiceError::cannot_open(
                path,
                &std::io::ErrorKind::IsADirectory.into(),
            ));
        }
        if let Some(corrected) = &import.corrected {
            for target in [corrected.clone(), left_out_path(corrected)] {
                if is_same_file(path, &target) {
                    return Err(ContactsRefusal::WouldOverwrite { path: target }.into());
                }
            }
        }
        self.import(actor, file, import).await
    }

    /// Reads an address book into a group: see the module's word on chunks and on what a crash leaves.
    /// Suppressions are no part of a group, so no import brings back who has opted out.
    pub async fn import<S: Read + Seek + Send + 'static>(
        self,
        actor: &Actor,
        book: S,
        import: Import,
    ) -> Result<ImportReport> {
        actor.may(Act::ImportContacts)?;
        super::group::check_name(&import.group)?;
        let reading = import.clone();
        let read = tokio::task::spawn_blocking(move || read_book(book, &reading)).await;
        let (mut report, mut wanted) = read.map_err(|e| ServiceError::Io(e.into()))??;
        wanted.sort_unstable_by_key(|w| w.phone);
        let standing = self
            .office
            .compare(&import.group, &mut wanted, &mut report)
            .await?;
        if !import.dry_run {
            self.office.write(actor, &import, standing, wanted).await?;
        }
        Ok(report)
    }
}

impl Office {
    /// Counts new, changed and unchanged rows, and keeps in `wanted` what must be written.
    async fn compare(
        &self,
        name: &str,
        wanted: &mut Vec<Wanted>,
        report: &mut ImportReport,
    ) -> Result<Standing> {
        let mut tx = self.store.read("import_compare").await?;
        let mut standing = Standing {
            group: None,
            leaves: Vec::new(),
        };
        let mut same = vec![false; wanted.len()];
        let mut at = 0;
        if let Some(group) = tx.group(name).await? {
            standing.group = Some((group.id, group.root));
            let mut pages = Members::of(group.id);
            while let Some(page) = pages.next(&mut tx).await? {
                for member in page {
                    let (phone, words) = (member.phone, member.commitment());
                    while wanted.get(at).is_some_and(|w| w.phone < phone) {
                        at += 1;
                    }
                    if let Some(w) = wanted.get(at).filter(|w| w.phone == phone) {
                        same[at] = *w.words == *words;
                        report.unchanged += u64::from(same[at]);
                        report.changed += u64::from(!same[at]);
                    }
                    let leaf = salted(&member.salt, words.as_bytes());
                    standing.leaves.push((phone, leaf));
                }
            }
        }
        report.new = wanted.len() as u64 - report.changed - report.unchanged;
        let mut same = same.into_iter();
        wanted.retain(|_| !same.next().unwrap_or(false));
        Ok(standing)
    }

    /// Writes chunk by chunk, by number: `tree` holds the leaves below the chunk as they are now, the
    /// rest of `standing` those above as they were, so each root costs only what stands above it;
    /// a first import adds at the right edge and pays nothing.
    async fn write(
        &self,
        actor: &Actor,
        import: &Import,
        standing: Standing,
        wanted: Vec<Wanted>,
    ) -> Result<()> {
        if wanted.is_empty() && standing.group.is_some() {
            return Ok(());
        }
        let mut group = standing.group;
        let mut old = standing.leaves.as_slice();
        let mut tree = Tree::default();
        let total = wanted.len() as u64;
        let mut written = 0;
        let mut rest = wanted.into_iter();
        loop {
            let contacts: Vec<Contact> = rest
                .by_ref()
                .take(CHUNK)
                .map(|w| contact(&w))
                .collect::<Result<_>>()?;
            if contacts.is_empty() && group.is_some() {
                return Ok(());
            }
            for contact in &contacts {
                let phone = contact.phone;
                let below = old.partition_point(|(p, _)| *p < phone);
                tree.extend(old[..below].iter().map(|(_, leaf)| *leaf));
                let replaced = old.get(below).is_some_and(|(p, _)| *p == phone);
                old = &old[below + usize::from(replaced)..];
                tree.push(salted(&contact.salt, contact.commitment().as_bytes()));
            }
            let mut whole = tree.clone();
            whole.extend(old.iter().map(|(_, leaf)| *leaf));
            group = Some(
                self.write_chunk(actor, &import.group, group, &contacts, &whole)
                    .await?,
            );
            written += contacts.len() as u64;
            (import.progress)(Step::Written(written, total));
        }
    }

    async fn write_chunk(
        &self,
        actor: &Actor,
        name: &str,
        expected: Option<(GroupId, Hash)>,
        contacts: &[Contact],
        whole: &Tree,
    ) -> Result<(GroupId, Hash)> {
        // Before the transaction: hashing takes longer than its locks may be kept.
        let root = whole.root();
        let mut act = self.act("import_contacts").await?;
        let found = act.tx.group(name).await?.map(|g| (g.id, g.root));
        if found != expected {
            return Err(ContactsRefusal::GroupChanged {
                group: name.to_owned(),
            }
            .into());
        }
        let members = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let id = if let Some((id, _)) = found {
            id
        } else {
            let id = GroupId::fresh();
            act.tx
                .insert_group(id, name, &root, self.clock.now())
                .await?;
            id
        };
        act.tx.put_contacts(id, contacts).await?;
        act.tx.set_group_root(id, members, &root).await?;
        let event = Event::Contacts {
            by: actor.label(),
            group: id,
            members,
            root: hex::encode(root),
        };
        act.commit(&[event]).await?;
        Ok((id, root))
    }
}

/// A group's members page by page, by number.
struct Members {
    group: GroupId,
    after: Option<Phone>,
}

impl Members {
    fn of(group: GroupId) -> Self {
        Self { group, after: None }
    }

    /// The next page; `None`: there are no more.
    async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<Contact>>> {
        let page = tx.contacts_after(self.group, self.after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        self.after = Some(last.phone);
        Ok(Some(page))
    }
}

fn read_book<S: Read + Seek>(book: S, import: &Import) -> Result<(ImportReport, Vec<Wanted>)> {
    let mut book = Book::open(book)?;
    let layout = Arc::clone(book.layout());
    let mut corrected = match &import.corrected {
        Some(path) => Some(Corrected::create(path, &layout, import.lang)?),
        None => None,
    };
    let mut report = ImportReport::default();
    let mut wanted = Vec::new();
    let mut seen = 0;
    let mut failed = None;
    let counts = book.each(CarrierTable::builtin(), |row| {
        seen += 1;
        if seen % PROGRESS_EVERY == 0 {
            (import.progress)(Step::Read(seen));
        }
        if let Some(Err(e)) = corrected.as_mut().map(|c| c.add(&row)) {
            failed = Some(e);
            return ControlFlow::Break(());
        }
        match row.verdict {
            Verdict::Accepted(person) => wanted.push(Wanted {
                phone: person.phone,
                words: words(person),
            }),
            Verdict::Duplicate { .. } => {}
            Verdict::Refused(refusal) => report.refused.push(RefusedRow {
                row: row.line,
                code: refusal.code(),
                reason: refusal.reason(import.lang),
                column: refusal.column,
                value: refusal.value,
            }),
        }
        ControlFlow::Continue(())
    })?;
    if let Some(e) = failed {
        return Err(e.into());
    }
    (import.progress)(Step::Read(seen));
    report.rows = counts.rows;
    report.repaired = counts.repaired;
    report.duplicate = counts.duplicate;
    report.corrected = corrected.map(Corrected::finish).transpose()?;
    Ok((report, wanted))
}

fn words(person: Person) -> Box<str> {
    let contact = Contact {
        phone: person.phone,
        fields: person.fields,
        name: person.name,
        unit: person.unit,
        department: person.department,
        post: person.post,
        salt: Vec::new(),
    };
    contact.commitment().into_boxed_str()
}

/// The contact to be written, with a salt of its own.
fn contact(wanted: &Wanted) -> Result<Contact> {
    let [_, name, unit, department, post, fields]: [String; 6] =
        serde_json::from_str(&wanted.words).map_err(std::io::Error::other)?;
    Ok(Contact {
        phone: wanted.phone,
        name,
        unit,
        department,
        post,
        fields: Values::from_json(&fields).map_err(std::io::Error::other)?,
        salt: crate::random::salt().to_vec(),
    })
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}
