use std::time::SystemTime;

use super::*;
use crate::config::{Secret, Trace};

fn trace(dir: &Path, until: Micros) -> Trace {
    Trace {
        key: Secret::new("a long passphrase"),
        until,
        dir: dir.to_owned(),
    }
}

/// What a session of these bytes leaves behind.
async fn written(dir: &Path, until: Micros, bytes: &[u8]) -> Vec<PathBuf> {
    let tasks = Tasks::default();
    let (clock, gateway) = (Clock::system(), GatewayId::from("mobile"));
    let trace = trace(dir, until);
    if let Some(tracer) = Tracer::start(Kind::Cmpp20, &trace, &gateway, &clock, &tasks) {
        let mut tap = tracer.connection(0, 1);
        tap.bytes(Direction::Out, bytes);
        drop(tap);
    }
    tasks.end().await;
    let files = std::fs::read_dir(dir).into_iter().flatten();
    files.map(|file| file.expect("a file").path()).collect()
}

fn ahead(seconds: i64) -> Micros {
    Clock::system().now().plus_secs(seconds)
}

/// `active_test` with this sequence number.
fn question(sequence: u8) -> [u8; 12] {
    [0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, sequence]
}

fn lines(file: &Path, key: &str) -> Result<(Vec<TraceLine>, End), TraceError> {
    let mut lines = Vec::new();
    let end = read(file, &Secret::new(key), |line| lines.push(line.clone()))?;
    Ok((lines, end))
}

#[tokio::test]
async fn what_was_said_is_read_back_by_the_key_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = written(dir.path(), ahead(60), &[question(1), question(2)].concat()).await;
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    let (read, end) = lines(file, "a long passphrase").expect("the key fits");
    assert_eq!(end, End::Whole);
    let shown: Vec<String> = read.iter().map(|l| l.json(Numbers::Masked)).collect();
    assert_eq!(read.len(), 4, "{shown:?}");
    assert!(shown[2].contains(r#""direction":"out""#) && shown[2].contains(r#""sequence_id":2"#));
    assert_eq!(read[3].entry, TraceEntry::Ended);
    let wrong = lines(file, "another passphrase");
    assert!(matches!(wrong, Err(TraceError::WrongKey)), "{wrong:?}");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(file).expect("a file").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_cut_file_is_read_as_far_as_it_goes_and_a_changed_one_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = written(dir.path(), ahead(60), &question(1)).await;
    let whole = std::fs::read(&files[0]).expect("a file");
    // Without the last part, and with a piece of it.
    for cut in [1, 20] {
        std::fs::write(&files[0], &whole[..whole.len() - cut]).expect("written");
        let (_, end) = lines(&files[0], "a long passphrase").expect("readable");
        assert_eq!(end, End::Cut);
    }
    let mut changed = whole.clone();
    if let Some(last) = changed.last_mut() {
        *last ^= 1;
    }
    std::fs::write(&files[0], &changed).expect("written");
    let read = lines(&files[0], "a long passphrase");
    assert!(matches!(read, Err(TraceError::Broken(2))), "{read:?}");
    std::fs::write(
        &files[0],
        b"PK\x03\x04 something else, long enough to hold what a trace begins with",
    )
    .expect("written");
    let read = lines(&files[0], "a long passphrase");
    assert!(matches!(read, Err(TraceError::NotATrace)), "{read:?}");
}

#[tokio::test]
async fn past_its_end_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let none = written(dir.path(), ahead(-1), &question(1)).await;
    assert!(none.is_empty(), "{none:?}");

    let tasks = Tasks::default();
    let clock = Clock::manual(Micros(1_000_000));
    let gateway = GatewayId::from("mobile");
    let until = Micros(9_000_000);
    let trace = trace(dir.path(), until);
    let tracer = Tracer::start(Kind::Cmpp20, &trace, &gateway, &clock, &tasks).expect("begun");
    let mut tap = tracer.connection(0, 1);
    tap.bytes(Direction::Out, &question(1));
    clock.advance(chrono::TimeDelta::seconds(8));
    tap.bytes(Direction::Out, &question(2));
    drop((tap, tracer));
    tasks.end().await;
    let file = std::fs::read_dir(dir.path()).expect("a folder").next();
    let file = file.expect("a file").expect("a file").path();
    let (read, _) = lines(&file, "a long passphrase").expect("readable");
    let pdus = read
        .iter()
        .filter(|l| matches!(l.entry, TraceEntry::Pdu(_)));
    assert!(pdus.count() <= 1, "{read:?}");
}

#[test]
fn old_traces_are_deleted_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = Clock::system().now();
    let day = Duration::from_hours(24);
    for (name, age) in [
        ("a.trace", 8 * day),
        ("b.trace", 6 * day),
        ("c.csv", 9 * day),
    ] {
        let path = dir.path().join(name);
        let file = std::fs::File::create(&path).expect("created");
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(now.0.unsigned_abs());
        file.set_modified(at - age).expect("set");
    }
    assert_eq!(sweep(dir.path(), now).expect("swept"), 1);
    assert!(!dir.path().join("a.trace").exists() && dir.path().join("b.trace").exists());
    assert_eq!(
        sweep(&dir.path().join("nowhere"), now).expect("nothing there"),
        0
    );
}

#[tokio::test]
async fn pieces_without_room_are_counted_and_it_goes_on_with_a_whole_pdu() {
    let dir = tempfile::tempdir().expect("a folder");
    let tasks = Tasks::default();
    let (clock, gateway) = (Clock::system(), GatewayId::from("mobile"));
    let trace = trace(dir.path(), ahead(60));
    let tracer = Tracer::start(Kind::Cmpp20, &trace, &gateway, &clock, &tasks).expect("begun");
    let mut tap = tracer.connection(0, 1);
    let rounds = 3 * ROOM;
    // Each PDU in two pieces, so that a gap may begin within one.
    for n in 0..rounds {
        let pdu = question(n as u8);
        tap.bytes(Direction::Out, &pdu[..5]);
        tap.bytes(Direction::Out, &pdu[5..]);
        if n % ROOM == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    tap.bytes(Direction::Out, &question(7));
    drop((tap, tracer));
    tasks.end().await;
    let file = std::fs::read_dir(dir.path()).expect("a folder").next();
    let file = file.expect("a file").expect("a file").path();
    let (read, _) = lines(&file, "a long passphrase").expect("readable");
    let odd: Vec<_> = read
        .iter()
        .filter(|l| matches!(l.entry, TraceEntry::Bytes { .. }))
        .collect();
    assert!(odd.is_empty(), "{} are no PDUs", odd.len());
    let gaps = read.iter().filter_map(|l| match l.entry {
        TraceEntry::Gap(n) => Some(n),
        _ => None,
    });
    let lost: u64 = gaps.sum();
    let pdus = read
        .iter()
        .filter(|l| matches!(l.entry, TraceEntry::Pdu(_)));
    let (pdus, sent) = (pdus.count() as u64, 2 * rounds as u64 + 1);
    assert!(
        2 * pdus + lost <= sent + 1,
        "{pdus} read, {lost} of {sent} lost"
    );
    assert!(pdus > ROOM as u64 / 2, "{pdus} read, {lost} of {sent} lost");
}
