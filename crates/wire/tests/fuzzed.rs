//! The fuzz targets' bodies as property tests: on any bytes, and on the seeds with damage.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

#[path = "../fuzz/bodies/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the fuzz targets")]
mod bodies;

use std::{collections::BTreeSet, fs, path::Path};

use bodies::{cmpp, sgip, smgp, source::Source};
use proptest::{collection::vec, prelude::*, sample::Index};
use watchbell_wire as wire;

type Body = fn(&[u8]);

const BODIES: &[(&str, Body)] = &[
    ("cmpp", cmpp::cmpp_in),
    ("cmpp", cmpp::cmpp_out),
    ("sgip", sgip::sgip_in),
    ("sgip", sgip::sgip_out),
    ("smgp", smgp::smgp_in),
    ("smgp", smgp::smgp_out),
    #[cfg(feature = "smpp")]
    ("smpp", bodies::smpp::smpp_in),
    #[cfg(feature = "smpp")]
    ("smpp", bodies::smpp::smpp_out),
];

/// The seeds of a protocol, read once.
fn seeds(protocol: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(protocol);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 50, "{} is too empty", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_seed_passes() {
    for (protocol, body) in BODIES {
        for seed in seeds(protocol) {
            body(&seed);
        }
    }
}

#[test]
fn any_bytes_pass() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let data = vec(any::<u8>(), 0..1200);
    let passes = |data: Vec<u8>| {
        for (_, body) in BODIES {
            body(&data);
        }
        Ok(())
    };
    runner.run(&data, passes).unwrap();
}

#[test]
fn damaged_seeds_pass() {
    for (protocol, body) in BODIES {
        let seeds = seeds(protocol);
        let damage = vec((any::<Index>(), any::<u8>()), 1..5);
        let data = (any::<Index>(), damage, any::<Option<Index>>());
        let mut runner = proptest::test_runner::TestRunner::default();
        let passes = |(seed, damage, cut): (Index, Vec<(Index, u8)>, Option<Index>)| {
            let mut data = seed.get(&seeds).clone();
            for (at, byte) in damage {
                let at = at.index(data.len());
                data[at] = byte;
            }
            if let Some(cut) = cut {
                data.truncate(cut.index(data.len()));
            }
            body(&data);
            Ok(())
        };
        runner.run(&data, passes).unwrap();
    }
}

/// Every good seed in one stream, cut anywhere, gives the frames that each gives alone.
fn splits_of<P: wire::Protocol>(protocol: &str, version: P::Version, first: u8) {
    let limits = wire::FrameLimits::default();
    let alone = |bytes: &[u8]| match wire::decode::<P>(bytes, version, &limits) {
        Ok(wire::Decoded::Frame(frame, size)) if size == bytes.len() => Some(frame),
        _ => None,
    };
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for seed in seeds(protocol).iter().filter(|seed| seed[0] == first) {
        if let Some(frame) = alone(&seed[1..]) {
            stream.extend_from_slice(&seed[1..]);
            expected.push(frame);
        }
    }
    assert!(expected.len() > 30, "{protocol}: {}", expected.len());
    let mut runner = proptest::test_runner::TestRunner::default();
    let same = |cuts: Vec<Index>| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut reader = wire::FrameReader::<P>::new(version, limits);
        let mut read = Vec::new();
        for cut in cuts.windows(2) {
            reader.push(&stream[cut[0]..cut[1]]);
            while let Some(frame) = reader.next_frame().unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(reader.buffered(), 0);
        Ok(())
    };
    runner.run(&vec(any::<Index>(), 0..60), same).unwrap();
}

#[test]
fn any_split_of_the_stream_gives_the_same_frames() {
    splits_of::<wire::cmpp::Cmpp>("cmpp", wire::cmpp::Version::V20, 0);
    splits_of::<wire::cmpp::Cmpp>("cmpp", wire::cmpp::Version::V30, 1);
    splits_of::<wire::sgip::Sgip>("sgip", wire::sgip::Version::V12, 0);
    splits_of::<wire::smgp::Smgp>("smgp", wire::smgp::Version::V30, 1);
    #[cfg(feature = "smpp")]
    splits_of::<wire::smpp::Smpp>("smpp", wire::smpp::Version::V34, 0);
}

/// The makers of PDUs leave none out.
#[test]
fn every_command_is_made() {
    let kinds = |id: &mut dyn FnMut(&mut Source<'_>) -> u32| -> usize {
        let kinds: BTreeSet<u32> = (0..=u8::MAX)
            .map(|kind| id(&mut Source::new(&[kind])))
            .collect();
        kinds.len()
    };
    let v20 = wire::cmpp::Version::V20;
    assert_eq!(kinds(&mut |s| cmpp::pdu(s, v20).command_id().to_wire()), 14);
    assert_eq!(kinds(&mut |s| sgip::pdu(s).command_id().to_wire()), 14);
    let v30 = wire::smgp::Version::V30;
    assert_eq!(kinds(&mut |s| smgp::pdu(s, v30).command_id().to_wire()), 12);
    #[cfg(feature = "smpp")]
    {
        let command = |frame: Vec<u8>| u32::from_be_bytes(frame[4..8].try_into().unwrap());
        let all = bodies::smpp::COMMANDS.len();
        assert_eq!(kinds(&mut |s| command(bodies::smpp::frame(s))), all);
    }
}
