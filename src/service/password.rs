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

use crate::domain::lang::Lang;

/// Shorter ones are guessed.
pub const MIN_CHARS: usize = 8;
/// Longer ones only serve to keep the hasher busy.
pub const MAX_BYTES: usize = 256;

/// The password cannot be set, or the stored hash cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has at least {MIN_CHARS} characters and at most {MAX_BYTES} bytes")]
    Length,
    /// The user's own name.
    #[error("the password is the user's name; choose another")]
    IsName,
    /// The database holds something else than a hash.
    #[error(
        "the stored password hash cannot be read; set the password anew with `watchbell user passwd`"
    )]
    Stored,
    /// No randomness for the salt, no memory.
    #[error("the password could not be hashed: {0}")]
    Hash(HashError),
}

impl PasswordError {
    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        let zh = match self {
            Self::Length => format!("密码至少 {MIN_CHARS} 个字符，至多 {MAX_BYTES} 字节。"),
            Self::IsName => "密码不能与用户名相同，请另选一个。".into(),
            Self::Stored => {
                "数据库里的密码摘要无法读取，请用 watchbell user passwd 重新设置密码。".into()
            }
            Self::Hash(e) => format!("无法计算密码摘要：{e}"),
        };
        lang.pick(zh, self.to_string())
    }
}

/// Checks a new password by the rules and hashes it, as a PHC text.
pub fn hash(user: &str, password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_CHARS || password.len() > MAX_BYTES {
        return Err(PasswordError::Length);
    }
    if password.eq_ignore_ascii_case(user) {
        return Err(PasswordError::IsName);
    }
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(PasswordError::Hash)?;
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
        assert!(matches!(hash("wang", "short"), Err(PasswordError::Length)));
        assert!(matches!(
            hash("wangxiaoming", "WangXiaoMing"),
            Err(PasswordError::IsName)
        ));
        assert!(matches!(
            hash("wang", &"x".repeat(300)),
            Err(PasswordError::Length)
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
