//! Why the demo does not begin, or does not end well.

use std::path::PathBuf;

use crate::domain::{bilingual::Bilingual, refusal::refusals};

refusals! {
    /// Why the demo does not begin, or does not end well.
    pub enum DemoRefusal {
        /// The demo's database has been used already.
        /// Give it an empty one.
        DatabaseUsed = Usage "demo_database_used"
            zh "这个数据库已经用过：演示请用空的数据库"
            en "this database has been used already: give the demo an empty one";
        /// The demo's folder is not empty, and no demo made it.
        /// Choose another one with `--dir`.
        FolderUsed { path: PathBuf } = Usage "demo_folder_used"
            zh "目录 {path} 不是空的，也不是演示留下的：请用 --dir 另选目录"
            en "{path} is not empty and no demo made it: choose another folder with --dir";
        /// The demo's settings, plan or address books cannot be used.
        /// What the sentence says.
        Setup { why: Bilingual } = Usage "demo_setup"
            zh "{why}"
            en "{why}";
        /// A simulated carrier, or the month's own script, failed.
        /// What the sentence says; try again.
        Failed { why: Bilingual } = Refused "demo_failed"
            zh "{why}"
            en "{why}";
        /// Nothing has happened for a long while.
        /// Try again; a machine under load may need more than one try.
        StandsStill { patience: String, under_way: String } = Refused "demo_stands_still"
            zh "演示停住了，{patience} 内没有任何进展：{under_way}"
            en "the demo stands still, nothing has changed for {patience}: {under_way}";
    }
}
