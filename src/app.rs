//! Builds the parts and wires them; owns start and shutdown. In practice mode it starts the simulated
//! carriers and points the gateways at them.

mod daemon;
mod practice;
mod signals;

pub use daemon::{Daemon, alerts, keep_engine};
pub use practice::{Carriers, OrderDesks, carrier_for, practice_gateways, with_practice_gateways};
pub use signals::{stop_at_signals, survive_size_limits};
