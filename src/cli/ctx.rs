//! What a command has at hand: settings, language, who acts, where to print.

use std::collections::BTreeMap;

use super::{Exit, Global, actor::Claim, error::CliError, out::Out};
use crate::{
    clock::Clock,
    config::Config,
    domain::{lang::Lang, role::Actor},
    service::Office,
};

/// What every command has at hand.
#[derive(Debug)]
pub struct Ctx {
    /// The language that the person reads.
    pub lang: Lang,
    /// Standard output and standard error.
    pub out: Out,
    global: Global,
    env: BTreeMap<String, String>,
    wants_json: bool,
}

impl Ctx {
    /// From the global arguments and the environment; `wants_json`: `--json` was given.
    pub fn new(global: Global, env: BTreeMap<String, String>, wants_json: bool) -> Self {
        let lang = global.lang.unwrap_or_else(|| lang_of(&env));
        Self {
            lang,
            out: Out::process(),
            global,
            env,
            wants_json,
        }
    }

    /// The settings; read when asked for, since some commands need none.
    pub fn config(&self) -> Result<Config, CliError> {
        let env = self.env.iter().map(|(k, v)| (k.clone(), v.clone()));
        let config = Config::load(self.global.config.as_deref(), env)?;
        Ok(crate::app::with_practice_gateways(config))
    }

    /// Who acts, by the person's word; the service checks the password and says what they may do.
    pub fn claim(&self) -> Result<Claim, CliError> {
        Claim::of(
            self.global.as_user.as_deref(),
            self.env(super::actor::PASSWORD_VARIABLE),
            self.lang,
        )
    }

    /// The office, by the settings and the machine's clock.
    pub async fn office(&self) -> Result<Office, CliError> {
        Ok(Office::open(self.config()?, Clock::system()).await?)
    }

    /// Who acts, with a password that was checked where one is needed.
    pub async fn actor(&self, office: &Office) -> Result<Actor, CliError> {
        Ok(match self.claim()? {
            Claim::User { name, password } => office.users().authenticate(&name, &password).await?,
            Claim::System { account } => Actor::System { account },
        })
    }

    /// Did somebody say who they are (`--as`)?
    pub fn as_user(&self) -> Option<&str> {
        self.global.as_user.as_deref()
    }

    /// An environment variable, when it is not empty.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// The wording in the person's language.
    pub fn say<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(zh, en)
    }

    /// Says what went wrong on standard error, and with `--json` also as the one object on standard output; gives
    /// its exit code.
    pub(super) fn explain(&self, error: &CliError) -> Exit {
        if let Some(text) = error.text(self.lang) {
            // Whoever reads errors may be gone as well.
            _ = self.out.note(&text);
        }
        self.answer(error)
    }

    /// As [`Ctx::explain`], where standard error has been written already.
    pub(super) fn answer(&self, error: &CliError) -> Exit {
        if self.wants_json
            && !self.out.has_answered()
            && let Some(object) = error.json(self.lang)
        {
            _ = self.out.json(&object);
        }
        error.exit()
    }
}

/// By the first of the variables that is set, as gettext does it: `zh…` is Chinese, anything else English.
fn lang_of(env: &BTreeMap<String, String>) -> Lang {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(|k| env.get(k))
        .find(|v| !v.is_empty());
    if set.is_some_and(|v| v.to_ascii_lowercase().starts_with("zh")) {
        Lang::Zh
    } else {
        Lang::En
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lang(vars: &[(&str, &str)]) -> Lang {
        lang_of(
            &vars
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_language_follows_the_locale_unless_it_is_given() {
        assert_eq!(lang(&[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(lang(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]), Lang::En);
        assert_eq!(lang(&[("LC_ALL", ""), ("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(lang(&[]), Lang::En);
        let given = Global {
            lang: Some(Lang::Zh),
            ..Global::default()
        };
        assert_eq!(Ctx::new(given, BTreeMap::new(), false).lang, Lang::Zh);
    }
}
