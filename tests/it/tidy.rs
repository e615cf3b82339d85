//! House rules as ordinary tests: who may import whom, how long a file gets, where the clock is read.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use watchbell::domain::message::{Outcome, SuppressReason};

/// Every arrow between the modules of `src/`, lowest first: who imports whom, beside itself. A new module or
/// arrow has to be entered here: whoever adds one decides where it stands.
const ARROWS: &[(&str, &[&str])] = &[
    // Rules: values in, values out.
    ("domain", &[]),
    // Salts, and chance by seed.
    ("random", &[]),
    ("clock", &["domain"]),
    ("config", &["domain"]),
    // One HTTP client and signed bodies.
    ("web", &[]),
    // Tasks that are watched.
    ("tasks", &[]),
    ("telemetry", &["clock", "domain", "web"]),
    // Rows stay inside, typed values come out.
    ("store", &["domain", "telemetry"]),
    // No SQL in a gateway, no gateway in the store: the engine joins them.
    (
        "gateway",
        &["clock", "config", "domain", "random", "tasks", "web"],
    ),
    // The carriers' interface and papers know no order's life.
    ("work_orders", &["config", "domain", "web"]),
    ("intake", &["domain"]),
    ("report", &["domain"]),
    // Tries a gateway before anything is sent through it; no rights, no ledger.
    (
        "acceptance",
        &[
            "clock", "config", "domain", "gateway", "intake", "random", "report", "tasks",
        ],
    ),
    // The other end of the same interfaces.
    (
        "simulate",
        &["clock", "config", "domain", "random", "web", "work_orders"],
    ),
    // Only writer of campaign and run state.
    (
        "campaign",
        &["clock", "config", "domain", "store", "telemetry"],
    ),
    // Sending, and the journal of what became of it.
    (
        "engine",
        &[
            "campaign",
            "clock",
            "config",
            "domain",
            "gateway",
            "random",
            "store",
            "tasks",
            "telemetry",
        ],
    ),
    // From the ledger alone to what the tables must hold.
    ("audit", &["config", "domain", "store"]),
    // Use cases: rights and refusals live here.
    (
        "service",
        &[
            "acceptance",
            "audit",
            "campaign",
            "clock",
            "config",
            "domain",
            "engine",
            "gateway",
            "intake",
            "random",
            "report",
            "store",
            "telemetry",
            "work_orders",
        ],
    ),
    // Doors ask the service only.
    ("http", &["service", "telemetry"]),
    // Starts the parts, and the practice partners.
    (
        "app",
        &[
            "campaign",
            "clock",
            "config",
            "domain",
            "engine",
            "gateway",
            "http",
            "service",
            "simulate",
            "tasks",
            "telemetry",
        ],
    ),
    // A whole office lived through.
    (
        "demo",
        &[
            "app",
            "clock",
            "config",
            "domain",
            "intake",
            "random",
            "service",
            "simulate",
            "store",
            "telemetry",
        ],
    ),
    // Figures of single parts, without what is around them.
    ("bench", &["campaign", "clock", "config", "domain", "store"]),
    // One service call a command, and what it starts.
    (
        "cli",
        &[
            "app",
            "bench",
            "clock",
            "config",
            "demo",
            "domain",
            "intake",
            "service",
            "simulate",
            "tasks",
            "telemetry",
        ],
    ),
];

fn arrows(module: &str) -> Option<&'static [&'static str]> {
    let entry = ARROWS.iter().find(|(name, _)| *name == module)?;
    Some(entry.1)
}

/// Where some names may stand: crates and calls that belong to one layer.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx::", &["store"]),
    // The report for what carriers' codes mean.
    ("watchbell_wire::", &["gateway", "simulate", "report"]),
    ("Utc::now", &["clock"]),
    ("Local::now", &["clock"]),
    ("SystemTime::now", &["clock"]),
    ("std::time::Instant", &[]),
    ("std::env::var", &["config"]),
    (".unwrap()", &[]),
    ("todo!(", &[]),
    ("unimplemented!(", &[]),
    ("dbg!(", &[]),
    ("#[allow(", &[]),
    ("unbounded_channel", &[]),
];

/// What the domain does not know.
const NOT_IN_DOMAIN: &[&str] = &[
    "tokio::",
    "async fn",
    ".await",
    "std::fs",
    "std::net",
    "reqwest::",
    "tracing::",
];

/// A file past this is two; past 500 it is asking the question.
const MAX_LINES: usize = 800;

#[test]
fn imports_point_downward() {
    let mut wrong = String::new();
    for (at, (module, to)) in ARROWS.iter().enumerate() {
        for to in *to {
            if !ARROWS[..at].iter().any(|(lower, _)| lower == to) {
                let _ = writeln!(wrong, "{module} -> {to} points up, or to nothing");
            }
        }
    }
    for source in sources() {
        let allowed = arrows(&source.module).unwrap_or_default();
        for to in imports(&source.code) {
            if to != source.module && !allowed.contains(&to.as_str()) {
                let _ = writeln!(
                    wrong,
                    "{}: {} may not import {to} (tests/it/tidy.rs)",
                    source.path, source.module
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_arrow_is_used() {
    let sources = sources();
    let is_used = |module: &str, to: &str| {
        let mut mine = sources.iter().filter(|s| s.module == module);
        mine.any(|s| imports(&s.code).iter().any(|i| i == to))
    };
    let unused: Vec<_> = ARROWS
        .iter()
        .flat_map(|(module, to)| to.iter().map(move |to| (module, to)))
        .filter(|(module, to)| !is_used(module, to))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_module_has_its_place_and_says_what_it_is_for() {
    let is_root = |s: &&Source| {
        let inside = s.path.strip_prefix("src/").unwrap();
        !inside.contains('/') && !["lib", "main"].contains(&s.module.as_str())
    };
    for source in sources().iter().filter(is_root) {
        assert!(
            arrows(&source.module).is_some(),
            "enter {} in tests/it/tidy.rs",
            source.path
        );
        let text = fs::read_to_string(root().join(&source.path)).unwrap();
        assert!(text.starts_with("//! "), "{}: what is it for?", source.path);
    }
}

#[test]
fn what_belongs_to_one_layer_stays_there() {
    let mut wrong = String::new();
    for source in sources() {
        for (name, homes) in ONLY_IN {
            if !homes.contains(&source.module.as_str()) {
                report(&mut wrong, &source, name);
            }
        }
        if source.module == "domain" {
            for name in NOT_IN_DOMAIN {
                report(&mut wrong, &source, name);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Statements that write the state of a campaign or a run: `campaign::lifecycle`'s alone.
const LIFECYCLE: &[&str] = &[
    ".insert_campaign(",
    ".update_campaign(",
    ".set_intent(",
    ".excuse_late(",
    ".approve_run(",
    ".open_run(",
    ".close_run(",
    ".miss_run(",
    ".finish_run(",
];

#[test]
fn one_room_writes_the_states_of_campaigns_and_runs() {
    let mut wrong = String::new();
    for source in sources().iter().filter(|s| s.module != "campaign") {
        for statement in LIFECYCLE {
            report(&mut wrong, source, &format!("tx{statement}"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Rows stay inside the store: what it hands out is typed. Verification alone reads what stands there.
#[test]
fn no_row_leaves_the_store() {
    let mut wrong = String::new();
    for source in sources().iter().filter(|s| s.module == "store") {
        if source.path.ends_with("/audit.rs") {
            continue;
        }
        for (line, name) in public_rows(&source.code) {
            let _ = writeln!(
                wrong,
                "{}:{line}: {name} is a public row; make the row private and read it into a typed value (CONTRIBUTING.md, \"a table\")",
                source.path
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Structs that are public and derive `FromRow`, with their lines.
fn public_rows(code: &[(usize, String)]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut derives = String::new();
    for (line, text) in code {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("pub struct ")
            && derives.contains("FromRow")
        {
            found.push((*line, head_of(rest)));
        }
        // A derive may go over several lines, and other attributes may come between it and its struct.
        match text.ends_with('}') || text.ends_with(';') || text.contains("struct ") {
            true => derives.clear(),
            false => derives.push_str(text),
        }
    }
    found
}

/// The name that a declaration begins with.
fn head_of(declared: &str) -> String {
    let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
    declared.chars().take_while(is_name).collect()
}

#[test]
fn a_public_row_is_seen_however_its_attributes_are_written() {
    let text = "#[derive(\n    Debug,\n    sqlx::FromRow,\n)]\n#[sqlx(default)]\npub struct A {\n    x: i64,\n}\n\n\
                #[derive(FromRow)]\nstruct B {\n}\n\npub struct C {\n}\n\n\
                #[derive(FromRow)]\npub(super) struct D;\n\npub struct E;\n";
    assert_eq!(public_rows(&code(text)), [(6, "A".to_owned())]);
}

/// Rights live in the service: nobody else asks for one.
#[test]
fn only_the_service_asks_for_rights() {
    let mut wrong = String::new();
    for source in sources() {
        if !["service", "domain"].contains(&source.module.as_str()) {
            report(&mut wrong, &source, ".may(");
            report(&mut wrong, &source, ".may_approve(");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn files_stay_short() {
    let long: Vec<_> = ["src", "tests", "crates"]
        .into_iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines: {long:?}");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| -> Vec<_> {
        let mut names: Vec<_> = fs::read_dir(root().join("migrations").join(folder))
            .map(|dir| dir.map(|e| e.unwrap().file_name()).collect())
            .unwrap_or_default();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

struct Source {
    /// Relative to the repository.
    path: String,
    /// The module of `src/` that it is part of.
    module: String,
    /// Its lines without comments and tests, numbered.
    code: Vec<(usize, String)>,
}

fn report(wrong: &mut String, source: &Source, name: &str) {
    for (line, _) in source.code.iter().filter(|(_, text)| text.contains(name)) {
        let _ = writeln!(
            wrong,
            "{}:{line}: `{name}` does not belong here (tests/it/tidy.rs)",
            source.path
        );
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let all: Vec<_> = rust_files(&src)
        .into_iter()
        .filter(|p| !is_test(p))
        .collect();
    assert!(
        all.len() > 5,
        "the sources were not found in {}",
        src.display()
    );
    all.into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let first = inside
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_string_lossy();
            Source {
                module: first.trim_end_matches(".rs").to_owned(),
                code: code(&fs::read_to_string(&path).unwrap()),
                path: format!("src/{}", inside.display()),
            }
        })
        .collect()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy();
    name == "tests"
        || name.ends_with("_tests")
        || path.components().any(|c| c.as_os_str() == "tests")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "target") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The lines that run: no comments, and nothing after the first test module (tests come last).
fn code(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let end = (0..lines.len())
        .find(|&n| {
            lines[n].trim() == "#[cfg(test)]"
                && lines
                    .get(n + 1)
                    .is_some_and(|l| l.starts_with("mod ") && l.ends_with('{'))
        })
        .unwrap_or(lines.len());
    lines[..end]
        .iter()
        .enumerate()
        .map(|(n, line)| {
            (
                n + 1,
                line.split("//").next().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

/// The modules named after `crate::`, also inside braces.
fn imports(code: &[(usize, String)]) -> Vec<String> {
    let text: String = code
        .iter()
        .fold(String::new(), |all, (_, line)| all + line + "\n");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        // `$crate::` in a macro is its own crate all the same; `my_crate::` is not this one.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(heads(group));
        } else {
            found.extend(head(rest));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The first name of each item of a group, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut start = 0;
    let mut found = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.extend(head(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(head(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// A module's name; types and macros at the root begin otherwise.
fn head(path: &str) -> Option<String> {
    let path = path.trim_start();
    let end = path
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(path.len());
    let name = &path[..end];
    name.starts_with(|c: char| c.is_ascii_lowercase())
        .then(|| name.to_owned())
        .filter(|n| n != "self" && n != "super")
}

#[test]
fn a_nested_import_is_read_by_its_first_names() {
    let text = "use crate::{\n    alert::{Alerts, Kind}, // crate::nothing\n    clock::Clock,\n    store,\n};\nlet x = crate::domain::id::RunId(1);";
    assert_eq!(imports(&code(text)), ["alert", "clock", "domain", "store"]);
}

/// Every word that an entry may hold stands in the ledger's document.
#[test]
fn the_ledgers_document_knows_each_word() {
    let document = fs::read_to_string("docs/ledger.md").unwrap();
    let variants = |file: &str, name: &str| -> Vec<String> {
        let source = fs::read_to_string(file).unwrap();
        let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
        let (body, _) = body.split_once("\n}").unwrap();
        let variant = |line: &str| {
            let word = line.strip_prefix("    ")?;
            let is_one = word.starts_with(|c: char| c.is_ascii_uppercase());
            is_one.then(|| snake(word.split([' ', ',', '(']).next().unwrap()))
        };
        body.lines().filter_map(variant).collect()
    };
    let mut words = variants("src/domain/event.rs", "Event");
    words.extend(variants("src/domain/message.rs", "Change"));
    words.extend(Outcome::ALL.map(|o| o.as_str().to_owned()));
    words.extend(SuppressReason::ALL.map(|r| r.as_str().to_owned()));
    let unknown: Vec<_> = words
        .iter()
        .filter(|w| !document.contains(&format!("`{w}`")))
        .collect();
    assert!(words.len() > 50 && unknown.is_empty(), "{unknown:?}");
}

fn snake(name: &str) -> String {
    let mut word = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

/// Each metric is declared in one place, with its words, and written somewhere else.
#[test]
fn every_metric_that_is_declared_is_written() {
    let declared = fs::read_to_string(root().join("src/telemetry.rs")).unwrap();
    let names: Vec<_> = declared
        .lines()
        .filter_map(|line| Some(line.split_once(" = \"watchbell_")?.0.trim()))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    let elsewhere: String = sources()
        .into_iter()
        .filter(|s| s.path != "src/telemetry.rs")
        .flat_map(|s| s.code)
        .map(|(_, line)| line)
        .collect();
    for name in names {
        let is_written = ["add", "set", "record"]
            .iter()
            .any(|how| elsewhere.contains(&format!("{name}.{how}(")));
        assert!(is_written, "{name} is declared and never written");
    }
    assert!(
        !elsewhere.contains("metrics::counter!"),
        "declare it in telemetry.rs"
    );
}

/// A column that a newer version adds must not reach a process that does not know it.
#[test]
fn statements_name_their_columns() {
    for (path, text) in texts("src/store") {
        for (at, _) in text.match_indices("SELECT *") {
            let from = &text[at..text.len().min(at + 30)];
            assert!(from.contains("FROM UNNEST("), "{path}: {from}");
        }
        assert!(
            !text.contains(".* FROM") && !text.contains(".*,"),
            "{path}: a table's columns are named"
        );
    }
}

/// Whoever writes the ledger begins with its entry, and so with the chain's head; what begins otherwise writes rows of
/// one kind and waits for nobody in a circle.
#[test]
fn acts_begin_with_their_entry() {
    let without = [
        "ask_again",
        "clear_half_made",
        "command_retry",
        "freeze",
        "freeze_begin",
        "freeze_clear",
        "freeze_lane",
        "give_lease_back",
        "renew_lease",
        "take_lease",
    ];
    let mut seen = Vec::new();
    for (path, text) in texts("src") {
        for rest in text.split("tore.begin(\"").skip(1) {
            let name = rest.split('"').next().unwrap().to_owned();
            assert!(
                without.contains(&name.as_str()),
                "{path}: {name} begins without its entry"
            );
            seen.push(name);
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, without);
}

/// The files of a folder with their text, tests left out.
fn texts(folder: &str) -> Vec<(String, String)> {
    let files = rust_files(&root().join(folder))
        .into_iter()
        .filter(|path| !is_test(path));
    files
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}
