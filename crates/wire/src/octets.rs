//! Cursor over a body, and the writer that is its mirror image. Both know field names, so that errors
//! say where.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{BodyFault, EncodeError, FixedStr};

/// Most receivers one submit may carry, in all three protocols.
pub(crate) const MAX_RECEIVERS: usize = 100;

/// A body fault with the field it was found in.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) fault: BodyFault,
}

impl Fault {
    pub(crate) fn new(field: &'static str, fault: BodyFault) -> Self {
        Self { field, fault }
    }
}

/// Reads big-endian fields from a body that has wholly arrived.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    pub(crate) fn take(&mut self, field: &'static str, size: usize) -> Result<&'a [u8], Fault> {
        let Some((head, tail)) = self.rest.split_at_checked(size) else {
            let left = self.rest.len();
            return Err(Fault::new(
                field,
                BodyFault::Truncated { needed: size, left },
            ));
        };
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes where they stand: looking at them before they are copied is faster.
    #[inline]
    fn chunk<const N: usize>(&mut self, field: &'static str) -> Result<&'a [u8; N], Fault> {
        let Some((head, tail)) = self.rest.split_first_chunk() else {
            let left = self.rest.len();
            return Err(Fault::new(field, BodyFault::Truncated { needed: N, left }));
        };
        self.rest = tail;
        Ok(head)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Fault> {
        self.chunk(field).copied()
    }

    #[inline]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Fault> {
        self.array(field).map(u8::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Fault> {
        self.array(field).map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Fault> {
        self.array(field).map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Fault> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// A string field as large as its type.
    #[inline]
    pub(crate) fn text<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<FixedStr<N>, Fault> {
        self.chunk(field).map(FixedStr::from_array)
    }

    /// A string field of `size` bytes; smaller than its type where versions differ.
    #[inline]
    pub(crate) fn text_of<const N: usize>(
        &mut self,
        field: &'static str,
        size: usize,
    ) -> Result<FixedStr<N>, Fault> {
        self.take(field, size).map(filled)
    }

    /// A string that ends in a zero byte within `max` bytes, that byte included and left out of the
    /// result. `None` when it does not.
    #[cfg(feature = "smpp")]
    pub(crate) fn until_zero(&mut self, max: usize) -> Option<&'a [u8]> {
        let end = self.rest.iter().take(max).position(|&byte| byte == 0)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..)?;
        Some(text)
    }

    /// A last string field that some peers cut short or leave out.
    pub(crate) fn text_tail<const N: usize>(&mut self) -> FixedStr<N> {
        let (head, tail) = self.rest.split_at(self.rest.len().min(N));
        self.rest = tail;
        FixedStr::from_field(head)
    }

    /// Receivers behind a one-byte count of 1 to 100, each `size` bytes.
    pub(crate) fn receivers<const N: usize>(
        &mut self,
        field: &'static str,
        size: usize,
    ) -> Result<Vec<FixedStr<N>>, Fault> {
        let count = self.u8(field)?;
        if !(1..=MAX_RECEIVERS).contains(&usize::from(count)) {
            return Err(Fault::new(
                field,
                BodyFault::OutOfRange {
                    value: count.into(),
                    min: 1,
                    max: MAX_RECEIVERS as u32,
                },
            ));
        }
        // Taken as one piece, so that the list is only made when all receivers are there.
        let all = self.take(field, usize::from(count) * size)?;
        Ok(all.chunks_exact(size).map(filled).collect())
    }

    /// Content behind a one-byte length.
    #[inline]
    pub(crate) fn content(&mut self, field: &'static str) -> Result<Bytes, Fault> {
        let len = self.u8(field)?;
        self.take(field, usize::from(len))
            .map(Bytes::copy_from_slice)
    }

    pub(crate) fn end(&self) -> Result<(), Fault> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(Fault::new("end", BodyFault::Trailing { extra })),
        }
    }
}

/// A field that may be smaller than its type. Phone numbers of 21 bytes in a type of 32 (CMPP 2.0) are
/// so many that they have a way of their own, with sizes the compiler knows.
#[inline]
fn filled<const N: usize>(field: &[u8]) -> FixedStr<N> {
    if let Ok(whole) = field.try_into() {
        return FixedStr::from_array(whole);
    }
    if let Ok(number) = <&[u8; 21]>::try_from(field) {
        return FixedStr::from_smaller(&FixedStr::from_array(number));
    }
    FixedStr::from_field(field)
}

/// Writes big-endian fields.
pub(crate) struct Writer<'a> {
    out: &'a mut BytesMut,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    #[inline]
    pub(crate) fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.out.put_u16(value);
    }

    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.out.put_u32(value);
    }

    #[inline]
    pub(crate) fn u64(&mut self, value: u64) {
        self.out.put_u64(value);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// A `u32` that has only one byte on the wire in this version.
    pub(crate) fn narrow(&mut self, field: &'static str, value: u32) -> Result<(), EncodeError> {
        let Ok(byte) = u8::try_from(value) else {
            return Err(EncodeError::OutOfRange {
                field,
                value: value.into(),
                min: 0,
                max: u8::MAX.into(),
            });
        };
        self.u8(byte);
        Ok(())
    }

    /// A string field as large as its type.
    #[inline]
    pub(crate) fn text<const N: usize>(&mut self, text: &FixedStr<N>) {
        self.out.put_slice(text.as_field());
    }

    /// A string field of `size` bytes; smaller than its type where versions differ.
    #[inline]
    pub(crate) fn text_of<const N: usize>(
        &mut self,
        field: &'static str,
        text: &FixedStr<N>,
        size: usize,
    ) -> Result<(), EncodeError> {
        match text.as_field().split_at_checked(size) {
            // Fields are filled with zeros to the end, so one zero behind the cut says that all are.
            Some((head, tail)) if tail.first().is_none_or(|&byte| byte == 0) => {
                self.out.put_slice(head);
                Ok(())
            }
            _ => Err(EncodeError::TooLong {
                field,
                len: text.len(),
                max: size,
            }),
        }
    }

    /// 1 to 100 receivers behind a one-byte count, each `size` bytes.
    pub(crate) fn receivers<const N: usize>(
        &mut self,
        field: &'static str,
        receivers: &[FixedStr<N>],
        size: usize,
    ) -> Result<(), EncodeError> {
        if !(1..=MAX_RECEIVERS).contains(&receivers.len()) {
            return Err(EncodeError::OutOfRange {
                field,
                value: receivers.len() as u64,
                min: 1,
                max: MAX_RECEIVERS as u64,
            });
        }
        self.u8(receivers.len() as u8);
        receivers
            .iter()
            .try_for_each(|receiver| self.text_of(field, receiver, size))
    }

    /// Content behind a one-byte length; `max` is at most 255.
    #[inline]
    pub(crate) fn content(
        &mut self,
        field: &'static str,
        content: &[u8],
        max: u8,
    ) -> Result<(), EncodeError> {
        match u8::try_from(content.len()) {
            Ok(len) if len <= max => {
                self.u8(len);
                self.bytes(content);
                Ok(())
            }
            _ => Err(EncodeError::TooLong {
                field,
                len: content.len(),
                max: max.into(),
            }),
        }
    }
}
