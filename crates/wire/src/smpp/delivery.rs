//! What a message centre delivers, read as far as it can be (SMPP 3.4 §4.6.1 and §4.7.1). A receipt that is not
//! understood is never told again, so that one odd parameter must not cost the rest: [`decode`](super::decode) holds
//! everything to the letter, this does not.

use bytes::Bytes;

use super::MessageState;
use crate::udh::{Concat, Reference};

/// `deliver_sm`.
pub const DELIVER_SM: u32 = 0x0000_0005;

/// `data_sm`.
pub const DATA_SM: u32 = 0x0000_0103;

/// Tags (SMPP 3.4 §5.3.2).
const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
const SAR_MSG_REF_NUM: u16 = 0x020C;
const SAR_TOTAL_SEGMENTS: u16 = 0x020E;
const SAR_SEGMENT_SEQNUM: u16 = 0x020F;
const MESSAGE_PAYLOAD: u16 = 0x0424;
const MESSAGE_STATE: u16 = 0x0427;

/// A `deliver_sm` or a `data_sm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// `source_addr`; bytes outside of ASCII as characters of Latin 1.
    pub source: String,
    /// `destination_addr`, the same.
    pub destination: String,
    /// `esm_class`.
    pub esm_class: u8,
    /// `data_coding`.
    pub data_coding: u8,
    /// `short_message`, or `message_payload` where it is empty.
    pub content: Bytes,
    /// Optional parameters in their order: tag and value, whatever its size.
    parameters: Vec<(u16, Bytes)>,
}

impl Delivery {
    /// Reads a body; `None` where even the fields that have to be there are not, or for another command.
    pub fn read(command_id: u32, body: &Bytes) -> Option<Self> {
        let mut rest = Rest(body.clone());
        rest.text()?;
        rest.take(2)?;
        let source = rest.text()?;
        rest.take(2)?;
        let destination = rest.text()?;
        let mut read = Self {
            source,
            destination,
            esm_class: rest.byte()?,
            ..Self::default()
        };
        match command_id {
            DELIVER_SM => {
                // Protocol id, priority, two times, receipt flag, replace flag.
                rest.take(2)?;
                rest.text()?;
                rest.text()?;
                rest.take(2)?;
                read.data_coding = rest.byte()?;
                rest.take(1)?;
                let length = usize::from(rest.byte()?);
                read.content = rest.at_most(length);
            }
            DATA_SM => {
                rest.take(1)?;
                read.data_coding = rest.byte()?;
            }
            _ => return None,
        }
        read.parameters = rest.parameters();
        if read.content.is_empty() {
            read.content = read.parameter(MESSAGE_PAYLOAD).unwrap_or_default();
        }
        Some(read)
    }

    fn parameter(&self, tag: u16) -> Option<Bytes> {
        let mut named = self.parameters.iter().filter(|(t, _)| *t == tag);
        named.next().map(|(_, value)| value.clone())
    }

    /// `receipted_message_id`, up to its zero byte where it has one.
    pub fn receipted_message_id(&self) -> Option<String> {
        let value = self.parameter(RECEIPTED_MESSAGE_ID)?;
        let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
        Some(latin1(&value[..end])).filter(|id| !id.is_empty())
    }

    /// `message_state`, the last byte of however many there are.
    pub fn message_state(&self) -> Option<MessageState> {
        let value = self.parameter(MESSAGE_STATE)?;
        value.last().map(|state| MessageState::from_wire(*state))
    }

    /// The part of a long message that the `sar_` parameters name, when they are there and agree.
    pub fn concat(&self) -> Option<Concat> {
        let number = |tag| {
            let value = self.parameter(tag)?;
            (!value.is_empty()).then(|| value.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)))
        };
        let reference = u16::try_from(number(SAR_MSG_REF_NUM)?).ok()?;
        let total = u8::try_from(number(SAR_TOTAL_SEGMENTS)?).ok()?;
        let part = u8::try_from(number(SAR_SEGMENT_SEQNUM)?).ok()?;
        Concat::new(Reference::Sixteen(reference), total, part).ok()
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// What has not been read yet.
struct Rest(Bytes);

impl Rest {
    fn take(&mut self, size: usize) -> Option<Bytes> {
        (size <= self.0.len()).then(|| self.0.split_to(size))
    }

    fn at_most(&mut self, size: usize) -> Bytes {
        self.0.split_to(size.min(self.0.len()))
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    /// Up to a zero byte, which is left out.
    fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(latin1(&text))
    }

    /// To the end: one whose length goes beyond it gets what is there.
    fn parameters(&mut self) -> Vec<(u16, Bytes)> {
        let mut all = Vec::new();
        while let Some(head) = self.take(4) {
            let tag = u16::from_be_bytes([head[0], head[1]]);
            let length = u16::from_be_bytes([head[2], head[3]]);
            all.push((tag, self.at_most(length.into())));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\0\x01\x018613800138000\0\0\x0110690001\0\x04\0\0\0\0\0\0\0\0";

    fn deliver(text: &[u8], parameters: &[u8]) -> Delivery {
        let mut body = HEAD.to_vec();
        body.push(text.len() as u8);
        body.extend(text);
        body.extend(parameters);
        Delivery::read(DELIVER_SM, &body.into()).expect("its fields are there")
    }

    #[test]
    fn a_parameter_of_another_size_costs_nothing_but_itself() {
        let read = deliver(
            b"id:7",
            // An id without its zero byte, an empty network error, a state of two bytes, a tag nobody knows.
            b"\0\x1e\0\x02ab\x04\x23\0\0\x04\x27\0\x02\0\x02\x77\x77\0\x01x",
        );
        assert_eq!(read.receipted_message_id().as_deref(), Some("ab"));
        assert_eq!(read.message_state(), Some(MessageState::Delivered));
        assert_eq!(read.source, "8613800138000");
        assert_eq!((read.esm_class, &read.content[..]), (4, &b"id:7"[..]));
    }

    #[test]
    fn a_parameter_that_is_cut_off_gets_what_is_there() {
        let read = deliver(b"", b"\x04\x24\x01\x00text");
        assert_eq!(&read.content[..], b"text");
        let read = deliver(b"short", b"\x04");
        assert_eq!(&read.content[..], b"short");
    }

    #[test]
    fn data_sm_is_read_as_well() {
        let body = b"\0\x01\x018613800138000\0\0\x0110690001\0\x04\0\0\0\x1e\0\x07abc123\0\x04\x27\0\x01\x02";
        let read = Delivery::read(DATA_SM, &Bytes::from_static(body)).expect("a data_sm");
        assert_eq!(read.receipted_message_id().as_deref(), Some("abc123"));
        assert_eq!(read.message_state(), Some(MessageState::Delivered));
    }

    #[test]
    fn parts_are_named_by_three_parameters() {
        let sar = b"\x02\x0c\0\x02\x12\x34\x02\x0e\0\x01\x03\x02\x0f\0\x01\x02";
        let expected = Concat::new(Reference::Sixteen(0x1234), 3, 2).expect("the second of three");
        assert_eq!(deliver(b"x", sar).concat(), Some(expected));
        assert_eq!(deliver(b"x", &sar[..6]).concat(), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(command in 0..300_u32, body: Vec<u8>) {
            let _ = Delivery::read(command, &body.into());
        }
    }
}
