//! A trace's file: a head in clear, then parts that are encrypted one by one, each bound to those before it.
//!
//! `watchbell trace 1\n`, 16 bytes of salt, 19 of nonce; then per part its length (u32, the highest bit: the
//! last one) and XChaCha20-Poly1305 in the STREAM construction, the head being the associated data. The key is
//! argon2id of the passphrase and the salt. A file whose process was killed has no last part: all before it
//! is whole.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use aead_stream::{DecryptorBE32, EncryptorBE32};
use argon2::Argon2;
use chacha20poly1305::{XChaCha20Poly1305, aead::Payload};

use crate::config::Secret;

const MAGIC: &[u8; 18] = b"watchbell trace 1\n";
const SALT: usize = 16;
const NONCE: usize = 19;
const HEAD: usize = MAGIC.len() + SALT + NONCE;

/// Marks the last part's length.
const LAST: u32 = 1 << 31;

/// Bytes of a part, its tag included: more is no part.
const LONGEST_PART: u32 = 1 << 24;

/// Why a trace cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Something else.
    #[error("this is no trace of Watchbell: name a .trace file from the gateway's trace_dir")]
    NotATrace,
    /// Another key, or another's bytes.
    #[error(
        "the key does not fit this trace, or it was changed: use the trace_key it was written with"
    )]
    WrongKey,
    /// A part that does not follow the ones before it.
    #[error("part {0} was changed, or one before it is missing: what stands before it is whole")]
    Broken(usize),
    /// Its content makes no sense to this version.
    #[error("the trace's content cannot be read: it is of another version of Watchbell")]
    Content,
    /// No key could be made of it.
    #[error("no key could be made of the passphrase: {0}")]
    Key(String),
}

fn key(passphrase: &Secret, salt: &[u8]) -> Result<[u8; 32], TraceError> {
    let mut key = [0; 32];
    Argon2::default()
        .hash_password_into(passphrase.expose().as_bytes(), salt, &mut key)
        .map_err(|e| TraceError::Key(e.to_string()))?;
    Ok(key)
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The key of all files that one process writes with one passphrase: making it takes long on purpose.
#[derive(Clone)]
pub(super) struct Sealing {
    salt: [u8; SALT],
    key: [u8; 32],
}

impl Sealing {
    pub(super) fn new(passphrase: &Secret) -> Result<Self, TraceError> {
        let salt = random()?;
        let key = key(passphrase, &salt)?;
        Ok(Self { salt, key })
    }
}

/// A file that is being written.
pub(super) struct Sealed {
    file: File,
    head: [u8; HEAD],
    stream: Option<EncryptorBE32<XChaCha20Poly1305>>,
    written: u64,
}

impl Sealed {
    /// A new file that only we may read, in a folder that only we may enter.
    pub(super) fn create(path: &Path, sealing: &Sealing) -> Result<Self, TraceError> {
        if let Some(folder) = path.parent() {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let nonce: [u8; NONCE] = random()?;
        let mut head = [0; HEAD];
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        head[MAGIC.len()..MAGIC.len() + SALT].copy_from_slice(&sealing.salt);
        head[MAGIC.len() + SALT..].copy_from_slice(&nonce);
        file.write_all(&head)?;
        Ok(Self {
            file,
            head,
            stream: Some(EncryptorBE32::new(&sealing.key.into(), &nonce.into())),
            written: HEAD as u64,
        })
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// One more part: readable from now on, whatever becomes of this process.
    pub(super) fn part(&mut self, plain: &[u8]) -> Result<(), TraceError> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let payload = Payload {
            msg: plain,
            aad: &self.head,
        };
        let sealed = stream
            .encrypt_next(payload)
            .map_err(|_| io::Error::other("the trace has no room for more parts"))?;
        self.put(&sealed, 0)
    }

    /// The last part.
    pub(super) fn end(mut self, plain: &[u8]) -> Result<(), TraceError> {
        let Some(stream) = self.stream.take() else {
            return Ok(());
        };
        let payload = Payload {
            msg: plain,
            aad: &self.head,
        };
        let sealed = stream
            .encrypt_last(payload)
            .map_err(|_| io::Error::other("the trace has no room for more parts"))?;
        self.put(&sealed, LAST)
    }

    fn put(&mut self, sealed: &[u8], mark: u32) -> Result<(), TraceError> {
        let mut part = (sealed.len() as u32 | mark).to_be_bytes().to_vec();
        part.extend_from_slice(sealed);
        // In one write: a killed process leaves a part whole or cut, and a cut one is noticed.
        self.file.write_all(&part)?;
        self.written += part.len() as u64;
        Ok(())
    }
}

/// A file's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was closed.
    Whole,
    /// It is being written, or its process was killed.
    Cut,
}

/// Decrypts a file part by part; gives how it ends.
pub(super) fn open(
    path: &Path,
    passphrase: &Secret,
    mut part: impl FnMut(&[u8]) -> Result<(), TraceError>,
) -> Result<End, TraceError> {
    let mut file = io::BufReader::new(File::open(path)?);
    let mut head = [0; HEAD];
    match file.read_exact(&mut head) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(TraceError::NotATrace),
        read => read?,
    }
    let Some((salt, nonce)) = head
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_at_checked(SALT))
    else {
        return Err(TraceError::NotATrace);
    };
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| TraceError::NotATrace)?;
    let key = key(passphrase, salt)?;
    let mut stream = DecryptorBE32::<XChaCha20Poly1305>::new(&key.into(), &nonce.into());
    for number in 1.. {
        let mut length = [0; 4];
        if !filled(&mut file, &mut length)? {
            return Ok(End::Cut);
        }
        let word = u32::from_be_bytes(length);
        let length = word & !LAST;
        let failed = |_| match number {
            1 => TraceError::WrongKey,
            number => TraceError::Broken(number),
        };
        if length > LONGEST_PART {
            return Err(TraceError::Broken(number));
        }
        let mut sealed = vec![0; length as usize];
        if !filled(&mut file, &mut sealed)? {
            return Ok(End::Cut);
        }
        let payload = Payload {
            msg: &sealed,
            aad: &head,
        };
        if word & LAST != 0 {
            part(&stream.decrypt_last(payload).map_err(failed)?)?;
            return Ok(End::Whole);
        }
        part(&stream.decrypt_next(payload).map_err(failed)?)?;
    }
    Ok(End::Cut)
}

/// Fills the buffer, unless the file ends before.
fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}
