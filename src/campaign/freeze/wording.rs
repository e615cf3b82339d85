//! One gateway's wording of a text: framed with signature and opt-out wording, filled in for each
//! person, counted in segments. Freezing and surveying use the same.

use std::borrow::Cow;

use super::{FreezeError, Person};
use crate::{
    config,
    domain::{
        template::Template,
        text::{Composition, Count, MAX_SEGMENTS, SignatureBy, TextError, segments},
    },
};

/// A text as one gateway's phones get it.
#[derive(Debug)]
pub(super) struct Wording {
    full: String,
    template: Template,
    /// The segments, when there are no placeholders.
    fixed: Option<i64>,
    frame: Frame,
    count: Count,
    written_from: i64,
}

impl Wording {
    /// The text through a gateway; without one with the office's own signature, for people without a
    /// route.
    pub(super) fn new(
        text: &str,
        gateway: Option<&config::Gateway>,
        signature: &str,
    ) -> Result<Self, FreezeError> {
        let frame = match gateway {
            Some(g) => Frame {
                signature: g.signature.clone(),
                opt_out: g.opt_out.clone(),
                signature_by: g.signature_by,
            },
            None => Frame {
                signature: signature.to_owned(),
                opt_out: String::new(),
                signature_by: SignatureBy::Us,
            },
        };
        let count = gateway.map_or(Count::Ucs2, |g| g.count);
        let (full, written_from) = frame.compose(text)?;
        let template = Template::parse(&full)?;
        let fixed = match template.names().is_empty() {
            true => Some(parts_of(&full, count)?),
            false => None,
        };
        Ok(Self {
            full,
            template,
            fixed,
            frame,
            count,
            written_from: written_from as i64,
        })
    }

    /// The final text, placeholders open.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// Bytes at its start that the carrier writes itself.
    pub(super) fn written_from(&self) -> i64 {
        self.written_from
    }

    /// A person's final text, stored values and segments.
    pub(super) fn text(&self, person: &Person) -> Result<(Cow<'_, str>, String, i64), FreezeError> {
        if let Some(parts) = self.fixed {
            return Ok((self.full.as_str().into(), String::new(), parts));
        }
        let frame = || FreezeError::Frame { row: person.row };
        let text = self.template.render(&person.values).map_err(|_| frame())?;
        // Composed again from the finished body, it must come out the same: no value may pose as a
        // signature or as the opt-out wording.
        let body = text
            .strip_prefix(&self.frame.prefix())
            .and_then(|t| t.strip_suffix(self.frame.opt_out.as_str()))
            .unwrap_or(&text);
        if self.frame.compose(body)?.0 != text {
            return Err(frame());
        }
        let parts = parts_of(&text, self.count)?;
        Ok((text.into(), person.values.to_json(), parts))
    }
}

/// How a gateway frames a text.
#[derive(Debug, Clone)]
struct Frame {
    signature: String,
    opt_out: String,
    signature_by: SignatureBy,
}

impl Frame {
    fn compose(&self, body: &str) -> Result<(String, usize), TextError> {
        let text = Composition {
            signature: &self.signature,
            body,
            opt_out: &self.opt_out,
            signature_by: self.signature_by,
        }
        .compose()?;
        let written_from = text.full().len() - text.written().len();
        Ok((text.full().to_owned(), written_from))
    }

    fn prefix(&self) -> String {
        match self.signature.is_empty() {
            true => String::new(),
            false => format!("【{}】", self.signature.trim_matches(['【', '】'])),
        }
    }
}

fn parts_of(text: &str, count: Count) -> Result<i64, TextError> {
    let n = segments(text, count);
    if n > MAX_SEGMENTS {
        return Err(TextError::TooLong(n));
    }
    Ok(n as i64)
}
