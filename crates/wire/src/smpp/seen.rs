//! What a walk over a body shows.

/// A value on its way to somebody who looks.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    Number(u64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// A parameter whose tag is not in the table.
    UnknownTlv(u16, &'a [u8]),
    /// The next element of a list.
    Item,
}
