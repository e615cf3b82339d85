//! Who stands at the keyboard: a user with a password, or the account of the operating system.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    os::unix::fs::MetadataExt as _,
};

use super::{error::CliError, refusal::CliRefusal};
use crate::{config::Secret, domain::lang::Lang};

/// Proves `--as USER` where nobody can be asked.
pub const PASSWORD_VARIABLE: &str = "WATCHBELL_PASSWORD";
/// A password to be set (`user add`, `user passwd`) where nobody can be asked.
pub const NEW_PASSWORD_VARIABLE: &str = "WATCHBELL_NEW_PASSWORD";

/// Who somebody says they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// `--as USER`: for the service to check.
    User {
        /// The name.
        name: String,
        /// What should prove it.
        password: Secret,
    },
    /// Nobody in particular: the account of the operating system.
    System {
        /// Its name.
        account: String,
    },
}

impl Claim {
    /// By `--as`, with the password from the environment or asked for.
    pub fn of(as_user: Option<&str>, password: Option<&str>, lang: Lang) -> Result<Self, CliError> {
        let Some(name) = as_user else {
            return Ok(Self::System {
                account: os_account(),
            });
        };
        let password = match password {
            Some(p) => Secret::new(p),
            None => ask(
                &lang.pick(format!("{name} 的密码："), format!("Password of {name}: ")),
                PASSWORD_VARIABLE,
            )?,
        };
        Ok(Self::User {
            name: name.to_owned(),
            password,
        })
    }
}

/// A password to be set: from `given`, else asked for twice, else (no terminal) one line of standard input.
pub fn new_password(given: Option<&str>, name: &str, lang: Lang) -> Result<Secret, CliError> {
    if let Some(given) = given {
        return Ok(Secret::new(given));
    }
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        let line = line.trim_end_matches(['\r', '\n']);
        return if line.is_empty() {
            Err(nobody_to_ask(NEW_PASSWORD_VARIABLE))
        } else {
            Ok(Secret::new(line))
        };
    }
    let first = ask(
        &lang.pick(
            format!("{name} 的新密码："),
            format!("New password of {name}: "),
        ),
        NEW_PASSWORD_VARIABLE,
    )?;
    let second = ask(
        lang.pick("再输一次：", "Once more: "),
        NEW_PASSWORD_VARIABLE,
    )?;
    if first == second {
        Ok(first)
    } else {
        Err(CliRefusal::PasswordsDiffer.into())
    }
}

fn ask(prompt: &str, instead: &'static str) -> Result<Secret, CliError> {
    // The terminal itself is asked, so that a redirected input or output does not matter.
    rpassword::prompt_password(prompt)
        .map(Secret::new)
        .map_err(|_| nobody_to_ask(instead))
}

fn nobody_to_ask(variable: &'static str) -> CliError {
    CliRefusal::NoTerminal { variable }.into()
}

/// The account's name by the owner of this process, not by `$USER`, which anybody may set and cron does not.
pub fn os_account() -> String {
    let Ok(me) = std::fs::metadata("/proc/self") else {
        return "unknown".into();
    };
    let uid = me.uid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then_some(name)
    });
    name.map_or_else(|| format!("uid-{uid}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_it_is_the_account_of_the_machine() {
        let claim = Claim::of(None, Some("ignored"), Lang::En).unwrap();
        assert_eq!(
            claim,
            Claim::System {
                account: os_account()
            }
        );
        assert_ne!(os_account(), "unknown");
    }

    #[test]
    fn a_name_comes_with_its_password() {
        let claim = Claim::of(Some("wang"), Some("secret"), Lang::En).unwrap();
        assert_eq!(
            claim,
            Claim::User {
                name: "wang".into(),
                password: Secret::new("secret")
            }
        );
        assert!(!format!("{claim:?}").contains("secret"));
    }
}
