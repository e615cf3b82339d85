//! Optional parameters: tag u16, length u16, value (SMGP 3.0 §6.3).

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    BodyFault, EncodeError, FixedStr,
    octets::{Fault, Reader, Writer},
};

/// Tags of the parameters the document has.
pub mod tag {
    /// `TP_pid`, u8.
    pub const TP_PID: u16 = 0x0001;
    /// `TP_udhi`, u8.
    pub const TP_UDHI: u16 = 0x0002;
    /// `LinkID`, 20 bytes.
    pub const LINK_ID: u16 = 0x0003;
    /// `ChargeUserType`, u8.
    pub const CHARGE_USER_TYPE: u16 = 0x0004;
    /// `ChargeTermType`, u8.
    pub const CHARGE_TERM_TYPE: u16 = 0x0005;
    /// `ChargeTermPseudo`, any length.
    pub const CHARGE_TERM_PSEUDO: u16 = 0x0006;
    /// `DestTermType`, u8.
    pub const DEST_TERM_TYPE: u16 = 0x0007;
    /// `DestTermPseudo`, as many equal pieces as there are receivers.
    pub const DEST_TERM_PSEUDO: u16 = 0x0008;
    /// `PkTotal`, u8.
    pub const PK_TOTAL: u16 = 0x0009;
    /// `PkNumber`, u8.
    pub const PK_NUMBER: u16 = 0x000A;
    /// `SubmitMsgType`, u8.
    pub const SUBMIT_MSG_TYPE: u16 = 0x000B;
    /// `SPDealResult`, u8.
    pub const SP_DEAL_RESULT: u16 = 0x000C;
    /// `SrcTermType`, u8.
    pub const SRC_TERM_TYPE: u16 = 0x000D;
    /// `SrcTermPseudo`, any length.
    pub const SRC_TERM_PSEUDO: u16 = 0x000E;
    /// `NodesCount`, u8.
    pub const NODES_COUNT: u16 = 0x000F;
    /// `MsgSrc`, 8 bytes.
    pub const MSG_SRC: u16 = 0x0010;
    /// `SrcType`, u8.
    pub const SRC_TYPE: u16 = 0x0011;
    /// `MServiceID`, 21 bytes.
    pub const M_SERVICE_ID: u16 = 0x0012;
}

/// Optional parameters of submit and deliver. They are written in the order of their tags and read in
/// any order; of a tag that comes twice the last counts.
///
/// Strings longer than the document says are cut at their first zero byte, because a widespread
/// implementation appends one. Shorter ones are taken as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tlvs {
    /// Tag 0x0001, u8: GSM 03.40 §9.2.3.9.
    pub tp_pid: Option<u8>,
    /// Tag 0x0002, u8: 1 when the content starts with a user data header.
    pub tp_udhi: Option<u8>,
    /// Tag 0x0003, 20 bytes.
    pub link_id: Option<FixedStr<20>>,
    /// Tag 0x0004, u8: 0 the receiver pays, 1 the sender, 2 the SP, 3 see the charge number.
    pub charge_user_type: Option<u8>,
    /// Tag 0x0005, u8: 0 real number, 1 pseudo code.
    pub charge_term_type: Option<u8>,
    /// Tag 0x0006: pseudo code of who pays.
    pub charge_term_pseudo: Option<Bytes>,
    /// Tag 0x0007, u8: 0 real numbers, 1 pseudo codes.
    pub dest_term_type: Option<u8>,
    /// Tag 0x0008: pseudo codes of the receivers, in equal pieces.
    pub dest_term_pseudo: Option<Bytes>,
    /// Tag 0x0009, u8: parts of the message.
    pub pk_total: Option<u8>,
    /// Tag 0x000A, u8: number of this part, from 1.
    pub pk_number: Option<u8>,
    /// Tag 0x000B, u8: 0 ordinary, 1 to 5 notices of subscriptions.
    pub submit_msg_type: Option<u8>,
    /// Tag 0x000C, u8: 0 done, 1 failed.
    pub sp_deal_result: Option<u8>,
    /// Tag 0x000D, u8: 0 real number, 1 pseudo code.
    pub src_term_type: Option<u8>,
    /// Tag 0x000E: pseudo code of the sender.
    pub src_term_pseudo: Option<Bytes>,
    /// Tag 0x000F, u8: gateways passed.
    pub nodes_count: Option<u8>,
    /// Tag 0x0010, 8 bytes: the SP's code.
    pub msg_src: Option<FixedStr<8>>,
    /// Tag 0x0011, u8: kind of the sender.
    pub src_type: Option<u8>,
    /// Tag 0x0012, 21 bytes: product code of a mobile service.
    pub m_service_id: Option<FixedStr<21>>,
    /// Parameters with other tags.
    pub other: OtherTlvs,
}

impl Tlvs {
    /// What a part of a long message needs beside its user data header: `TP_udhi`, `PkTotal` and
    /// `PkNumber`. Without the first many gateways show the header as six characters of rubbish.
    pub fn for_part(concat: crate::udh::Concat) -> Self {
        Self {
            tp_udhi: Some(1),
            pk_total: Some(concat.total),
            pk_number: Some(concat.part),
            ..Self::default()
        }
    }

    #[inline]
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Fault> {
        if r.left() == 0 {
            return Ok(Self::default());
        }
        Self::read_all(r)
    }

    fn read_all(r: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut tlvs = Self::default();
        while r.left() > 0 {
            let tag = r.u16("tlv_tag")?;
            let len = r.u16("tlv_length")?;
            let value = r.take("tlv_value", usize::from(len))?;
            tlvs.read_one(tag, value, r.left())?;
        }
        Ok(tlvs)
    }

    fn read_one(&mut self, tag: u16, value: &[u8], left: usize) -> Result<(), Fault> {
        match tag {
            tag::TP_PID => self.tp_pid = Some(number("tp_pid", value)?),
            tag::TP_UDHI => self.tp_udhi = Some(number("tp_udhi", value)?),
            tag::LINK_ID => self.link_id = Some(string("link_id", value)?),
            tag::CHARGE_USER_TYPE => {
                self.charge_user_type = Some(number("charge_user_type", value)?);
            }
            tag::CHARGE_TERM_TYPE => {
                self.charge_term_type = Some(number("charge_term_type", value)?);
            }
            tag::CHARGE_TERM_PSEUDO => self.charge_term_pseudo = Some(pseudo(value)),
            tag::DEST_TERM_TYPE => self.dest_term_type = Some(number("dest_term_type", value)?),
            tag::DEST_TERM_PSEUDO => self.dest_term_pseudo = Some(Bytes::copy_from_slice(value)),
            tag::PK_TOTAL => self.pk_total = Some(number("pk_total", value)?),
            tag::PK_NUMBER => self.pk_number = Some(number("pk_number", value)?),
            tag::SUBMIT_MSG_TYPE => self.submit_msg_type = Some(number("submit_msg_type", value)?),
            tag::SP_DEAL_RESULT => self.sp_deal_result = Some(number("sp_deal_result", value)?),
            tag::SRC_TERM_TYPE => self.src_term_type = Some(number("src_term_type", value)?),
            tag::SRC_TERM_PSEUDO => self.src_term_pseudo = Some(pseudo(value)),
            tag::NODES_COUNT => self.nodes_count = Some(number("nodes_count", value)?),
            tag::MSG_SRC => self.msg_src = Some(string("msg_src", value)?),
            tag::SRC_TYPE => self.src_type = Some(number("src_type", value)?),
            tag::M_SERVICE_ID => self.m_service_id = Some(string("m_service_id", value)?),
            other => self.other.append(other, value, left),
        }
        Ok(())
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_number(tag::TP_PID, self.tp_pid, w);
        write_number(tag::TP_UDHI, self.tp_udhi, w);
        write_string(tag::LINK_ID, self.link_id.as_ref(), w);
        write_number(tag::CHARGE_USER_TYPE, self.charge_user_type, w);
        write_number(tag::CHARGE_TERM_TYPE, self.charge_term_type, w);
        let pseudo = self.charge_term_pseudo.as_ref();
        write_bytes("charge_term_pseudo", tag::CHARGE_TERM_PSEUDO, pseudo, w)?;
        write_number(tag::DEST_TERM_TYPE, self.dest_term_type, w);
        let pseudo = self.dest_term_pseudo.as_ref();
        write_bytes("dest_term_pseudo", tag::DEST_TERM_PSEUDO, pseudo, w)?;
        write_number(tag::PK_TOTAL, self.pk_total, w);
        write_number(tag::PK_NUMBER, self.pk_number, w);
        write_number(tag::SUBMIT_MSG_TYPE, self.submit_msg_type, w);
        write_number(tag::SP_DEAL_RESULT, self.sp_deal_result, w);
        write_number(tag::SRC_TERM_TYPE, self.src_term_type, w);
        let pseudo = self.src_term_pseudo.as_ref();
        write_bytes("src_term_pseudo", tag::SRC_TERM_PSEUDO, pseudo, w)?;
        write_number(tag::NODES_COUNT, self.nodes_count, w);
        write_string(tag::MSG_SRC, self.msg_src.as_ref(), w);
        write_number(tag::SRC_TYPE, self.src_type, w);
        write_string(tag::M_SERVICE_ID, self.m_service_id.as_ref(), w);
        w.bytes(&self.other.0);
        Ok(())
    }
}

fn number(field: &'static str, value: &[u8]) -> Result<u8, Fault> {
    match value {
        [number] => Ok(*number),
        _ => Err(wrong_size(field, value.len(), 1)),
    }
}

/// The field may be shorter or longer than its size, but not the text in it.
fn string<const N: usize>(field: &'static str, value: &[u8]) -> Result<FixedStr<N>, Fault> {
    let len = value.iter().position(|&byte| byte == 0);
    let len = len.unwrap_or(value.len());
    if len > N {
        return Err(wrong_size(field, len, N));
    }
    Ok(FixedStr::from_field(value))
}

fn pseudo(value: &[u8]) -> Bytes {
    let text = value.split(|&byte| byte == 0).next().unwrap_or_default();
    Bytes::copy_from_slice(text)
}

fn wrong_size(field: &'static str, len: usize, expected: usize) -> Fault {
    Fault::new(field, BodyFault::TlvSize { len, expected })
}

fn write_number(tag: u16, value: Option<u8>, w: &mut Writer<'_>) {
    if let Some(value) = value {
        w.u16(tag);
        w.u16(1);
        w.u8(value);
    }
}

fn write_string<const N: usize>(tag: u16, value: Option<&FixedStr<N>>, w: &mut Writer<'_>) {
    if let Some(value) = value {
        w.u16(tag);
        w.u16(N as u16);
        w.text(value);
    }
}

fn write_bytes(
    field: &'static str,
    tag: u16,
    value: Option<&Bytes>,
    w: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    let Some(value) = value else { return Ok(()) };
    let Ok(len) = u16::try_from(value.len()) else {
        return Err(EncodeError::TooLong {
            field,
            len: value.len(),
            max: u16::MAX.into(),
        });
    };
    w.u16(tag);
    w.u16(len);
    w.bytes(value);
    Ok(())
}

/// Parameters with tags the document does not have, in the order they came. They are kept as they stand
/// on the wire, so a thousand empty ones take no more memory than their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherTlvs(BytesMut);

impl OtherTlvs {
    /// Adds one. `None` when the tag is one of [`tag`], which has its own field, or the value is longer
    /// than 65,535 bytes.
    pub fn push(&mut self, tag: u16, value: &[u8]) -> Option<()> {
        let known = (tag::TP_PID..=tag::M_SERVICE_ID).contains(&tag);
        if known || u16::try_from(value.len()).is_err() {
            return None;
        }
        self.append(tag, value, 0);
        Some(())
    }

    /// Tags and values.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut r = Reader::new(&self.0);
        std::iter::from_fn(move || {
            let tag = r.u16("tlv_tag").ok()?;
            let len = r.u16("tlv_length").ok()?;
            let value = r.take("tlv_value", usize::from(len)).ok()?;
            Some((tag, value))
        })
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as on the wire.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// `more` bytes may follow; with room for them made at once, the buffer never outgrows the frame.
    fn append(&mut self, tag: u16, value: &[u8], more: usize) {
        if self.0.is_empty() {
            self.0.reserve(4 + value.len() + more);
        }
        self.0.put_u16(tag);
        self.0.put_u16(value.len() as u16);
        self.0.put_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameters_are_kept_and_known_ones_have_their_field() {
        let mut other = OtherTlvs::default();
        assert_eq!(other.push(tag::PK_TOTAL, &[1]), None);
        assert_eq!(other.push(0x0102, b"ab"), Some(()));
        assert_eq!(other.push(0xFFFF, b""), Some(()));
        assert_eq!(other.push(0xFFFF, &vec![0; 65_536]), None);
        let all: Vec<_> = other.iter().collect();
        assert_eq!(all, [(0x0102, &b"ab"[..]), (0xFFFF, &b""[..])]);
    }
}
