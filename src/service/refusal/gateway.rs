//! What is refused about gateways: which there are, who may send through them now, their traces.

use std::path::PathBuf;

use crate::domain::{bilingual::Bilingual, refusal::refusals};

refusals! {
    /// What is refused about gateways: which there are, who may send through them now, their traces.
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
        /// A phone of the acceptance has opted out.
        /// Take another phone.
        PhoneSuppressed { row: u64 } = Refused "acceptance_phone_suppressed"
            zh "第 {row} 行的号码在停发名单中：请换一个号码"
            en "the number in row {row} is on the suppression list: take another phone";
        /// The trace cannot be read, or not to its end.
        /// What the sentence says: another key, another file.
        Trace { path: PathBuf, why: Bilingual } = Refused "trace_unreadable"
            zh "{path}：{why}"
            en "{path}: {why}";
    }
}
