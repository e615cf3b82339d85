//! What the protocols' logins share.

/// Timestamp of a login, `MMDDhhmmss` as a decimal number, from local Beijing time. `None` when a value is
/// outside its range.
pub fn timestamp(month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<u32> {
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    valid.then(|| (((month * 100 + day) * 100 + hour) * 100 + minute) * 100 + second)
}

/// Compares all bytes, so that the time taken says nothing about a secret.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
