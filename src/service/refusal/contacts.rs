//! What is refused about address books and groups.

use std::path::PathBuf;

use crate::domain::{phone_cell::PhoneError, refusal::refusals};

refusals! {
    /// What is refused about address books and groups.
    pub enum ContactsRefusal {
        /// A file of people cannot be opened.
        /// Check the name and the rights.
        CannotOpen { path: PathBuf, why: String } = Usage "cannot_open_file"
            zh "打不开 {path}：{why}。请核对文件名和权限。"
            en "cannot open {path}: {why}; check the name and the rights";
        /// The corrected file would be written over the file to be imported.
        /// Give `--corrected` another name.
        WouldOverwrite { path: PathBuf } = Usage "would_overwrite_source"
            zh "{path} 就是要导入的文件，会被覆盖。--corrected 请另选文件名。"
            en "{path} is the file to be imported and would be overwritten: give --corrected another name";
        /// Somebody else changed the group while the file was being imported. What was written is whole.
        /// Import the file again: what is written already counts as unchanged.
        GroupChanged { group: String } = Refused "group_changed_meanwhile"
            zh "组“{group}”同时被别人改动了，已停在一个完整的位置。请再导入一次，已写入的不会重复。"
            en "the group {group:?} was changed by somebody else meanwhile; this import stopped cleanly: import the file again, what is written already counts as unchanged";
        /// The name cannot be a group's.
        /// Write 1 to 64 characters without blanks around them.
        BadGroupName { group: String, longest: usize } = Usage "bad_group_name"
            zh "{group:?} 不能作组名：请写 1 到 {longest} 个字，前后不留空格。"
            en "{group:?} cannot be a group's name: write 1 to {longest} characters without blanks around them";
        /// No group has this name.
        /// Choose one of those that there are, or import it with `contacts import`.
        UnknownGroup { group: String, known: Vec<String> } = Usage "unknown_group"
            zh "没有名为“{group}”的组，现有：{known}"
            en "no group {group:?}; there are: {known}";
        /// There is no group at all yet.
        /// Import one with `contacts import`.
        NoGroups { group: String } = Usage "no_groups_yet"
            zh "没有名为“{group}”的组，通讯录还是空的：先用 watchbell contacts import 导入"
            en "no group {group:?}, and no group at all: import one with `watchbell contacts import`";
        /// The groups named would come to contain themselves.
        /// Take one of them out of the one before it.
        GroupInItself { path: String } = Refused "group_in_itself"
            zh "组不能包含自己：{path}。请从其中一个组里去掉下一个。"
            en "a group would contain itself: {path}; take one of them out of the one before it";
        /// The groups contain each other, so that nobody can say who is in them.
        /// Take one of them out of the other with `contacts nest`.
        GroupCycle { cycle: String } = Usage "group_cycle"
            zh "组的包含关系成环：{cycle}"
            en "{cycle}";
        /// The number given is no mobile number.
        /// Write its 11 digits.
        BadNumber { why: PhoneError } = Usage "bad_number"
            zh "号码：{why}。"
            en "the number: {why}";
    }
}

impl ContactsRefusal {
    /// No group of this name among those that there are.
    pub(in crate::service) fn unknown_group(group: &str, known: Vec<String>) -> Self {
        let group = group.to_owned();
        match known.is_empty() {
            true => Self::NoGroups { group },
            false => Self::UnknownGroup { group, known },
        }
    }
}
