//! What a step came to, in both languages.

use serde_json::{Value, json};

use super::step::StepVerdict;
use crate::domain::bilingual::Bilingual;

/// What a step came to; when, and how long it took, is noted by who makes it.
#[derive(Debug)]
pub(super) struct StepFinding {
    pub(super) verdict: StepVerdict,
    pub(super) observed: Bilingual,
    pub(super) reason: Option<Bilingual>,
    pub(super) figures: Value,
}

impl StepFinding {
    pub(super) fn ok(observed: Bilingual, figures: Value) -> Self {
        Self {
            verdict: StepVerdict::Ok,
            observed,
            reason: None,
            figures,
        }
    }

    pub(super) fn failed(observed: Bilingual, reason: Bilingual, figures: Value) -> Self {
        Self {
            verdict: StepVerdict::Failed,
            observed,
            reason: Some(reason),
            figures,
        }
    }

    pub(super) fn not_shown(reason: Bilingual) -> Self {
        Self::seen_too_little(Bilingual::default(), reason, json!({}))
    }

    pub(super) fn seen_too_little(observed: Bilingual, reason: Bilingual, figures: Value) -> Self {
        Self {
            verdict: StepVerdict::NotShown,
            observed,
            reason: Some(reason),
            figures,
        }
    }
}
