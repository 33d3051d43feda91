//! What a relay answers (RFC 5321 section 4.2), from any pieces of bytes.

/// One answer: a code of three digits, and the text of each line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// 200 to 599; of several lines the last one's.
    pub code: u16,
    /// Without the code. Printable.
    pub lines: Vec<String>,
}

/// It is no answer of SMTP, or one without end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the answer is no answer of SMTP")]
pub struct NotSmtp;

/// Puts an answer together, byte by byte.
#[derive(Default)]
pub struct Parser {
    line: Vec<u8>,
    lines: Vec<String>,
}

/// RFC 5321 section 4.5.3.1.5 allows 512 octets a line; some relays say more.
pub const LONGEST: usize = 4096;
/// The keywords of EHLO are a few dozen at most.
pub const MOST_LINES: usize = 128;

impl Parser {
    /// The answer that ends with this byte, if one does. Lines end with LF; a CR before it belongs to the end.
    pub fn take(&mut self, byte: u8) -> Result<Option<Reply>, NotSmtp> {
        if byte != b'\n' {
            if self.line.len() >= LONGEST {
                return Err(NotSmtp);
            }
            self.line.push(byte);
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let (code, goes_on, text) = parts(line).ok_or(NotSmtp)?;
        if self.lines.len() >= MOST_LINES {
            return Err(NotSmtp);
        }
        self.lines.push(text);
        Ok((!goes_on).then(|| Reply { code, lines: std::mem::take(&mut self.lines) }))
    }
}

impl Reply {
    /// For the journal: the code and what was said, in one line.
    pub fn words(&self) -> String {
        format!("{} {}", self.code, self.text()).trim_end().to_owned()
    }

    /// What was said, in one line.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }
}

/// `250-text` goes on, `250 text` and `250` alone are the end.
fn parts(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] = code else { return None };
    let code = std::str::from_utf8(code).ok()?.parse().ok()?;
    let (goes_on, text) = match rest.split_first() {
        None => (false, rest),
        Some((b'-', text)) => (true, text),
        Some((b' ' | b'\t', text)) => (false, text),
        Some(_) => return None,
    };
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    Some((code, goes_on, String::from_utf8_lossy(text).chars().map(printable).collect::<String>().trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u16, Vec<String>)>, NotSmtp> {
        let mut parser = Parser::default();
        let mut replies = Vec::new();
        for byte in bytes {
            replies.extend(parser.take(*byte)?.map(|reply| (reply.code, reply.lines)));
        }
        Ok(replies)
    }

    #[test]
    fn answers_are_read_as_the_field_writes_them() {
        type Expected<'a> = &'a [(u16, &'a [&'a str])];
        let table: [(&[u8], Expected<'_>); 8] = [
            (b"220 relay ESMTP\r\n", &[(220, &["relay ESMTP"])]),
            (b"250-relay\r\n250-SIZE 1\r\n250 8BITMIME\r\n", &[(250, &["relay", "SIZE 1", "8BITMIME"])]),
            (b"250-relay\n250-STARTTLS\n250\n", &[(250, &["relay", "STARTTLS", ""])]),
            (b"250\r\n", &[(250, &[""])]),
            (b"354\tgo on\r\n", &[(354, &["go on"])]),
            (b"250-a\r\n550 b\r\n", &[(550, &["a", "b"])]),
            (b"220 a\r\n250 b\r\n", &[(220, &["a"]), (250, &["b"])]),
            (b"550 \xff\x1b[31m\r\n", &[(550, &["\u{fffd} [31m"])]),
        ];
        for (bytes, expected) in table {
            let expected: Vec<(u16, Vec<String>)> =
                expected.iter().map(|(code, lines)| (*code, lines.iter().map(|line| (*line).to_owned()).collect())).collect();
            assert_eq!(read(bytes), Ok(expected), "{}", String::from_utf8_lossy(bytes));
        }
        let long = [b"250 ".as_slice(), &[b'a'; LONGEST]].concat();
        let endless = b"250-a\r\n".repeat(MOST_LINES + 1);
        for bytes in
            [b"\r\n".as_slice(), b"25\r\n", b"2500 x\r\n", b"150 x\r\n", b"HTTP/1.1 400\r\n", b"250_x\r\n", &long, &endless]
        {
            assert_eq!(read(bytes), Err(NotSmtp), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
