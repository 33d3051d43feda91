//! What a modem says, in any bytes and pieces: the lines are the same however they come, and hold nothing that a log could not.

use doorward::dispatch::at::lines::{Lines, MOST, Said};
use doorward::dispatch::at::refusal::Refusal;
use doorward::dispatch::at::telnet::Telnet;
use doorward::dispatch::modem::stored::places;

pub fn holds(data: &[u8]) {
    let whole = Lines::default().take(data);
    let mut lines = Lines::default();
    let one_by_one: Vec<Said> = data.iter().flat_map(|octet| lines.take(&[*octet])).collect();
    assert_eq!(whole, one_by_one);
    for said in &whole {
        let Said::Line(line) = said else { continue };
        assert!(!line.is_empty() && line.len() <= MOST && line.trim() == line, "{line:?}");
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
        assert!(!line.starts_with('>'), "{line:?}");
        if let Some(refusal) = Refusal::read(line) {
            refusal.class();
        }
        assert!(places(line).len() <= 255, "{line:?}");
    }
    for make in [Telnet::tolerant, || Telnet::com_port(115_200)] {
        let taken = make().take(data);
        let mut telnet = make();
        let (mut plain, mut answer) = (Vec::new(), Vec::new());
        for octet in data {
            let (more, said) = telnet.take(&[*octet]);
            plain.extend(more);
            answer.extend(said);
        }
        assert_eq!(taken, (plain, answer));
        // Nobody makes us say much more than was said to us.
        assert!(taken.0.len() <= data.len() && taken.1.len() <= data.len() + 64);
        if !data.contains(&255) {
            assert_eq!(taken.0, data);
        }
    }
}
