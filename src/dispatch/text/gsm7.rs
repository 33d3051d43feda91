//! The GSM 7-bit default alphabet and its extension (3GPP TS 23.038, 6.2.1): what a text costs in it, and how it is packed.

/// In the order of the codes 0 to 127. The one at 27 announces a letter of the extension and is no letter itself.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ',
    'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H',
    'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', '¿', 'a',
    'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    'ä', 'ö', 'ñ', 'ü', 'à',
];

const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

const ESCAPE: u8 = 0x1b;

/// One letter as one or two septets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dispatch) struct Letter {
    extended: bool,
    code: u8,
}

impl Letter {
    pub(in crate::dispatch) fn of(letter: char) -> Option<Self> {
        if letter == char::from(ESCAPE) {
            return None;
        }
        if let Some(place) = BASIC.iter().position(|known| *known == letter) {
            return Some(Self { extended: false, code: u8::try_from(place).ok()? });
        }
        EXTENSION.iter().find(|(known, _)| *known == letter).map(|(_, code)| Self { extended: true, code: *code })
    }

    pub(in crate::dispatch) fn septets(self) -> usize {
        if self.extended { 2 } else { 1 }
    }

    pub(in crate::dispatch) fn write(self, septets: &mut Vec<u8>) {
        if self.extended {
            septets.push(ESCAPE);
        }
        septets.push(self.code);
    }
}

/// How many septets a text takes; nothing where a letter is not in the alphabet.
pub(in crate::dispatch) fn septets(text: &str) -> Option<usize> {
    text.chars().try_fold(0, |sum, letter| Some(sum + Letter::of(letter)?.septets()))
}

/// How many text messages a text is charged as (TS 23.040, 9.2.3.24): one of 160 septets or 70 UTF-16 units, or several of 153 or 67.
pub(in crate::dispatch) fn charged(text: &str) -> u64 {
    let (length, single, part) = match septets(text) {
        Some(septets) => (septets, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    let parts = if length <= single { 1 } else { length.div_ceil(part) };
    u64::try_from(parts).unwrap_or(u64::MAX)
}

/// Eight septets in seven octets, the first one lowest. `fill` zero bits come first, so that what follows a header begins at a
/// septet's border (TS 23.040, 9.2.3.24).
pub(in crate::dispatch) fn pack(septets: &[u8], fill: u32) -> Vec<u8> {
    let mut octets = Vec::with_capacity(septets.len().saturating_mul(7) / 8 + 2);
    let (mut held, mut bits) = (0_u32, fill);
    for septet in septets {
        held |= u32::from(septet & 0x7f) << bits;
        bits += 7;
        while bits >= 8 {
            octets.push(held.to_le_bytes()[0]);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push(held.to_le_bytes()[0]);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str) -> String {
        let mut septets = Vec::new();
        text.chars().for_each(|letter| Letter::of(letter).unwrap().write(&mut septets));
        data_encoding::HEXUPPER.encode(&pack(&septets, 0))
    }

    #[test]
    fn septets_are_packed_lowest_first() {
        assert_eq!(packed("hellohello"), "E8329BFD4697D9EC37");
        assert_eq!(packed("123456"), "31D98C56B301");
        assert_eq!(packed(""), "");
        assert_eq!(packed("@"), "00");
        assert_eq!(packed("€"), "9B32");
    }

    #[test]
    fn codes_are_where_the_standard_has_them() {
        let table =
            [('@', 0), ('$', 2), ('\n', 10), ('_', 17), (' ', 32), ('A', 65), ('Ä', 91), ('a', 97), ('à', 127), ('¿', 96)];
        for (letter, code) in table {
            assert_eq!(Letter::of(letter), Some(Letter { extended: false, code }), "{letter}");
        }
        for letter in ['`', 'ç', '\u{1b}', '\t', '😀', 'ж'] {
            assert_eq!(Letter::of(letter), None, "{letter}");
        }
    }
}
