//! An SMPP account's settings, in the forms that its PDUs want.

use std::time::Duration;

use watchbell_wire::{
    smpp::{
        Status,
        rusmpp_core::{
            types::owned::COctetString,
            values::{Npi, Ton, owned::ServiceType},
        },
    },
    text::Coding,
};

use super::{receipt::Ids, text};
use crate::{
    config,
    domain::text::Count,
    gateway::{OpenError, answer_codes::AnswerCodes, options::Options},
};

/// Silence after which the message centre is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The longest content in the default alphabet, a character or half of an escape to the byte; the message
/// centre packs it.
const LONGEST_NARROW: usize = 160;

/// One account's SMPP.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Smpp {
    pub(super) system_id: COctetString<1, 16>,
    /// At most eight characters.
    pub(super) secret: config::Secret,
    pub(super) system_type: COctetString<1, 13>,
    pub(super) service_type: ServiceType,
    pub(super) source: COctetString<1, 21>,
    pub(super) source_ton: Ton,
    pub(super) source_npi: Npi,
    pub(super) dest_ton: Ton,
    pub(super) dest_npi: Npi,
    pub(super) prefix86: bool,
    /// What `data_coding` 0 means to the other side, where texts are counted in it.
    pub(super) narrow: Option<(Coding, usize)>,
    pub(super) ids: Ids,
    pub(super) registered_delivery: u8,
    pub(super) priority: Option<u8>,
    pub(super) codes: AnswerCodes,
    pub(super) keep_alive: Duration,
    /// Makes our numbers of delivers ours alone: they have none of their own, and sequence numbers start
    /// over with each connection.
    pub(super) epoch: u128,
    /// The engine's number of the last submit.
    pub(super) last: u32,
}

impl Smpp {
    /// Reads the account's settings, protocol-specific keys included.
    pub(in crate::gateway) fn new(config: &config::Gateway) -> Result<Self, OpenError> {
        let mut options = Options::new(&config.extra);
        let system_type = options.text("system_type", "", 12)?;
        let service_type = options.text("service_type", "", 5)?;
        let alphabet = options.choice("default_alphabet", &["gsm7", "ascii"])?;
        let ids = options.choice("message_ids", Ids::NAMES)?;
        let mut byte = |key, default| {
            let number = options.number(key, Some(default), u8::MAX);
            number.map(|number| number.unwrap_or(default))
        };
        let (source_ton, source_npi) = (byte("source_ton", 0)?, byte("source_npi", 0)?);
        let (dest_ton, dest_npi) = (byte("dest_ton", 1)?, byte("dest_npi", 1)?);
        let registered_delivery = byte("registered_delivery", 1)?;
        let coding = if alphabet == "ascii" {
            Coding::Ascii
        } else {
            Coding::Gsm7
        };
        field::<9>("password", config.password.expose(), 8)?;
        let this = Self {
            system_id: field("account", &config.account, 15)?,
            secret: config.password.clone(),
            system_type: field("system_type", &system_type, 12)?,
            service_type: ServiceType::new(field("service_type", &service_type, 5)?),
            source: field("access_number", &config.access_number, 20)?,
            source_ton: source_ton.into(),
            source_npi: source_npi.into(),
            dest_ton: dest_ton.into(),
            dest_npi: dest_npi.into(),
            prefix86: options.flag("prefix86", true)?,
            narrow: (config.count == Count::Gsm7).then_some((coding, LONGEST_NARROW)),
            ids: Ids::named(ids),
            registered_delivery,
            priority: options.number("priority_flag", None, 3)?,
            codes: AnswerCodes::read(&mut options, |code| Status(code).class())?,
            keep_alive: options.duration("keep_alive", KEEP_ALIVE)?,
            epoch: 0,
            last: 0,
        };
        options.finish()?;
        Ok(this)
    }
}

/// A setting in a field with room for so many characters; the reason never repeats the value.
fn field<const MAX: usize>(
    key: &'static str,
    value: &str,
    most: usize,
) -> Result<COctetString<1, MAX>, OpenError> {
    let misfit = |_| OpenError::Setting {
        key,
        reason: format!("must be at most {most} ASCII characters for SMPP"),
    };
    text(value).map_err(misfit)
}
