//! The digests of connect and `connect_resp` (CMPP 2.0 §7.4.1).

use md5::{Digest, Md5};

pub use crate::auth::timestamp;

/// How an SP id shorter than six bytes enters the digest. Carriers disagree; for the usual six digits
/// both are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpIdForm {
    /// The id as it is. What most gateways compute.
    #[default]
    Bare,
    /// The id filled with zero bytes to six.
    Padded,
}

/// With how many bytes Status enters `AuthenticatorISMG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusWidth {
    /// 1 byte: the 2.0 document.
    One,
    /// 4 bytes: the 3.0 document, and some gateways also on 2.0 links.
    Four,
}

impl From<super::Version> for StatusWidth {
    fn from(version: super::Version) -> Self {
        match version {
            super::Version::V20 => Self::One,
            super::Version::V30 => Self::Four,
        }
    }
}

/// `AuthenticatorSource` of connect: MD5 of the SP id, nine zero bytes, the shared secret and the
/// timestamp as ten decimal digits.
///
/// ```
/// use watchbell_wire::cmpp::auth::{SpIdForm, authenticator_source, timestamp};
///
/// let at = timestamp(5, 20, 9, 30, 15).expect("a date");
/// assert_eq!(at, 520_093_015);
/// assert_eq!(
///     authenticator_source(b"901234", b"shared_pw1", at, SpIdForm::Bare),
///     0xb18c_1906_e6f1_2524_2d53_ad6b_69f3_13df_u128.to_be_bytes(),
/// );
/// ```
pub fn authenticator_source(
    source_addr: &[u8],
    secret: &[u8],
    timestamp: u32,
    form: SpIdForm,
) -> [u8; 16] {
    let padding = match form {
        SpIdForm::Bare => 0,
        SpIdForm::Padded => 6_usize.saturating_sub(source_addr.len()),
    };
    let mut md5 = Md5::new();
    md5.update(source_addr);
    md5.update(&[0; 15][..9 + padding]);
    md5.update(secret);
    // Before October the number has nine digits; the digest always takes ten.
    md5.update(format!("{timestamp:010}"));
    md5.finalize().into()
}

/// `AuthenticatorISMG` of `connect_resp`: MD5 of Status, the `AuthenticatorSource` it answers and the secret.
///
/// Gateways were seen to send anything here, so a client may log a mismatch but should not act on it.
///
/// ```
/// use watchbell_wire::cmpp::{ConnectStatus, auth::{StatusWidth, authenticator_ismg}};
///
/// let source = 0xb18c_1906_e6f1_2524_2d53_ad6b_69f3_13df_u128.to_be_bytes();
/// assert_eq!(
///     authenticator_ismg(ConnectStatus::OK, &source, b"shared_pw1", StatusWidth::One),
///     0xa760_31b3_d8d3_0c37_8cd4_1e1f_816e_8dd9_u128.to_be_bytes(),
/// );
/// assert_eq!(
///     authenticator_ismg(ConnectStatus::OK, &source, b"shared_pw1", StatusWidth::Four),
///     0x271a_0f84_4265_000d_a7e4_fbc6_0c18_5bd7_u128.to_be_bytes(),
/// );
/// ```
pub fn authenticator_ismg(
    status: super::ConnectStatus,
    authenticator_source: &[u8; 16],
    secret: &[u8],
    width: StatusWidth,
) -> [u8; 16] {
    let status = status.0.to_be_bytes();
    let mut md5 = Md5::new();
    md5.update(match width {
        StatusWidth::One => &status[3..],
        StatusWidth::Four => &status[..],
    });
    md5.update(authenticator_source);
    md5.update(secret);
    md5.finalize().into()
}

/// True when `connect` was made with `secret`, in either form of the SP id: what a gateway should check.
pub fn verify(connect: &super::Connect, secret: &[u8]) -> bool {
    [SpIdForm::Bare, SpIdForm::Padded].into_iter().any(|form| {
        let id = connect.source_addr.as_bytes();
        let expected = authenticator_source(id, secret, connect.timestamp, form);
        crate::auth::same(&expected, &connect.authenticator_source)
    })
}
