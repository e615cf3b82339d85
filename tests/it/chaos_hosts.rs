//! Two daemons on one PostgreSQL, and what befalls hosts: frozen and thawed, killed, cut off, a database that vanishes
//! without a word or starts anew, clocks moved, the same host name and process number. After each: nobody lost, nobody
//! twice, the rate kept at the receiver, somebody sends again within half a minute, every act answered within
//! seconds.
//!
//! `WATCHBELL_TEST_ROUNDS=100 cargo nextest run --run-ignored all long_life_of_two_hosts` lives through a hundred rounds.

use std::{collections::HashMap, fs, path::PathBuf, time::Duration};

use tokio::{process::Command, time::Instant};
use watchbell::{
    domain::{message::Outcome, phone::Phone},
    random::SplitMix64,
};

use crate::{
    harness::county::carrier,
    harness::line::{Line, State},
    harness::postgres::Cluster,
    harness::program::{Process, Stage, eventually_within, log},
    harness::story::machine,
    rates::Stalls,
};

/// Units a second by contract.
const RATE: u64 = 100;

/// Messages of a round.
const PEOPLE: u64 = 240;

/// Whatever happened: by then somebody sends.
const SENDS_WITHIN: Duration = Duration::from_secs(30);

/// A person waits no longer for an answer. The program's own start is within.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// A whole round's sending, the trouble within.
const DONE_WITHIN: Duration = Duration::from_secs(75);

/// Makes the program's clock show another time than the machine's.
fn faketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap();
    folders
        .map(|folder| folder.unwrap().path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("faketime is installed: ./scripts/test does it")
}

/// What befalls a host, or the database of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Frozen,
    Killed,
    CutOff,
    Silence,
    DatabaseRestarts,
    ClockMoves,
}

impl Trouble {
    fn by(dice: &mut SplitMix64) -> Self {
        match dice.below(6) {
            0 => Self::Frozen,
            1 => Self::Killed,
            2 => Self::CutOff,
            3 => Self::Silence,
            4 => Self::DatabaseRestarts,
            _ => Self::ClockMoves,
        }
    }
}

/// A daemon on a host of its own: its line to the database, its clock.
struct Host {
    name: &'static str,
    line: Line,
    settings: PathBuf,
    clock: PathBuf,
    daemon: Process,
}

impl Host {
    async fn start(stage: &Stage, name: &'static str, cluster: &Cluster) -> Self {
        let line = Line::to(cluster.address()).await;
        let direct = Cluster::url(cluster.address());
        let text = fs::read_to_string(stage.settings_file()).unwrap();
        let text = text.replace(&direct, &Cluster::url(line.address()));
        let settings = stage.file(&format!("{name}.toml"), text);
        let clock = stage.file(&format!("{name}.clock"), "+0");
        let daemon = serve(stage, &settings, &clock);
        Self {
            name,
            line,
            settings,
            clock,
            daemon,
        }
    }

    fn start_again(&mut self, stage: &Stage) {
        self.daemon = serve(stage, &self.settings, &self.clock);
    }

    async fn signal(&self, signal: &str) {
        let pid = program_of(self.daemon.id().expect("it runs"));
        let sent = Command::new("/bin/kill")
            .args([signal, &pid])
            .status()
            .await;
        assert!(sent.unwrap().success(), "{signal} to {}", self.name);
    }
}

/// Starts a daemon that is process 1 of a host of its own, as in a container, with a clock that can be moved.
fn serve(stage: &Stage, settings: &std::path::Path, clock: &std::path::Path) -> Process {
    let program = stage.command(settings, &["serve"]);
    let program = program.as_std();
    let mut command = match may_unshare() {
        true => {
            let mut command = Command::new("unshare");
            command
                .args(["--fork", "--pid", "--kill-child"])
                .arg(program.get_program());
            command
        }
        false => Command::new(program.get_program()),
    };
    command.args(program.get_args());
    stage.prepare(&mut command);
    command
        .env("LD_PRELOAD", faketime())
        .env("FAKETIME_TIMESTAMP_FILE", clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    stage.start(command)
}

fn may_unshare() -> bool {
    let tried = std::process::Command::new("unshare")
        .args(["--fork", "--pid", "true"])
        .stderr(std::process::Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// The program behind `unshare`, or the process itself.
fn program_of(pid: u32) -> String {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let first = children
        .ok()
        .and_then(|c| c.split_whitespace().next().map(str::to_owned));
    first.unwrap_or_else(|| pid.to_string())
}

/// Both hosts, their carrier and their database.
struct Theatre {
    stage: Stage,
    cluster: Cluster,
    hosts: [Host; 2],
    stalls: Stalls,
    people: u64,
    longest_answer: Duration,
    longest_silence: Duration,
}

impl Theatre {
    async fn open() -> Option<Self> {
        let cluster = Cluster::start()?;
        let url = Cluster::url(cluster.address());
        let gateway = format!("rate = {RATE}\nlinks = 2\nwindow = 16\nresponse_timeout = \"1s\"");
        let stage = Stage::with_database(&url, carrier(), "", &gateway).await;
        stage.office().await;
        let hosts = [
            Host::start(&stage, "a", &cluster).await,
            Host::start(&stage, "b", &cluster).await,
        ];
        Some(Self {
            stage,
            cluster,
            hosts,
            stalls: Stalls::watch(),
            people: 0,
            longest_answer: Duration::ZERO,
            longest_silence: Duration::ZERO,
        })
    }

    /// A person's act by the program, over a line of their own; it may be refused, but it is answered.
    async fn act(&mut self, args: &[&str]) -> crate::harness::program::Ended {
        let begun = Instant::now();
        let ended = self.stage.run(args).await;
        let took = begun.elapsed();
        self.longest_answer = self.longest_answer.max(took);
        assert!(
            took < ANSWERED_WITHIN,
            "{args:?} was answered after {took:?}: {ended:?}"
        );
        ended
    }

    /// A round's run, queued.
    async fn queue(&mut self) -> String {
        let list = self.stage.numbers(self.people, PEOPLE);
        self.people += PEOPLE;
        self.stage.queue(&list, &[]).await
    }

    async fn round(&mut self, seed: u64) {
        let mut dice = SplitMix64::new(seed);
        let before = self.stage.taken();
        let run = self.queue().await;
        let begins_at = before + dice.below(PEOPLE / 2);
        self.sends_beyond(begins_at, Instant::now(), seed).await;
        let (trouble, at) = (Trouble::by(&mut dice), dice.below(2) as usize);
        let lasting = Duration::from_millis(200 + dice.below(8_000));
        println!(
            "seed {seed}: {trouble:?} at {} for {lasting:?}",
            self.hosts[at].name
        );
        let begun = Instant::now();
        self.begin(trouble, at, &mut dice).await;
        self.acts(&run, dice.below(4)).await;
        tokio::time::sleep(lasting.saturating_sub(begun.elapsed())).await;
        let taken = self.stage.taken();
        let healed = Instant::now();
        self.end(trouble, at).await;
        if trouble == Trouble::DatabaseRestarts {
            // The act while the database was away may have been refused.
            self.let_go(&run).await;
        }
        // What a kill left in doubt goes nowhere: only who waits has to be sent to.
        if self.waits(&run).await {
            self.sends_beyond(taken, healed, seed).await;
        }
        self.is_through(&run, seed).await;
        self.nobody_is_lost_and_nobody_twice(seed).await;
    }

    /// Somebody sends more than so many within half a minute of `since`.
    async fn sends_beyond(&mut self, taken: u64, since: Instant, seed: u64) {
        let what = format!("seed {seed}: somebody sends; {}", self.said());
        eventually_within(SENDS_WITHIN, &what, async || self.stage.taken() > taken).await;
        self.longest_silence = self.longest_silence.max(since.elapsed());
    }

    fn said(&self) -> String {
        let tail = |host: &Host| {
            let said = host.daemon.said();
            let lines: Vec<&str> = said.lines().rev().take(4).collect();
            format!("{}: {lines:?}", host.name)
        };
        self.hosts.iter().map(tail).collect::<Vec<_>>().join("; ")
    }

    async fn begin(&mut self, trouble: Trouble, at: usize, dice: &mut SplitMix64) {
        let host = &mut self.hosts[at];
        match trouble {
            Trouble::Frozen => host.signal("-STOP").await,
            Trouble::Killed => host.daemon.kill().await,
            Trouble::CutOff => host.line.set(State::Cut),
            Trouble::Silence => host.line.set(State::Silent),
            Trouble::DatabaseRestarts => self.cluster.down(),
            Trouble::ClockMoves => {
                let hours = dice.below(5) as i64 - 2;
                fs::write(&host.clock, format!("{:+}", hours * 3_600)).unwrap();
            }
        }
    }

    async fn end(&mut self, trouble: Trouble, at: usize) {
        let host = &mut self.hosts[at];
        match trouble {
            Trouble::Frozen => host.signal("-CONT").await,
            Trouble::Killed => host.start_again(&self.stage),
            Trouble::CutOff | Trouble::Silence => host.line.set(State::Open),
            Trouble::DatabaseRestarts => self.cluster.up(),
            Trouble::ClockMoves => {}
        }
    }

    /// What a person does meanwhile; in the end the run goes.
    async fn acts(&mut self, run: &str, which: u64) {
        match which {
            0 => {
                self.act(&["stop"]).await;
                self.act(&["release", "--reason", "checked"]).await;
            }
            1 => {
                self.act(&["run", "pause", run]).await;
                self.act(&["run", "resume", run]).await;
            }
            2 => _ = self.act(&["run", "show", run]).await,
            _ => {}
        }
    }

    async fn let_go(&mut self, run: &str) {
        self.act(&["release", "--reason", "checked"]).await;
        let shown = self.act(&["run", "show", run, "--json"]).await.ok().json();
        if shown["intent"] == "paused" {
            self.act(&["run", "resume", run]).await.ok();
        }
    }

    /// Is anybody of this run still to be sent to? Soon after the trouble the database may not say.
    async fn waits(&self, run: &str) -> bool {
        let counts = self.stage.view(run).await.counts;
        counts.queued > 0
    }

    async fn is_through(&self, run: &str, seed: u64) {
        let office = self.stage.office().await;
        let run = run.parse().unwrap();
        let what = format!("seed {seed}: everything is settled");
        eventually_within(DONE_WITHIN, &what, async || {
            let counts = office.runs().get(&machine(), run).await.unwrap().counts;
            counts.open() == counts.of(Outcome::InDoubt) && self.stage.carrier.pending() == 0
        })
        .await;
        office.store.close().await;
    }

    async fn nobody_is_lost_and_nobody_twice(&self, seed: u64) {
        let office = self.stage.office().await;
        let theirs = self.stage.carrier.per_number();
        let rows = log(&office).await;
        let ours: HashMap<Phone, &str> = rows
            .iter()
            .map(|r| (r.phone.unwrap(), r.state.as_str()))
            .collect();
        assert_eq!(ours.len() as u64, self.people, "seed {seed}");
        for (phone, state) in &ours {
            let taken = theirs.contains_key(phone);
            assert!(
                matches!(
                    (taken, *state),
                    (true, "delivered" | "in_doubt") | (false, "in_doubt")
                ),
                "seed {seed}: {} is {state}, taken: {taken}",
                phone.expose()
            );
        }
        let counts = self.stage.carrier.counts();
        assert_eq!(counts.recipients_sent_twice, 0, "seed {seed}: {counts:?}");
        let most = self.stalls.most_at(RATE);
        assert!(
            counts.peak_segments_in_one_second <= most,
            "seed {seed}: over {most}: {counts:?}"
        );
        office.store.close().await;
    }

    async fn close(mut self) {
        let verdict = self.stage.run(&["audit", "verify"]).await;
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
        let in_doubt = {
            let office = self.stage.office().await;
            let rows = log(&office).await;
            office.store.close().await;
            rows.iter()
                .filter(|r| r.state.as_str() == "in_doubt")
                .count()
        };
        println!(
            "{} people, {in_doubt} in doubt, longest silence {:?}, longest answer {:?}, peak {} of {RATE}",
            self.people,
            self.longest_silence,
            self.longest_answer,
            self.stage.carrier.counts().peak_segments_in_one_second
        );
        for host in &mut self.hosts {
            assert!(
                host.daemon.is_running(),
                "{} ended: {}",
                host.name,
                host.daemon.said()
            );
            host.daemon.kill().await;
        }
    }
}

async fn rounds(first: u64, n: u64) {
    let Some(mut theatre) = Theatre::open().await else {
        println!("PostgreSQL is left out on purpose");
        return;
    };
    for seed in first..first + n {
        theatre.round(seed).await;
    }
    theatre.close().await;
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread")]
async fn some_rounds_of_two_hosts() {
    rounds(number("WATCHBELL_TEST_SEED", 1), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarter of an hour: by hand, with WATCHBELL_TEST_ROUNDS"]
async fn long_life_of_two_hosts() {
    let rounds_wanted = number("WATCHBELL_TEST_ROUNDS", 100);
    rounds(number("WATCHBELL_TEST_SEED", 1), rounds_wanted).await;
}

/// Who sends and waits beside no daemon: the database is away for longer than a statement is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_run_outlives_a_restart_of_the_database() {
    let Some(cluster) = Cluster::start() else {
        println!("PostgreSQL is left out on purpose");
        return;
    };
    let url = Cluster::url(cluster.address());
    let gateway = "rate = 60\nlinks = 1\nwindow = 8\nresponse_timeout = \"1s\"";
    let stage = Stage::with_database(&url, carrier(), "", gateway).await;
    let list = stage.numbers(0, 240).display().to_string();
    let sender = stage.spawn(&[
        "send",
        "--to",
        &list,
        "--text",
        "请注意防汛。",
        "--wait",
        "--json",
    ]);
    stage.taken_at_least(40).await;
    cluster.down();
    tokio::time::sleep(Duration::from_secs(7)).await;
    cluster.up();
    let ended = sender.ended(Duration::from_mins(1)).await.ok();
    let messages = &ended.json()["messages"];
    let of = |state: &str| messages[state].as_u64().unwrap_or(0);
    assert_eq!(of("delivered") + of("in_doubt"), 240, "{messages}");
    assert!(of("in_doubt") <= 16, "{messages}");
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}
