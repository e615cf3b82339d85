//! What the use cases refuse, an enum an area, and the table of all codes.

mod campaign;
mod contacts;
mod demo;
mod gateway;
mod machine;
mod office;
mod order;
mod user;

pub use self::{
    campaign::CampaignRefusal, contacts::ContactsRefusal, demo::DemoRefusal,
    gateway::GatewayRefusal, machine::MachineRefusal, office::OfficeRefusal, order::OrderRefusal,
    user::UserRefusal,
};
use super::password::PasswordError;
use crate::{
    acceptance::AcceptanceRefusal,
    campaign::freeze::TextRefusal,
    domain::{refusal::Entry, role::Forbidden, work_order::NotPossible},
    intake::{IntakeError, corrected::CorrectedError},
    store,
};

/// All codes of the use cases and of what stands below them, an area after the other.
pub const TABLES: &[(&str, &[Entry])] = &[
    ("Who may do it", Forbidden::TABLE),
    ("Users and passwords", UserRefusal::TABLE),
    ("Passwords", PasswordError::TABLE),
    ("Address books and groups", ContactsRefusal::TABLE),
    ("Files of people", IntakeError::TABLE),
    ("Corrected files", CorrectedError::TABLE),
    ("Campaigns, plans and runs", CampaignRefusal::TABLE),
    ("Texts and audiences", TextRefusal::TABLE),
    (
        "Somebody else was first, or it is too late",
        store::Refusal::TABLE,
    ),
    ("Work orders", OrderRefusal::TABLE),
    ("Steps of work orders", NotPossible::TABLE),
    ("Gateways", GatewayRefusal::TABLE),
    ("Acceptances of gateways", AcceptanceRefusal::TABLE),
    ("Log, reports, backups", OfficeRefusal::TABLE),
    ("The demo", DemoRefusal::TABLE),
    ("The machine", MachineRefusal::TABLE),
];
