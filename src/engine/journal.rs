//! The journal: everything that happens to messages flows here and is committed in groups, each group
//! one transaction with its ledger entry. Nothing is acknowledged to a carrier, and nothing goes to a
//! socket, before the commit that holds it.
//!
//! [`Recorder::commit`] is the whole of it and is what tests call; [`Recorder::run`] is a loop around.

mod awaited;
mod claim;
mod doubt;
mod fit;
mod part_ref;
mod queue;
mod quota;
mod report;
mod run;
mod save;
mod work;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    campaign::lifecycle::By,
    clock::Clock,
    domain::{
        carrier::Carrier,
        check_code::CheckCode,
        event::{AnnouncedForecast, Event, Source},
        id::{CampaignId, ClaimId, GatewayId, LaneId, MessageId, Position, RunId},
        ledger::Head,
        lifecycle::{CampaignAct, Intent, RunAct},
        message::Change,
        optout::OptOutWords,
        phone::Phone,
        template::Values,
        time::Micros,
    },
    engine::lock::{EngineLock, Pulse},
    gateway::{AckToken, Delivery},
    store::{
        self, Corrupt, Store, Tx,
        entry::EntryTx,
        error::Next,
        hot::ReportWait,
        lane::{Claim, Requeued},
    },
};

pub(crate) use claim::{LONGEST_WAIT, is_due};
pub use part_ref::Shortage;
pub use quota::{Quota, Quotas};
use work::Work;
pub(crate) use work::restore;

/// Operations in one commit at most: groups grow with the backlog up to here.
pub const MAX_GROUP: usize = 20_000;

/// How long a full or locked database is waited for between two tries of the same commit.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// How long a person's act whose commit was met with silence is looked for.
const PERSONS_PATIENCE: Duration = Duration::from_secs(9);

/// How long a database that gave no answer in time is waited for at the next try …
const SLOW: Duration = Duration::from_secs(9);

/// … and in the end.
const SLOWEST: Duration = Duration::from_mins(1);

/// How often orphans whose window is over are forgotten; the most [`is_due`] waits.
const FORGET_ORPHANS_EVERY: Duration = Duration::from_mins(5);

/// Something to be made durable.
#[derive(Debug, Clone)]
pub enum Op {
    /// Messages of a lane are about to be handed to a gateway.
    Claim(ClaimRequest),
    /// Something happened to a part.
    Part(PartChange),
    /// An answer that came after its time-out, while the connection lived.
    LateAnswer {
        /// From where.
        gateway: GatewayId,
        /// About which message.
        message: MessageId,
        /// Which part.
        part: u8,
        /// What it says.
        change: Change,
        /// As in [`PartChange`].
        counted: Option<String>,
    },
    /// The report window of what awaits a report is over.
    WindowOver(ReportWait),
    /// The same where the messages have been delivered: nobody is told anything.
    DropReportWaits(Vec<ReportWait>),
    /// Messages surely did not leave and wait again.
    Release(Requeued),
    /// A claim's last outcome is in (among the operations before this one, or before).
    Close(LaneId, ClaimId),
    /// A report or an MO came in.
    Inbound {
        /// The gateway that delivered it.
        gateway: GatewayId,
        /// The text as it came.
        delivery: Delivery,
        /// What to acknowledge once it is durable.
        tokens: Vec<AckToken>,
    },
    /// Nothing more of a lane will be claimed, for this reason.
    End(LaneId, String),
    /// A doubt's grace is over and the policy is to hold.
    GraceExpired(MessageId, u8),
    /// Reserve the day's places of a lane up to a position, for this day and limit.
    Reserve {
        /// The lane that wants to send.
        lane: LaneId,
        /// One past the last position.
        to: Position,
        /// The office's day.
        day: String,
        /// Messages a person gets on one day at most.
        limit: i64,
    },
    /// Give back the reserved places of an ended lane from a position on.
    GiveBack(LaneId, Position),
    /// An approved run's lanes open.
    Open(RunId),
    /// A run that has not opened is too late: its policy decides.
    Late(RunId),
    /// A run's time has passed before it opened, for this reason.
    Miss(RunId, String),
    /// Close the run if no message of it is open.
    CloseRun(RunId),
    /// Somebody decided about a campaign.
    Decide(Decision),
    /// Somebody wants something else of a run.
    Intend {
        /// Which run.
        run: RunId,
        /// What is wanted.
        to: Intent,
        /// The act, as the ledger has it.
        act: RunAct,
        /// The user's name.
        by: String,
        /// The user's own words; may be empty.
        reason: String,
    },
    /// An engine's own act.
    Append(Event),
}

/// What somebody decided about a campaign.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The campaign that changes.
    pub campaign: CampaignId,
    /// What is done with it.
    pub act: CampaignAct,
    /// The user's name, or `engine`.
    pub by: String,
    /// The user's own words, or the engine's reason; may be empty.
    pub reason: String,
    /// What was shown to the person who decided; another digest now is an error.
    pub seen: CheckCode,
    /// The forecast that an approver was shown: kept with the approval.
    pub announced: Option<Announced>,
}

/// A forecast as an approver was shown it.
#[derive(Debug, Clone)]
pub struct Announced {
    /// By campaign, slot and gateway: the forecasts of the one approved, and of others that it moves.
    pub campaigns: BTreeMap<CampaignId, Vec<AnnouncedForecast>>,
    /// The ledger's newest entry when it was computed. A forecast behind it at the commit is an error:
    /// another approval has taken of the same quotas meanwhile.
    pub after: i64,
}

/// A wish to claim.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The lane the messages are taken from.
    pub lane: LaneId,
    /// Which of its messages.
    pub take: Take,
    /// At most so many messages.
    pub most: i64,
    /// Through which gateway.
    pub gateway: GatewayId,
    /// By which process.
    pub node: String,
    /// Wire sequence of the first position's first part.
    pub first: u32,
    /// Sequences per position.
    pub stride: u32,
    /// Numbers in one request at most.
    pub batch: i64,
}

/// From where a claim takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// From the lane's front.
    Front,
    /// From the requeued range that begins at this position.
    Requeued(Position),
}

/// Something that happened to one part of a message.
#[derive(Debug, Clone)]
pub struct PartChange {
    /// Which message.
    pub message: MessageId,
    /// Which part, from 0.
    pub part: u8,
    /// Its receiver.
    pub phone: Phone,
    /// Where it was asked.
    pub gateway: GatewayId,
    /// What happened to it.
    pub change: Change,
    /// Who says so.
    pub source: Source,
    /// When it was asked (the claim's time).
    pub asked: Micros,
    /// Of a yes to several numbers: the id that this one has by counting, where it is another than the
    /// answer's. Its reports name either.
    pub counted: Option<String>,
}

/// The answer to a [`ClaimRequest`].
#[derive(Debug, Clone)]
pub enum Claimed {
    /// Durable: these may be written.
    Granted(Grant),
    /// Not now: paused, ended, stopped, held, or nothing left.
    Refused {
        /// The lane that gets nothing.
        lane: LaneId,
        /// Through which gateway it was wished.
        gateway: GatewayId,
    },
    /// The gateway's quota leaves no room for texts as long as this lane's longest; shorter ones may still go.
    Spent {
        /// The lane that gets nothing.
        lane: LaneId,
        /// Which gateway.
        gateway: GatewayId,
        /// Segments of the lane's longest text.
        segments: u8,
        /// For how long.
        rest: Rest,
    },
}

/// For how long a quota leaves no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// What is claimed and not answered may turn out to be left.
    Soon,
    /// Until the next day or month begins.
    Until(Micros),
}

/// A durable claim with what it covers.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The claim.
    pub claim: Claim,
    /// What may be written: positions that had an outcome or are suppressed are left out.
    pub items: Vec<Item>,
    /// The lane's front now.
    pub next: Position,
    /// The long messages' reference of the run.
    pub part_ref: u8,
}

/// One message of a claim.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its position.
    pub position: Position,
    /// Its number.
    pub phone: Phone,
    /// What its placeholders stand for.
    pub values: Values,
    /// How many segments it counts.
    pub segments: u8,
}

/// What a commit made true.
#[derive(Debug, Default)]
pub struct Committed {
    /// Answers to the claims, in the order asked.
    pub claims: Vec<Claimed>,
    /// Deliveries that may be acknowledged now.
    pub acks: Vec<(GatewayId, Vec<AckToken>)>,
    /// There is something new to be sent, or to be made ready.
    pub requeued: bool,
    /// Messages that operations named and that fit nowhere: left out, and somebody must hear of it.
    pub strays: Vec<Corrupt>,
    /// The ledger's head.
    pub head: Option<Head>,
    /// How many operations it held.
    pub ops: usize,
    /// Runs for whose long messages no reference was free.
    pub shortages: Vec<(RunId, Shortage)>,
    /// Segments that the carriers took, by gateway.
    pub accepted: BTreeMap<GatewayId, u64>,
}

/// Turns operations into durable facts. One per database: the engine's.
#[derive(Debug)]
pub struct Recorder {
    store: Store,
    clock: Clock,
    /// Whose numbers a gateway serves: remembered when a ported number is delivered through it.
    serves: HashMap<GatewayId, Carrier>,
    /// Numbers that must not be sent to, as of `suppressed_to`.
    suppressed: HashSet<Phone>,
    suppressed_to: i64,
    /// Where orphan reports wait that may still find their message, each with the newest one's time.
    orphans: HashMap<(GatewayId, Phone), Micros>,
    /// When those whose window is over are forgotten next.
    forget_orphans: Micros,
    report_window: Duration,
    opt_out: OptOutWords,
    quotas: Quotas,
    /// Only while this holds the engine's lease is anything committed.
    holder: Option<String>,
    /// Tells the lease's keeper that the journal lives.
    pulse: Option<Pulse>,
    /// How long the database's answers are waited for, where that is longer than usual.
    patience: Duration,
    /// A commit that was sent off and not confirmed.
    unconfirmed: Option<Unconfirmed>,
}

/// A commit whose outcome is unknown, with what it makes true if it happened.
#[derive(Debug)]
struct Unconfirmed {
    head: Head,
    done: Committed,
    places: save::OrphanPlaces,
}

impl Recorder {
    /// Reads in what must be at hand: suppressions and where orphans wait.
    pub async fn open(
        store: Store,
        clock: Clock,
        serves: HashMap<GatewayId, Carrier>,
    ) -> store::Result<Self> {
        let mut this = Self {
            store,
            clock,
            serves,
            suppressed: HashSet::new(),
            suppressed_to: 0,
            orphans: HashMap::new(),
            forget_orphans: Micros(0),
            report_window: fit::REPORT_WINDOW,
            opt_out: OptOutWords::default(),
            quotas: Quotas::default(),
            holder: None,
            pulse: None,
            patience: Duration::ZERO,
            unconfirmed: None,
        };
        let mut tx = this.store.read("recorder_open").await?;
        while this.learn_suppressions(&mut tx).await? > 0 {}
        this.orphans.extend(tx.orphan_places().await?);
        Ok(this)
    }

    /// Commits only while `lock` is held: an engine that slept while another took over must not claim behind
    /// its back.
    #[must_use]
    pub fn fenced(mut self, lock: &EngineLock) -> Self {
        self.holder = lock.holder().map(str::to_owned);
        self.pulse = Some(lock.pulse());
        self
    }

    /// Further words that opt out when they are all a person writes.
    #[must_use]
    pub fn with_opt_out_words(mut self, words: OptOutWords) -> Self {
        self.opt_out = words;
        self
    }

    /// How long a report may take: an orphan that is older is nobody's any more.
    #[must_use]
    pub fn with_report_window(mut self, window: Duration) -> Self {
        self.report_window = window;
        self
    }

    /// Forgets now and then where orphans waited whose window is over; their rows stay, as what was heard.
    fn forget_old_orphans(&mut self, now: Micros) {
        if is_due(self.forget_orphans, now) {
            self.forget_orphans = now + FORGET_ORPHANS_EVERY;
            let window = self.report_window;
            self.orphans
                .retain(|_, newest| !fit::is_past(*newest, now, window));
        }
    }

    /// Claims no more than the gateways' quotas hold.
    #[must_use]
    pub fn within(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// Learns what other processes put on the suppression list since; returns how many.
    async fn learn_suppressions(&mut self, tx: &mut Tx) -> store::Result<usize> {
        let fresh = tx.suppressions_after(self.suppressed_to, 50_000).await?;
        for suppression in &fresh {
            self.suppressed_to = suppression.seq;
            self.suppressed.insert(suppression.phone);
        }
        Ok(fresh.len())
    }

    /// Who opts out in this very commit: remembered for good only once it is durable.
    async fn opted_out_now(&self, tx: &mut Tx, ops: &[Op]) -> store::Result<HashSet<Phone>> {
        let is_mo = |op: &Op| {
            matches!(
                op,
                Op::Inbound {
                    delivery: Delivery::Mo(_),
                    ..
                }
            )
        };
        if !ops.iter().any(is_mo) {
            return Ok(HashSet::new());
        }
        let fresh = tx
            .suppressions_after(self.suppressed_to, MAX_GROUP as i64)
            .await?;
        Ok(fresh.iter().map(|s| s.phone).collect())
    }

    /// Commits a group: all of it, or nothing.
    pub async fn commit(&mut self, ops: &[Op]) -> store::Result<Committed> {
        self.forget_old_orphans(self.clock.now());
        let known_orphans = std::mem::take(&mut self.orphans);
        let prepared = self.prepare(ops, &known_orphans).await;
        self.orphans = known_orphans;
        let (tx, head, mut done, places) = prepared?;
        done.ops = ops.len();
        if let Err(error) = tx.commit().await {
            self.unconfirmed = head.map(|head| Unconfirmed { head, done, places });
            return Err(error);
        }
        places.apply(&mut self.orphans);
        Ok(done)
    }

    async fn begin(&self, name: &'static str) -> store::Result<EntryTx> {
        let mut entry = self.store.begin_entry(name, self.clock.now()).await?;
        entry.tx.wait_at_least(self.patience);
        Ok(entry)
    }

    /// Did the commit of which nothing was heard happen? The chain tells: an entry's number is unique,
    /// and its hash is over all it says. The head is locked meanwhile, so that a commit still under way
    /// at the server has ended one way or the other.
    async fn find_unconfirmed(&mut self) -> store::Result<Option<Committed>> {
        let Some(head) = self.unconfirmed.as_ref().map(|u| u.head) else {
            return Ok(None);
        };
        let mut entry = self.begin("find_unconfirmed").await?;
        let found = entry.tx.entry_hash(head.n).await? == Some(head.hash);
        drop(entry);
        let Some(unconfirmed) = self.unconfirmed.take().filter(|_| found) else {
            return Ok(None);
        };
        unconfirmed.places.apply(&mut self.orphans);
        Ok(Some(unconfirmed.done))
    }

    /// Everything but the commit itself. Without events there is no entry, and nothing that may not be
    /// done twice.
    async fn prepare(
        &mut self,
        ops: &[Op],
        known_orphans: &HashMap<(GatewayId, Phone), Micros>,
    ) -> store::Result<(Tx, Option<Head>, Committed, save::OrphanPlaces)> {
        let (mut tx, draft) = self.begin("record").await?.into_parts();
        let now = draft.time;
        if let Some(holder) = &self.holder
            && !tx.holds_lease(holder).await?
        {
            return Err(store::Refusal::LeaseTaken.into());
        }
        let mut work = Work::new(draft.n, now, self.report_window, known_orphans);
        work.load(&mut tx, ops).await?;
        while self.learn_suppressions(&mut tx).await? > 0 {}
        for op in ops {
            self.apply(&mut tx, &mut work, op).await?;
        }
        let opted_out = self.opted_out_now(&mut tx, ops).await?;
        for op in ops {
            if let Op::Claim(request) = op {
                let shun = [&self.suppressed, &opted_out];
                let claimed =
                    claim::claim(&mut tx, &mut work, request, &shun, &self.quotas).await?;
                work.done.claims.push(claimed);
            }
        }
        self.quotas.save(&mut tx, &mut work).await?;
        let places = work.save(&mut tx, &self.serves).await?;
        let events = work.take_events();
        let head = tx.append(draft, &events).await?;
        let mut done = std::mem::take(&mut work.done);
        done.head = Some(head);
        Ok((tx, (!events.is_empty()).then_some(head), done, places))
    }

    async fn apply(&mut self, tx: &mut Tx, work: &mut Work<'_>, op: &Op) -> store::Result<()> {
        match op {
            Op::Claim(_) => {}
            Op::Part(update) => work.part(update),
            Op::LateAnswer {
                gateway,
                message,
                part,
                change,
                counted,
            } => work.late_answer(gateway, *message, *part, change, counted.clone()),
            Op::WindowOver(row) => work.window_over(row),
            Op::DropReportWaits(rows) => work.drop_inflight.extend_from_slice(rows),
            Op::Release(release) => work.release(tx, release).await?,
            Op::Close(lane, claim) => work.close(*lane, *claim),
            Op::Inbound {
                gateway,
                delivery: Delivery::Report(report),
                tokens,
            } => {
                work.report(gateway, report);
                work.done.acks.push((gateway.clone(), tokens.clone()));
            }
            Op::Inbound {
                gateway,
                delivery: Delivery::Mo(mo),
                tokens,
            } => {
                report::mo(tx, work, gateway, mo, &self.opt_out).await?;
                work.done.acks.push((gateway.clone(), tokens.clone()));
            }
            Op::End(lane, reason) => work.end(tx, *lane, reason).await?,
            Op::GraceExpired(message, part) => work.grace_expired(*message, *part),
            Op::Reserve {
                lane,
                to,
                day,
                limit,
            } => run::reserve(tx, work, *lane, *to, day, *limit).await?,
            Op::GiveBack(lane, from) => run::give_back(tx, work, *lane, *from).await?,
            Op::Open(id) => run::open(tx, work, *id).await?,
            Op::Late(id) => run::late(tx, work, *id).await?,
            Op::Miss(id, reason) => run::miss(tx, work, *id, reason).await?,
            Op::CloseRun(id) => run::close(tx, work, *id).await?,
            Op::Decide(decision) => run::decide(tx, work, decision).await?,
            Op::Intend {
                run,
                to: Intent::Cancelled,
                by,
                reason,
                ..
            } => run::call_off(tx, work, *run, By { who: by, reason }).await?,
            Op::Intend {
                run,
                to,
                act,
                by,
                reason,
            } => run::redirect(tx, work, *run, (*to, *act), By { who: by, reason }).await?,
            Op::Append(event) => work.note(event),
        }
        Ok(())
    }

    /// Commits groups as they gather until the channel closes. A full or locked database is waited
    /// for, loudly: nothing is claimed and nothing acknowledged meanwhile. Anything worse ends the
    /// loop, and with it the process: recovery reads the journal.
    pub async fn run(
        mut self,
        mut ops: mpsc::Receiver<Vec<Op>>,
        committed: mpsc::Sender<Committed>,
        alert: impl Fn(&store::Error),
    ) -> store::Result<()> {
        let mut gathered = Vec::new();
        let mut group = Vec::new();
        while ops.recv_many(&mut gathered, MAX_GROUP).await > 0 {
            group.extend(gathered.drain(..).flatten());
            while group.len() < MAX_GROUP {
                let Ok(more) = ops.try_recv() else { break };
                group.extend(more);
            }
            self.pulse.iter().for_each(Pulse::begin);
            let done = self.commit_until_done(&group, &alert).await?;
            self.pulse.iter().for_each(Pulse::rest);
            group.clear();
            if committed.send(done).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Commits a person's act, who waits for the answer: a victim of another's lock is made again, a commit that was
    /// not confirmed is looked for, for a moment.
    pub async fn commit_soon(mut self, ops: &[Op]) -> store::Result<()> {
        let begun = Instant::now();
        loop {
            let Err(error) = self.commit_or_find(ops).await else {
                return Ok(());
            };
            let passes = error.is_deadlock() || error.next() == Next::AskHead;
            if !passes || begun.elapsed() > PERSONS_PATIENCE {
                return Err(match self.unconfirmed {
                    Some(_) => store::Error::Unconfirmed,
                    None => error,
                });
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn commit_until_done(
        &mut self,
        group: &[Op],
        alert: &impl Fn(&store::Error),
    ) -> store::Result<Committed> {
        loop {
            let error = match self.commit_or_find(group).await {
                Ok(done) => {
                    self.patience = Duration::ZERO;
                    return Ok(done);
                }
                Err(error) => error,
            };
            if error.is_silence() {
                // It may be slow and not gone: then the same group would never get through.
                self.patience = (self.patience * 2).clamp(SLOW, SLOWEST);
            }
            match error.next() {
                Next::Retry | Next::AskHead => alert(&error),
                Next::GiveWay | Next::Die => return Err(error),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn commit_or_find(&mut self, group: &[Op]) -> store::Result<Committed> {
        match self.find_unconfirmed().await? {
            Some(done) => Ok(done),
            None => self.commit(group).await,
        }
    }
}

#[cfg(test)]
mod tests;
