//! The carrier calls us: reports and texts. What is cheap to refuse is refused first; a yes means that
//! everything in it is durable.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hmac::Mac as _;
use tokio::{
    sync::{Semaphore, SemaphorePermit, oneshot},
    time::Instant,
};

use super::{
    account::{HttpAccount, key_bytes},
    description::{CallbackRule, Scheme},
    driver::{HttpCommand, HttpInbox},
    json, sign,
    template::Fill,
};
use crate::{clock::Clock, web::signing};

/// The longest body taken: reports for some thousand numbers.
pub const MAX_BODY: usize = 1 << 20;

/// Bodies read and not yet committed, at one gateway; more wait outside.
const AT_ONCE: usize = 32;

/// A body has to be here within this.
pub const READ_WITHIN: Duration = Duration::from_secs(10);

/// What a callback holds has to be durable within this, or it is asked for again later.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);

/// Ids of callbacks remembered at most; one that is forgotten is read once more, and changes nothing.
const REMEMBERED: usize = 100_000;

/// Why a callback is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefusal {
    /// No gateway of this name takes callbacks.
    #[error("no gateway of this name takes callbacks")]
    Unknown,
    /// From an address that is not the carrier's.
    #[error("this address is not among the gateway's callback_from")]
    Source,
    /// Longer than [`MAX_BODY`].
    #[error("the body is longer than {MAX_BODY} bytes")]
    TooLong,
    /// A header is missing, the time is off, or the signature does not fit.
    #[error("the signature is missing, too old, or does not fit the body")]
    Signature,
    /// Not what the description says.
    #[error("the body is not what the gateway's description says")]
    Malformed,
    /// Not durable in time, or too many at once: the carrier has to repeat it.
    #[error("not now: say it again later")]
    NotNow,
}

/// What is known of a callback before its body is read.
pub struct CallbackHead<'a> {
    /// The caller's address.
    pub from: IpAddr,
    /// The length that it claims.
    pub length: Option<u64>,
    /// A header by its lower-case name.
    pub header: &'a (dyn Fn(&str) -> Option<&'a str> + Sync),
}

impl std::fmt::Debug for CallbackHead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackHead")
            .field("from", &self.from)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// A gateway's callback endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Callbacks {
    shared: Arc<Shared>,
}

struct Shared {
    account: Arc<HttpAccount>,
    rule: CallbackRule,
    inbox: Arc<HttpInbox>,
    clock: Clock,
    room: Semaphore,
    seen: Mutex<Seen>,
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks").finish_non_exhaustive()
    }
}

/// A callback whose head is right; its body may be read.
#[derive(Debug)]
pub struct Admitted<'a> {
    callbacks: &'a Callbacks,
    signed: Signed,
    _room: SemaphorePermit<'a>,
}

/// The signature's headers.
#[derive(Debug)]
struct Signed {
    id: String,
    time: String,
    signature: String,
}

/// Which callbacks have been committed, or are being.
#[derive(Debug, Default)]
struct Seen {
    ids: HashMap<String, bool>,
    order: VecDeque<(Instant, String)>,
}

impl Callbacks {
    pub(super) fn new(
        account: Arc<HttpAccount>,
        rule: CallbackRule,
        inbox: Arc<HttpInbox>,
        clock: Clock,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                account,
                rule,
                inbox,
                clock,
                room: Semaphore::new(AT_ONCE),
                seen: Mutex::default(),
            }),
        }
    }

    /// Checks everything that needs no body, cheapest first.
    pub fn admit(&self, head: &CallbackHead<'_>) -> Result<Admitted<'_>, CallbackRefusal> {
        let shared = &self.shared;
        let listed = &shared.account.callback_from;
        let unsigned = shared.rule.sign == Scheme::None;
        // A signed callback may come from anywhere, unless addresses are configured.
        let from = head.from.to_canonical();
        if !listed.contains(&from) && (unsigned || !listed.is_empty()) {
            return Err(CallbackRefusal::Source);
        }
        if head.length.is_some_and(|n| n > MAX_BODY as u64) {
            return Err(CallbackRefusal::TooLong);
        }
        let signed = self.head(head)?;
        let room = shared
            .room
            .try_acquire()
            .map_err(|_| CallbackRefusal::NotNow)?;
        Ok(Admitted {
            callbacks: self,
            signed,
            _room: room,
        })
    }

    fn head(&self, head: &CallbackHead<'_>) -> Result<Signed, CallbackRefusal> {
        let header = |name: &str| (head.header)(name).map(str::to_owned);
        let must = |name: &str| header(name).ok_or(CallbackRefusal::Signature);
        match &self.shared.rule.sign {
            Scheme::StandardWebhooks => {
                let signed = Signed {
                    id: must(signing::ID)?,
                    time: must(signing::TIMESTAMP)?,
                    signature: must(signing::SIGNATURE)?,
                };
                signed
                    .headers()
                    .check_time(self.now_seconds())
                    .map_err(|_| CallbackRefusal::Signature)?;
                Ok(signed)
            }
            Scheme::HmacSha256 {
                header: name,
                time_header,
                id_header,
                ..
            } => {
                let time = match time_header.as_str() {
                    "" => String::new(),
                    name => must(name)?,
                };
                let off = time
                    .parse()
                    .map_or(u64::MAX, |at: i64| at.abs_diff(self.now_seconds()));
                if !time_header.is_empty() && off > signing::TOLERANCE_SECONDS.unsigned_abs() {
                    return Err(CallbackRefusal::Signature);
                }
                let signature = must(name)?;
                let id = match id_header.as_str() {
                    "" => signature.clone(),
                    name => must(name)?,
                };
                Ok(Signed {
                    id,
                    time,
                    signature,
                })
            }
            Scheme::None | Scheme::Md5Concat { .. } | Scheme::Acs3 { .. } => Ok(Signed {
                id: String::new(),
                time: String::new(),
                signature: String::new(),
            }),
        }
    }

    fn now_seconds(&self) -> i64 {
        self.shared.clock.now().0.div_euclid(1_000_000)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    fn headers(&self) -> signing::Headers<'_> {
        signing::Headers {
            id: &self.id,
            timestamp: &self.time,
            signature: &self.signature,
        }
    }
}

impl Admitted<'_> {
    /// Takes the body in: the reply, once everything in it is durable.
    pub async fn take(self, body: &[u8]) -> Result<String, CallbackRefusal> {
        let callbacks = self.callbacks;
        let shared = &callbacks.shared;
        if body.len() > MAX_BODY {
            return Err(CallbackRefusal::TooLong);
        }
        self.check(body)?;
        let id = self.signed.id.as_str();
        let known = match id {
            "" => None,
            id => callbacks.seen().enter(id),
        };
        match known {
            Some(true) => return Ok(shared.rule.reply.clone()),
            Some(false) => return Err(CallbackRefusal::NotNow),
            None => {}
        }
        // Also when whoever called hangs up meanwhile.
        let mut entered = Entered {
            callbacks,
            id,
            durable: false,
        };
        self.commit(body).await?;
        entered.durable = true;
        Ok(shared.rule.reply.clone())
    }

    /// Does the signature fit this body? In constant time.
    fn check(&self, body: &[u8]) -> Result<(), CallbackRefusal> {
        let shared = &self.callbacks.shared;
        let secret = key_bytes(&shared.account.callback_secret);
        match &shared.rule.sign {
            Scheme::None | Scheme::Md5Concat { .. } | Scheme::Acs3 { .. } => Ok(()),
            Scheme::StandardWebhooks => self
                .signed
                .headers()
                .verify(&secret, body, self.callbacks.now_seconds())
                .map_err(|_| CallbackRefusal::Signature),
            Scheme::HmacSha256 { over, base64, .. } => {
                let mut fill = Fill::default();
                fill.set("seconds", &self.signed.time);
                fill.set("key", &self.signed.id);
                let signature = sign::decoded(&self.signed.signature, *base64);
                let mac = sign::hmac(over, fill, body, &secret);
                match signature.is_some_and(|s| mac.verify_slice(&s).is_ok()) {
                    true => Ok(()),
                    false => Err(CallbackRefusal::Signature),
                }
            }
        }
    }

    async fn commit(&self, body: &[u8]) -> Result<(), CallbackRefusal> {
        let shared = &self.callbacks.shared;
        let json = json::read(body).map_err(|_| CallbackRefusal::Malformed)?;
        let deliveries = shared
            .account
            .description
            .deliveries(&json, &shared.rule.list)
            .ok_or(CallbackRefusal::Malformed)?;
        if deliveries.is_empty() {
            return Ok(());
        }
        let (done, durable) = oneshot::channel();
        shared.inbox.send(HttpCommand::Deliveries(deliveries, done));
        match tokio::time::timeout(COMMIT_WITHIN, durable).await {
            Ok(Ok(())) => Ok(()),
            // The gateway has closed or has no room; or the journal is slow.
            Ok(Err(_)) | Err(_) => Err(CallbackRefusal::NotNow),
        }
    }
}

/// A callback that is being committed.
struct Entered<'a> {
    callbacks: &'a Callbacks,
    id: &'a str,
    durable: bool,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.id.is_empty() {
            self.callbacks.seen().leave(self.id, self.durable);
        }
    }
}

impl Seen {
    /// Is it known, and if so, is it durable? From now on it is.
    fn enter(&mut self, id: &str) -> Option<bool> {
        let now = Instant::now();
        let kept = Duration::from_secs(2 * signing::TOLERANCE_SECONDS.unsigned_abs());
        while let Some((_, id)) = self
            .order
            .pop_front_if(|(at, _)| self.ids.len() >= REMEMBERED || *at + kept < now)
        {
            self.ids.remove(&id);
        }
        if let Some(known) = self.ids.get(id) {
            return Some(*known);
        }
        self.ids.insert(id.to_owned(), false);
        self.order.push_back((now, id.to_owned()));
        None
    }

    /// It is durable; or it is as if it had not come.
    fn leave(&mut self, id: &str, durable: bool) {
        match durable {
            true => _ = self.ids.insert(id.to_owned(), true),
            false => _ = self.ids.remove(id),
        }
    }
}
