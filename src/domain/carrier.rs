//! Which carrier a number belongs to: what its segment says, and what reports have taught us, kept apart.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::LazyLock};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{bilingual::labels, phone::Phone};

/// A mobile carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// China Mobile, 中国移动.
    Mobile,
    /// China Unicom, 中国联通.
    Unicom,
    /// China Telecom, 中国电信.
    Telecom,
    /// China Broadnet, 中国广电; shares China Mobile's radio network but is routed by a rule of its own.
    Broadnet,
    /// Nobody we have a gateway for.
    Other,
}

impl Carrier {
    /// All carriers, in the order in which they are listed everywhere.
    pub const ALL: [Self; 5] = [
        Self::Mobile,
        Self::Unicom,
        Self::Telecom,
        Self::Broadnet,
        Self::Other,
    ];

    /// The name in configuration, database and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Unicom => "unicom",
            Self::Telecom => "telecom",
            Self::Broadnet => "broadnet",
            Self::Other => "other",
        }
    }
}

labels!(Carrier {
    Mobile: "中国移动", "China Mobile";
    Unicom: "中国联通", "China Unicom";
    Telecom: "中国电信", "China Telecom";
    Broadnet: "中国广电", "China Broadnet";
    Other: "其他", "others";
});

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a carrier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("carrier {0:?} is not known: write mobile, unicom, telecom, broadnet or other")]
pub struct UnknownCarrier(String);

impl FromStr for Carrier {
    type Err = UnknownCarrier;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|c| c.as_str() == s)
            .ok_or_else(|| UnknownCarrier(s.to_owned()))
    }
}

/// The carrier that serves a number: what a person has set, else what reports have shown, else its segment.
pub fn serving(override_: Option<Carrier>, evidence: Option<Carrier>, segment: Carrier) -> Carrier {
    override_.or(evidence).unwrap_or(segment)
}

/// What kind of subscriber a segment was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SegmentKind {
    /// People's phones.
    #[default]
    Ordinary,
    /// Resold by a virtual operator; some channels refuse them, and they cannot be ported.
    Virtual,
    /// Satellite phones.
    Satellite,
    /// Mostly machines and data cards.
    Iot,
}

/// What the table says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The carrier that issued the number.
    pub carrier: Carrier,
    /// To what kind of subscriber.
    pub kind: SegmentKind,
}

/// Number segments as data with a date; an operator's file may replace the built-in one.
#[derive(Debug, Clone)]
pub struct CarrierTable {
    as_of: String,
    by_prefix: BTreeMap<(u32, u64), Segment>,
    /// Lengths of prefix that occur, longest first.
    lengths: Vec<u32>,
}

impl CarrierTable {
    /// The table shipped with Watchbell, `config/carriers.toml`.
    pub fn builtin() -> &'static Self {
        static TABLE: LazyLock<CarrierTable> = LazyLock::new(|| {
            CarrierTable::parse(include_str!("../../config/carriers.toml"))
                .expect("the shipped table is parsed by a test")
        });
        &TABLE
    }

    /// Reads a table; an error names the line.
    pub fn parse(text: &str) -> Result<Self, CarrierTableError> {
        let file: File = toml::from_str(text).map_err(|e| CarrierTableError {
            line: e.span().map_or(1, |span| line_of(text, span.start)),
            what: e.message().to_owned(),
        })?;
        let mut table = Self {
            as_of: file.as_of,
            by_prefix: BTreeMap::new(),
            lengths: Vec::new(),
        };
        for row in file.segments {
            let segment = Segment {
                carrier: row.carrier,
                kind: row.kind,
            };
            for prefix in row.prefixes {
                let line = line_of(text, prefix.span().start);
                table
                    .insert(prefix.get_ref(), segment)
                    .map_err(|what| CarrierTableError { line, what })?;
            }
        }
        if table.by_prefix.is_empty() {
            return Err(CarrierTableError {
                line: 1,
                what: "no segment at all: add [[segments]] entries".into(),
            });
        }
        Ok(table)
    }

    /// The day whose state the table describes.
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// What the number's longest known prefix says; `None` when it stands in no allocated segment.
    pub fn by_segment(&self, phone: Phone) -> Option<Segment> {
        self.lengths
            .iter()
            .find_map(|&n| self.by_prefix.get(&(n, phone.prefix(n))))
            .copied()
    }

    /// The issuing carrier; [`Carrier::Other`] when the segment is not allocated.
    pub fn carrier(&self, phone: Phone) -> Carrier {
        self.by_segment(phone).map_or(Carrier::Other, |s| s.carrier)
    }

    /// Adds `138` or `1340-1348`.
    fn insert(&mut self, written: &str, segment: Segment) -> Result<(), String> {
        let (from, to) = written.split_once('-').unwrap_or((written, written));
        let length = from.len() as u32;
        let (Some(first), Some(last)) = (prefix(from), prefix(to)) else {
            return Err(format!(
                "{written:?} is not a segment: write 2 to 7 digits beginning with 1, or a range of them"
            ));
        };
        if from.len() != to.len() || first > last {
            return Err(format!(
                "{written:?} is not a range: both ends need the same length, the smaller first"
            ));
        }
        for n in first..=last {
            if self.by_prefix.insert((length, n), segment).is_some() {
                return Err(format!("segment {n} is given twice: remove one of the two"));
            }
        }
        if !self.lengths.contains(&length) {
            self.lengths.push(length);
            self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
        Ok(())
    }
}

/// The table of segments cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("carrier table, line {line}: {what}")]
pub struct CarrierTableError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there and how to mend it.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: String,
    #[expect(dead_code, reason = "required of the file's writer, for its readers")]
    source: String,
    segments: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    carrier: Carrier,
    #[serde(default)]
    kind: SegmentKind,
    prefixes: Vec<Spanned<String>>,
}

fn prefix(digits: &str) -> Option<u64> {
    let fits = (2..=7).contains(&digits.len())
        && digits.starts_with('1')
        && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Option<Segment> {
        CarrierTable::builtin().by_segment(Phone::from_number(number).unwrap())
    }

    #[test]
    fn segments_name_the_carrier_that_issued_the_number() {
        for (number, carrier) in [
            (13_400_000_000, Carrier::Mobile),
            (13_800_138_001, Carrier::Mobile),
            (17_031_234_567, Carrier::Mobile),
            (16_512_345_678, Carrier::Mobile),
            (13_012_345_678, Carrier::Unicom),
            (17_091_234_567, Carrier::Unicom),
            (13_312_345_678, Carrier::Telecom),
            (17_001_234_567, Carrier::Telecom),
            (16_212_345_678, Carrier::Telecom),
            (19_212_345_678, Carrier::Broadnet),
            (16_191_234_567, Carrier::Other),
        ] {
            assert_eq!(at(number).map(|s| s.carrier), Some(carrier), "{number}");
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        assert_eq!(at(13_480_000_000).unwrap().kind, SegmentKind::Ordinary);
        assert_eq!(
            at(13_492_000_000).unwrap(),
            Segment {
                carrier: Carrier::Telecom,
                kind: SegmentKind::Satellite
            }
        );
        assert_eq!(at(13_490_000_000), None);
        assert_eq!(at(17_405_000_000).unwrap().carrier, Carrier::Telecom);
        assert_eq!(at(17_406_000_000).unwrap().carrier, Carrier::Other);
        assert_eq!(at(17_420_000_000), None);
    }

    #[test]
    fn segments_that_nobody_has_are_unallocated() {
        for number in [
            15_412_345_678,
            16_112_345_678,
            14_012_345_678,
            12_912_345_678,
            19_412_345_678,
        ] {
            assert_eq!(at(number), None, "{number}");
        }
    }

    #[test]
    fn resold_and_machine_segments_are_flagged() {
        assert_eq!(at(17_131_234_567).unwrap().kind, SegmentKind::Virtual);
        assert_eq!(at(17_231_234_567).unwrap().kind, SegmentKind::Iot);
    }

    #[test]
    fn what_a_person_set_beats_evidence_and_evidence_beats_the_segment() {
        use Carrier::{Mobile, Telecom, Unicom};
        assert_eq!(serving(None, None, Mobile), Mobile);
        assert_eq!(serving(None, Some(Unicom), Mobile), Unicom);
        assert_eq!(serving(Some(Telecom), Some(Unicom), Mobile), Telecom);
    }

    #[test]
    fn a_faulty_table_is_refused_with_the_line() {
        let table = |prefixes: &str| {
            format!(
                "as_of = \"2023-03-31\"\nsource = \"x\"\n[[segments]]\ncarrier = \"mobile\"\nprefixes = [\n\"138\",\n{prefixes}]\n"
            )
        };
        for (prefixes, line) in [
            ("\"138\"", 7),
            ("\"139\",\n\"137-139\"", 8),
            ("\"13x\"", 7),
            ("\"139-135\"", 7),
            ("\"130-1312\"", 7),
        ] {
            assert_eq!(
                CarrierTable::parse(&table(prefixes)).unwrap_err().line,
                line,
                "{prefixes}"
            );
        }
        let unknown =
            CarrierTable::parse(&table("").replace("\"mobile\"", "\"vodafone\"")).unwrap_err();
        assert_eq!(unknown.line, 4, "{unknown}");
    }

    #[test]
    fn a_carriers_name_reads_back() {
        for carrier in Carrier::ALL {
            assert_eq!(carrier.as_str().parse(), Ok(carrier));
        }
        assert!("any".parse::<Carrier>().is_err());
    }
}
