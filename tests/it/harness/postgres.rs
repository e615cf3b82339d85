//! Databases on a PostgreSQL server, one a test. `scripts/test` starts a server and names it in
//! `WATCHBELL_TEST_POSTGRES`; without it the stories run on SQLite alone, and one test fails and says so.

use sqlx::{Connection as _, Executor as _, PgConnection};

/// `postgres://user@host:port/database` of a user who may create databases, or `none`.
const SERVER: &str = "WATCHBELL_TEST_POSTGRES";

/// The server's URL, where there is one.
pub(crate) fn server() -> Option<String> {
    std::env::var(SERVER).ok().filter(|s| s != "none")
}

/// An empty database of its own: its URL. None without a server.
pub(crate) async fn scratch() -> Option<String> {
    let server = server()?;
    let name = format!("wb_{}", uuid::Uuid::now_v7().simple());
    order(&format!("CREATE DATABASE {name}")).await;
    let (place, _) = server.rsplit_once('/').unwrap();
    Some(format!("{place}/{name}"))
}

/// Drops a database of [`scratch`] that nobody uses any more.
pub(crate) async fn discard(url: &str) {
    let (_, name) = url.rsplit_once('/').unwrap();
    order(&format!("DROP DATABASE {name}")).await;
}

/// Runs a statement about databases on the server.
pub(crate) async fn order(sql: &str) {
    let server = server().expect("there is a server");
    let mut admin = PgConnection::connect(&server).await.unwrap_or_else(|e| {
        panic!(
            "{SERVER}={server} does not answer ({e}): `./scripts/test server` starts one and says where; \
             {SERVER}=none leaves PostgreSQL out"
        )
    });
    admin.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

#[test]
fn postgresql_is_tested_too_unless_somebody_said_none() {
    assert!(
        std::env::var_os(SERVER).is_some(),
        "{SERVER} is not set, so all stories ran on SQLite alone: `./scripts/test` starts a server; \
         `{SERVER}=none` leaves PostgreSQL out on purpose"
    );
}

/// A server of a story's own, which may be stopped and started again.
pub(crate) struct Cluster {
    dir: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// None where PostgreSQL is left out on purpose.
    pub(crate) fn start() -> Option<Self> {
        server()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .unwrap()
            .port();
        let this = Self {
            dir: tempfile::tempdir().unwrap(),
            port,
        };
        if is_root() {
            let chown = std::process::Command::new("chown")
                .arg("postgres")
                .arg(this.dir.path())
                .status();
            assert!(chown.unwrap().success());
        }
        let data = this.data();
        this.tool(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "watchbell",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        this.up();
        this.tool(
            "createdb",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-U",
                "watchbell",
                "watchbell",
            ],
        );
        Some(this)
    }

    fn data(&self) -> String {
        self.dir.path().join("data").display().to_string()
    }

    fn tool(&self, tool: &str, args: &[&str]) {
        let bin = std::fs::read_dir("/usr/lib/postgresql")
            .expect("PostgreSQL is installed: ./scripts/test does it")
            .map(|version| version.unwrap().path().join("bin"))
            .max()
            .unwrap();
        let mut command = match is_root() {
            // The server refuses to run as root.
            true => {
                let mut command = std::process::Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(bin.join(tool));
                command
            }
            false => std::process::Command::new(bin.join(tool)),
        };
        let done = command
            .args(args)
            .current_dir(self.dir.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(done.success(), "{tool} {args:?}: {done}");
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The database as seen over `address`.
    pub(crate) fn url(address: std::net::SocketAddr) -> String {
        format!("postgres://watchbell@{address}/watchbell")
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn up(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c fsync=off -c max_connections=200",
            self.port,
            self.dir.path().display()
        );
        let log = self.dir.path().join("log").display().to_string();
        let data = self.data();
        self.tool(
            "pg_ctl",
            &[
                "-D", &data, "-l", &log, "-w", "-t", "60", "-o", &options, "start",
            ],
        );
    }

    /// Stops it at once, as a crash would.
    pub(crate) fn down(&self) {
        let data = self.data();
        self.tool("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.down();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0)
}
