//! Whom a campaign goes to, as it is written down: a file, or groups by name. Who that is, is worked out when
//! a run is frozen ([`super::audience`]).

use serde::Deserialize;

/// An audience in words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AudienceSpec {
    /// Everybody in an address book, by its path.
    File(String),
    /// Groups by name.
    Groups {
        /// Who; where a number stands in several, the first one's row wins.
        include: Vec<String>,
        /// Nobody of these.
        exclude: Vec<String>,
    },
}

/// The text is no audience.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names neither a file nor groups")]
pub struct NoAudience(pub String);

impl AudienceSpec {
    /// As it is stored, and as an approval binds it. The same audience always gives the same bytes.
    pub fn to_json(&self) -> String {
        match self {
            Self::File(file) => serde_json::json!({ "file": file }),
            Self::Groups { include, exclude } => {
                serde_json::json!({ "include": include, "exclude": exclude })
            }
        }
        .to_string()
    }

    /// The groups it goes to; none of a file.
    pub fn groups(&self) -> &[String] {
        match self {
            Self::File(_) => &[],
            Self::Groups { include, .. } => include,
        }
    }

    /// In a few words, for people.
    pub fn name(&self) -> String {
        match self {
            Self::File(file) => file.clone(),
            Self::Groups { include, .. } => include.join("、"),
        }
    }
}

/// As [`AudienceSpec::to_json`].
impl std::fmt::Display for AudienceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// Reads what [`AudienceSpec::to_json`] writes.
impl std::str::FromStr for AudienceSpec {
    type Err = NoAudience;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        #[derive(Deserialize)]
        struct Stored {
            file: Option<String>,
            include: Option<Vec<String>>,
            #[serde(default)]
            exclude: Vec<String>,
        }
        match serde_json::from_str(text) {
            Ok(Stored {
                file: Some(file),
                include: None,
                ..
            }) => Ok(Self::File(file)),
            Ok(Stored {
                file: None,
                include: Some(include),
                exclude,
            }) => Ok(Self::Groups { include, exclude }),
            _ => Err(NoAudience(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_and_its_bytes_never_change() {
        let groups = AudienceSpec::Groups {
            include: vec!["全县".into(), "b".into()],
            exclude: vec!["停用".into()],
        };
        assert_eq!(
            groups.to_json(),
            r#"{"exclude":["停用"],"include":["全县","b"]}"#,
            "approvals bind these bytes"
        );
        let file = AudienceSpec::File("名单.csv".into());
        assert_eq!(file.to_json(), r#"{"file":"名单.csv"}"#);
        for spec in [groups, file] {
            assert_eq!(spec.to_json().parse(), Ok(spec));
        }
        assert!("{}".parse::<AudienceSpec>().is_err());
        assert!(r#"{"include":["a"],"file":"b"}"#.parse::<AudienceSpec>().is_err());
    }
}
