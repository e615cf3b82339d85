//! What is refused about the log, reports, reasons and backups.

use std::path::PathBuf;

use crate::domain::refusal::refusals;

refusals! {
    /// What is refused about the log, reports, reasons and backups.
    pub enum OfficeRefusal {
        /// A reason is empty, too long, or goes over more than one line.
        /// Write it on one line.
        BadReason { longest: usize } = Usage "bad_reason"
            zh "原因要写 1 到 {longest} 个字，写在一行里。"
            en "a reason has 1 to {longest} characters on one line";
        /// A reason holds a phone number; it stands in the ledger for good.
        /// Leave the number out.
        NumberInReason = Usage "number_in_reason"
            zh "原因会永久写入台账，不能写手机号码，请去掉。"
            en "the reason stands in the ledger for good and may not hold a phone number: leave it out";
        /// A time cannot be read.
        /// Write a day, a day with an hour, or RFC 3339.
        BadTime { time: String } = Usage "bad_time"
            zh "看不懂的时间 {time:?}：请写 2023-06-01、2023-06-01 08:30 或 2023-06-01T08:30:00+08:00。"
            en "{time:?} is no time: write 2023-06-01, 2023-06-01 08:30 or 2023-06-01T08:30:00+08:00";
        /// No message has a state of this name.
        /// Write one of those listed.
        UnknownState { state: String, known: Vec<String> } = Usage "unknown_state"
            zh "没有状态 {state:?}。可以写：{known}。"
            en "no state {state:?}; write one of {known}";
        /// The report cannot be written.
        /// Please report it: it is a fault of the program.
        Report { why: String } = Refused "report_cannot_be_written"
            zh "报告无法生成：{why}"
            en "cannot write the report: {why}";
        /// The file is there already and is not written over.
        /// Choose another name.
        FileExists { path: PathBuf } = Usage "backup_exists"
            zh "{path} 已存在：请换一个文件名"
            en "{path} exists already: choose another file";
        /// A PostgreSQL database is not restored by this program.
        /// Use `pg_restore`.
        PgRestore = Usage "restore_with_pg_restore"
            zh "PostgreSQL 数据库请用 pg_restore 恢复；恢复后的库同样处于扣住状态"
            en "restore a PostgreSQL database with pg_restore; it starts held all the same";
        /// The backup named is the database itself.
        /// Name the backup.
        RestoreItself { path: PathBuf } = Usage "backup_is_the_database"
            zh "{path} 就是正在使用的数据库"
            en "{path} is the database itself";
        /// The file is no backup of a Watchbell database.
        /// Name another file.
        NotABackup { path: PathBuf } = Usage "not_a_backup"
            zh "{path} 不是本系统的数据库备份"
            en "{path} is not a backup of a Watchbell database";
        /// A process is using the database that would be replaced.
        /// Stop `serve` first.
        DatabaseInUse = Refused "database_in_use"
            zh "有进程正在使用这个数据库：请先停止 watchbell serve"
            en "a process is using this database: stop `watchbell serve` first";
        /// There is no database at the place that the settings name.
        /// Check `[database] url`.
        NoDatabase { path: String } = Refused "no_database"
            zh "没有数据库 {path}：请检查配置中 [database] url"
            en "there is no database at {path}: check [database] url";
    }
}
