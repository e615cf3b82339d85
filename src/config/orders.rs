//! `[work_orders]` and `[[work_order_carriers]]`: how carriers are asked to send to their own subscribers.

use std::{fmt, time::Duration};

use super::{
    Secret,
    gateway::secret,
    read::{Section, text, texts},
    sections::{DURATION, TEXT, URL, is_url, positive},
};
use crate::domain::{
    bilingual::Fixed as Expect,
    carrier::Carrier,
    phone::Phone,
    work_order::{MAX_SEED_PHONES, due::Patience},
};

/// `[work_orders]`
#[derive(Debug, Clone)]
pub struct WorkOrders {
    /// What stands before 〔2023〕1号.
    pub number_prefix: String,
    /// How often a carrier is asked how an order goes, when it does not say itself when it has news.
    pub ask_every: Duration,
    /// How long a carrier has for each step.
    pub patience: Patience,
    /// `[[work_order_carriers]]`
    pub carriers: Vec<OrderCarrier>,
}

/// A carrier that takes work orders by HTTP, or whose seed phones are known.
#[derive(Clone)]
pub struct OrderCarrier {
    /// The carrier that carries out these orders.
    pub carrier: Carrier,
    /// Where its interface is; empty: on paper.
    pub url: String,
    /// Signs requests and answers; empty only where there is no interface.
    pub secret: Secret,
    /// Whom to ask there.
    pub contact: String,
    /// Phones of the office on this network: they show what subscribers would get.
    pub seed_phones: Vec<Phone>,
}

/// Shows no number, and no URL: its path may be its password.
impl fmt::Debug for OrderCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderCarrier")
            .field("carrier", &self.carrier)
            .field("http", &!self.url.is_empty())
            .field("seed_phones", &self.seed_phones.len())
            .finish_non_exhaustive()
    }
}

impl WorkOrders {
    /// What is known of a carrier.
    pub fn carrier(&self, carrier: Carrier) -> Option<&OrderCarrier> {
        self.carriers.iter().find(|c| c.carrier == carrier)
    }

    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        const PREFIX: Expect = Expect(
            "1 到 30 个字，如 县安委办短协",
            "1 to 30 characters, such as 县安委办短协",
        );
        let prefix = section.get("number_prefix", PREFIX, |v| {
            text(v).filter(|s| {
                (1..=30).contains(&s.chars().count()) && !s.chars().any(char::is_control)
            })
        });
        let ask_every = section.get("ask_every", DURATION, positive);
        let acknowledge = section.get("acknowledge_within", DURATION, positive);
        let proof = section.get("proof_within", DURATION, positive);
        let counts = section.get("counts_within", DURATION, positive);
        let evidence = section.get("evidence_within", DURATION, positive);
        Some(Self {
            number_prefix: prefix?,
            ask_every: ask_every?,
            patience: Patience {
                acknowledge: acknowledge?,
                proof: proof?,
                counts: counts?,
                evidence: evidence?,
            },
            carriers: Vec::new(),
        })
    }
}

impl OrderCarrier {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        const CARRIER: Expect = Expect(
            "mobile、unicom、telecom 或 broadnet",
            "mobile, unicom, telecom or broadnet",
        );
        const PHONES: Expect = Expect(
            "手机号列表（至多 20 个），如 [\"13800138000\"]",
            "a list of at most 20 phone numbers as text, such as [\"13800138000\"]",
        );
        let carrier = section.get("carrier", CARRIER, |v| {
            let carrier: Carrier = text(v)?.parse().ok()?;
            (carrier != Carrier::Other).then_some(carrier)
        });
        let url = section.or("url", String::new(), URL, |v| {
            let url = text(v).filter(|u| is_url(u))?;
            Some(url.trim_end_matches('/').to_owned())
        });
        let has_url = url.as_ref().is_some_and(|u| !u.is_empty());
        // Without an interface there is nothing to sign.
        let secret = match has_url || section.has("secret") {
            true => secret(section, "secret"),
            false => Some(Secret::default()),
        };
        let contact = section.or("contact", String::new(), TEXT, text);
        let seed_phones = section.or("seed_phones", Vec::new(), PHONES, |v| {
            let all = texts(v).filter(|all| all.len() <= MAX_SEED_PHONES)?;
            all.iter()
                .map(|p| Phone::parse(p).ok().map(|(phone, _)| phone))
                .collect()
        });
        Some(Self {
            carrier: carrier?,
            url: url?,
            secret: secret?,
            contact: contact?,
            seed_phones: seed_phones?,
        })
    }
}
