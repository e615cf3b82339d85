//! What the machine refuses: database, disk, network, engine.

use crate::{
    domain::{bilingual::Bilingual, refusal::refusals},
    store,
};

refusals! {
    /// What the machine refuses: database, disk, network, engine.
    pub enum MachineRefusal {
        /// The database cannot be read or written.
        /// What the sentence says; then try again.
        Database { why: String } = Refused "database"
            zh "数据库：{why}"
            en "{why}";
        /// The act was sent to the database, and its answer was lost: it may have been done.
        /// Look at the campaign, the run or the list that it is about before repeating it.
        Unconfirmed = Refused "perhaps_done"
            zh "数据库没有说明这一步是否完成：请先查看（如 watchbell run list），不要直接重做"
            en "the database does not say whether this was done: look at it (for example `watchbell run list`) before you do it again";
        /// The database cannot be opened, or is of a kind that this act does not know.
        /// Check `[database] url`, the folder's rights, or that the server runs.
        DatabaseSetup { why: String } = Usage "database_unusable"
            zh "数据库：{why}"
            en "{why}";
        /// Nothing has this name or id.
        /// Look it up with the list command.
        NotFound { what: Bilingual, id: String } = Usage "not_found"
            zh "没有{what} {id}。"
            en "no {what} {id}";
        /// Reading or writing a file, or the terminal, failed.
        /// Check the disk and the rights.
        Io { why: String } = Refused "io"
            zh "读写失败：{why}"
            en "cannot read or write: {why}";
        /// The engine could not start, or ended by itself.
        /// What the sentence says; start it again.
        Engine { why: String } = Refused "engine"
            zh "发送引擎：{why}"
            en "{why}";
        /// A gateway cannot be opened as the settings have it.
        /// Mend the key that the sentence names.
        GatewaySettings { gateway: String, why: String } = Usage "gateway_settings"
            zh "网关 {gateway}：{why}"
            en "gateway {gateway}: {why}";
        /// The engine's lock cannot be tried.
        /// The database's folder has to be writable.
        Lock { why: String } = Refused "engine_lock"
            zh "发送引擎的锁：{why}"
            en "{why}";
        /// HTTP connections cannot be set up on this machine.
        /// Check the system's certificates.
        Http { why: String } = Usage "http_unusable"
            zh "HTTP 不可用：{why}"
            en "{why}";
        /// The address for alerts cannot be used.
        /// Mend `[alerts] webhook`.
        Webhook { why: String } = Usage "webhook_unusable"
            zh "告警地址不可用：{why}"
            en "{why}";
        /// The address of the daemon's pages cannot be listened on.
        /// Change `[server] listen`, or end what listens there.
        Listen { address: String, why: String } = Usage "cannot_listen"
            zh "不能监听 {address}：{why}；请改 [server] listen"
            en "cannot listen on {address}: {why}; change [server] listen";
    }
}

impl MachineRefusal {
    /// Nothing of this kind has this id.
    pub(in crate::service) fn not_found(what: &str, id: &str) -> Self {
        let zh = match what {
            "campaign" => "任务",
            "run" => "批次",
            "lane" => "通道",
            "work order" => "委托单",
            "evidence" => "凭证",
            other => other,
        };
        Self::NotFound {
            what: Bilingual {
                zh: zh.to_owned(),
                en: what.to_owned(),
            },
            id: id.to_owned(),
        }
    }

    /// A failed store call that is no refusal of the store's own.
    pub(in crate::service) fn of(error: &store::Error) -> Self {
        let why = error.to_string();
        match error {
            store::Error::Missing { what, id } => Self::not_found(what, id),
            store::Error::Unconfirmed => Self::Unconfirmed,
            store::Error::Open { .. } | store::Error::Unsupported(_) => Self::DatabaseSetup { why },
            store::Error::Migrate(_)
            | store::Error::Sql(_)
            | store::Error::Corrupt(_)
            | store::Error::Refused(_) => Self::Database { why },
        }
    }
}
