use super::*;
use crate::domain::lang::Lang;

const GATEWAY: &str = r#"
[[gateways]]
id = "mobile"
kind = "cmpp20"
address = "127.0.0.1:7890"
account = "901234"
password = "secret"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("watchbell.toml"), toml).unwrap();
        Self(folder)
    }

    fn load(&self, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(&self.0.path().join("watchbell.toml")), env)
    }
}

fn load(toml: &str) -> Result<Config, ConfigError> {
    Folder::with(toml).load(&[])
}

fn complaint(toml: &str, env: &[(&str, &str)]) -> String {
    Folder::with(toml).load(env).expect_err(toml).to_string()
}

#[test]
fn without_a_file_everything_has_a_default_and_it_is_practice() {
    let config = Config::load(None, []).unwrap();
    assert!(config.practice);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url, "sqlite://data/watchbell.db");
    assert_eq!(config.sending.timezone, chrono_tz::Asia::Shanghai);
    assert_eq!(config.sending.daily_limit_per_person, 5);
    assert_eq!(config.sending.signature, "某县安委办");
    assert_eq!(config.sending.report_window, Duration::from_hours(72));
    assert_eq!(config.sending.doubt_grace, Duration::from_mins(30));
    assert!(config.sending.require_approval);
    assert!(config.alerts.phones.is_empty() && config.alerts.webhook.is_empty());
}

#[test]
fn the_commented_gateway_shows_the_defaults() {
    let commented: String = Config::default_file()
        .lines()
        .map(|l| l.strip_prefix("#: ").unwrap_or(l))
        .fold(String::new(), |all, line| all + line + "\n");
    let shown = load(&commented).unwrap();
    let plain = load(&GATEWAY.replace("secret", "literal")).unwrap();
    assert_eq!(
        format!("{:?}", shown.gateways),
        format!("{:?}", plain.gateways)
    );
    assert_eq!(shown.gateways[0].password, plain.gateways[0].password);
    assert!(
        shown.gateways[0].extra.is_empty(),
        "a key shown is not read"
    );
    assert!(!shown.practice);
}

#[test]
fn the_environment_goes_over_the_file_and_the_file_over_the_defaults() {
    let folder = Folder::with(&format!(
        "[sending]\ndaily_limit_per_person = 3\nsignature = \"甲\"\n{GATEWAY}"
    ));
    let config = folder
        .load(&[
            ("WATCHBELL__SENDING__DAILY_LIMIT_PER_PERSON", "7"),
            ("WATCHBELL__SENDING__SEASON__FROM", "05-20"),
            ("WATCHBELL__ALERTS__PHONES", "13800138000, 13900139000"),
            ("WATCHBELL__PRACTICE", "true"),
            ("WATCHBELL__GATEWAYS__MOBILE__RATE", "50"),
            ("WATCHBELL__GATEWAYS__0__LINKS", "4"),
            ("WATCHBELL_LOG", "debug"),
        ])
        .unwrap();
    assert!(config.practice);
    assert_eq!(config.sending.daily_limit_per_person, 7);
    assert_eq!(config.sending.signature, "甲");
    assert_eq!(config.alerts.phones, ["13800138000", "13900139000"]);
    assert_eq!((config.gateways[0].rate, config.gateways[0].links), (50, 4));
    assert_eq!(config.gateways[0].signature, "甲");
}

#[test]
fn the_contracts_example_loads() {
    let config = Folder::with(
        r#"
practice = false
[server]
listen = "127.0.0.1:8080"
[database]
url = "postgres://user:pass@host/db"
[sending]
timezone = "Asia/Shanghai"
season = { from = "06-01", to = "06-30" }
quiet_hours = { from = "21:00", to = "08:00" }
[[gateways]]
id = "mobile"
kind = "cmpp20"
carriers = ["mobile", "broadnet"]
address = "127.0.0.1:7890"
account = "901234"
password = "env:MOBILE_PASSWORD"
access_number = "10690000"
service_id = "SAFETY"
rate = 500
rate_unit = "segments"
links = 2
window = 16
batch = 1
count = "ucs2"
signature = ""
opt_out = ""
price = 0.05
daily_quota = 100000
monthly_quota = 1000000
response_timeout = "30s"
local_address = ""
[[gateways]]
id = "unicom"
kind = "sgip12"
address = "127.0.0.1:8801"
account = "30001"
password = "file:unicom.password"
node = 3025112345
listen = "127.0.0.1:8802"
"#,
    );
    std::fs::write(folder_file(&config, "unicom.password"), "from-file\n").unwrap();
    let config = config.load(&[("MOBILE_PASSWORD", "from-env")]).unwrap();
    assert!(!config.practice);
    assert_eq!(config.gateways[0].password.expose(), "from-env");
    assert_eq!(
        config.gateways[0].carriers,
        [Carrier::Mobile, Carrier::Broadnet]
    );
    assert_eq!(config.gateways[1].password.expose(), "from-file");
    assert_eq!(
        config.gateways[1].extra["node"],
        toml::Value::Integer(3_025_112_345)
    );
    assert_eq!(
        config.gateways[1].extra["listen"].as_str(),
        Some("127.0.0.1:8802")
    );
    let shown = format!("{config:?}");
    for secret in ["from-env", "from-file", "pass@"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

fn folder_file(folder: &Folder, name: &str) -> PathBuf {
    folder.0.path().join(name)
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_right_one() {
    let said = complaint("[sending]\ntimezon = \"Asia/Shanghai\"\n", &[]);
    assert!(
        said.contains("watchbell.toml:2: sending.timezon: unknown key; did you mean timezone?"),
        "{said}"
    );
    let said = complaint("[sendign]\nsignature = \"甲\"\n", &[]);
    assert!(
        said.contains("sendign: unknown key; did you mean sending?"),
        "{said}"
    );
    let said = complaint("", &[("WATCHBELL__SERVER__LISTN", "x")]);
    assert!(
        said.contains("environment variable WATCHBELL__SERVER__LISTN"),
        "{said}"
    );
    assert!(said.contains("did you mean listen?"), "{said}");
}

#[test]
fn a_misspelt_gateway_key_is_an_error_and_a_protocols_own_is_kept() {
    let said = complaint(&format!("{GATEWAY}widow = 4\n"), &[]);
    assert!(
        said.contains("watchbell.toml:8: gateways[0].widow: unknown key; did you mean window?"),
        "{said}"
    );
    let config = load(&format!("{GATEWAY}bind = \"transceiver\"\nnode = 1\n")).unwrap();
    assert_eq!(
        config.gateways[0].extra.keys().collect::<Vec<_>>(),
        ["bind", "node"]
    );
}

#[test]
fn a_bad_value_says_what_was_expected() {
    for (line, expected) in [
        (
            "[server]\nlisten = \"nowhere\"",
            "watchbell.toml:2: server.listen: expected address:port",
        ),
        (
            "[sending]\ntimezone = \"Asia/Peking\"",
            "expected a time zone's name",
        ),
        (
            "[sending]\nseason = { from = \"06-31\", to = \"06-30\" }",
            "sending.season.from: expected month-day",
        ),
        (
            "[sending]\nquiet_hours = { from = \"25:00\", to = \"08:00\" }",
            "sending.quiet_hours.from: expected hour:minute",
        ),
        (
            "[sending]\nreport_window = 72",
            "expected a duration, such as 72h, 30m or 30s, found 72",
        ),
        (
            "[sending]\ndaily_limit_per_person = 0",
            "at least 1, found 0",
        ),
        (
            "[sending]\ndaily_limit_per_person = \"5\"",
            "expected a whole number, at least 1, found \"5\"",
        ),
        (
            "[sending]\nrequire_approval = \"yes\"",
            "expected true or false",
        ),
        ("[sending]\nsignature = \"【甲】\"", "without 【】"),
        (
            "[alerts]\nwebhook = \"ftp://x\"",
            "a URL that begins with http:// or https://",
        ),
        (
            "[database]\nurl = \"mysql://x\"",
            "expected sqlite://PATH or postgres://",
        ),
        (
            "[database]\nurl = \"sqlite::memory:\"",
            "expected sqlite://PATH or postgres://",
        ),
        ("sending = 3", "sending: expected a table, found 3"),
    ] {
        let said = complaint(line, &[]);
        assert!(said.contains(expected), "{line}: {said}");
    }
    for (key, expected) in [
        (
            "rate = 0",
            "gateways[0].rate: expected a whole number, at least 1",
        ),
        ("links = 0", "at least 1"),
        ("window = 0", "at least 1"),
        ("batch = 0", "from 1 to 99"),
        ("batch = 100", "from 1 to 99"),
        ("carriers = [\"mobil\"]", "a list of mobile, unicom"),
        ("count = \"utf8\"", "ucs2 or gsm7"),
        ("price = -1", "a number from 0 up"),
        ("response_timeout = \"0s\"", "a duration"),
        ("local_address = \"here\"", "IP addresses"),
    ] {
        let said = complaint(&format!("{GATEWAY}{key}\n"), &[]);
        assert!(said.contains(expected), "{key}: {said}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let said = complaint(
        "colour = 1\n[sending]\ntimezone = \"x\"\n[[gateways]]\nid = \"a b\"\nkind = \"cmpp\"\naddress = \"nowhere\"\n",
        &[("WATCHBELL__SERVER__LISTEN", "x")],
    );
    for part in [
        "colour",
        "timezone",
        "gateways[0].id",
        "kind",
        "address",
        "account: is missing",
        "password",
        "LISTEN",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn two_gateways_of_one_name_are_refused() {
    let said = complaint(&format!("{GATEWAY}{GATEWAY}"), &[]);
    assert!(
        said.contains("watchbell.toml:10: gateways[1].id: \"mobile\" is used twice"),
        "{said}"
    );
}

#[test]
fn a_password_that_cannot_be_found_says_how_to_mend_it() {
    let said = complaint(&GATEWAY.replace("secret", "env:NOT_SET"), &[]);
    assert!(
        said.contains("environment variable NOT_SET is not set or empty; set it"),
        "{said}"
    );
    let said = complaint(&GATEWAY.replace("secret", "file:none.txt"), &[]);
    assert!(
        said.contains("none.txt") && said.contains("check its path"),
        "{said}"
    );
}

#[test]
fn secrets_stay_out_of_the_errors() {
    let said = complaint(
        "[database]\nurl = \"hunter2\"\n[alerts]\nphones = [\"hunter2\"]\nwebhook = \"hunter2\"",
        &[],
    );
    assert!(!said.contains("hunter2"), "{said}");
    let said = complaint("[[gateways]]\npassword = \"hunter2", &[]);
    assert!(
        said.contains("watchbell.toml:2:") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn relative_paths_start_from_the_files_folder() {
    let folder = Folder::with("[database]\nurl = \"sqlite://data/w.db\"\n");
    let config = folder.load(&[]).unwrap();
    assert_eq!(
        config.database.sqlite_path(),
        Some(folder_file(&folder, "data/w.db"))
    );
    let config = load("[database]\nurl = \"sqlite:///var/lib/w.db\"\n").unwrap();
    assert_eq!(config.database.sqlite_path(), Some("/var/lib/w.db".into()));
    let postgres = load("[database]\nurl = \"postgres://u:p@h/d\"\n").unwrap();
    assert_eq!(postgres.database.sqlite_path(), None);
    assert_eq!(postgres.database.shown(), "postgres://u:***@h/d");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = Config::load(Some(Path::new("/nowhere/w.toml")), []).unwrap_err();
    assert!(said.to_string().contains("/nowhere/w.toml"));
    assert!(said.text(Lang::Zh).contains("--config"));
}

#[test]
fn a_gateway_may_come_from_the_environment_alone_but_not_with_a_gap() {
    let env = |n: &str| {
        [
            ("ID", "smpp"),
            ("KIND", "smpp34"),
            ("ADDRESS", "localhost:2775"),
            ("ACCOUNT", "a"),
            ("PASSWORD", "p"),
        ]
        .map(|(k, v)| (format!("WATCHBELL__GATEWAYS__{n}__{k}"), v.to_owned()))
    };
    let config = Config::load(None, env("0")).unwrap();
    assert_eq!(config.gateways[0].id, "smpp".into());
    assert!(!config.practice);
    let said = Config::load(None, env("1")).unwrap_err().to_string();
    assert!(said.contains("has no gateway \"1\""), "{said}");
}
