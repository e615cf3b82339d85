//! A month's figures: sums only, so that a report of a city needs no more memory than one of a village.
//! A run belongs to the month in which its slot lies.

use super::{
    Corrupt, Result, Tx,
    columns::{self, Columns},
    dialect, on,
    run::{Run, RunRow},
};
use crate::domain::{
    audience_spec::AudienceSpec,
    carrier::Carrier,
    id::{GatewayId, RunId},
    message::LogState,
    time::Micros,
};

/// A run with what its campaign says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRun {
    /// The run.
    pub run: Run,
    /// Its campaign's name.
    pub name: String,
    /// Its campaign's audience.
    pub audience: AudienceSpec,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct ReportRunRow {
    #[sqlx(flatten)]
    run: RunRow,
    name: String,
    audience: String,
}

impl TryFrom<ReportRunRow> for ReportRun {
    type Error = Corrupt;

    fn try_from(row: ReportRunRow) -> std::result::Result<Self, Corrupt> {
        let run = Run::try_from(row.run)?;
        Ok(Self {
            audience: Columns::of("campaign", &run.campaign).parse("audience", &row.audience)?,
            name: row.name,
            run,
        })
    }
}

/// How many messages of a run, a gateway and a carrier ended in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportCount {
    /// Which run.
    pub run: RunId,
    /// Through which gateway; `None`: no route.
    pub gateway: Option<GatewayId>,
    /// Who serves the numbers.
    pub carrier: Carrier,
    /// Where they stand.
    pub state: LogState,
    /// The carrier's code, or our reason.
    pub code: String,
    /// How many messages stand so.
    pub n: i64,
}

/// As the log's view derives it.
#[derive(sqlx::FromRow)]
struct ReportCountRow {
    run_id: String,
    gateway: String,
    carrier: String,
    state: String,
    code: String,
    n: i64,
}

impl TryFrom<ReportCountRow> for ReportCount {
    type Error = Corrupt;

    fn try_from(row: ReportCountRow) -> std::result::Result<Self, Corrupt> {
        let log = Columns::of("message_log", &row.run_id);
        Ok(Self {
            run: log.parse("run_id", &row.run_id)?,
            gateway: columns::gateway(row.gateway),
            carrier: log.word("carrier", &row.carrier)?,
            state: log.parse("state", &row.state)?,
            code: row.code,
            n: row.n,
        })
    }
}

/// A unit's messages, summed as [`crate::domain::message::Ending`] says; a test compares the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportUnit {
    /// `None`: the address books name none.
    pub unit: Option<String>,
    /// How many messages went to this unit.
    pub total: i64,
    /// How many of them a report says were delivered.
    pub delivered: i64,
    /// The carrier said no, or that it did not arrive.
    pub failed: i64,
    /// Not sent, on purpose.
    pub held_back: i64,
    /// Nobody knows whether they arrived.
    pub doubt: i64,
}

/// As summed.
#[derive(sqlx::FromRow)]
struct UnitRow {
    unit: String,
    total: i64,
    delivered: i64,
    failed: i64,
    held_back: i64,
    doubt: i64,
}

impl From<UnitRow> for ReportUnit {
    fn from(row: UnitRow) -> Self {
        Self {
            unit: columns::text(row.unit),
            total: row.total,
            delivered: row.delivered,
            failed: row.failed,
            held_back: row.held_back,
            doubt: row.doubt,
        }
    }
}

/// The units' statement: each message's unit is that of the first group of its run's audience which knows the
/// number; a group nested in one comes after.
macro_rules! units_sql {
    ($position:literal, $groups:literal) => {
        concat!(
            "SELECT unit, count(*) AS total,
                    count(CASE WHEN state = 'delivered' THEN 1 END) AS delivered,
                    count(CASE WHEN state IN ('undelivered', 'expired', 'rejected') THEN 1 END) AS failed,
                    count(CASE WHEN state IN ('suppressed', 'cancelled') THEN 1 END) AS held_back,
                    count(CASE WHEN state IN ('in_doubt', 'unconfirmed') THEN 1 END) AS doubt
               FROM (SELECT v.state, COALESCE((
                        SELECT ct.unit FROM contact ct JOIN contact_group g ON g.id = ct.group_id
                          LEFT JOIN ",
            $groups,
            " ON x.value = g.name
                         WHERE ct.phone = v.phone AND v.phone <> ''
                         ORDER BY CASE WHEN ",
            $position,
            " IS NULL THEN 1 ELSE 0 END, ",
            $position,
            ", g.id LIMIT 1), '') AS unit
                       FROM message_log v JOIN run r ON r.id = v.run_id JOIN campaign c ON c.id = r.campaign_id
                      WHERE r.slot_us >= $1 AND r.slot_us < $2) t
              GROUP BY unit ORDER BY total DESC, unit LIMIT $3"
        )
    };
}

impl Tx {
    /// The month's frozen runs, in the order of their slots.
    pub async fn report_runs(&mut self, from: Micros, to: Micros) -> Result<Vec<ReportRun>> {
        columns::all::<ReportRunRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", super::run::run_columns!("r."), ", c.name, c.audience
               FROM run r JOIN campaign c ON c.id = r.campaign_id
              WHERE r.frozen_us > 0 AND r.slot_us >= $1 AND r.slot_us < $2 ORDER BY r.slot_us, r.id"))
            .bind(from.0).bind(to.0).fetch_all(db).await)?)
    }

    /// How the month's messages ended.
    pub async fn report_counts(&mut self, from: Micros, to: Micros) -> Result<Vec<ReportCount>> {
        columns::all::<ReportCountRow, _>(on!(self, db => sqlx::query_as(
            "SELECT v.run_id, v.gateway, v.carrier, v.state, v.code, count(*) AS n
               FROM message_log v JOIN run r ON r.id = v.run_id
              WHERE r.slot_us >= $1 AND r.slot_us < $2
              GROUP BY v.run_id, v.gateway, v.carrier, v.state, v.code
              ORDER BY v.run_id, v.gateway, v.carrier, v.state, v.code")
            .bind(from.0).bind(to.0).fetch_all(db).await)?)
    }

    /// Segments that each gateway took.
    pub async fn report_segments(
        &mut self,
        from: Micros,
        to: Micros,
    ) -> Result<Vec<(String, i64)>> {
        on!(self, db => sqlx::query_as(
            "SELECT gateway, CAST(sum(n) AS BIGINT) FROM (
                 SELECT COALESCE(m.gateway, l.gateway) AS gateway, sum(m.segments) AS n
                   FROM message m JOIN lane l ON l.id = m.lane_id JOIN run r ON r.id = l.run_id
                  WHERE r.frozen_us > 0 AND r.slot_us >= $1 AND r.slot_us < $2 AND m.carrier_id IS NOT NULL
                  GROUP BY COALESCE(m.gateway, l.gateway)
                 UNION ALL
                 SELECT COALESCE(m.gateway, l.gateway) AS gateway, count(*) AS n
                   FROM segment s JOIN message m ON m.lane_id = s.lane_id AND m.id = s.message_id
                   JOIN lane l ON l.id = m.lane_id JOIN run r ON r.id = l.run_id
                  WHERE r.frozen_us > 0 AND r.slot_us >= $1 AND r.slot_us < $2 AND s.carrier_id <> ''
                  GROUP BY COALESCE(m.gateway, l.gateway)) t
              GROUP BY gateway ORDER BY gateway")
            .bind(from.0).bind(to.0).fetch_all(db).await)
    }

    /// The units with the most messages.
    pub async fn report_units(
        &mut self,
        from: Micros,
        to: Micros,
        limit: i64,
    ) -> Result<Vec<ReportUnit>> {
        let sql = dialect!(self,
            sqlite: units_sql!("x.key", "json_each(c.audience, '$.include') x"),
            postgres: units_sql!("x.key", "LATERAL jsonb_array_elements_text(c.audience::jsonb -> 'include') WITH ORDINALITY AS x(value, key)"));
        let rows: Vec<UnitRow> = on!(self, db => sqlx::query_as(sql).bind(from.0).bind(to.0).bind(limit).fetch_all(db).await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}
