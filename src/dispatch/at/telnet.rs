//! Telnet on the way to a modem (RFC 854, and RFC 2217 for the line's settings): negotiation is answered and taken out of the bytes. A
//! converter that was to pass bytes through and negotiates all the same is understood too.

/// One connection's negotiation. Bytes of modems are ASCII, so that 255 is never theirs.
#[derive(Debug)]
pub struct Telnet {
    /// What is told about the line once the far end has agreed; nothing where the converter knows.
    line: Option<u32>,
    told: bool,
    /// An announcement of which the rest has not come.
    held: Vec<u8>,
}

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const BINARY: u8 = 0;
const NO_GO_AHEAD: u8 = 3;
const COM_PORT: u8 = 44;

/// More is no announcement of anything.
const MOST_HELD: usize = 512;

impl Telnet {
    /// For a plain stream: whatever is offered is refused.
    pub fn tolerant() -> Self {
        Self { line: None, told: false, held: Vec::new() }
    }

    /// For RFC 2217 at this speed.
    pub fn com_port(baud: u32) -> Self {
        Self { line: Some(baud), ..Self::tolerant() }
    }

    /// What is said first.
    pub fn hello(&self) -> Vec<u8> {
        match self.line {
            None => Vec::new(),
            Some(_) => [[IAC, WILL, COM_PORT], [IAC, WILL, BINARY], [IAC, DO, BINARY], [IAC, DO, NO_GO_AHEAD]].concat(),
        }
    }

    /// The modem's bytes among these, and what is to be answered.
    pub fn take(&mut self, octets: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut plain, mut answer) = (Vec::with_capacity(octets.len()), Vec::new());
        for octet in octets {
            if self.held.is_empty() && *octet != IAC {
                plain.push(*octet);
                continue;
            }
            self.held.push(*octet);
            if self.is_whole() {
                let whole = std::mem::take(&mut self.held);
                self.answer(&whole, &mut plain, &mut answer);
            }
        }
        (plain, answer)
    }

    fn is_whole(&self) -> bool {
        match self.held.as_slice() {
            [] | [_] => false,
            [_, SB, rest @ ..] => rest.ends_with(&[IAC, SE]) || self.held.len() > MOST_HELD,
            [_, WILL..=DONT] => false,
            _ => true,
        }
    }

    fn answer(&mut self, whole: &[u8], plain: &mut Vec<u8>, answer: &mut Vec<u8>) {
        match whole {
            [_, IAC] => plain.push(IAC),
            [_, DO, COM_PORT] if self.line.is_some() && !self.told => {
                self.told = true;
                answer.extend(settings(self.line.unwrap_or_default()));
            }
            // Asked for by us already.
            [_, DO | WILL, BINARY | NO_GO_AHEAD | COM_PORT] if self.line.is_some() => {}
            [_, DO, option] => answer.extend([IAC, WONT, *option]),
            [_, WILL, option] => answer.extend([IAC, DONT, *option]),
            _ => {}
        }
    }
}

/// Speed, eight bits, no parity, one stop bit, no flow control, and "we are here" (DTR and RTS).
fn settings(baud: u32) -> Vec<u8> {
    let one = |command: u8, value: u8| vec![IAC, SB, COM_PORT, command, value, IAC, SE];
    let mut speed = vec![IAC, SB, COM_PORT, 1];
    for octet in baud.to_be_bytes() {
        speed.push(octet);
        if octet == IAC {
            speed.push(IAC);
        }
    }
    speed.extend([IAC, SE]);
    [speed, one(2, 8), one(3, 1), one(4, 1), one(5, 1), one(5, 8), one(5, 11)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_negotiation_passes() {
        let mut telnet = Telnet::tolerant();
        assert_eq!(telnet.take(b"\r\nOK\r\n"), (b"\r\nOK\r\n".to_vec(), vec![]));
        assert!(telnet.hello().is_empty());
    }

    #[test]
    fn a_plain_stream_refuses_what_is_offered() {
        let offered = [IAC, WILL, 1, IAC, DO, 44, b'O', IAC, SB, 1, 2, IAC, SE, b'K', IAC, IAC, IAC, 241, b'!'];
        let expected = (vec![b'O', b'K', IAC, b'!'], vec![IAC, DONT, 1, IAC, WONT, 44]);
        assert_eq!(Telnet::tolerant().take(&offered), expected);
        // However it is cut.
        for cut in 0..offered.len() {
            let mut telnet = Telnet::tolerant();
            let (mut plain, mut answer) = telnet.take(&offered[..cut]);
            let (more, rest) = telnet.take(&offered[cut..]);
            plain.extend(more);
            answer.extend(rest);
            assert_eq!((plain, answer), expected, "{cut}");
        }
    }

    #[test]
    fn the_line_is_set_once_the_far_end_agrees() {
        let mut telnet = Telnet::com_port(115_200);
        assert_eq!(telnet.hello()[..3], [IAC, WILL, COM_PORT]);
        let (plain, answer) = telnet.take(&[IAC, DO, COM_PORT]);
        assert!(plain.is_empty());
        assert_eq!(answer[..10], [IAC, SB, COM_PORT, 1, 0, 1, 0xc2, 0, IAC, SE]);
        assert!(telnet.take(&[IAC, DO, COM_PORT, IAC, DO, BINARY]).1.is_empty());
    }

    #[test]
    fn an_announcement_without_end_is_not_kept() {
        let mut telnet = Telnet::tolerant();
        telnet.take(&[IAC, SB]);
        for _ in 0..10_000 {
            telnet.take(b"x");
            assert!(telnet.held.len() <= MOST_HELD + 1);
        }
    }
}
