//! `MsgID`: ten opaque bytes.

use std::{fmt, str::FromStr};

/// A gateway's message id, 10 bytes (SMGP 3.0 §6.2, `MsgID`).
///
/// The document makes it binary coded decimal (see [`MsgIdParts`]), but gateways put any bytes there, so
/// it is kept and compared as it is.
///
/// [`Display`](fmt::Display) and [`FromStr`] use the 20 hexadecimal digits of the wire order, which for
/// an id by the document are its decimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MsgId(pub [u8; 10]);

/// The decimal fields the document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsgIdParts {
    /// Gateway code, 6 digits: area code with a leading zero, device class, serial.
    pub gateway: u32,
    /// 1 to 12 when the gateway keeps to the document.
    pub month: u8,
    /// Day of the month.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 999999.
    pub sequence: u32,
}

/// A text that is no message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: 20 hexadecimal digits are")]
pub struct MsgIdError;

impl MsgId {
    /// Packs the fields, for a gateway that makes ids. `None` when one has too many digits.
    ///
    /// ```
    /// use watchbell_wire::smgp::{MsgId, MsgIdParts};
    ///
    /// let parts = MsgIdParts { gateway: 10_061, month: 1, day: 16, hour: 17, minute: 0, sequence: 12_345 };
    /// let id = MsgId::from_parts(parts).expect("six digits at most");
    /// assert_eq!(id.to_string(), "01006101161700012345");
    /// assert_eq!(id.parts(), Some(parts));
    /// ```
    pub fn from_parts(parts: MsgIdParts) -> Option<Self> {
        let mut id = [0; 10];
        let (gateway, rest) = id.split_at_mut(3);
        let (time, sequence) = rest.split_at_mut(4);
        write_bcd(parts.gateway, gateway)?;
        for (place, value) in
            time.iter_mut()
                .zip([parts.month, parts.day, parts.hour, parts.minute])
        {
            write_bcd(value.into(), std::slice::from_mut(place))?;
        }
        write_bcd(parts.sequence, sequence)?;
        Some(Self(id))
    }

    /// The decimal fields; `None` when a byte is no pair of decimal digits.
    pub fn parts(self) -> Option<MsgIdParts> {
        let [g1, g2, g3, month, day, hour, minute, s1, s2, s3] = self.0;
        let two = |byte| read_bcd(&[byte]).map(|value| value as u8);
        Some(MsgIdParts {
            gateway: read_bcd(&[g1, g2, g3])?,
            month: two(month)?,
            day: two(day)?,
            hour: two(hour)?,
            minute: two(minute)?,
            sequence: read_bcd(&[s1, s2, s3])?,
        })
    }

    /// Id of the receiver at `index` (from 0) of a submit that was answered with this id: the sequence
    /// counts in decimal and wraps from 999999 to 0. `None` when the sequence is not decimal; such a
    /// gateway counts in a way nobody knows.
    #[must_use]
    pub fn for_receiver(self, index: u16) -> Option<Self> {
        let mut id = self.0;
        let sequence = id.get_mut(7..)?;
        let next = (read_bcd(sequence)? + u32::from(index)) % 1_000_000;
        write_bcd(next, sequence)?;
        Some(Self(id))
    }
}

/// `None` when the value has more digits than fit.
fn write_bcd(mut value: u32, out: &mut [u8]) -> Option<()> {
    for byte in out.iter_mut().rev() {
        let pair = value % 100;
        *byte = (pair / 10 * 16 + pair % 10) as u8;
        value /= 100;
    }
    (value == 0).then_some(())
}

fn read_bcd(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| {
        let (high, low) = (byte >> 4, byte & 0xF);
        (high < 10 && low < 10).then(|| value * 100 + u32::from(high * 10 + low))
    })
}

impl fmt::Display for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for MsgId {
    type Err = MsgIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 20 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(MsgIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| MsgIdError)?;
        let mut id = [0; 10];
        id.copy_from_slice(&number.to_be_bytes()[6..]);
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_reads_back_whatever_the_bytes_are() {
        for text in ["01006101161700012345", "01e240112316230523d5"] {
            let id: MsgId = text.parse().expect("hexadecimal digits");
            assert_eq!(id.to_string(), text);
        }
        for text in [
            "",
            "0100610116170001234",
            "+1006101161700012345",
            "é1006101161700012345",
        ] {
            assert_eq!(text.parse::<MsgId>(), Err(MsgIdError), "{text}");
        }
    }

    #[test]
    fn further_receivers_count_on_in_decimal() {
        let next = |text: &str, index| {
            let id: MsgId = text.parse().expect("hexadecimal digits");
            id.for_receiver(index).map(|id| id.to_string())
        };
        assert_eq!(
            next("01006101161700000099", 1).as_deref(),
            Some("01006101161700000100")
        );
        assert_eq!(
            next("01006101161700999999", 2).as_deref(),
            Some("01006101161700000001")
        );
        assert_eq!(next("010061011617000523d5", 1), None);
    }

    #[test]
    fn a_field_with_too_many_digits_is_refused() {
        let parts = MsgIdParts {
            gateway: 10_061,
            month: 1,
            day: 16,
            hour: 17,
            minute: 0,
            sequence: 999_999,
        };
        assert!(MsgId::from_parts(parts).is_some());
        let too_many = MsgIdParts {
            sequence: 1_000_000,
            ..parts
        };
        assert_eq!(MsgId::from_parts(too_many), None);
        assert_eq!(
            MsgId::from_parts(MsgIdParts {
                minute: 100,
                ..parts
            }),
            None
        );
        assert_eq!(
            "01e240112316230523d5".parse::<MsgId>().map(MsgId::parts),
            Ok(None)
        );
    }
}
