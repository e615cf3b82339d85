//! HTTP carriers: batches of numbers posted as JSON, signed; an answer for each number; reports by signed
//! callback, and polled where callbacks were lost. What differs between carriers stands in a description file,
//! so that a new one needs no new program.

mod account;
mod callback;
pub mod description;
mod driver;
mod exchange;
mod incoming;
mod json;
mod reader;
mod registered;
mod sign;
mod template;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};

pub use callback::{Admitted, CallbackHead, CallbackRefusal, Callbacks, MAX_BODY, READ_WITHIN};
pub use reader::DescriptionError;

use account::HttpAccount;
use driver::{HttpCommand, HttpDriver, HttpInbox, HttpSettings};

use super::{
    AckToken, Context, Gateway, Health, Submit,
    opening::{OpenError, Start},
};
use crate::{
    config::{self, RateUnit},
    domain::id::{GatewayId, LaneId},
    web::tls,
};

/// A checked gateway, ready to be started.
pub(super) fn prepare(config: &config::Gateway) -> Result<Start, OpenError> {
    let account = Arc::new(HttpAccount::read(config)?);
    let most = account.description.batch;
    if config.batch > most {
        return Err(OpenError::Setting {
            key: "batch",
            reason: format!(
                "{} is more than the {most} numbers that {} takes in one request",
                config.batch, account.description.name
            ),
        });
    }
    let client = client(config)?;
    let settings = HttpSettings {
        id: config.id.clone(),
        links: config.links.max(1),
        rate: config.rate.max(1),
        by_segments: config.rate_unit == RateUnit::Segments,
        timeout: config.response_timeout,
        login_retry: config.login_retry,
    };
    Ok(Box::new(move |context| {
        Arc::new(HttpHandle::start(account, settings, context, client))
    }))
}

/// How long this carrier knows a request by its key; none: not at all, or its description can't be read
/// (which is an error when it is opened).
pub fn repeats_within(config: &config::Gateway) -> Option<Duration> {
    HttpAccount::read(config)
        .ok()?
        .description
        .idempotency_window
}

/// Can reports be fetched from this carrier?
pub(super) fn fetches(config: &config::Gateway) -> bool {
    HttpAccount::read(config).is_ok_and(|account| account.description.poll.is_some())
}

fn client(config: &config::Gateway) -> Result<reqwest::Client, OpenError> {
    tls::install();
    let mut builder = reqwest::Client::builder()
        // A redirect would send numbers to an address that is not configured.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(config.response_timeout)
        .pool_max_idle_per_host(usize::from(config.links.max(1)));
    if !config.local_address.is_empty() {
        let address: IpAddr = config
            .local_address
            .parse()
            .map_err(|_| OpenError::Setting {
                key: "local_address",
                reason: format!("{:?} is no IP address", config.local_address),
            })?;
        builder = builder.local_address(address);
    }
    builder.build().map_err(|e| OpenError::Setting {
        key: "address",
        reason: format!("{e}; on Debian, install ca-certificates for https"),
    })
}

/// The engine's end of an HTTP gateway.
struct HttpHandle {
    id: GatewayId,
    inbox: Arc<HttpInbox>,
    callbacks: Option<Callbacks>,
}

impl HttpHandle {
    fn start(
        account: Arc<HttpAccount>,
        settings: HttpSettings,
        context: Context,
        client: reqwest::Client,
    ) -> Self {
        let inbox = Arc::new(HttpInbox::default());
        inbox
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .links = settings.links;
        let callbacks = account.description.callback.clone().map(|rule| {
            Callbacks::new(account.clone(), rule, inbox.clone(), context.clock.clone())
        });
        let id = settings.id.clone();
        let tasks = context.tasks.clone();
        let name = format!("gateway {}", settings.id);
        tasks.spawn(
            name,
            HttpDriver::new(account, settings, context, inbox.clone(), client).run(),
        );
        Self {
            id,
            inbox,
            callbacks,
        }
    }
}

impl Gateway for HttpHandle {
    fn id(&self) -> &GatewayId {
        &self.id
    }

    fn submit(&self, batch: Vec<Submit>) {
        self.inbox.send(HttpCommand::Submit(batch));
    }

    fn recall(&self, lanes: Vec<LaneId>) {
        self.inbox.send(HttpCommand::Recall(lanes));
    }

    fn acknowledge(&self, tokens: Vec<AckToken>) {
        self.inbox.send(HttpCommand::Acknowledge(tokens));
    }

    fn close(&self, grace: Duration) {
        self.inbox.send(HttpCommand::Close(grace));
    }

    fn health(&self) -> Health {
        self.inbox
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn callbacks(&self) -> Option<Callbacks> {
        self.callbacks.clone()
    }
}
