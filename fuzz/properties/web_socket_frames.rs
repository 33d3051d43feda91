//! Frames of a WebSocket: what is told of them does not depend on how they are cut, and pings never count as data.

use doorward::proxy::frames::Frames;

/// The first byte says how the rest is cut.
pub fn holds(data: &[u8]) {
    let (piece, data) = data.split_first().map_or((1, data), |(piece, rest)| (usize::from(*piece % 16) + 1, rest));
    let (mut whole, mut cut) = (Frames::default(), Frames::default());
    let told = data.chunks(piece).fold(false, |told, bytes| cut.carry_data(bytes) | told);
    assert_eq!(whole.carry_data(data), told, "by {piece}");
    // Both are at the same place, wherever that is.
    for next in [&[0x81, 0x00][..], &[0; 300], &[0x89, 0x80, 1, 2, 3, 4], data] {
        assert_eq!(whole.carry_data(next), cut.carry_data(next));
    }

    let mut frames = Frames::default();
    for payload in data.chunks(125) {
        let length = u8::try_from(payload.len()).expect("at most 125");
        let ping = [&[0x89, 0x80 | length, 1, 2, 3, 4][..], payload].concat();
        assert!(!frames.carry_data(&ping), "a ping, whatever it carries");
    }
    assert!(frames.carry_data(&[0x81]));
}
