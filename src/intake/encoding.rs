//! Which encoding a text file has, told by its bytes: a mark, else strict UTF-8, else strict GB18030 (a superset of
//! GBK and GB2312, what a Chinese Excel writes for "CSV").

use std::{
    fmt,
    io::{Read, Seek, SeekFrom},
    ops::ControlFlow,
};

use encoding_rs::{DecoderResult, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::{IntakeError, read_up_to};

/// Bytes read and decoded at a time.
const CHUNK: usize = 64 * 1024;

/// Chinese characters that must stand before the first fault for a file to count as damaged UTF-8. GBK text is
/// hardly ever valid as so many three-byte characters.
const CONVINCING: usize = 4;

/// How a text file's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8.
    Utf8 {
        /// With the mark EF BB BF.
        bom: bool,
    },
    /// UTF-16, low byte first: Excel's "Unicode text".
    Utf16Le {
        /// With the mark FF FE.
        bom: bool,
    },
    /// UTF-16, high byte first.
    Utf16Be {
        /// With the mark FE FF.
        bom: bool,
    },
    /// GB18030, GBK and GB2312 included.
    Gb18030,
}

impl Encoding {
    fn parts(self) -> (&'static encoding_rs::Encoding, u64) {
        match self {
            Self::Utf8 { bom } => (UTF_8, if bom { 3 } else { 0 }),
            Self::Utf16Le { bom } => (UTF_16LE, if bom { 2 } else { 0 }),
            Self::Utf16Be { bom } => (UTF_16BE, if bom { 2 } else { 0 }),
            Self::Gb18030 => (GB18030, 0),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 { .. } => "UTF-8",
            Self::Utf16Le { .. } => "UTF-16LE",
            Self::Utf16Be { .. } => "UTF-16BE",
            Self::Gb18030 => "GB18030",
        })
    }
}

/// Finds the encoding; reads the whole file unless a mark tells.
pub(super) fn detect<R: Read + Seek>(source: &mut R) -> Result<Encoding, IntakeError> {
    let mut head = vec![0; CHUNK];
    source.rewind()?;
    let n = read_up_to(source, &mut head)?;
    let head = &head[..n];
    let marked = match head {
        [0xef, 0xbb, 0xbf, ..] => Some(Encoding::Utf8 { bom: true }),
        [0xff, 0xfe, ..] => Some(Encoding::Utf16Le { bom: true }),
        [0xfe, 0xff, ..] => Some(Encoding::Utf16Be { bom: true }),
        // No other encoding has zero bytes; in UTF-16 digits, separators and line breaks have one each.
        _ if head.contains(&0) => {
            let zeros = |parity: usize| {
                head.iter()
                    .skip(parity)
                    .step_by(2)
                    .filter(|b| **b == 0)
                    .count()
            };
            Some(if zeros(1) >= zeros(0) {
                Encoding::Utf16Le { bom: false }
            } else {
                Encoding::Utf16Be { bom: false }
            })
        }
        _ => None,
    };
    if let Some(encoding) = marked {
        return Ok(encoding);
    }
    let utf8 = Encoding::Utf8 { bom: false };
    let mut wide = 0;
    let scan = decode(source, utf8, &mut |text| {
        wide += text.chars().filter(|c| *c >= '\u{800}').count();
        ControlFlow::Continue(())
    });
    match scan {
        Ok(()) => Ok(utf8),
        Err(IntakeError::Encoding { .. }) if wide < CONVINCING => {
            decode(
                source,
                Encoding::Gb18030,
                &mut |_| ControlFlow::Continue(()),
            )
            .map_err(|e| match e {
                IntakeError::Encoding { line, .. } => IntakeError::Encoding {
                    line,
                    tried: "UTF-8 or GB18030",
                },
                other => other,
            })?;
            Ok(Encoding::Gb18030)
        }
        Err(e) => Err(e),
    }
}

/// The beginning of the text, for finding the heading.
pub(super) fn sample<R: Read + Seek>(
    source: &mut R,
    encoding: Encoding,
) -> Result<String, IntakeError> {
    let mut sample = String::new();
    decode(source, encoding, &mut |text| {
        sample.push_str(text);
        if sample.len() < CHUNK {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(sample)
}

/// Hands over the whole text in pieces; an error names the line of the first byte that is none.
pub(super) fn decode<R: Read + Seek>(
    source: &mut R,
    encoding: Encoding,
    on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<(), IntakeError> {
    let (kind, skip) = encoding.parts();
    source.seek(SeekFrom::Start(skip))?;
    let mut decoder = kind.new_decoder_without_bom_handling();
    let mut bytes = vec![0; CHUNK];
    // The longest growth is UTF-16 to UTF-8, two bytes to three.
    let mut text = String::with_capacity(2 * CHUNK);
    let mut line = 1;
    loop {
        let n = read_up_to(source, &mut bytes)?;
        let last = n < bytes.len();
        let mut rest = &bytes[..n];
        loop {
            text.clear();
            let (result, read) =
                decoder.decode_to_string_without_replacement(rest, &mut text, last);
            rest = &rest[read..];
            let fault = matches!(result, DecoderResult::Malformed(..));
            if on_text(&text).is_break() {
                return Ok(());
            }
            line += text.bytes().filter(|b| *b == b'\n').count() as u64;
            if fault {
                let tried = match encoding {
                    Encoding::Utf8 { .. } => "UTF-8",
                    Encoding::Gb18030 => "GB18030",
                    Encoding::Utf16Le { .. } | Encoding::Utf16Be { .. } => "UTF-16",
                };
                return Err(IntakeError::Encoding { line, tried });
            }
            if matches!(result, DecoderResult::InputEmpty) {
                break;
            }
        }
        if last {
            return Ok(());
        }
    }
}
