//! What a modem says, line by line (ITU V.250, 5.7): from any bytes, in any pieces.

/// One line, or the invitation to enter a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// Not empty, without control characters. What is not ASCII has become `?`.
    Line(String),
    /// `>`: the modem waits for the text.
    Prompt,
}

/// Puts lines together. What is longer than [`MOST`] is cut there.
#[derive(Debug, Default)]
pub struct Lines {
    line: String,
}

/// The longest lines are messages in hexadecimal, 2 x 176.
pub const MOST: usize = 1024;

impl Lines {
    /// Everything that these bytes complete.
    pub fn take(&mut self, octets: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        for octet in octets {
            match octet {
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    let line = line.trim();
                    if !line.is_empty() {
                        said.push(Said::Line(line.to_owned()));
                    }
                }
                b'>' if self.line.trim().is_empty() => {
                    self.line.clear();
                    said.push(Said::Prompt);
                }
                // A line that was never set up gives zeros and the like.
                0..=0x1f | 0x7f => {}
                _ if self.line.len() < MOST => self.line.push(if octet.is_ascii() { char::from(*octet) } else { '?' }),
                _ => {}
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_the_prompt_are_told_apart() {
        let line = |text: &str| Said::Line(text.to_owned());
        let table: [(&[u8], Vec<Said>); 7] = [
            (b"\r\nOK\r\n", vec![line("OK")]),
            (b"AT\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n", vec![line("AT"), line("+CSQ: 20,99"), line("OK")]),
            (b"AT+CMGS=23\r\r\n> ", vec![line("AT+CMGS=23"), Said::Prompt]),
            (b">", vec![Said::Prompt]),
            (b"\r\n> 0011\x1a\r\n+CMGS: 5\r\n", vec![Said::Prompt, line("0011"), line("+CMGS: 5")]),
            (b"\0\0\xfeRI\x07NG\r\n", vec![line("?RING")]),
            (b"a > b\r\n", vec![line("a > b")]),
        ];
        for (octets, expected) in table {
            assert_eq!(Lines::default().take(octets), expected);
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(&vec![b'x'; 100_000]), []);
        assert_eq!(lines.take(b"\r\n"), [Said::Line("x".repeat(MOST))]);
    }
}
