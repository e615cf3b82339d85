//! The engine's end of a gateway: commands go in without waiting.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Driver, DriverSettings};
use crate::{
    domain::id::{GatewayId, LaneId},
    gateway::{AckToken, Context, Gateway, Health, Submit, protocol::SessionProtocol},
};

/// The engine's end of a gateway.
pub(in crate::gateway) struct Handle {
    id: GatewayId,
    inbox: Arc<Inbox>,
}

/// Where commands wait for the driver, in their order.
pub(super) struct Inbox {
    pub(super) commands: Mutex<Vec<DriverCommand>>,
    pub(super) health: Mutex<Health>,
    pub(super) notify: Notify,
}

pub(super) enum DriverCommand {
    Submit(Vec<Submit>),
    Recall(Vec<LaneId>),
    Acknowledge(Vec<AckToken>),
    Close(Duration),
}

impl Handle {
    /// Starts the driver's task.
    pub(in crate::gateway) fn start<P: SessionProtocol + Clone>(
        protocol: P,
        settings: DriverSettings,
        context: Context,
    ) -> Self {
        let health = Health {
            links_up: 0,
            links: settings.links,
            listening: None,
            listen_error: None,
            trouble: None,
        };
        let inbox = Arc::new(Inbox {
            commands: Mutex::default(),
            health: Mutex::new(health),
            notify: Notify::new(),
        });
        let id = settings.id.clone();
        let tasks = context.tasks.clone();
        let name = format!("gateway {}", settings.id);
        tasks.spawn(
            name,
            Driver::new(protocol, settings, context, inbox.clone()).run(),
        );
        Self { id, inbox }
    }

    fn send(&self, command: DriverCommand) {
        self.inbox
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(command);
        self.inbox.notify.notify_one();
    }
}

impl Gateway for Handle {
    fn id(&self) -> &GatewayId {
        &self.id
    }

    fn submit(&self, batch: Vec<Submit>) {
        self.send(DriverCommand::Submit(batch));
    }

    fn recall(&self, lanes: Vec<LaneId>) {
        self.send(DriverCommand::Recall(lanes));
    }

    fn acknowledge(&self, tokens: Vec<AckToken>) {
        self.send(DriverCommand::Acknowledge(tokens));
    }

    fn close(&self, grace: Duration) {
        self.send(DriverCommand::Close(grace));
    }

    fn health(&self) -> Health {
        self.inbox
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
