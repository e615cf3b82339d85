//! The program itself: what it prints, and with which exit code it ends.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// Runs it in `dir`, in English, with nobody at the keyboard.
fn watchbell(dir: &Path, env: &[(&str, &str)], args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchbell"))
        .current_dir(dir)
        .env_clear()
        .envs(env.iter().copied())
        .args(["--lang", "en"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Exit code, standard output, standard error.
fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn an_import_prints_one_json_object_and_ends_with_1_when_a_row_was_refused() {
    let dir = tempfile::tempdir().unwrap();
    let book = "姓名,手机\n张三,+86 138 0013 8001\n李四,1390013\n王五,13800138001\n";
    fs::write(dir.path().join("book.txt"), book).unwrap();
    let import = |more: &[&str]| {
        let args = [
            &["contacts", "import", "book.txt", "--group", "g", "--json"],
            more,
        ]
        .concat();
        let (code, out, _) = told(watchbell(dir.path(), &[], &args));
        assert_eq!(out.lines().count(), 1, "{out}");
        (code, serde_json::from_str::<Value>(&out).unwrap())
    };
    let (code, dry) = import(&["--dry-run", "--corrected", "good.csv"]);
    let expected = serde_json::json!({
        "rows": 3, "new": 1, "changed": 0, "unchanged": 0, "repaired": 1, "duplicate": 1,
        "refused": [{
            "row": 3, "column": "手机", "value": "1390013", "code": "phone_too_short",
            "reason": "a mobile number has 11 digits, this has 7: complete it",
        }],
    });
    assert_eq!((code, &dry), (1, &expected));
    assert_eq!(import(&[]), (1, expected));
    fs::copy(dir.path().join("good.csv"), dir.path().join("book.txt")).unwrap();
    let (code, clean) = import(&[]);
    assert_eq!(
        (code, &clean["unchanged"], &clean["rows"]),
        (0, &1.into(), &1.into())
    );
    let (code, out, err) = told(watchbell(
        dir.path(),
        &[],
        &["contacts", "import", "no.csv", "--group", "g"],
    ));
    assert_eq!((code, &*out), (2, ""));
    assert!(err.contains("no.csv"), "{err}");
}

#[test]
fn users_are_added_without_anybody_at_the_keyboard() {
    let dir = tempfile::tempdir().unwrap();
    let own = ("WATCHBELL_PASSWORD", "admin's password");
    let new = ("WATCHBELL_NEW_PASSWORD", "wang's password");
    let user = |env: &[(&str, &str)], args: &str| {
        let args: Vec<_> = ["user"].into_iter().chain(args.split(' ')).collect();
        told(watchbell(dir.path(), env, &args))
    };
    let (code, _, err) = user(&[], "add admin --role admin");
    assert_eq!(code, 2);
    assert!(err.contains("WATCHBELL_NEW_PASSWORD"), "{err}");
    assert_eq!(user(&[own], "add admin --role admin").0, 0);
    let (code, _, err) = user(&[new], "add wang --role clerk");
    assert_eq!(code, 1);
    assert!(err.contains("--as"), "{err}");
    assert_eq!(user(&[own, new], "add wang --role clerk --as admin").0, 0);
    // The administrator's own password is nobody else's.
    assert_eq!(user(&[own], "add li --role approver --as admin").0, 2);
    let wrong = ("WATCHBELL_PASSWORD", "something else");
    let (code, _, err) = user(&[wrong, new], "add li --role approver --as admin");
    assert_eq!(code, 1);
    assert!(!err.contains("something else"), "{err}");
    let (code, out, _) = user(&[own], "list --json --as admin");
    let list = r#"{"users":[{"disabled":false,"name":"admin","role":"admin"},{"disabled":false,"name":"wang","role":"clerk"}]}"#;
    assert_eq!(
        (code, serde_json::from_str::<Value>(&out).unwrap()),
        (0, serde_json::from_str(list).unwrap())
    );
}

#[test]
fn an_empty_log_has_its_heading_and_a_wrong_question_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let log = |args: &[&str]| told(watchbell(dir.path(), &[], &[&["log"], args].concat()));
    let heading = "id,run,phone,carrier,gateway,state,code,segments,changed_at\r\n";
    let (code, out, _) = log(&["--format", "csv"]);
    assert_eq!((code, &*out), (0, heading));
    let (code, out, _) = log(&["--format", "csv", "--bom"]);
    assert_eq!((code, out), (0, format!("\u{feff}{heading}")));
    assert_eq!(log(&["--bom"]).0, 2);
    assert_eq!(
        log(&["--format", "jsonl"]),
        (0, String::new(), String::new())
    );
    let (code, _, err) = log(&["--state", "sent"]);
    assert_eq!(code, 2);
    assert!(err.contains("in_doubt"), "{err}");
    let unknown = "01890f3c-7b6a-7cc0-98c4-dc0c0c07398f";
    assert_eq!(log(&["--run", unknown]).0, 2);
    assert_eq!(log(&["--from", "soon"]).0, 2);
}

#[test]
fn a_report_is_one_page_in_a_file_and_other_formats_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let report = |out: &str| {
        let args = ["report", "--month", "2023-06", "--out", out, "--lang", "zh"];
        told(watchbell(dir.path(), &[], &args))
    };
    assert_eq!(report("june.html").0, 0);
    let html = fs::read_to_string(dir.path().join("june.html")).unwrap();
    assert!(html.contains("本月没有短信") && html.ends_with("</html>"));
    for wrong in ["june.docx", "june.xlsx", "june.txt", "june"] {
        let (code, out, err) = report(wrong);
        assert_eq!((code, &*out), (2, ""), "{err}");
        assert!(!dir.path().join(wrong).exists());
    }
    assert_eq!(report("no/such/folder/june.html").0, 1);
}
