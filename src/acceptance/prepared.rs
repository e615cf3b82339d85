//! An acceptance that is ready to begin: which gateway, which phones, how much is sent.

use std::{path::Path, time::Duration};

use super::{
    error::AcceptanceError,
    phones::Receiver,
    step::StepName,
    texts::{LONG_PARTS, Texts},
};
use crate::{config, domain::id::GatewayId, gateway};

/// Segments that one phone gets at most for the rate: more would be an assault on who holds it.
pub(super) const MOST_A_PHONE: usize = 30;

/// Seconds of the contract's rate that are enough to see it.
const RATE_SECONDS: usize = 2;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct AcceptRequest<'a> {
    /// Which gateway.
    pub gateway: &'a str,
    /// An address book with the phones.
    pub phones: &'a Path,
    /// How long reports and a reply are waited for.
    pub wait: Duration,
    /// How long the links are left silent; none: what their keep-alive asks for.
    pub idle: Option<Duration>,
    /// Segments for the rate at most; 0: the rate is not tried.
    pub rate_segments: usize,
}

/// An acceptance that is ready to begin. It holds the numbers whole, and shows none.
#[derive(Debug, Clone)]
pub struct Acceptance {
    pub(super) gateway: config::Gateway,
    pub(super) receivers: Vec<Receiver>,
    pub(super) texts: Texts,
    pub(super) wait: Duration,
    /// As asked for; none: what the keep-alive asks for.
    pub(super) idle: Option<Duration>,
    pub(super) keep_alive: gateway::KeepAlive,
    pub(super) report_channel: gateway::ReportChannel,
    /// Numbers in the one submit; 0: not tried.
    pub(super) batch: usize,
    /// Segments for the rate; 0: not tried.
    pub(super) rate: usize,
    strangers: usize,
}

/// Would the gateway open as the settings have it?
pub fn check_settings(gateway: &config::Gateway) -> Result<(), AcceptanceError> {
    gateway::check(gateway).map_err(AcceptanceError::of(gateway))
}

impl Acceptance {
    /// Works out what is sent to these phones. Sends nothing.
    pub fn prepare(
        gateway: config::Gateway,
        receivers: Vec<Receiver>,
        request: &AcceptRequest<'_>,
    ) -> Result<Self, AcceptanceError> {
        let rate = gateway.rate as usize;
        let most = MOST_A_PHONE * receivers.len();
        let batch = receivers.len().min(usize::from(gateway.batch)).min(rate);
        Ok(Self {
            texts: Texts::compose(&gateway)?,
            wait: request.wait,
            idle: request.idle,
            keep_alive: gateway::keep_alive(&gateway).map_err(AcceptanceError::of(&gateway))?,
            report_channel: gateway::report_channel(&gateway),
            batch: if batch > 1 { batch } else { 0 },
            rate: request.rate_segments.min(RATE_SECONDS * rate).min(most),
            strangers: receivers.iter().filter(|r| !r.is_served(&gateway)).count(),
            receivers,
            gateway,
        })
    }

    /// Which gateway.
    pub fn gateway(&self) -> &GatewayId {
        &self.gateway.id
    }

    /// The most segments that it sends.
    pub fn segments(&self) -> usize {
        StepName::ALL.iter().map(|name| self.sends(*name)).sum()
    }

    /// How many phones.
    pub fn phones(&self) -> usize {
        self.receivers.len()
    }

    /// What they cost at most; none where no price is set.
    pub fn cost(&self) -> Option<f64> {
        (self.gateway.price > 0.0).then(|| self.gateway.price * self.segments() as f64)
    }

    /// Phones whose number belongs to a carrier that this gateway does not serve.
    pub fn strangers(&self) -> usize {
        self.strangers
    }

    /// The most segments that a step sends.
    pub(super) fn sends(&self, name: StepName) -> usize {
        match name {
            StepName::Short => self.receivers.len(),
            StepName::Long => LONG_PARTS,
            StepName::Batch => self.batch,
            StepName::Rate => self.rate,
            _ => 0,
        }
    }
}
