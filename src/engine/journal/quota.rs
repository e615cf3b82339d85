//! Quotas while sending: what a gateway's contract allows a day and a month is never handed over twice,
//! whatever a forecast said. What was taken or may have been counts, and so does all that is claimed.

use std::collections::HashMap;

use chrono::{Datelike as _, Days, Months, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::{Rest, work::Work};
use crate::{
    domain::{hours::instant, id::GatewayId},
    store::{self, Tx},
};

/// What gateways may hand over; those without a limit are not in it.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// The office's zone, in which days and months begin.
    pub zone: Tz,
    /// By gateway.
    pub gateways: HashMap<GatewayId, Quota>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            zone: Tz::UTC,
            gateways: HashMap::new(),
        }
    }
}

/// Segments a day and a month; none: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// A day.
    pub daily: Option<i64>,
    /// A month.
    pub monthly: Option<i64>,
}

/// How many segments more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// There is no limit.
    Free,
    /// At most so many.
    For(i64),
    /// Not enough now.
    None(Rest),
}

impl Quotas {
    /// How many segments of at most `longest` each this gateway may claim now.
    pub(super) async fn room(
        &self,
        tx: &mut Tx,
        work: &Work<'_>,
        gateway: &GatewayId,
        longest: i64,
    ) -> store::Result<Room> {
        let Some(quota) = self.gateways.get(gateway) else {
            return Ok(Room::Free);
        };
        let today = work.now.local(self.zone).date_naive();
        let month = today.with_day(1).unwrap_or(today);
        let now = work.handed.get(gateway).copied().unwrap_or(0);
        let claimed = tx.claimed_segments(gateway).await?;
        let mut room = Room::Free;
        let periods = [
            (quota.daily, today, today.checked_add_days(Days::new(1))),
            (
                quota.monthly,
                month,
                month.checked_add_months(Months::new(1)),
            ),
        ];
        for (quota, first, next) in periods {
            let Some(quota) = quota else { continue };
            let used = now + tx.quota_used(gateway, first, today).await?;
            let left = quota - used - claimed;
            if left >= longest {
                room = room.and(left);
            } else if quota - used >= longest {
                return Ok(Room::None(Rest::Soon));
            } else {
                let next = next.unwrap_or(NaiveDate::MAX);
                let next = instant(next.and_time(NaiveTime::MIN), self.zone);
                return Ok(Room::None(Rest::Until(next)));
            }
        }
        Ok(room)
    }

    /// Keeps what was handed over in this commit.
    pub(super) async fn save(&self, tx: &mut Tx, work: &mut Work<'_>) -> store::Result<()> {
        let today = work.now.local(self.zone).date_naive();
        for (gateway, segments) in std::mem::take(&mut work.handed) {
            if self.gateways.contains_key(&gateway) {
                tx.use_quota(&gateway, today, segments).await?;
            }
        }
        Ok(())
    }
}

impl Room {
    fn and(self, left: i64) -> Self {
        match self {
            Self::For(other) => Self::For(other.min(left)),
            Self::Free | Self::None(_) => Self::For(left),
        }
    }
}
