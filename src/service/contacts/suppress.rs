//! Numbers that must not be sent to.

use crate::{
    domain::{
        event::Event,
        ledger::salted,
        phone::Phone,
        role::{Act, Actor},
    },
    service::{Contacts, Result, check_reason, refusal::ContactsRefusal},
    store::contact::NewSuppression,
};

/// What an opt-out did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOut {
    /// The number stands on the list from now on.
    Added(Phone),
    /// It stood there already.
    Known(Phone),
}

impl Contacts<'_> {
    /// Puts a number on the suppression list: somebody asked, by telephone or on paper. It counts for
    /// what is frozen already, too.
    pub async fn opt_out(
        self,
        actor: &Actor,
        number: &str,
        reason: Option<&str>,
    ) -> Result<OptOut> {
        actor.may(Act::ImportContacts)?;
        let phone = read_phone(number)?;
        let reason = check_reason(reason.unwrap_or("opt_out"))?;
        let mut act = self.office.act("opt_out").await?;
        let new = NewSuppression {
            phone,
            reason: reason.to_owned(),
            source: actor.label(),
            salt: crate::random::salt().to_vec(),
            at: self.office.clock.now(),
        };
        let Some(suppression) = act.tx.suppress(new).await? else {
            return Ok(OptOut::Known(phone));
        };
        act.tx.bump().await?;
        let event = Event::Suppression {
            seq: suppression.seq,
            digest: hex::encode(salted(
                &suppression.salt,
                suppression.commitment().as_bytes(),
            )),
            by: suppression.source,
            reason: suppression.reason,
        };
        act.commit(&[event]).await?;
        Ok(OptOut::Added(phone))
    }
}

/// A number as somebody types it.
pub(crate) fn read_phone(number: &str) -> Result<Phone> {
    Phone::parse(number)
        .map(|(phone, _)| phone)
        .map_err(|e| ContactsRefusal::BadNumber { why: e }.into())
}
