//! The ledger's arithmetic: leaves, subtree roots, entry hashes, heads. The format is decided once
//! and written down for strangers in `docs/ledger.md`; nothing here may change what is hashed.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use super::time::Micros;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// The chain that `head` and `--expect` speak of.
pub const MAIN: &str = "main";

/// What the first entry names as its predecessor.
pub const NO_ENTRY: Hash = [0; 32];

/// RFC 6962 §2.1 leaf hash: `SHA-256(0x00 ‖ data)`.
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(data)
        .finalize()
        .into()
}

/// A commitment to personal data: `SHA-256(0x00 ‖ salt ‖ data)`. Without the salt it says nothing.
pub fn salted(salt: &[u8], data: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(salt)
        .chain_update(data)
        .finalize()
        .into()
}

/// A digest of what is no secret: SHA-256 of the value's compact JSON.
pub fn digest_of(value: &serde_json::Value) -> Hash {
    Sha256::digest(value.to_string()).into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// An RFC 6962 tree that remembers only its right edge: at most 64 hashes for any number of leaves.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Roots of full subtrees, largest first; their sizes are the bits of `leaves`.
    peaks: Vec<Hash>,
    leaves: u64,
}

impl Tree {
    /// Adds the next leaf, already hashed with [`leaf`] or [`salted`].
    pub fn push(&mut self, leaf: Hash) {
        let mut carry = leaf;
        let mut full = self.leaves;
        while full & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                carry = node(&left, &carry);
            }
            full >>= 1;
        }
        self.peaks.push(carry);
        self.leaves += 1;
    }

    /// How many leaves.
    pub fn len(&self) -> u64 {
        self.leaves
    }

    /// No leaf yet?
    pub fn is_empty(&self) -> bool {
        self.leaves == 0
    }

    /// RFC 6962 §2.1 Merkle tree hash; of no leaves it is the hash of the empty string.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(first) = peaks.next() else {
            return Sha256::digest([]).into();
        };
        peaks.fold(*first, |right, left| node(left, &right))
    }
}

impl Extend<Hash> for Tree {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

/// An entry without its events: what the entry hash covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which chain; one node's is [`MAIN`].
    pub chain: String,
    /// The entry's number, from 1 without gaps.
    pub n: i64,
    /// When it was committed.
    pub time: Micros,
    /// How many events it holds.
    pub count: i64,
    /// Root over the events' leaves.
    pub root: Hash,
    /// The previous entry's hash.
    pub prev: Hash,
}

impl Header {
    /// SHA-256 over the header's seven lines (`docs/ledger.md`).
    pub fn hash(&self) -> Hash {
        let text = format!(
            "watchbell entry 1\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.chain,
            self.n,
            self.time.0,
            self.count,
            hex::encode(self.root),
            hex::encode(self.prev)
        );
        Sha256::digest(text).into()
    }
}

/// The root over an entry's events, given as its stored text: one JSON object a line.
pub fn events_root(events: &str) -> (i64, Hash) {
    let mut tree = Tree::default();
    // Not `lines()`: it would take a line that ends in CR LF for the same.
    tree.extend(
        events
            .split_terminator('\n')
            .map(|line| leaf(line.as_bytes())),
    );
    (i64::try_from(tree.len()).unwrap_or(i64::MAX), tree.root())
}

/// The newest entry's number and hash: what people write down and compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Entry number; 0 before the first entry.
    pub n: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// Before the first entry.
    pub const EMPTY: Self = Self {
        n: 0,
        hash: NO_ENTRY,
    };
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.n, hex::encode(self.hash))
    }
}

/// Not of the form `N:HEX`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a ledger head: write N:HEX as it was shown, for instance 42:9f86… with 64 hex digits"
)]
pub struct BadHead(pub String);

impl FromStr for Head {
    type Err = BadHead;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bad = || BadHead(s.to_owned());
        let (n, hex) = s.trim().split_once(':').ok_or_else(bad)?;
        let mut hash = NO_ENTRY;
        hex::decode_to_slice(hex.trim(), &mut hash).map_err(|_| bad())?;
        Ok(Self {
            n: n.trim().parse().map_err(|_| bad())?,
            hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_running_root_is_rfc_6962s(leaves in proptest::collection::vec(any::<[u8; 4]>(), 0..70)) {
            let mut ours = Tree::default();
            let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
            for l in &leaves {
                ours.push(leaf(l));
                theirs.push(l.to_vec());
            }
            if !leaves.is_empty() {
                let root = theirs.root();
                prop_assert_eq!(&ours.root()[..], &root.as_bytes()[..]);
            }
        }
    }

    #[test]
    fn the_empty_root_is_the_hash_of_nothing() {
        assert_eq!(
            hex::encode(Tree::default().root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_head_reads_back_as_it_was_shown() {
        let head = Head {
            n: 42,
            hash: leaf(b"x"),
        };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!("42".parse::<Head>().is_err());
        assert!("x:00".parse::<Head>().is_err());
    }
}
