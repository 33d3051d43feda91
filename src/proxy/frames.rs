//! The frames of a WebSocket on their way through (RFC 6455 section 5.2), read as far as their heads: which of them carry data. Nothing is
//! kept, changed or judged; what is no WebSocket carries none.

/// Where in the stream of frames of one side we are.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    place: Place,
    /// Of the frame that this place is in.
    is_data: bool,
}

#[derive(Clone, Debug, Default)]
enum Place {
    /// A frame begins.
    #[default]
    Begin,
    /// The byte with the length comes next.
    Length,
    /// So many bytes of the longer length are still to come; what came so far; the mask's bytes come after.
    LongLength { left: u8, length: u64, mask: u64 },
    /// So many bytes of mask and payload are still to come.
    Payload(u64),
}

impl Frames {
    /// Whether a frame with data (text, binary, or more of either) begins in these bytes or goes on in them. To be given all that comes, in
    /// pieces of any size.
    pub fn carry_data(&mut self, mut bytes: &[u8]) -> bool {
        let mut has_data = false;
        while let Some((first, rest)) = bytes.split_first() {
            (bytes, self.place) = match self.place {
                Place::Begin => {
                    self.is_data = is_data(*first);
                    (rest, Place::Length)
                }
                Place::Length => (rest, after_length(*first)),
                Place::LongLength { left, length, mask } => {
                    let length = (length << 8) | u64::from(*first);
                    (rest, if left > 1 { Place::LongLength { left: left - 1, length, mask } } else { payload(length, mask) })
                }
                Place::Payload(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    (bytes.get(here..).unwrap_or_default(), payload(left - here as u64, 0))
                }
            };
            has_data |= self.is_data;
        }
        has_data
    }
}

/// By the opcode, the low half of a frame's first byte: continuation, text, binary.
fn is_data(first: u8) -> bool {
    first & 0x0f <= 2
}

/// By the byte that holds the mask's bit and a length, or how long the length is.
fn after_length(byte: u8) -> Place {
    let mask = if byte & 0x80 == 0 { 0 } else { 4 };
    match byte & 0x7f {
        126 => Place::LongLength { left: 2, length: 0, mask },
        127 => Place::LongLength { left: 8, length: 0, mask },
        length => payload(length.into(), mask),
    }
}

fn payload(length: u64, mask: u64) -> Place {
    match length.saturating_add(mask) {
        0 => Place::Begin,
        left => Place::Payload(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of a client: masked, with a payload of so many bytes that look like frames themselves.
    fn frame(opcode: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match length {
            0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(0xfe);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0xff);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0x81; 4]);
        frame.resize(frame.len() + length, 0x81);
        frame
    }

    #[test]
    fn data_is_told_from_pings_in_pieces_of_any_size() {
        const PINGS: [u8; 3] = [8, 9, 10];
        for piece in [1, 2, 3, 7, 1000, 100_000] {
            for opcode in 0..16 {
                for length in [0, 1, 125, 126, 65_535, 65_536] {
                    let mut frames = Frames::default();
                    let mut told = |bytes: &[u8]| bytes.chunks(piece).fold(false, |told, bytes| frames.carry_data(bytes) | told);
                    assert!(!told(&PINGS.map(|ping| frame(ping, 125)).concat()));
                    assert_eq!(told(&frame(opcode, length)), opcode <= 2, "{opcode} {length} by {piece}");
                    assert!(!told(&frame(9, 0)), "and it was read to its very end");
                }
            }
        }
    }

    #[test]
    fn a_long_message_carries_data_until_its_end() {
        let mut frames = Frames::default();
        let message = frame(2, 200);
        assert!(message.chunks(20).all(|piece| frames.carry_data(piece)));
        assert!(!frames.carry_data(&frame(9, 4)));
        assert!(!frames.carry_data(&[]));
    }

    #[test]
    fn a_length_beyond_all_bounds_is_one_long_frame() {
        let mut frames = Frames::default();
        assert!(!frames.carry_data(&[0x89, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
        assert!(!frames.carry_data(&[0x81; 1000]));
    }
}
