//! The digests of login and `login_resp` (SMGP 3.0 §6.2.2, §6.2.7).

use md5::{Digest, Md5};

use super::{Login, Status};
pub use crate::auth::timestamp;

/// How a `ClientID` shorter than eight bytes enters the digest. For the usual eight digits both
/// are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientIdForm {
    /// The id as it is. What nearly all gateways compute.
    #[default]
    Bare,
    /// The id filled with zero bytes to eight.
    Padded,
}

/// With how many bytes Status enters `AuthenticatorServer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusWidth {
    /// 1 byte: seen on some gateways.
    One,
    /// 4 bytes, as on the wire.
    #[default]
    Four,
}

/// `AuthenticatorClient` of login: MD5 of the client id, seven zero bytes, the shared secret and the
/// timestamp as ten decimal digits.
///
/// ```
/// use watchbell_wire::smgp::auth::{ClientIdForm, authenticator_client, timestamp};
///
/// let at = timestamp(5, 20, 9, 30, 15).expect("a date");
/// assert_eq!(
///     authenticator_client(b"10659001", b"shared_pw1", at, ClientIdForm::Bare),
///     0x2af9_14b9_f4c6_a1e3_c3e9_a287_d3c3_8612_u128.to_be_bytes(),
/// );
/// ```
pub fn authenticator_client(
    client_id: &[u8],
    secret: &[u8],
    timestamp: u32,
    form: ClientIdForm,
) -> [u8; 16] {
    let padding = match form {
        ClientIdForm::Bare => 0,
        ClientIdForm::Padded => 8_usize.saturating_sub(client_id.len()),
    };
    let mut md5 = Md5::new();
    md5.update(client_id);
    md5.update(&[0; 15][..7 + padding]);
    md5.update(secret);
    // Before October the number has nine digits; the digest always takes ten.
    md5.update(format!("{timestamp:010}"));
    md5.finalize().into()
}

/// `AuthenticatorServer` of `login_resp`: MD5 of Status, the `AuthenticatorClient` it answers
/// and the secret.
///
/// Gateways were seen to send anything here, so a client may log a mismatch but should not act on it.
pub fn authenticator_server(
    status: Status,
    authenticator_client: &[u8; 16],
    secret: &[u8],
    width: StatusWidth,
) -> [u8; 16] {
    let status = status.0.to_be_bytes();
    let mut md5 = Md5::new();
    md5.update(match width {
        StatusWidth::One => &status[3..],
        StatusWidth::Four => &status[..],
    });
    md5.update(authenticator_client);
    md5.update(secret);
    md5.finalize().into()
}

/// True when `login` was made with `secret`, in either form of the client id: what a gateway
/// should check.
pub fn verify(login: &Login, secret: &[u8]) -> bool {
    [ClientIdForm::Bare, ClientIdForm::Padded]
        .into_iter()
        .any(|form| {
            let id = login.client_id.as_bytes();
            let expected = authenticator_client(id, secret, login.timestamp, form);
            crate::auth::same(&expected, &login.authenticator_client)
        })
}
