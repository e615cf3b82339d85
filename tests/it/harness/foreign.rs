//! Implementations of others as child processes: scripts of ours around them (`tests/interop`), which are told
//! what to do in one JSON argument and tell what they see as lines of JSON. `scripts/test` installs them.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout_at},
};
use watchbell::{config::Kind, simulate::Settings};

use crate::{
    harness::county::{self, County},
    harness::gateway::PATIENCE,
};

const HINT: &str = "./scripts/test installs what these tests need, and sets WATCHBELL_TEST_INTEROP; by hand: \
    apt-get install tshark nodejs npm python3-venv; mkdir F; cp tests/interop/package*.json F; npm ci --prefix F; \
    python3 -m venv F/venv; F/venv/bin/pip install -r tests/interop/requirements.txt; WATCHBELL_TEST_INTEROP=$PWD/F";

/// Where others' implementations are installed; as with PostgreSQL, a developer may be without.
pub(crate) struct Tools(PathBuf);

/// The folder with the others' implementations, or `none`.
const FOLDER: &str = "WATCHBELL_TEST_INTEROP";

#[test]
fn the_others_are_tested_against_unless_somebody_said_none() {
    assert!(
        env::var_os(FOLDER).is_some(),
        "{FOLDER} is not set, so nothing was tried against others' SMPP. {HINT}, or `{FOLDER}=none` leaves it out on purpose"
    );
}

pub(crate) fn tools() -> Option<Tools> {
    let folder = env::var_os(FOLDER).filter(|f| f != "none")?;
    let folder = PathBuf::from(folder);
    for part in ["node_modules/smpp/package.json", "venv/bin/python"] {
        let path = folder.join(part);
        assert!(path.exists(), "{} is not there. {HINT}", path.display());
    }
    Some(Tools(folder))
}

impl Tools {
    /// A script around a package of Node.
    pub(crate) fn node(&self, script: &str, wish: &Value) -> Foreign {
        let mut command = Command::new("node");
        command.env("NODE_PATH", self.0.join("node_modules"));
        Foreign::start(command, script, wish)
    }

    /// A script around a package of Python.
    pub(crate) fn python(&self, script: &str, wish: &Value) -> Foreign {
        Foreign::start(Command::new(self.0.join("venv/bin/python")), script, wish)
    }

    /// What tshark prints.
    pub(crate) async fn tshark<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> String {
        let output = Command::new("tshark")
            .args(args)
            // Settings of the developer's own would change what is shown.
            .env("HOME", &self.0)
            .env("XDG_CONFIG_HOME", &self.0)
            .output()
            .await
            .unwrap_or_else(|e| panic!("tshark: {e}. {HINT}"));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// One of them, running.
pub(crate) struct Foreign {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    name: String,
    /// Everything that it has told so far.
    heard: Vec<Value>,
}

impl Foreign {
    fn start(mut command: Command, script: &str, wish: &Value) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        command
            .arg(folder.join(script))
            .arg(wish.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{script}: {e}. {HINT}"));
        let output = child.stdout.take().unwrap();
        Self {
            input: child.stdin.take(),
            child,
            lines: BufReader::new(output).lines(),
            name: script.to_owned(),
            heard: Vec::new(),
        }
    }

    /// Listens until it has told `n` lines of this kind; gives them.
    pub(crate) async fn hear(&mut self, kind: &str, n: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.told(kind);
            if told.len() >= n {
                return told;
            }
            match timeout_at(deadline, self.lines.next_line()).await {
                Ok(Ok(Some(line))) => self
                    .heard
                    .push(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))),
                end => panic!(
                    "{}: {end:?} while waiting for {n} {kind}, {} came; last {:?}",
                    self.name,
                    told.len(),
                    self.heard.iter().rev().take(5).collect::<Vec<_>>()
                ),
            }
        }
    }

    /// What it has told of this kind.
    pub(crate) fn told(&self, kind: &str) -> Vec<Value> {
        self.heard
            .iter()
            .filter_map(|line| line.get(kind).cloned())
            .collect()
    }

    /// Where it listens.
    pub(crate) async fn address(&mut self) -> String {
        let port = &self.hear("listening", 1).await[0];
        format!("127.0.0.1:{port}")
    }

    pub(crate) async fn order(&mut self, order: &Value) {
        let line = format!("{order}\n");
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).await.unwrap();
    }

    /// Ends its input and hears it out. It has met nothing that it could not read.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        drop(self.input.take());
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = timeout_at(deadline, self.lines.next_line())
            .await
            .expect("it ends")
            .unwrap()
        {
            self.heard.push(serde_json::from_str(&line).unwrap());
        }
        let status = timeout_at(deadline, self.child.wait()).await;
        assert!(
            status.expect("it ends").unwrap().success(),
            "{} failed",
            self.name
        );
        assert_eq!(self.told("error"), Vec::<Value>::new(), "{}", self.name);
        self.heard
    }
}

/// What a script of ours needs to know our account.
pub(crate) fn account() -> Value {
    json!({"account": county::ACCOUNT, "password": county::PASSWORD})
}

/// `more` beside the account.
pub(crate) fn wish(mut more: Value) -> Value {
    let Value::Object(known) = account() else {
        unreachable!()
    };
    more.as_object_mut().unwrap().extend(known);
    more
}

/// An office whose one gateway is somebody else's message centre.
pub(crate) async fn county_at(address: String, gateway: &str) -> County {
    let unused = Settings {
        protocol: Kind::Smpp34,
        ..county::carrier()
    };
    let mut county = County::open(unused, "", gateway).await;
    let mut config = (*county.office.config).clone();
    config.gateways[0].address = address;
    county.office.config = config.into();
    county
}
