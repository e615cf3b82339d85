//! What is refused about an acceptance: its phones, and what the gateway writes around a text.

use std::path::PathBuf;

use crate::domain::{bilingual::Bilingual, refusal::refusals};

refusals! {
    /// What is refused about an acceptance: its phones, and what the gateway writes around a text.
    pub enum AcceptanceRefusal {
        /// A phone of the acceptance cannot be used.
        /// Mend the row: every phone has to be usable.
        PhoneUnusable { path: PathBuf, why: Bilingual } = Refused "acceptance_phone_unusable"
            zh "{path} {why}；联调号码须全部可用，请改正后再来"
            en "{path}, {why}; every phone of an acceptance has to be usable: mend the file";
        /// Too few or too many phones for an acceptance.
        /// Ten as a rule.
        PhoneCount { path: PathBuf, least: usize, most: usize } = Usage "acceptance_phone_count"
            zh "{path}：联调要 {least} 到 {most} 个号码，通常十个"
            en "{path}: an acceptance takes {least} to {most} phones, ten as a rule";
        /// The gateway's signature or opt-out wording cannot be used.
        /// Mend it in the settings.
        Wording { gateway: String, why: String } = Usage "gateway_wording_unusable"
            zh "网关 {gateway} 的签名或退订用语不能用：{why}"
            en "gateway {gateway}: its signature or opt-out wording cannot be used: {why}";
        /// Signature and opt-out wording leave no room in one short message.
        /// Shorten them in the settings.
        WordingTooLong { gateway: String } = Usage "gateway_wording_too_long"
            zh "网关 {gateway} 的签名和退订用语太长，放不下一条短信"
            en "gateway {gateway}: signature and opt-out wording leave no room in one short message";
        /// No text of three parts could be made for this gateway.
        /// Shorten signature and opt-out wording.
        NoLongText = Usage "no_long_text"
            zh "拼不出三段的长短信"
            en "no text of three parts could be made";
    }
}
