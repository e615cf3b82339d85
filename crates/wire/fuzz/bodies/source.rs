//! Field values out of a fuzzer's bytes. When the bytes are used up every value is zero or empty.

use bytes::Bytes;
use watchbell_wire::FixedStr;

/// Bytes that become values.
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(count.min(self.0.len()));
        self.0 = tail;
        head
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub fn flag(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    pub fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// At most `max` bytes.
    pub fn bytes(&mut self, max: u8) -> Bytes {
        let count = usize::from(self.u8()) % (usize::from(max) + 1);
        Bytes::copy_from_slice(self.take(count))
    }

    /// A text of at most `max` bytes: any byte but zero, no blank at the ends.
    pub fn text_of<const N: usize>(&mut self, max: u8) -> FixedStr<N> {
        let bytes = self.bytes(max);
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        FixedStr::new(text).expect("cut to its size, no zero inside")
    }

    pub fn text<const N: usize>(&mut self) -> FixedStr<N> {
        self.text_of(N as u8)
    }

    /// 1 to 100 receivers of at most `max` bytes, mostly few.
    pub fn receivers<const N: usize>(&mut self, max: u8) -> Vec<FixedStr<N>> {
        let count = match self.u8() {
            few @ 0..=249 => 1 + few % 3,
            many => 100 - many % 5,
        };
        (0..count).map(|_| self.text_of(max)).collect()
    }

    pub fn option<T>(&mut self, value: fn(&mut Self) -> T) -> Option<T> {
        (self.flag() && self.flag()).then(|| value(self))
    }
}
