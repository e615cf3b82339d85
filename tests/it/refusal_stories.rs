//! What the program refuses, by its own commands: the code, the exit code, both languages, and one JSON object.

use std::collections::BTreeMap;

use clap::Parser as _;
use serde_json::Value;
use watchbell::{
    cli::{Cli, CliError, Ctx},
    domain::lang::Lang,
    engine::lock::EngineLock,
};

use crate::{
    harness::county::carrier,
    harness::program::{PATIENCE, Stage, TEXT, password_of},
    opt_outs::people,
};

/// Seven to fifteen digits in a row after a 1 look like a number that nobody should see.
fn shows_a_number(text: &str) -> bool {
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    runs.any(|digits| digits.len() == 11 && digits.starts_with('1'))
}

/// The real program refuses with `--json`: one object in each language, the same sentence on standard error.
pub(crate) async fn refuses(
    stage: &Stage,
    user: Option<&str>,
    args: &[&str],
    code: &str,
    exit: i32,
) -> Value {
    let mut told = Vec::new();
    for lang in ["zh", "en"] {
        let args = [args, &["--json", "--lang", lang]].concat();
        let ended = match user {
            Some(user) => stage.run_as(user, &args).await,
            None => stage.run(&args).await,
        };
        assert_eq!(ended.code, Some(exit), "{ended:?}");
        assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
        let error = ended.json()["error"].take();
        assert_eq!(error["code"], code, "{ended:?}");
        let message = error["message"].as_str().unwrap().to_owned();
        let spoken = message.contains(|c: char| ('\u{4e00}'..'\u{9fff}').contains(&c));
        assert!(spoken || lang == "en", "{message}");
        for said in [&ended.out, &ended.err] {
            assert!(!shows_a_number(said), "{said}");
        }
        if code != "usage" {
            assert!(ended.err.contains(&message), "{ended:?}");
        }
        told.push(error);
    }
    assert_ne!(told[0]["message"], told[1]["message"], "{code}");
    told.remove(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_json_every_refusal_is_one_object_in_the_language_of_the_person() {
    let mut stage = Stage::open(carrier(), "", "").await;
    stage.set("sending", "require_approval", true);
    people(&stage).await;
    let list = stage.numbers(0, 3).display().to_string();
    let send = ["send", "--to", &list, "--text", TEXT];

    let args = ["send", "--to", &list, "--txt", "致13800138000"];
    let no = refuses(&stage, None, &args, "usage", 2).await;
    assert!(no["message"].as_str().unwrap().contains("--txt"), "{no}");
    refuses(&stage, None, &["doctor"], "not_built", 2).await;
    let no = refuses(&stage, Some("chief"), &send, "role_may_not", 1).await;
    assert_eq!(
        (&no["user"], &no["act"], &no["ask"]),
        (
            &"chief".into(),
            &"submit".into(),
            &serde_json::json!(["clerk"])
        )
    );
    refuses(&stage, None, &send, "person_needed", 1).await;
    let args = ["send", "--group", "全县", "--text", TEXT];
    let no = refuses(&stage, Some("clerk"), &args, "no_groups_yet", 2).await;
    assert_eq!(no["group"], "全县");
    let import = ["contacts", "import", &list, "--group", "乡镇"];
    stage.run_as("clerk", &import).await.ok();
    let no = refuses(&stage, Some("clerk"), &args, "unknown_group", 2).await;
    assert_eq!(no["known"], serde_json::json!(["乡镇"]));
    let restore = stage.run(&["restore", "no.db"]).await;
    assert!(
        restore.code == Some(2) && restore.err.contains("no.db"),
        "{restore:?}"
    );
    for command in [
        "send --to no.csv --text 您好",
        "contacts import no.csv --group 乡镇",
        "work-order import-form no.xlsx",
    ] {
        let args: Vec<_> = command.split(' ').collect();
        let no = refuses(&stage, Some("clerk"), &args, "cannot_open_file", 2).await;
        assert!(no["path"].as_str().unwrap().starts_with("no."), "{no}");
    }
    // A number that somebody typed where a file's name should be.
    let args = ["send", "--to", "13800138000", "--text", TEXT];
    refuses(&stage, Some("clerk"), &args, "cannot_open_file", 2).await;
    let text = "((姓名))您好((工号))";
    let args = ["send", "--group", "乡镇", "--text", text];
    let no = refuses(&stage, Some("clerk"), &args, "unknown_placeholder", 2).await;
    assert!(
        !no.to_string().contains("您好"),
        "no text in an error: {no}"
    );
    let args = ["campaign", "show", "0193b0f0-0000-7000-8000-000000000000"];
    let no = refuses(&stage, None, &args, "not_found", 2).await;
    assert_eq!(no["id"], args[2]);
    let args = ["gateways", "accept", "unicom", "--phones", &list];
    let no = refuses(&stage, Some("root"), &args, "unknown_gateway", 2).await;
    assert_eq!(no["known"], serde_json::json!(["mobile"]));
    refuses(
        &stage,
        Some("clerk"),
        &["plan", "import", "no.toml"],
        "plan_unreadable",
        2,
    )
    .await;
    let plan = stage.file("wrong.toml", "[plan]\nname = \"x\"\nyaer = 2027\n");
    let args = ["plan", "import", &plan.display().to_string()];
    let no = refuses(&stage, Some("clerk"), &args, "plan_has_problems", 1).await;
    assert!(
        no["problems"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["line"] == 3 && p["key"] == "plan.yaer"),
        "{no}"
    );

    // A wrong password, an account that is not let in, settings that cannot be used.
    for (user, code) in [("nobody", "wrong_password"), ("root", "wrong_password")] {
        let mut command = stage.command(&stage.settings_file(), &send);
        command
            .args(["--json", "--as", user])
            .env("WATCHBELL_PASSWORD", "a wrong password");
        let ended = stage.start(command).ended(PATIENCE).await;
        assert_eq!(ended.json()["error"]["code"], code);
        assert!(!ended.out.contains("a wrong password"));
    }
    stage
        .run_as("root", &["user", "disable", "chief"])
        .await
        .ok();
    refuses(&stage, Some("chief"), &["run", "list"], "user_disabled", 1).await;
    stage.configure(|text| text.push_str("rat = 5\n[sending2]\nx = 1\n"));
    let no = refuses(&stage, None, &["run", "list"], "config", 2).await;
    assert!(no["problems"].as_array().unwrap().len() > 1, "{no}");
    stage.configure(|text| *text = text.replace("[[gateways]]", "[x"));
    refuses(&stage, None, &["run", "list"], "config", 2).await;
    stage.configure(|text| {
        *text = format!(
            "practice = true\n{}",
            text.split("[[gateways]]").next().unwrap()
        );
    });
    refuses(&stage, None, &["run", "list"], "made_for_real_sending", 2).await;
    stage.configure(|text| *text = text.replace("watchbell.db", "elsewhere.db"));
    refuses(&stage, None, &["audit", "verify"], "no_database", 1).await;
    let directory = stage.path("folder.db");
    std::fs::create_dir(&directory).unwrap();
    stage.configure(|text| *text = text.replace("watchbell.db", "folder.db"));
    refuses(&stage, None, &["run", "list"], "database_unusable", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_has_answered_prints_no_second_object() {
    let stage = Stage::open(carrier(), "", "").await;
    let plan = stage
        .file("wrong.toml", "[plan]\nyaer = 2027\n")
        .display()
        .to_string();
    let ended = stage.run(&["plan", "check", &plan, "--json"]).await;
    assert_eq!(
        (ended.code, ended.out.lines().count()),
        (Some(1), 1),
        "{ended:?}"
    );
    assert_eq!(ended.json()["ok"], false);
    // Without --json nothing is on standard output.
    let ended = stage.run(&["send", "--to", "no.csv", "--text", TEXT]).await;
    assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{ended:?}");
}

/// One command of the program in this process, by this user.
pub(crate) async fn run(
    stage: &Stage,
    user: &str,
    env: &[(&str, &str)],
    args: &[&str],
) -> Result<(), CliError> {
    let settings = stage.settings_file().display().to_string();
    let mut all = vec!["watchbell", "--config", &settings, "--lang", "en"];
    let mut variables: BTreeMap<String, String> = env
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    if !user.is_empty() {
        all.extend(["--as", user]);
        variables
            .entry("WATCHBELL_PASSWORD".to_owned())
            .or_insert_with(|| password_of(user));
    }
    all.extend(args);
    let cli = Cli::try_parse_from(all).unwrap_or_else(|e| panic!("{e}"));
    let ctx = Ctx::new(cli.global, variables, true);
    cli.command.run(&ctx).await.map(drop)
}

/// It refuses with this code; `exit` is what the process would end with.
pub(crate) fn is_refused<T: std::fmt::Debug>(
    done: Result<T, impl Into<CliError>>,
    code: &str,
    exit: u8,
) {
    let error: CliError = done.map_err(Into::into).expect_err(code);
    let refusal = error.refusal();
    assert_eq!(refusal.code(), code, "{refusal}");
    assert_eq!(refusal.kind().exit_code(), exit, "{refusal}");
    for lang in [Lang::Zh, Lang::En] {
        let facts = Value::Object(refusal.facts(lang)).to_string();
        let text = refusal.text(lang);
        let safe = !shows_a_number(&facts) && !shows_a_number(&text);
        assert!(!text.is_empty() && safe, "{text} {facts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_refuses_what_makes_no_sense() {
    let stage = Stage::open(carrier(), "", "").await;
    let list = stage.numbers(0, 3).display().to_string();
    let odd = stage
        .file("odd.txt", [0xff, 0xfe, 0x00])
        .display()
        .to_string();
    let plan = stage.file("there.toml", "x").display().to_string();
    let order = "0193b0f0-0000-7000-8000-000000000000";
    let id = order;
    let cases: &[(&str, u8, &[&str])] = &[
        (
            "not_hexadecimal",
            2,
            &["pdu", "decode", "--protocol", "cmpp20", "0g"],
        ),
        (
            "half_a_byte",
            1,
            &["pdu", "decode", "--protocol", "cmpp20", "000"],
        ),
        (
            "bad_pdu",
            1,
            &["pdu", "decode", "--protocol", "cmpp20", "00"],
        ),
        (
            "protocol_without_pdus",
            2,
            &["pdu", "decode", "--protocol", "http", "00"],
        ),
        (
            "bad_out_name",
            2,
            &["report", "--month", "2023-06", "--out", "x.txt"],
        ),
        ("bom_not_for_format", 2, &["log", "--bom"]),
        (
            "bad_not_after",
            2,
            &["send", "--to", &list, "--text", TEXT, "--not-after", "soon"],
        ),
        (
            "not_after_passed",
            2,
            &[
                "send",
                "--to",
                &list,
                "--text",
                TEXT,
                "--not-after",
                "2020-01-01 08:00",
            ],
        ),
        (
            "key_in_the_open",
            2,
            &["gateways", "trace", "x.trace", "--key", "secret"],
        ),
        (
            "key_variable_not_set",
            2,
            &["gateways", "trace", "x.trace", "--key", "env:NOT_SET"],
        ),
        (
            "key_file_unreadable",
            2,
            &["gateways", "trace", "x.trace", "--key", "file:/nowhere"],
        ),
        (
            "file_exists",
            1,
            &["plan", "new", "--year", "2027", "--out", &plan],
        ),
        ("no_drafts", 1, &["campaign", "submit", "--plan", "june"]),
        (
            "check_codes_and_ids_differ",
            2,
            &["campaign", "approve", id, id, "--check", "0000"],
        ),
        ("reason_missing", 2, &["campaign", "return", id]),
        (
            "carrier_missing",
            2,
            &["user", "add", "dian", "--role", "carrier"],
        ),
        (
            "carrier_not_for_role",
            2,
            &[
                "user",
                "add",
                "wang",
                "--role",
                "clerk",
                "--carrier",
                "mobile",
            ],
        ),
        (
            "simulator_cannot_listen",
            2,
            &[
                "simulate",
                "--protocol",
                "cmpp20",
                "--listen",
                "192.0.2.1:1",
            ],
        ),
        ("bad_time", 2, &["log", "--from", "yesterday"]),
        ("unknown_state", 2, &["log", "--state", "gone"]),
        ("bad_number", 2, &["log", "--phone", "123"]),
        ("bad_reason", 2, &["log", "--unmask", "--reason", ""]),
        (
            "number_in_reason",
            2,
            &["log", "--unmask", "--reason", "问13800138000"],
        ),
        (
            "bad_group_name",
            2,
            &["contacts", "import", &list, "--group", " "],
        ),
        (
            "would_overwrite_source",
            2,
            &[
                "contacts",
                "import",
                &list,
                "--group",
                "g",
                "--corrected",
                &list,
            ],
        ),
        ("backup_exists", 2, &["backup", &list]),
        ("not_a_backup", 2, &["restore", &list]),
        (
            "text_unreadable",
            2,
            &["send", "--to", &list, "--text", "((姓名"],
        ),
        (
            "text_cannot_be_sent",
            2,
            &["send", "--to", &list, "--text", ""],
        ),
    ];
    for (code, exit, args) in cases {
        is_refused(run(&stage, "", &[], args).await, code, *exit);
    }
    let used = stage.path("watchbell.db").display().to_string();
    let url = format!("sqlite://{used}");
    let folder = stage.dir.path().display().to_string();
    let key = [("KEY", "0123456789abcdef")];
    let args = ["gateways", "trace", &list, "--key", "env:KEY"];
    is_refused(run(&stage, "", &key, &args).await, "trace_unreadable", 1);
    let more: &[(&str, u8, &[&str])] = &[
        ("not_utf8", 2, &["work-order", "proof", id, "--file", &odd]),
        (
            "bad_as_of",
            2,
            &["work-order", "counts", id, "--as-of", "soon"],
        ),
        ("evidence_what", 2, &["work-order", "evidence", id]),
        ("io", 1, &["audit", "export", "/nowhere/ledger.jsonl"]),
        ("bench_failed", 1, &["bench", "freeze", "--database", &url]),
        ("demo_folder_used", 2, &["demo", "--dir", &folder]),
        ("backup_is_the_database", 2, &["restore", &used]),
    ];
    for (code, exit, args) in more {
        is_refused(run(&stage, "", &[], args).await, code, *exit);
    }
    let backup = stage.path("backup.db").display().to_string();
    run(&stage, "", &[], &["backup", &backup]).await.unwrap();
    let office = stage.office().await;
    let lock = EngineLock::try_take(&office.store, "another")
        .await
        .unwrap();
    is_refused(
        run(&stage, "", &[], &["restore", &backup]).await,
        "database_in_use",
        1,
    );
    drop(lock);
    let wait = ["log", "--state", "已送达"];
    run(&stage, "", &[], &wait).await.unwrap();
    stage.configure(|text| *text = text.replace("[sending]", "[sending]\ncalendar = \"odd.txt\""));
    is_refused(
        run(&stage, "", &[], &["plan", "check", &plan]).await,
        "calendar_unusable",
        2,
    );
    let url = format!(
        "database.url = \"postgres://watchbell@127.0.0.1:1/none\"\n{}",
        stage
            .text
            .replace("[database]\nurl = \"sqlite://watchbell.db\"", "")
    );
    stage.configure(|text| *text = url);
    is_refused(
        run(&stage, "", &[], &["restore", &list]).await,
        "restore_with_pg_restore",
        2,
    );
    _ = odd;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_passwords_are_refused_by_their_rules() {
    let stage = Stage::open(carrier(), "", "").await;
    people(&stage).await;
    let new = |password: &'static str| [("WATCHBELL_NEW_PASSWORD", password)];
    let cases: &[(&str, &str, u8, &str, &[&str])] = &[
        (
            "",
            "administrator_needed",
            1,
            "long enough 1",
            &["user", "add", "wang", "--role", "clerk"],
        ),
        (
            "root",
            "bad_user_name",
            2,
            "long enough 1",
            &["user", "add", "王 五", "--role", "clerk"],
        ),
        (
            "root",
            "user_exists",
            1,
            "long enough 1",
            &["user", "add", "clerk", "--role", "clerk"],
        ),
        (
            "root",
            "password_length",
            1,
            "short",
            &["user", "add", "wang", "--role", "clerk"],
        ),
        (
            "root",
            "password_is_name",
            1,
            "wangwangwang",
            &["user", "add", "wangwangwang", "--role", "clerk"],
        ),
        (
            "root",
            "unknown_user",
            2,
            "long enough 1",
            &["user", "passwd", "wang"],
        ),
        ("root", "own_account", 1, "", &["user", "disable", "root"]),
        (
            "root",
            "no_terminal",
            2,
            "",
            &["user", "add", "wang", "--role", "clerk"],
        ),
    ];
    for (user, code, exit, password, args) in cases {
        is_refused(run(&stage, user, &new(password), args).await, code, *exit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn address_books_are_refused_by_what_is_wrong_in_them() {
    let stage = Stage::open(carrier(), "", "").await;
    let list = stage.numbers(0, 3).display().to_string();
    let books: &[(&str, &[u8])] = &[
        ("file_empty", b""),
        ("bad_encoding", b"\xff\xff\xff\xff\xff,\xff\n\xff\xff\xff\n"),
        (
            "old_excel",
            &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
        ),
        ("workbook_unreadable", b"PK\x03\x04nonsense"),
        (
            "unclosed_quote",
            "手机,姓名\n\"13800138000,张三\n".as_bytes(),
        ),
        ("no_heading", b"13800138000\n13800138001\n"),
        ("no_phone_column", "姓名,单位\n张三,应急局\n".as_bytes()),
        (
            "two_phone_columns",
            "手机,手机号码\n13800138000,13800138001\n".as_bytes(),
        ),
    ];
    for (code, bytes) in books {
        let book = stage.file("book.csv", bytes).display().to_string();
        let args = ["contacts", "import", &book, "--group", "g"];
        is_refused(run(&stage, "", &[], &args).await, code, 1);
    }
    let args = [
        "contacts",
        "import",
        &list,
        "--group",
        "g",
        "--corrected",
        "/nowhere/good.csv",
    ];
    is_refused(
        run(&stage, "", &[], &args).await,
        "corrected_file_unwritable",
        1,
    );
    for group in ["甲", "乙"] {
        run(
            &stage,
            "",
            &[],
            &["contacts", "import", &list, "--group", group],
        )
        .await
        .unwrap();
    }
    run(
        &stage,
        "",
        &[],
        &["contacts", "nest", "甲", "--contains", "乙"],
    )
    .await
    .unwrap();
    let args = ["contacts", "nest", "乙", "--contains", "甲"];
    is_refused(run(&stage, "", &[], &args).await, "group_in_itself", 1);
    let empty = stage.file("none.csv", "手机\n").display().to_string();
    let args = ["send", "--to", &empty, "--text", TEXT];
    is_refused(run(&stage, "", &[], &args).await, "audience_empty", 1);
    let args = [
        "send",
        "--group",
        "甲",
        "--text",
        "((单位))：请检查消防通道。",
    ];
    is_refused(run(&stage, "", &[], &args).await, "value_missing", 1);
}
