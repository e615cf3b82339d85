//! From an audience and a text to a frozen run: who exactly, through which gateway, with which words.
//! A run exists whole or not at all; a crash on the way leaves rows that nobody sees and recovery
//! clears away.

pub mod audience;
mod lanes;
mod reached;
mod refusal;
mod routing;
mod survey;
mod wording;

pub use audience::{Audience, Person};
pub use reached::Reached;
pub use refusal::TextRefusal;
pub use survey::{Survey, Through, survey};

use super::lifecycle::{self, By};
use crate::{
    clock::Clock,
    config,
    domain::{
        audience_spec::AudienceSpec,
        carrier::CarrierTable,
        check_code::CheckCode,
        commitment,
        event::{Event, SuppressedSpan, Terms},
        id::{CampaignId, RunId},
        lifecycle::{CampaignAct, CampaignState, Intent, RunAct},
        message::Outcome,
        policy::{Late, OnDoubt},
        priority::Priority,
        template::{Problems, Template, TemplateError, ValueLimits},
        text::TextError,
        time::Micros,
    },
    store::{self, Store, campaign::Campaign, freeze::MergeRow, hot::NewMessage, run::NewRun},
};
use lanes::LaneMaker;

/// Messages written in one transaction: some ten milliseconds, so that the journal is never kept
/// waiting for longer.
const CHUNK: usize = 2_000;

/// A run to be frozen.
#[derive(Debug, Clone)]
pub struct FreezeRequest {
    /// What people call it.
    pub name: String,
    /// The text as it was written, with placeholders.
    pub text: String,
    /// Whom it goes to, in words.
    pub audience: AudienceSpec,
    /// How urgent.
    pub priority: Priority,
    /// What to do about doubt.
    pub on_doubt: OnDoubt,
    /// Not sent after.
    pub not_after: Option<Micros>,
    /// Not sent before.
    pub not_before: Option<Micros>,
    /// What it does when it could not begin on time.
    pub late: Late,
    /// The slot that it fires for.
    pub slot: Micros,
    /// Who hands it in.
    pub author: String,
    /// Whose run it is, and who has approved it.
    pub purpose: Purpose,
}

/// Whose run it is, and whether another person still has to approve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new campaign's, which waits for another person.
    New,
    /// A new campaign's; the office's settings ask for no approval.
    NewUnapproved,
    /// Of a campaign that was returned: its first run is cancelled, this one takes its place and waits for
    /// another person.
    Resubmitted(CampaignId),
    /// One more run of a recurring campaign that is approved.
    Slot {
        /// The campaign.
        campaign: CampaignId,
        /// The digest of what was approved.
        approved: [u8; 32],
        /// The fewest people that the approval is for; fewer are held.
        least: i64,
        /// The most people that it is for; more are held.
        most: i64,
    },
}

impl Purpose {
    /// Does another person still have to approve it?
    pub const fn waits_for_approval(self) -> bool {
        match self {
            Self::New | Self::Resubmitted(_) => true,
            Self::NewUnapproved | Self::Slot { .. } => false,
        }
    }
}

/// What was frozen.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its run.
    pub run: RunId,
    /// How many messages the run has.
    pub size: i64,
    /// How many segments its messages take together.
    pub segments: i64,
    /// Numbers that stood more than once.
    pub merged: i64,
    /// Of these messages so many are suppressed already (opted out, no route).
    pub suppressed: i64,
    /// What an approval binds.
    pub check_code: CheckCode,
}

/// Why nothing was frozen.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The template can't be read.
    #[error("the text: {0}")]
    Template(#[from] TemplateError),
    /// The text can't be sent.
    #[error("the text: {0}")]
    Text(#[from] TextError),
    /// Placeholders that can't be filled for everybody.
    #[error("{} of the audience cannot get this text: {}", .0.total, first_problems(.0))]
    Values(Problems),
    /// No recipient is left after refusals, duplicates and suppressed numbers.
    #[error("the audience is empty: nobody would get this text")]
    Nobody,
    /// One person's values change the text's frame.
    #[error(
        "row {row}: with this person's values the text would not be the approved one; take brackets and signatures out of the values"
    )]
    Frame {
        /// The person's place in the audience, from 1.
        row: u64,
    },
}

fn first_problems(problems: &Problems) -> String {
    let mut words: Vec<String> = problems
        .listed
        .iter()
        .take(5)
        .map(ToString::to_string)
        .collect();
    if problems.total > 5 {
        words.push("…".to_owned());
    }
    words.join("; ")
}

/// What freezing needs to know of the office.
#[derive(Debug, Clone, Copy)]
pub struct FreezeSettings<'a> {
    /// The gateways, in the order of the settings: the first that serves a carrier takes its numbers.
    pub gateways: &'a [config::Gateway],
    /// The office's own signature, for people without a route.
    pub signature: &'a str,
    /// Segment table.
    pub carriers: &'a CarrierTable,
}

/// How many people would get this text; an error where it could not be filled in.
pub async fn count(store: &Store, text: &str, audience: Audience) -> Result<i64, FreezeError> {
    let template = Template::parse(text)?;
    let unknown = audience.check_names(&template);
    if unknown.total > 0 {
        return Err(FreezeError::Values(unknown));
    }
    match audience.count(store).await? {
        0 => Err(FreezeError::Nobody),
        n => Ok(n),
    }
}

/// Freezes a run: campaign, run, lanes and messages.
pub async fn freeze(
    store: &Store,
    clock: &Clock,
    office: FreezeSettings<'_>,
    request: &FreezeRequest,
    audience: Audience,
) -> Result<Frozen, FreezeError> {
    let template = Template::parse(&request.text)?;
    let audience = audience.using(&template);
    let unknown = audience.check_names(&template);
    if unknown.total > 0 {
        return Err(FreezeError::Values(unknown));
    }
    let run = RunId::fresh();
    let campaign = match request.purpose {
        Purpose::New | Purpose::NewUnapproved => CampaignId::fresh(),
        Purpose::Resubmitted(id) | Purpose::Slot { campaign: id, .. } => id,
    };
    begin(store, clock, request, campaign, run).await?;
    let made = write(store, office, request, audience, run).await;
    let made = match made {
        Ok(made) if made.size > 0 => made,
        Ok(_) => {
            clear(store, run).await?;
            return Err(FreezeError::Nobody);
        }
        Err(error) => {
            clear(store, run).await?;
            return Err(error);
        }
    };
    let done = finish(store, clock, request, campaign, run, made).await;
    // Surely nothing was committed: of other errors nobody can say.
    if let Err(FreezeError::Store(store::Error::Refused(_))) = &done {
        clear(store, run).await?;
    }
    done
}

async fn begin(
    store: &Store,
    clock: &Clock,
    request: &FreezeRequest,
    campaign: CampaignId,
    run: RunId,
) -> store::Result<()> {
    let new = NewRun {
        id: run,
        campaign,
        slot: request.slot,
        priority: request.priority,
        on_doubt: request.on_doubt,
        not_after: request.not_after,
        not_before: request.not_before,
        late: request.late,
    };
    let mut tx = store.begin("freeze_begin").await?;
    tx.insert_run(&new, clock.now()).await?;
    tx.commit().await
}

/// Everybody's messages, chunk by chunk: the database writes one while the next is made.
async fn write(
    store: &Store,
    office: FreezeSettings<'_>,
    request: &FreezeRequest,
    mut audience: Audience,
    run: RunId,
) -> Result<Made, FreezeError> {
    let mut maker = LaneMaker::open(store, office, request, run).await?;
    let mut made = Made::default();
    let mut problems = Problems::default();
    let mut ready = Chunk::default();
    loop {
        let (put, next) = tokio::join!(
            ready.put(store, run),
            Chunk::make(store, &mut audience, &mut maker, &mut made, &mut problems)
        );
        put?;
        match next? {
            Some(chunk) => ready = chunk,
            None => break,
        }
    }
    if problems.total > 0 {
        return Err(FreezeError::Values(problems));
    }
    made.lanes = maker.done();
    Ok(made)
}

/// Messages for one transaction.
#[derive(Debug, Default)]
struct Chunk {
    rows: Vec<NewMessage>,
    merges: Vec<MergeRow>,
}

impl Chunk {
    /// The next people's messages, or their problems; `None` when all have come.
    async fn make(
        store: &Store,
        audience: &mut Audience,
        maker: &mut LaneMaker<'_>,
        made: &mut Made,
        problems: &mut Problems,
    ) -> Result<Option<Self>, FreezeError> {
        let people = audience.next(store, CHUNK).await?;
        if people.is_empty() {
            return Ok(None);
        }
        let mut chunk = Self {
            rows: Vec::with_capacity(people.len()),
            merges: Vec::new(),
        };
        let limits = ValueLimits::default();
        for person in people {
            made.size += 1;
            if !is_fillable(maker.template(), &person, &limits, problems) {
                continue;
            }
            if !person.others.is_empty() {
                made.merged += 1;
                let others = person.others.join(", ");
                chunk.merges.push(MergeRow {
                    phone: person.phone.expose(),
                    kept: person.kept.clone(),
                    others,
                });
            }
            chunk.rows.push(maker.message(store, &person).await?);
        }
        if problems.total > 0 {
            // All that is wrong is said at once, and nothing more is written.
            return Ok(Some(Self::default()));
        }
        // Lane by lane, and so in the order of the table; within a lane it is that of the numbers.
        chunk.rows.sort_unstable_by_key(|m| m.id);
        Ok(Some(chunk))
    }

    async fn put(&self, store: &Store, run: RunId) -> store::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut tx = store.begin("freeze").await?;
        tx.must_be_half_made(run).await?;
        tx.insert_messages(&self.rows).await?;
        tx.insert_merges(run, &self.merges).await?;
        tx.commit().await
    }
}

/// Do this person's values fill the text? If not, the problems say what is wrong.
fn is_fillable(
    template: &Template,
    person: &Person,
    limits: &ValueLimits,
    problems: &mut Problems,
) -> bool {
    let before = problems.total;
    if !template.names().is_empty() {
        template.check_row(person.row, &person.values, limits, problems);
    }
    problems.total == before
}

/// What has been written of a run.
#[derive(Debug, Default)]
struct Made {
    size: i64,
    merged: i64,
    lanes: Vec<lanes::MadeLane>,
}

/// The commit from which on the run exists.
async fn finish(
    store: &Store,
    clock: &Clock,
    request: &FreezeRequest,
    campaign: CampaignId,
    run: RunId,
    made: Made,
) -> Result<Frozen, FreezeError> {
    let now = clock.now();
    // What is read of the campaign below, nobody changes before the commit.
    let mut act = store.begin_entry("freeze_finish", now).await?;
    let tx = &mut act.tx;
    let mut suppressed = 0;
    for lane in &made.lanes {
        tx.finish_lane(&lane.figures).await?;
        suppressed += lane.figures.suppressed;
        if lane.figures.suppressed > 0 {
            tx.count(
                lane.figures.lane,
                Outcome::Suppressed,
                lane.figures.suppressed,
            )
            .await?;
        }
    }
    tx.finish_run(run, made.size, made.merged, now).await?;
    let lanes: Vec<_> = made.lanes.iter().map(lanes::MadeLane::event).collect();
    let spans: Vec<SuppressedSpan> = made.lanes.iter().flat_map(|l| l.spans.clone()).collect();
    let terms = Terms {
        slot: request.slot,
        priority: request.priority,
        on_doubt: request.on_doubt,
        not_after: request.not_after,
        not_before: request.not_before,
        merged: made.merged,
        late: request.late,
    };
    let digest = commitment::frozen(&request.text, &terms, &lanes);
    let mut events = vec![Event::Frozen {
        run,
        campaign,
        terms,
        lanes,
        suppressed: spans,
    }];
    if let Purpose::Slot { approved, .. } = request.purpose {
        lifecycle::must_fire(tx, campaign, &approved).await?;
    } else {
        events.push(put_campaign(tx, request, campaign, digest, now).await?);
    }
    if !request.purpose.waits_for_approval() {
        let by = By {
            who: &request.author,
            reason: "",
        };
        events.push(lifecycle::approve_run(tx, now, run, Intent::Go, by).await?);
    }
    if let Purpose::Slot { least, most, .. } = request.purpose
        && !(least..=most).contains(&made.size)
    {
        let reason = format!("audience: {} people, {least} to {most} expected", made.size);
        let by = By {
            who: &request.author,
            reason: &reason,
        };
        let run = (run, Intent::Go);
        let held = lifecycle::redirect_run(tx, run, Intent::Held, RunAct::Hold, by).await;
        events.extend(held.map_err(store::Error::from)?);
    }
    tx.bump().await?;
    act.commit(&events).await?;
    let segments = made.lanes.iter().map(|l| l.figures.segments).sum();
    Ok(Frozen {
        campaign,
        run,
        size: made.size,
        segments,
        merged: made.merged,
        suppressed,
        check_code: CheckCode::of(&digest),
    })
}

/// The new campaign, or the returned one submitted again.
async fn put_campaign(
    tx: &mut store::Tx,
    request: &FreezeRequest,
    campaign: CampaignId,
    digest: [u8; 32],
    now: Micros,
) -> store::Result<Event> {
    let by = By {
        who: &request.author,
        reason: "",
    };
    let (state, act) = match request.purpose {
        Purpose::New | Purpose::Resubmitted(_) => (CampaignState::Submitted, CampaignAct::Submit),
        Purpose::NewUnapproved | Purpose::Slot { .. } => {
            (CampaignState::Approved, CampaignAct::Approve)
        }
    };
    let approved = (state == CampaignState::Approved).then_some(now);
    if matches!(
        request.purpose,
        Purpose::Resubmitted(_) | Purpose::Slot { .. }
    ) {
        let mut known = tx.campaign(campaign).await?;
        known.template.clone_from(&request.text);
        known.submitted_by.clone_from(&request.author);
        known.digest = digest.to_vec();
        known.not_after = request.not_after;
        known.approved = approved;
        known.reason = String::new();
        return Ok(lifecycle::rewrite(tx, now, &mut known, CampaignAct::Submit, by).await?);
    }
    let new = Campaign {
        id: campaign,
        name: request.name.clone(),
        template: request.text.clone(),
        audience: request.audience.clone(),
        priority: request.priority,
        on_doubt: request.on_doubt,
        not_after: request.not_after,
        state,
        reason: String::new(),
        created_by: request.author.clone(),
        submitted_by: request.author.clone(),
        decided_by: String::new(),
        digest: digest.to_vec(),
        created: now,
        changed: now,
        plan: None,
        rule: String::new(),
        slots: Vec::new(),
        late: request.late,
        lasts: None,
        expected: 0,
        approved,
    };
    lifecycle::create(tx, &new, act, by).await
}

/// Clears a half-made run away.
pub(crate) async fn clear(store: &Store, run: RunId) -> store::Result<()> {
    loop {
        let mut tx = store.begin("freeze_clear").await?;
        let gone = tx.drop_half_made(run, CHUNK as i64).await?;
        tx.commit().await?;
        if gone == 0 {
            return Ok(());
        }
    }
}
