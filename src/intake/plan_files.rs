//! Plan files with their folders of texts, and the plan and texts that come with the program.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use chrono_tz::Tz;

use crate::domain::{
    calendar::Calendar,
    lang::Lang,
    plan::{Plan, Problem, Read, Resolved},
};

/// The example county's plan for the safety month.
pub const PLAN: &str = include_str!("../../config/plans/safety-month-2023.toml");

/// The name of its file.
pub const PLAN_FILE: &str = "safety-month-2023.toml";

/// Names texts and takes them in.
macro_rules! texts {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/messages/", $name, ".txt")))),*]
    };
}

/// The message texts that come with the program; a test compares the list with the folder.
pub const TEXTS: &[(&str, &str)] = texts![
    "arrangements-units",
    "closing-leaders",
    "closing-staff",
    "closing-units",
    "consultation-eve-staff",
    "consultation-morning-leaders",
    "consultation-units",
    "creations-units",
    "dragon-boat-leaders",
    "dragon-boat-staff",
    "dragon-boat-units",
    "drill-leaders",
    "drill-staff",
    "drill-tip-units",
    "drill-units",
    "drowning-units",
    "essay-units",
    "fire-units",
    "flood-leaders",
    "flood-staff",
    "gaokao-leaders",
    "gaokao-morning-leaders",
    "gaokao-units",
    "heat-leaders",
    "opening-leaders",
    "opening-staff",
    "opening-units",
    "rainstorm-rehearsal",
    "sites-units",
    "subscribers-mobile",
    "subscribers-telecom",
    "subscribers-unicom",
    "warning-week-leaders",
    "warning-week-units",
    "work-plan-units",
];

/// The calendar of this file; without one, that which comes with the program.
pub fn calendar(file: Option<&Path>) -> Result<Calendar, CalendarFileError> {
    let Some(path) = file else {
        return Ok(Calendar::builtin());
    };
    let wrong = |why: String| CalendarFileError {
        path: path.to_owned(),
        why,
    };
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    Calendar::parse(text.trim_start_matches('\u{feff}')).map_err(|e| wrong(e.to_string()))
}

/// A calendar file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the calendar {path}: {why}; mend it, or leave [sending] calendar empty")]
pub struct CalendarFileError {
    /// Where it is, or should be.
    pub path: PathBuf,
    /// What is wrong, with its line.
    pub why: String,
}

impl CalendarFileError {
    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        let (path, why) = (self.path.display(), &self.why);
        lang.pick(
            format!("日历文件 {path} 不能用：{why}；请改正，或把 [sending] calendar 留空"),
            self.to_string(),
        )
    }
}

/// A plan file that was read.
#[derive(Debug, Clone)]
pub struct PlanFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub source: String,
    /// What that means.
    pub read: Read,
}

/// A plan file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be read.
    #[error("cannot read the plan {path}: {source}")]
    Io {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something in it is wrong: all of it.
    #[error("{} problems in the plan {path}", problems.len())]
    Wrong {
        /// Where it is.
        path: PathBuf,
        /// What is wrong, by line.
        problems: Vec<Problem>,
    },
}

impl PlanFileError {
    /// A line for each thing that is wrong.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Io { path, source } => {
                let path = path.display();
                lang.pick(
                    format!("读不了计划文件 {path}：{source}"),
                    format!("cannot read the plan {path}: {source}"),
                )
            }
            Self::Wrong { path, problems } => {
                let path = path.display().to_string();
                let lines: Vec<_> = problems.iter().map(|p| p.text(&path, lang)).collect();
                lines.join("\n")
            }
        }
    }
}

impl PlanFile {
    /// Reads it.
    pub fn load(path: &Path) -> Result<Self, PlanFileError> {
        let bytes = fs::read(path).map_err(|source| PlanFileError::Io {
            path: path.to_owned(),
            source,
        })?;
        let source = String::from_utf8(bytes).map_err(|_| PlanFileError::Io {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 · 请存为 UTF-8 编码"),
        })?;
        let source = source.trim_start_matches('\u{feff}').to_owned();
        match Plan::parse(&source) {
            Ok(read) => Ok(Self {
                path: path.to_owned(),
                source,
                read,
            }),
            Err(problems) => Err(PlanFileError::Wrong {
                path: path.to_owned(),
                problems,
            }),
        }
    }

    /// The plan that comes with the program.
    pub fn builtin() -> Self {
        Self {
            path: PathBuf::from(PLAN_FILE),
            source: PLAN.to_owned(),
            read: Plan::parse(PLAN).expect("a test reads the built-in plan"),
        }
    }

    /// Works it out: with the texts of its folder, and where a text is not there, with the one that comes with the
    /// program. `groups`: those there are, where they are known.
    pub fn resolve(
        &self,
        calendar: &Calendar,
        office: Tz,
        groups: Option<&[String]>,
    ) -> Result<Resolved, PlanFileError> {
        let folder = self.folder();
        let text = |name: &str| {
            let file = folder.as_ref().map(|f| f.join(format!("{name}.txt")));
            // A text that is not UTF-8 is no text.
            let written = file.and_then(|f| fs::read_to_string(f).ok());
            written
                .map(|t| t.trim_start_matches('\u{feff}').trim_end().to_owned())
                .or_else(|| builtin_text(name).map(|t| t.trim_end().to_owned()))
        };
        self.read
            .resolve(&text, &self.names(), calendar, office, groups)
            .map_err(|problems| PlanFileError::Wrong {
                path: self.path.clone(),
                problems,
            })
    }

    fn folder(&self) -> Option<PathBuf> {
        let texts = self.read.plan.texts.as_ref()?;
        Some(self.path.parent().unwrap_or(Path::new("")).join(texts))
    }

    /// The texts there are, to name the one that was meant.
    fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = TEXTS.iter().map(|(n, _)| (*n).to_owned()).collect();
        let files = self.folder().and_then(|f| fs::read_dir(f).ok());
        for file in files.into_iter().flatten().flatten() {
            let path = file.path();
            if path.extension().is_some_and(|e| e == "txt") {
                names.extend(path.file_stem().map(|s| s.to_string_lossy().into_owned()));
            }
        }
        names.into_iter().collect()
    }
}

/// A text that comes with the program.
pub fn builtin_text(name: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(n, _)| *n == name).map(|(_, t)| *t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_folder_comes_with_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/messages");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|f| {
                f.unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        files.sort();
        let listed: Vec<_> = TEXTS.iter().map(|(n, _)| *n).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn the_built_in_plan_can_be_used_as_it_is() {
        let plan = PlanFile::builtin();
        let resolved = plan
            .resolve(&Calendar::builtin(), chrono_tz::Asia::Shanghai, None)
            .unwrap_or_else(|e| panic!("{}", e.text(Lang::En)));
        assert_eq!(resolved.warnings, []);
        let slots: usize = resolved.items.iter().map(|i| i.slots.len()).sum();
        assert!(slots >= 25, "{slots}");
        assert_eq!(resolved.orders.len(), 3);
    }
}
