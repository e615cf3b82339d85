//! Reports that name an id we know no message by: kept and shown, and taken for nobody's.

use serde::Serialize;

use super::read_phone;
use crate::{
    domain::{
        event::Event,
        id::{GatewayId, OrphanId},
        role::{Act, Actor},
    },
    service::{Messages, Result, check_reason},
    store::hot::OrphanReport,
};

/// Lines at most where nobody says how many.
const MOST: u64 = 10_000;

/// What of them is wanted; `None`: everything.
#[derive(Debug, Clone, Default)]
pub struct UnmatchedQuery {
    /// Of one number.
    pub phone: Option<String>,
    /// At most so many, the newest first.
    pub limit: Option<u64>,
    /// Whole numbers, with the reason that is logged.
    pub unmask: Option<String>,
}

/// One such report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnmatchedLine {
    /// Its number.
    pub id: Option<OrphanId>,
    /// Where it came in.
    pub gateway: GatewayId,
    /// The id that it names.
    pub carrier_id: String,
    /// The receiver, masked unless asked for.
    pub phone: String,
    /// What it says.
    pub state: String,
    /// In the carrier's word.
    pub code: String,
    /// When the carrier took the message, as it stands in the report.
    pub submit_time: String,
    /// When it came, RFC 3339 in the office's zone.
    pub heard_at: String,
}

impl UnmatchedLine {
    /// The columns, named as the JSON names them.
    pub const COLUMNS: [&str; 8] = [
        "id",
        "gateway",
        "carrier_id",
        "phone",
        "state",
        "code",
        "submit_time",
        "heard_at",
    ];

    /// The cells of a line.
    pub fn cells(self) -> [String; 8] {
        [
            self.id.map_or(String::new(), |id| id.to_string()),
            self.gateway.0,
            self.carrier_id,
            self.phone,
            self.state,
            self.code,
            self.submit_time,
            self.heard_at,
        ]
    }
}

impl Messages<'_> {
    /// Those that wait for their message, the newest first. That somebody sees whole numbers is in the
    /// ledger before the first is shown.
    pub async fn unmatched(
        self,
        actor: &Actor,
        query: &UnmatchedQuery,
    ) -> Result<Vec<UnmatchedLine>> {
        actor.may(Act::ReadLog)?;
        let phone = query.phone.as_deref().map(read_phone).transpose()?;
        if let Some(reason) = &query.unmask {
            actor.may(Act::Unmask)?;
            let seen = Event::Seen {
                by: actor.label(),
                what: "unmatched reports".to_owned(),
                reason: check_reason(reason)?.to_owned(),
            };
            self.office
                .act("unmask_unmatched")
                .await?
                .commit(&[seen])
                .await?;
        }
        let limit = i64::try_from(query.limit.unwrap_or(MOST)).unwrap_or(i64::MAX);
        let mut tx = self.office.store.read("unmatched").await?;
        let rows = tx.orphans(phone, limit).await?;
        let zone = self.office.config.sending.timezone;
        let is_whole = query.unmask.is_some();
        let line = |orphan: OrphanReport| UnmatchedLine {
            id: orphan.id,
            gateway: orphan.gateway,
            carrier_id: orphan.carrier_id,
            phone: match is_whole {
                true => orphan.phone.expose(),
                false => orphan.phone.to_string(),
            },
            state: orphan.status.outcome().to_string(),
            code: orphan.code,
            submit_time: orphan.submit_time,
            heard_at: orphan.at.rfc3339(zone),
        };
        Ok(rows.into_iter().map(line).collect())
    }
}
