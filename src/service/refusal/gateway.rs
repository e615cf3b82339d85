//! What is refused about gateways: their acceptance and their traces.

use std::path::PathBuf;

use crate::domain::{bilingual::Bilingual, refusal::refusals};

refusals! {
    /// What is refused about gateways: their acceptance and their traces.
    pub enum GatewayRefusal {
        /// Another process sends through the same account; together they would go over the rate.
        /// Stop `serve` or `send --wait` first.
        OtherSender = Refused "another_process_sends"
            zh "另一进程正在经同一账号发送（serve 或 send --wait），联调会使总速率超过合同：请先停止它"
            en "another process sends through the same account (serve, or send --wait), and together they would go over the contract's rate: stop it first";
        /// Sending is stopped, or the database is a copy and held.
        /// A person lets it go with `release --reason TEXT`.
        Held = Refused "database_is_held"
            zh "发送已停止，或本库是副本、已挂起：请先由人放行（watchbell release --reason 理由）"
            en "sending is stopped, or this database is a copy and held: a person has to let it go first (`watchbell release --reason TEXT`)";
        /// No gateway of this name is configured.
        /// Choose one of those that are.
        Unknown { gateway: String, known: Vec<String> } = Usage "unknown_gateway"
            zh "没有名为 {gateway} 的网关，已配置的有：{known}"
            en "no gateway {gateway:?} is configured; there are: {known}";
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
        /// A phone of the acceptance has opted out.
        /// Take another phone.
        PhoneSuppressed { row: u64 } = Refused "acceptance_phone_suppressed"
            zh "第 {row} 行的号码在停发名单中：请换一个号码"
            en "the number in row {row} is on the suppression list: take another phone";
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
        /// The trace cannot be read, or not to its end.
        /// What the sentence says: another key, another file.
        Trace { path: PathBuf, why: Bilingual } = Refused "trace_unreadable"
            zh "{path}：{why}"
            en "{path}: {why}";
    }
}
