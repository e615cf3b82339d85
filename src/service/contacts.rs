//! Address books: reading one into a group, groups and what they contain, numbers that must not be
//! sent to.
//!
//! An import changes the group in chunks, in the order of the numbers, and each chunk's commit carries
//! the group's new size and root as its own event. So the ledger verifies after every commit, no write
//! takes long, and an import that was killed has done the first part of its work: the same file
//! imported again finds that part unchanged and does the rest. Rows that say the same are not touched.

mod group;
mod import;
mod suppress;

pub use group::Group;
pub use import::{Import, ImportReport, RefusedRow, Step};
pub use suppress::OptOut;
pub(crate) use suppress::read_phone;
