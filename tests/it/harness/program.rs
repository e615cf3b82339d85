//! The real program as a child process, with a settings file whose gateway is a simulated carrier.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, timeout},
};
use watchbell::{
    clock::Clock,
    config::Config,
    service::{Office, runs::RunView},
    simulate::{Running, Settings, Simulator},
    store::log::{LogFilter, LoggedMessage},
};

use crate::{
    harness::county::settings, harness::http_county::http_settings, harness::story::machine,
};

/// Longer than any one command takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// An installation on disk beside a simulated carrier.
pub(crate) struct Stage {
    pub(crate) carrier: Running,
    pub(crate) dir: TempDir,
    pub(crate) text: String,
    turn: AtomicU32,
}

/// A child that runs.
pub(crate) struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Ended as it should.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

impl Stage {
    pub(crate) async fn open(carrier: Settings, sending: &str, gateway: &str) -> Self {
        Self::with_database("sqlite://watchbell.db", carrier, sending, gateway).await
    }

    pub(crate) async fn with_database(
        database: &str,
        carrier: Settings,
        sending: &str,
        gateway: &str,
    ) -> Self {
        let carrier = Simulator::start(carrier).await.unwrap();
        let text = settings(database, &carrier.address().to_string(), sending, gateway);
        let text = format!("[server]\nlisten = \"127.0.0.1:0\"\n{text}");
        Self::of(carrier, text)
    }

    /// The same with a carrier that speaks HTTP.
    pub(crate) async fn http_at(
        database: &str,
        carrier: Settings,
        sending: &str,
        gateway: &str,
    ) -> Self {
        let carrier = Simulator::start_http(carrier).await.unwrap();
        let address = carrier.address().to_string();
        let text = http_settings(database, &address, sending, gateway);
        Self::of(carrier, text)
    }

    fn of(carrier: Running, text: String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stage = Self {
            carrier,
            dir,
            text,
            turn: AtomicU32::new(0),
        };
        stage.configure(|_| {});
        stage
    }

    /// Writes the settings anew, changed by `edit`.
    pub(crate) fn configure(&self, edit: impl FnOnce(&mut String)) {
        let mut text = self.text.clone();
        edit(&mut text);
        std::fs::write(self.settings_file(), text).unwrap();
    }

    /// Sets one key of a section for good.
    pub(crate) fn set(&mut self, section: &str, key: &str, value: impl Into<toml::Value>) {
        self.edit(|settings| {
            let section = settings[section].as_table_mut().unwrap();
            section.insert(key.to_owned(), value.into());
        });
    }

    /// Sets one key of the gateway for good.
    pub(crate) fn set_gateway(&mut self, key: &str, value: impl Into<toml::Value>) {
        self.edit(|settings| {
            let gateway = settings["gateways"][0].as_table_mut().unwrap();
            gateway.insert(key.to_owned(), value.into());
        });
    }

    fn edit(&mut self, edit: impl FnOnce(&mut toml::Table)) {
        let mut settings = self.text.parse().unwrap();
        edit(&mut settings);
        self.text = settings.to_string();
        self.configure(|_| {});
    }

    pub(crate) fn settings_file(&self) -> PathBuf {
        self.dir.path().join("watchbell.toml")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `text` as a file.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A CSV of `n` numbers from 138001xxxxx on.
    pub(crate) fn numbers(&self, first: u64, n: u64) -> PathBuf {
        let mut text = String::from("手机,姓名\n");
        for i in first..first + n {
            writeln!(text, "{},张{i}", 13_800_100_000 + i).unwrap();
        }
        self.file(&format!("list-{first}-{n}.csv"), text)
    }

    /// The program with these settings, not yet started.
    pub(crate) fn command(&self, settings: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchbell"));
        command.arg("--config").arg(settings).args(args);
        self.prepare(&mut command);
        command
    }

    pub(crate) fn prepare(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
    }

    pub(crate) fn start(&self, mut command: Command) -> Process {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (
            self.path(&format!("{turn}.out")),
            self.path(&format!("{turn}.err")),
        );
        command
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(std::fs::File::create(&err).unwrap());
        Process {
            child: command.spawn().unwrap(),
            out,
            err,
        }
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Process {
        self.start(self.command(&self.settings_file(), args))
    }

    /// The program, to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args).ended(PATIENCE).await
    }

    /// The same, by this user.
    pub(crate) async fn run_as(&self, user: &str, args: &[&str]) -> Ended {
        let mut command = self.command(&self.settings_file(), args);
        command
            .args(["--as", user])
            .env("WATCHBELL_PASSWORD", password_of(user));
        self.start(command).ended(PATIENCE).await
    }

    /// The program with files no larger than `kib`.
    pub(crate) fn spawn_limited(&self, kib: u64, args: &[&str]) -> Process {
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--fsize={}", kib * 1_024))
            .arg(env!("CARGO_BIN_EXE_watchbell"))
            .arg("--config")
            .arg(self.settings_file())
            .args(args);
        self.prepare(&mut command);
        self.start(command)
    }

    /// Queues a run without sending it; gives its id.
    pub(crate) async fn queue(&self, list: &Path, more: &[&str]) -> String {
        let list = list.display().to_string();
        let args = [&["send", "--to", &list, "--text", TEXT, "--json"], more].concat();
        self.run(&args).await.ok().json()["run"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The daemon, once it listens; with its address.
    pub(crate) async fn serve(&self) -> (Process, String) {
        self.serve_with(&self.settings_file()).await
    }

    pub(crate) async fn serve_with(&self, settings: &Path) -> (Process, String) {
        let mut daemon = self.start(self.command(settings, &["serve"]));
        let mut address = String::new();
        eventually("the daemon listens", async || {
            let said = daemon.said();
            assert!(daemon.is_running(), "the daemon ended: {said}");
            // A whole line: what is being written may end anywhere.
            let line = said
                .split_once("http://")
                .and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((at, _)) = line {
                at.trim_end().clone_into(&mut address);
            }
            !address.is_empty()
        })
        .await;
        (daemon, address)
    }

    /// A look into the database from this process.
    pub(crate) async fn office(&self) -> Office {
        let config = Config::load(Some(&self.settings_file()), []).unwrap();
        Office::open(config, Clock::system()).await.unwrap()
    }

    pub(crate) async fn view(&self, run: &str) -> RunView {
        self.office()
            .await
            .runs()
            .get(&machine(), run.parse().unwrap())
            .await
            .unwrap()
    }

    /// How many messages the carrier has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.carrier.counts().recipients
    }

    /// Waits until the carrier has taken so many.
    pub(crate) async fn taken_at_least(&self, n: u64) {
        eventually(&format!("the carrier takes {n}"), async || {
            self.taken() >= n
        })
        .await;
    }
}

pub(crate) const TEXT: &str = "今日高温，请落实防暑降温措施。";

/// Every test user's password.
pub(crate) fn password_of(user: &str) -> String {
    format!("{user} has a long password 1")
}

impl Process {
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill().await;
    }

    /// SIGTERM.
    pub(crate) async fn terminate(&self) {
        let Some(id) = self.child.id() else { return };
        let done = Command::new("/bin/kill")
            .arg("-TERM")
            .arg(id.to_string())
            .status()
            .await;
        assert!(done.unwrap().success(), "no SIGTERM");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its standard error so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap_or_default()
    }

    pub(crate) async fn ended(mut self, patience: Duration) -> Ended {
        let status = timeout(patience, self.child.wait()).await;
        let status =
            status.unwrap_or_else(|_| panic!("did not end in {patience:?}: {}", self.said()));
        Ended {
            code: status.unwrap().code(),
            out: std::fs::read_to_string(&self.out).unwrap_or_default(),
            err: self.said(),
        }
    }

    /// SIGTERM, and its end in time.
    pub(crate) async fn ends_well(self) -> Ended {
        self.terminate().await;
        self.ended(Duration::from_secs(10)).await.ok()
    }
}

/// Bounded polling of what can be seen from outside.
pub(crate) async fn eventually(what: &str, done: impl AsyncFnMut() -> bool) {
    eventually_within(PATIENCE, what, done).await;
}

pub(crate) async fn eventually_within(
    patience: Duration,
    what: &str,
    mut done: impl AsyncFnMut() -> bool,
) {
    let deadline = Instant::now() + patience;
    while !done().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Nothing changes for a while: what must not happen can only be watched.
pub(crate) async fn stays(what: &str, span: Duration, mut value: impl FnMut() -> u64) {
    let before = value();
    let deadline = Instant::now() + span;
    while Instant::now() < deadline {
        assert_eq!(value(), before, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Status and body of a page.
pub(crate) async fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    (
        status,
        answer
            .split("\r\n\r\n")
            .nth(1)
            .unwrap_or_default()
            .to_owned(),
    )
}

/// What the daemon's `/readyz` says.
pub(crate) async fn ready(address: &str) -> serde_json::Value {
    serde_json::from_str(&get(address, "/readyz").await.1).unwrap_or_default()
}

/// The whole delivery log.
pub(crate) async fn log(office: &Office) -> Vec<LoggedMessage> {
    let mut tx = office.store.read("test").await.unwrap();
    tx.log_after(&LogFilter::default(), None, 1_000_000)
        .await
        .unwrap()
}

/// Every ledger line.
pub(crate) async fn ledger(office: &Office) -> String {
    let mut tx = office.store.read("test").await.unwrap();
    let entries = tx.entries_after(0, 1_000_000).await.unwrap();
    entries
        .iter()
        .map(|e| e.events.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}
