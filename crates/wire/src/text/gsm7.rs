//! The GSM 7-bit default alphabet with its extension table (3GPP TS 23.038 §6.2.1), and packing.
//!
//! Septets stand one a byte here, as SMPP's `data_coding` 0 sends them. Packed they are eight in seven
//! bytes, lowest bits first, as on the air.

/// The default alphabet by septet. ESC has no character of its own.
const ALPHABET: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_',
    'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#',
    '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6',
    '7', '8', '9', ':', ';', '<', '=', '>', '?', '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I',
    'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö',
    'Ñ', 'Ü', '§', '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// Characters that take two septets: ESC and this one.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

const ESC: u8 = 0x1B;

/// Appends the septets of a character: one, or ESC and one. `None` when the alphabet does not have it.
pub(super) fn encode_char(character: char, out: &mut Vec<u8>) -> Option<()> {
    let place = |septet| septet as u8;
    if character != '\u{1B}'
        && let Some(septet) = ALPHABET.iter().position(|&c| c == character)
    {
        out.push(place(septet));
        return Some(());
    }
    let (septet, _) = EXTENSION.iter().find(|(_, c)| *c == character)?;
    out.extend([ESC, *septet]);
    Some(())
}

/// Reads septets, and whether all of them could be read. The highest bit of a byte is ignored. An escape
/// the table does not have is shown as the character of the default alphabet, as the document asks.
pub(super) fn decode(septets: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(septets.len());
    let mut lossy = false;
    let mut septets = septets.iter().map(|byte| byte & 0x7F);
    while let Some(septet) = septets.next() {
        if septet != ESC {
            text.push(ALPHABET[usize::from(septet)]);
            continue;
        }
        let escaped = septets.next();
        let known = escaped.and_then(|septet| EXTENSION.iter().find(|(s, _)| *s == septet));
        match (known, escaped) {
            (Some((_, character)), _) => text.push(*character),
            (None, Some(septet)) if septet != ESC => {
                lossy = true;
                text.push(ALPHABET[usize::from(septet)]);
            }
            // Two escapes are reserved for another table and shown as a blank.
            (None, Some(_)) => {
                lossy = true;
                text.push(' ');
            }
            (None, None) => {
                lossy = true;
                text.push('\u{FFFD}');
            }
        }
    }
    (text, lossy)
}

/// Packs septets, eight in seven bytes. `fill_bits`, 0 to 6, are left free at the start: behind a user
/// data header the text begins at the next multiple of seven bits, see [`fill_bits`].
///
/// ```
/// use watchbell_wire::text::{Coding, encode, gsm7};
///
/// let septets = encode("hellohello", Coding::Gsm7)?;
/// let packed = gsm7::pack(&septets, 0);
/// assert_eq!(packed, [0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37]);
/// assert_eq!(gsm7::unpack(&packed, septets.len(), 0), septets);
/// # Ok::<(), watchbell_wire::text::TextError>(())
/// ```
pub fn pack(septets: &[u8], fill_bits: u8) -> Vec<u8> {
    let mut packed = Vec::with_capacity((septets.len() * 7).div_ceil(8) + 1);
    let mut bits = u32::from(fill_bits.min(6));
    let mut rest = 0_u32;
    for septet in septets {
        rest |= u32::from(septet & 0x7F) << bits;
        bits += 7;
        while bits >= 8 {
            packed.push(rest as u8);
            rest >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 && !septets.is_empty() {
        packed.push(rest as u8);
    }
    packed
}

/// Takes `count` septets out of packed bytes, or as many as there are: seven bytes may hold seven
/// septets or eight, so the number has to be known.
pub fn unpack(packed: &[u8], count: usize, fill_bits: u8) -> Vec<u8> {
    let fill_bits = fill_bits.min(6);
    let there = (packed.len() * 8).saturating_sub(usize::from(fill_bits)) / 7;
    let mut septets = Vec::with_capacity(count.min(there));
    let mut rest = 0_u32;
    let mut bits = 0_u32;
    let mut skip = u32::from(fill_bits);
    for byte in packed {
        rest |= u32::from(*byte) << bits;
        bits += 8;
        rest >>= skip;
        bits -= skip;
        skip = 0;
        while bits >= 7 && septets.len() < count {
            septets.push(rest as u8 & 0x7F);
            rest >>= 7;
            bits -= 7;
        }
        if septets.len() >= count {
            break;
        }
    }
    septets
}

/// Bits between a user data header of `header_len` bytes and the first septet.
pub const fn fill_bits(header_len: usize) -> u8 {
    ((7 - header_len * 8 % 7) % 7) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_alphabet_reads_back() {
        let all = ALPHABET.iter().chain(EXTENSION.iter().map(|(_, c)| c));
        for character in all.filter(|c| **c != '\u{1B}') {
            let mut septets = Vec::new();
            encode_char(*character, &mut septets).expect("in the table");
            assert_eq!(decode(&septets), (character.to_string(), false));
        }
        let distinct: std::collections::HashSet<_> = ALPHABET.iter().collect();
        assert_eq!(distinct.len(), 128);
        assert_eq!(encode_char('\u{1B}', &mut Vec::new()), None);
        assert_eq!(encode_char('安', &mut Vec::new()), None);
    }

    #[test]
    fn euro_takes_two_septets_and_unknown_escapes_are_marked() {
        let mut septets = Vec::new();
        encode_char('€', &mut septets).expect("in the table");
        assert_eq!(septets, [0x1B, 0x65]);
        assert_eq!(decode(&[0x1B, 0x41]), ("A".to_owned(), true));
        assert_eq!(decode(&[0x1B, 0x1B]), (" ".to_owned(), true));
        assert_eq!(decode(&[0x41, 0x1B]), ("A\u{FFFD}".to_owned(), true));
    }

    #[test]
    fn packing_starts_behind_a_header_on_a_septet_boundary() {
        assert_eq!([fill_bits(0), fill_bits(6), fill_bits(7)], [0, 1, 0]);
        for fill in 0..=6 {
            for len in 0..=17 {
                let septets: Vec<u8> = (0..len).map(|at| 0x7F - at).collect();
                let packed = pack(&septets, fill);
                assert_eq!(
                    unpack(&packed, septets.len(), fill),
                    septets,
                    "{fill} {len}"
                );
                let bits = usize::from(fill) + 7 * usize::from(len);
                let bytes = if len == 0 { 0 } else { bits.div_ceil(8) };
                assert_eq!(packed.len(), bytes);
            }
        }
        assert_eq!(unpack(&[0xFF; 3], usize::MAX, 0), [0x7F; 3]);
    }
}
