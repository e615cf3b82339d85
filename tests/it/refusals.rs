//! Every refusal has a code, is said in both languages and, with `--json`, is one object; `docs/errors.md` lists them all.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use watchbell::{cli::CliRefusal, domain::refusal::Entry, service::refusal::TABLES};

/// What no story of refusals raises.
const BROKEN_MACHINE: &[&str] = &[
    // The machine: a disk, a network, a terminal.
    "database",
    "perhaps_done",
    "engine",
    "engine_lock",
    "http_unusable",
    "webhook_unusable",
    "file_unreadable",
    "password_not_hashed",
    "passwords_differ",
    "stop_not_counted",
    "corrected_file_too_long",
    // A database that somebody has changed by hand.
    "password_hash_unreadable",
    "group_cycle",
    // Two people or processes at the same moment; stories of the parts raise them by hand.
    "group_changed_meanwhile",
    "campaign_changed_meanwhile",
    "campaign_does_not_fire",
    "campaign_approved_anew",
    "not_as_seen",
    "quotas_taken",
    "run_changed_meanwhile",
    "run_cleared_away",
    "run_is_over",
    "work_order_changed_meanwhile",
    "lease_taken_over",
    // Days of a campaign's or an order's life.
    "campaign_too_late",
    "evidence_missing",
    // A fault of the program.
    "letter_cannot_be_written",
    "protocol_cannot_be_written",
    "report_cannot_be_written",
    "value_changes_frame",
    "no_long_text",
    "gateway_wording_unusable",
    "gateway_wording_too_long",
    "demo_database_used",
    "demo_setup",
    "demo_failed",
    "demo_stands_still",
];

fn tables() -> impl Iterator<Item = (&'static str, &'static [Entry])> {
    let cli = [("The command line", CliRefusal::TABLE)];
    cli.into_iter().chain(TABLES.iter().copied())
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    tables().flat_map(|(_, table)| table)
}

#[test]
fn every_code_is_one_refusal_in_plain_words() {
    let mut seen = BTreeSet::new();
    for entry in entries() {
        let Entry { code, facts, .. } = entry;
        assert!(seen.insert(code), "{code} stands for two refusals");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(
            code.chars().all(plain) && !code.starts_with('_') && !code.contains("__"),
            "{code}"
        );
        assert!(
            !entry.means.trim().is_empty() && !entry.mend.trim().is_empty(),
            "{code}"
        );
        for reserved in ["code", "message"] {
            assert!(!facts.contains(&reserved), "{code}: {reserved} is taken");
        }
        for sentence in [entry.zh, entry.en] {
            for capture in sentence.split('{').skip(1) {
                let name = capture.split(['}', ':']).next().unwrap();
                assert!(facts.contains(&name), "{code}: {sentence}");
            }
        }
    }
}

#[test]
fn every_code_is_raised_by_a_test_or_needs_a_broken_machine() {
    let stories = ["refusal_stories", "refusal_office", "schema_versions"];
    let tests =
        stories.map(|f| fs::read_to_string(root().join(format!("tests/it/{f}.rs"))).unwrap());
    let tests = tests.concat();
    let mut wrong = String::new();
    for Entry { code, .. } in entries() {
        let raised = tests.contains(&format!("\"{code}\""));
        let listed = BROKEN_MACHINE.contains(code);
        if raised == listed {
            writeln!(wrong, "{code}: raised {raised}, listed {listed}").unwrap();
        }
    }
    for code in BROKEN_MACHINE {
        if !entries().any(|e| e.code == *code) {
            writeln!(wrong, "{code}: no such code").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_list_of_codes_is_up_to_date() {
    const REFRESH: &str =
        "WATCHBELL_WRITE_DOCS=1 cargo nextest run -E 'test(the_list_of_codes_is_up_to_date)'";
    let path = root().join("docs/errors.md");
    let fresh = page(REFRESH);
    if std::env::var_os("WATCHBELL_WRITE_DOCS").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == fresh, "docs/errors.md is stale: {REFRESH}");
}

fn page(refresh: &str) -> String {
    let mut page = format!(
        "# Codes of refusals and failures

With `--json` a command prints exactly one object on standard output, also when it refuses or fails:

```json
{{\"error\":{{\"code\":\"unknown_group\",\"message\":\"no group \\\"安委会\\\"; there are: 应急办\",\"group\":\"安委会\",\"known\":[\"应急办\"]}}}}
```

`code` never changes and never gets another meaning; `message` is the sentence that stands on standard error, in the language chosen
by `--lang` or the locale. What the sentence speaks of stands beside them under the names that the table has in braces. Numbers are
masked or left out; a password or a message's text never stands there. A row of an address book that cannot be used is no refusal of
the command: its codes (`phone_too_short` …) stand in the import's own answer.

Exit 1: it was understood, and the answer is no. Exit 2: wrong usage or configuration, or not built yet.

Made from the code by `{refresh}`.
"
    );
    for (heading, table) in tables() {
        write!(page, "\n## {heading}\n\n| code | exit | it means | what to do | it says |\n|---|---|---|---|---|\n").unwrap();
        for entry in table {
            let Entry { code, zh, en, .. } = entry;
            let exit = entry.kind.exit_code();
            let (means, mend) = (entry.means.trim(), entry.mend.trim());
            let cells = [means, mend, zh, en].map(|cell| cell.replace('|', "\\|"));
            let [means, mend, zh, en] = cells;
            writeln!(
                page,
                "| `{code}` | {exit} | {means} | {mend} | {zh}<br>{en} |"
            )
            .unwrap();
        }
    }
    page
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
