//! Passwords: argon2id, with its parameters in the stored text so that they can be raised later.
//!
//! Both functions take some 20 ms of a core and 19 MiB on purpose: call them through
//! `tokio::task::spawn_blocking`.

use argon2::{
    Argon2,
    password_hash::{
        Error as HashError, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash,
    },
};

use crate::domain::refusal::refusals;

/// Shorter ones are guessed.
pub const MIN_CHARS: usize = 8;
/// Longer ones only serve to keep the hasher busy.
pub const MAX_BYTES: usize = 256;

refusals! {
    /// The password cannot be set, or the stored hash cannot be read.
    pub enum PasswordError {
        /// The password is too short or too long.
        /// Choose another one.
        Length { least: usize, most: usize } = Refused "password_length"
            zh "密码至少 {least} 个字符，至多 {most} 字节。"
            en "a password has at least {least} characters and at most {most} bytes";
        /// The password is the user's own name.
        /// Choose another one.
        IsName = Refused "password_is_name"
            zh "密码不能与用户名相同，请另选一个。"
            en "the password is the user's name; choose another";
        /// The database holds something else than a password's hash.
        /// Set the password anew with `user passwd`.
        Stored = Refused "password_hash_unreadable"
            zh "数据库里的密码摘要无法读取，请用 watchbell user passwd 重新设置密码。"
            en "the stored password hash cannot be read; set the password anew with `watchbell user passwd`";
        /// There was no randomness for the salt, or no memory.
        /// Try again.
        Hash { why: String } = Refused "password_not_hashed"
            zh "无法计算密码摘要：{why}"
            en "the password could not be hashed: {why}";
    }
}

/// Checks a new password by the rules and hashes it, as a PHC text.
pub fn hash(user: &str, password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_CHARS || password.len() > MAX_BYTES {
        return Err(PasswordError::Length {
            least: MIN_CHARS,
            most: MAX_BYTES,
        });
    }
    if password.eq_ignore_ascii_case(user) {
        return Err(PasswordError::IsName);
    }
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|e| PasswordError::Hash { why: e.to_string() })?;
    Ok(hash.to_string())
}

/// Is it the password? For a user that does not exist give `None`: it takes as long and says no, so
/// that the time does not tell which names exist.
pub fn verify(password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
    /// A hash of nothing that anybody knows, with today's parameters.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXdoZXJlc2Vhc2lkZQ$7Kq0cY3n1b2wJ0Jc3mS1xw8jv8m3B0pO9r6i3rZb5oE";
    if password.len() > MAX_BYTES {
        return Ok(false);
    }
    let hash = PasswordHash::new(stored.unwrap_or(NOBODY)).map_err(|_| PasswordError::Stored)?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(stored.is_some()),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::Stored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let stored = hash("wang", "安全生产 2023").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(verify("安全生产 2023", Some(&stored)).unwrap());
        assert!(!verify("安全生产 2024", Some(&stored)).unwrap());
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        assert_ne!(
            hash("wang", "12345678").unwrap(),
            hash("wang", "12345678").unwrap()
        );
    }

    #[test]
    fn a_user_that_does_not_exist_is_refused_like_a_wrong_password() {
        assert!(!verify("whatever it is", None).unwrap());
    }

    #[test]
    fn weak_passwords_are_refused() {
        assert!(matches!(
            hash("wang", "short"),
            Err(PasswordError::Length { .. })
        ));
        assert!(matches!(
            hash("wangxiaoming", "WangXiaoMing"),
            Err(PasswordError::IsName)
        ));
        assert!(matches!(
            hash("wang", &"x".repeat(300)),
            Err(PasswordError::Length { .. })
        ));
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_not_a_no() {
        assert!(matches!(
            verify("12345678", Some("plain")),
            Err(PasswordError::Stored)
        ));
    }
}
