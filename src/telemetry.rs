//! What the program tells about itself: logs on standard error, and every metric there is, declared
//! here. No text and no whole number ever goes into either.

pub mod alert;

use std::{io::IsTerminal as _, sync::OnceLock};

use metrics::{Label, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// The environment variable with a filter such as `info` or `watchbell::engine=debug`.
pub const LOG_VARIABLE: &str = "WATCHBELL_LOG";

/// The logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "{LOG_VARIABLE}={filter:?} is not a log filter: {source}; write a level such as info, or watchbell::engine=debug"
    )]
    Filter {
        /// What stood there.
        filter: String,
        /// Why not.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Writes logs to standard error, by `filter` (the variable's value) or, without one, `usual`
/// (`info` for the daemon, `warn` for a command that prints its own answer).
pub fn start_logs(filter: Option<&str>, usual: &str) -> Result<(), TelemetryError> {
    let filter = match filter.filter(|f| !f.trim().is_empty()) {
        Some(f) => EnvFilter::try_new(f).map_err(|source| TelemetryError::Filter {
            filter: f.to_owned(),
            source,
        })?,
        // What the libraries tell at `info` is about themselves.
        None => EnvFilter::new(format!("warn,watchbell={usual}")),
    };
    let subscriber = tracing_subscriber::fmt()
        .compact()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .finish();
    // A test process starts several applications; the first one's subscriber serves all.
    _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Something that only grows.
#[derive(Debug)]
pub struct Counter {
    name: &'static str,
    help: &'static str,
}

/// Something that goes up and down.
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    help: &'static str,
}

/// How long something took.
#[derive(Debug)]
pub struct Seconds {
    name: &'static str,
    help: &'static str,
}

/// A label and its value. Values come from small fixed sets: gateways, outcomes, transaction names.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Counter {
    /// Counts `n` more; once a batch, not once a message.
    pub fn add(&self, labels: Labels<'_>, n: u64) {
        metrics::counter!(self.name, owned(labels)).increment(n);
    }
}

impl Gauge {
    /// Shows `value` from now on.
    pub fn set(&self, labels: Labels<'_>, value: f64) {
        metrics::gauge!(self.name, owned(labels)).set(value);
    }
}

impl Seconds {
    /// Notes one that took `time`.
    pub fn record(&self, labels: Labels<'_>, time: std::time::Duration) {
        metrics::histogram!(self.name, owned(labels)).record(time.as_secs_f64());
    }
}

fn owned(labels: Labels<'_>) -> Vec<Label> {
    labels
        .iter()
        .map(|(k, v)| Label::new(*k, (*v).to_owned()))
        .collect()
}

macro_rules! declare {
    ($all:ident: $kind:ident { $($(#[$doc:meta])* $name:ident = $text:literal, $help:literal;)* }) => {
        $($(#[$doc])* pub static $name: $kind = $kind { name: $text, help: $help };)*
        static $all: &[&$kind] = &[$(&$name),*];
    };
}

declare!(COUNTERS: Counter {
    /// Logins; labels `gateway`, `outcome` (accepted, refused).
    LOGINS = "watchbell_logins_total", "Logins at carriers by their outcome";
    /// Handed to a socket, one for each number; label `gateway`.
    SUBMITS_WRITTEN = "watchbell_submits_written_total", "Submits written to a carrier, one for each number";
    /// Answers; labels `gateway`, `outcome` (accepted, throttled, `wrong_network`, refused, `timed_out`, lost).
    ANSWERS = "watchbell_answers_total", "Submits by the carrier's answer, one for each number";
    /// Segments that carriers took, once that is durable; label `gateway`.
    SEGMENTS_ACCEPTED = "watchbell_segments_accepted_total", "Segments that carriers took";
    /// Reports as they come in, repeated ones too; labels `gateway`, `outcome` (delivered, undelivered, expired).
    REPORTS = "watchbell_reports_total", "Status reports by what they say";
    /// Messages from phones as they come in; label `gateway`.
    MO_MESSAGES = "watchbell_mo_messages_total", "Messages from phones";
    /// Messages that came to a state; label `outcome` (the state).
    OUTCOMES = "watchbell_outcomes_total", "Changes of messages' states by the new state";
    /// Entries of the ledger, whoever wrote them.
    LEDGER_ENTRIES = "watchbell_ledger_entries_total", "Entries written to the ledger";
    /// Alerts; label `outcome` (sent, failed, suppressed, dropped).
    ALERT_NOTICES = "watchbell_alert_notices_total", "Alerts by what became of the notice";
    /// HTTP answers; label `class` (2xx, 3xx, 4xx, 5xx).
    HTTP_ANSWERS = "watchbell_http_answers_total", "Requests answered over HTTP by class of status";
});

declare!(GAUGES: Gauge {
    /// Links logged in; label `gateway`.
    LINKS_UP = "watchbell_links_up", "Links logged in now";
    /// What the carrier's flow control allows a second at present; label `gateway`.
    PACE = "watchbell_pace_per_second", "Pace after the carrier's flow control";
    /// Operations that wait for the journal or are being committed.
    JOURNAL_BACKLOG = "watchbell_journal_backlog_operations", "Operations that wait to be committed";
});

declare!(TIMES: Seconds {
    /// One commit; label `transaction`, its name.
    COMMIT_SECONDS = "watchbell_commit_seconds", "Time of a commit by its transaction's name";
});

/// The metrics as Prometheus text.
#[derive(Debug, Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The process's metrics; the first call installs and describes them.
    pub fn of_process() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        Self(HANDLE.get_or_init(install).clone())
    }

    /// What `/metrics` answers.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded times into their buckets; the daemon calls it every few seconds, or what nobody
    /// scrapes would grow.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn install() -> PrometheusHandle {
    const BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0];
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
        .expect("the list of buckets is not empty")
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::error!("another metrics recorder is installed; /metrics stays empty");
    }
    for c in COUNTERS {
        metrics::describe_counter!(c.name, c.help);
    }
    for g in GAUGES {
        metrics::describe_gauge!(g.name, g.help);
    }
    for t in TIMES {
        metrics::describe_histogram!(t.name, Unit::Seconds, t.help);
    }
    handle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::of_process();
        SUBMITS_WRITTEN.add(&[("gateway", "telemetry-test")], 3);
        LINKS_UP.set(&[("gateway", "telemetry-test")], 2.0);
        COMMIT_SECONDS.record(&[], std::time::Duration::from_millis(3));
        metrics.upkeep();
        let text = metrics.render();
        for line in [
            "watchbell_submits_written_total{gateway=\"telemetry-test\"} 3",
            "watchbell_links_up{gateway=\"telemetry-test\"} 2",
            "watchbell_commit_seconds_bucket{le=\"0.005\"} 1",
            "# HELP watchbell_submits_written_total Submits written",
        ] {
            assert!(text.contains(line), "{line} not in\n{text}");
        }
    }

    #[test]
    fn names_follow_the_one_form() {
        for name in COUNTERS.iter().map(|c| c.name) {
            assert!(
                name.starts_with("watchbell_") && name.ends_with("_total"),
                "{name}"
            );
        }
        for name in GAUGES
            .iter()
            .map(|g| g.name)
            .chain(TIMES.iter().map(|t| t.name))
        {
            assert!(
                name.starts_with("watchbell_") && !name.ends_with("_total"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_filter_that_is_none_says_so() {
        let said = start_logs(Some("watchbell=loud"), "info")
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("WATCHBELL_LOG") && said.contains("info"),
            "{said}"
        );
    }
}
