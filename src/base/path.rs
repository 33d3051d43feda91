//! The path is judged once: what two servers could read differently is refused, everything else is matched and forwarded byte
//! for byte. Nobody compares a form that is not the one that is forwarded.

use super::unicode;

/// Why a path is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Ambiguous {
    #[error("the path does not begin with a slash")]
    NoSlash,
    #[error("the path holds a control character, a blank or something that is not ASCII")]
    Character,
    #[error("the path holds an escape that is none, or one for a control character")]
    Escape,
    #[error("the path holds an escaped slash")]
    EncodedSlash,
    #[error("the path holds a backslash, escaped or not")]
    Backslash,
    #[error("the path holds an empty segment")]
    EmptySegment,
    #[error("the path holds a dot segment")]
    DotSegment,
}

impl Ambiguous {
    /// As it stands in the access log.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoSlash => "no-slash",
            Self::Character => "character",
            Self::Escape => "escape",
            Self::EncodedSlash => "encoded-slash",
            Self::Backslash => "backslash",
            Self::EmptySegment => "empty-segment",
            Self::DotSegment => "dot-segment",
        }
    }

    /// The key of `paths` that lets it through.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::EncodedSlash => Some("encoded_slash"),
            Self::EmptySegment => Some("empty_segments"),
            Self::Backslash => Some("backslash"),
            Self::NoSlash | Self::Character | Self::Escape | Self::DotSegment => None,
        }
    }
}

/// Paths that can be read in two ways and that an application takes nevertheless; they go to it byte for byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OddPaths {
    /// `%2F` within a segment: project names of GitLab, virtual hosts of RabbitMQ, scopes of npm.
    pub encoded_slash: bool,
    /// `//`.
    pub empty_segments: bool,
    /// `\` and `%5C`.
    pub backslash: bool,
}

impl OddPaths {
    pub const ALL: Self = Self { encoded_slash: true, empty_segments: true, backslash: true };

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self {
            encoded_slash: self.encoded_slash && other.encoded_slash,
            empty_segments: self.empty_segments && other.empty_segments,
            backslash: self.backslash && other.backslash,
        }
    }

    /// Judges a path that [`judge`] refuses. Dot segments, control characters and broken escapes are refused still, in every reading.
    pub fn judge(self, path: &str) -> Result<(), Ambiguous> {
        if !path.starts_with('/') {
            return Err(Ambiguous::NoSlash);
        }
        if path.contains("//") && !self.empty_segments {
            return Err(Ambiguous::EmptySegment);
        }
        let mut read = path.to_owned();
        for (slash, is_allowed) in [
            ("%2f", self.encoded_slash),
            ("%2F", self.encoded_slash),
            ("%5c", self.backslash),
            ("%5C", self.backslash),
            ("\\", self.backslash),
        ] {
            if is_allowed {
                read = read.replace(slash, "/");
            }
        }
        // RabbitMQ has a segment that is a slash and nothing else.
        judge(&without_empty_segments(&read))
    }
}

/// A path as a forgiving server reads it: decoded, a backslash as a slash, and several of them as one.
pub fn loosest(path: &str) -> String {
    let decoded = decoded(path).unwrap_or_else(|| path.to_owned());
    without_empty_segments(&decoded.replace('\\', "/"))
}

fn without_empty_segments(path: &str) -> String {
    let mut read = String::with_capacity(path.len());
    for letter in path.chars() {
        if !(letter == '/' && read.ends_with('/')) {
            read.push(letter);
        }
    }
    read
}

/// Whether a path that was judged lies where it says for every server, also for those that decode twice or forgive overlong UTF-8, that
/// take characters for the ASCII ones that they look like, or that cut off what ends a name. What needs no session must lie so.
pub fn has_one_reading(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    if is_plain(rest) {
        return true;
    }
    let Some(decoded) = decoded(path) else { return false };
    !decoded.contains(['%', '\\']) && !decoded.chars().any(is_taken_for_another) && !decoded.split('/').any(may_be_dots)
}

/// Percent-decodes once; nothing where an escape is none or what comes out is not UTF-8.
fn decoded(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        plain.push(u8::from_str_radix(digits, 16).ok()?);
        plain.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(plain).ok()
}

/// A character for which some server reads one that means something in a path: by compatibility (UAX #15), by the best fit of a code
/// page, or by leaving it out.
fn is_taken_for_another(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_control();
    }
    // Fraction and division slashes, set minus, the signs of yen and won: in the code pages of Windows these are `/` and `\`.
    let is_slash = matches!(letter, '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f5}'..='\u{29f9}' | '\u{a5}' | '\u{20a9}');
    let is_nothing = letter.is_control() || letter.is_whitespace() || unicode::is_invisible(letter);
    let mut buffer = [0; 4];
    let compatible = unicode::compatible(letter.encode_utf8(&mut buffer));
    is_slash || is_nothing || compatible.contains(['.', '/', '\\', ';', '%', '?', '#', ':'])
}

/// Whether a segment could be `.` or `..` to a server that cuts off what does not belong to a name there: blanks, dots, parameters,
/// streams (`..%20`, `...`, `..;x`, `..::$DATA`).
fn may_be_dots(segment: &str) -> bool {
    let begins = segment.trim_start();
    let name = begins.trim_start_matches('.');
    let is_dotted = name.len() < begins.len();
    is_dotted && !name.starts_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
}

/// Judges a path without its query.
pub fn judge(path: &str) -> Result<(), Ambiguous> {
    let Some(rest) = path.strip_prefix('/') else { return Err(Ambiguous::NoSlash) };
    if is_plain(rest) {
        return Ok(());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Ambiguous::Character);
    }
    if path.contains('\\') {
        return Err(Ambiguous::Backslash);
    }
    check_escapes(rest)?;
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        // An empty last segment is the slash that ends a folder's path.
        if segment.is_empty() && segments.peek().is_some() {
            return Err(Ambiguous::EmptySegment);
        }
        if is_dots(segment) {
            return Err(Ambiguous::DotSegment);
        }
    }
    Ok(())
}

/// Whether it holds nothing that needs a closer look, as most paths do: no escape, no empty segment, none that begins with a dot.
fn is_plain(path: &str) -> bool {
    let mut begins = true;
    path.bytes().all(|byte| {
        let looks = LOOKS.get(usize::from(byte)).copied().unwrap_or(Look::Closer);
        let is_plain = looks == Look::Plain || (looks == Look::Within && !begins);
        begins = byte == b'/';
        is_plain
    })
}

/// Where a byte of a path means nothing special.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    /// Anywhere.
    Plain,
    /// Not where a segment begins.
    Within,
    /// Nowhere.
    Closer,
}

#[expect(clippy::indexing_slicing, reason = "a byte is below 256, and the compiler works it out")]
const LOOKS: [Look; 256] = {
    let mut table = [Look::Closer; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = match byte {
            b'\\' | b'#' | b'%' => Look::Closer,
            b'/' | b'.' => Look::Within,
            _ => Look::Plain,
        };
        byte += 1;
    }
    table
};

fn check_escapes(path: &str) -> Result<(), Ambiguous> {
    for part in path.split('%').skip(1) {
        let value = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')));
        match value {
            None | Some(0..=0x1f | 0x7f) => return Err(Ambiguous::Escape),
            Some(b'/') => return Err(Ambiguous::EncodedSlash),
            Some(b'\\') => return Err(Ambiguous::Backslash),
            Some(_) => {}
        }
    }
    Ok(())
}

/// `.` and `..`, also escaped, also with parameters behind (`..;x`, `..%3bx`), which some servers cut off.
fn is_dots(segment: &str) -> bool {
    // Most segments begin with a letter.
    if !segment.starts_with(['.', '%']) {
        return false;
    }
    let segment = segment.replace("%3b", ";").replace("%3B", ";");
    let plain = segment.split(';').next().unwrap_or_default().replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

/// Whether `path` is `prefix` or lies below it, by whole segments in exact case. A prefix that ends with a slash means what
/// lies below it.
pub fn is_below(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        None => false,
        Some(rest) => rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'),
    }
}

/// The same in any case. Opens nothing: it is for what does no harm where it matches too much.
pub fn is_below_in_any_case(path: &str, prefix: &str) -> bool {
    match path.split_at_checked(prefix.len()) {
        None => false,
        Some((start, rest)) => {
            start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_servers_could_read_differently_is_refused() {
        let table = [
            ("", Ambiguous::NoSlash),
            ("*", Ambiguous::NoSlash),
            ("a/b", Ambiguous::NoSlash),
            ("//", Ambiguous::EmptySegment),
            ("//evil.example/", Ambiguous::EmptySegment),
            ("/a//b", Ambiguous::EmptySegment),
            ("/.", Ambiguous::DotSegment),
            ("/..", Ambiguous::DotSegment),
            ("/a/./b", Ambiguous::DotSegment),
            ("/a/../b", Ambiguous::DotSegment),
            ("/a/%2e%2e/b", Ambiguous::DotSegment),
            ("/a/.%2E/b", Ambiguous::DotSegment),
            ("/a/..;/b", Ambiguous::DotSegment),
            ("/a/..%3bx/b", Ambiguous::DotSegment),
            ("/a/%2e%2e;x=1/b", Ambiguous::DotSegment),
            ("/a%2fb", Ambiguous::EncodedSlash),
            ("/a%2Fb", Ambiguous::EncodedSlash),
            ("/a%5cb", Ambiguous::Backslash),
            ("/a%00b", Ambiguous::Escape),
            ("/a%0d%0ab", Ambiguous::Escape),
            ("/a%7f", Ambiguous::Escape),
            ("/a%", Ambiguous::Escape),
            ("/a%2", Ambiguous::Escape),
            ("/a%zz", Ambiguous::Escape),
            ("/a%+1", Ambiguous::Escape),
            ("/a\\b", Ambiguous::Backslash),
            ("/a b", Ambiguous::Character),
            ("/a\0b", Ambiguous::Character),
            ("/a\u{7f}b", Ambiguous::Character),
            ("/a#b", Ambiguous::Character),
            ("/\u{fc}", Ambiguous::Character),
        ];
        for (path, why) in table {
            assert_eq!(judge(path), Err(why), "{path:?}");
        }
    }

    #[test]
    fn every_other_path_passes() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/a/...",
            "/a/..b",
            "/a/b;c=d",
            "/a%20b",
            "/%C3%BC",
            "/a%25",
            "/a@b:c,d+e!~'()*&=$",
            "/.well-known/x",
        ] {
            assert_eq!(judge(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn an_odd_path_passes_only_where_it_is_allowed_and_never_leads_upwards() {
        let none = OddPaths::default();
        let (slash, empty) = (OddPaths { encoded_slash: true, ..none }, OddPaths { empty_segments: true, ..none });
        let (back, all) =
            (OddPaths { backslash: true, ..none }, OddPaths { encoded_slash: true, empty_segments: true, backslash: true });
        for (path, by) in [
            ("/projects/a%2Fb/x", slash),
            ("/projects/a%2fb%2Fc", slash),
            ("/%2F", slash),
            ("/api/vhosts/%2f/queues", slash),
            ("/a//b", empty),
            ("//a", empty),
            ("/a///", empty),
            ("/https://other.example/", empty),
            ("/a%5Cb", back),
            ("/a\\b", back),
        ] {
            assert!(judge(path).is_err() && none.judge(path).is_err(), "{path}");
            assert_eq!((by.judge(path), all.judge(path)), (Ok(()), Ok(())), "{path}");
            for other in [slash, empty, back].into_iter().filter(|other| *other != by) {
                assert!(other.judge(path).is_err(), "{path} {other:?}");
            }
        }
        assert_eq!(slash.judge("/a/%2F%2Fb/%2F"), Ok(()));
        assert!(slash.judge("/a%2F//b").is_err() && slash.judge("/a/%2Fb/%5C").is_err() && all.judge("/a/%2F//b/%5C").is_ok());
        for path in [
            "/a/..%2Fb",
            "/a/%2e%2e%2fb",
            "/a%2F..",
            "/a%2f.%2e;x/",
            "/a\\..\\b",
            "/a/..%5cb",
            "/a%5c%2e%2e",
            "//..",
            "/a/.//b",
            "/a%00//b",
            "/a//%zz",
            "/a%2Fb%0a",
            "a//b",
            "",
            "/a b//",
            "/\u{fc}//",
            "/..;\\x",
        ] {
            assert!(all.judge(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_needs_no_session_lies_where_it_says_for_every_server() {
        for path in [
            "/public",
            "/public/",
            "/public/a.b",
            "/public/a%20b.pdf",
            "/public/%C3%BCber.css",
            "/public/u%CC%88",
            "/.well-known/acme",
            "/public/.hidden",
            "/public/-a",
            "/public/a;b=c",
            "/public/%E2%80%93.pdf",
            "/public/%E2%82%AC",
            "/public/..a",
            "/public/a..",
        ] {
            assert!(judge(path).is_ok() && has_one_reading(path), "{path}");
        }
        for path in [
            "/public/%c0%ae%c0%ae/admin",
            "/public/%c0%af..%c0%afadmin",
            "/public/%e0%80%ae/x",
            "/public/%f0%80%80%ae/x",
            "/public/%252e%252e/admin",
            "/public/%25",
            "/public/%25252e/x",
            "/public/a%25b",
            "/public/..%20/admin",
            "/public/.%20./admin",
            "/public/%20../admin",
            "/public/..%20;x/admin",
            "/public/.../admin",
            "/public/..../x",
            "/public/..:/x",
            "/public/..::$DATA/x",
            "/public/%EF%BC%8E%EF%BC%8E/admin",
            "/public/a%EF%BC%8Fadmin",
            "/public/a%E2%88%95admin",
            "/public/a%E2%81%84x",
            "/public/%E2%80%A5/x",
            "/public/%E2%80%A4%E2%80%A4/x",
            "/public/%EF%BC%85%EF%BC%92e/x",
            "/public/a%EF%BC%BCx",
            "/public/a%C2%A5x",
            "/public/a%E2%82%A9x",
            "/public/..%E2%80%8B/x",
            "/public/%E2%80%8B../x",
            "/public/..%C2%A0/x",
            "/public/..%C2%AD/x",
            "/public/%fc",
            "/public/a%ff",
            "/public/%ED%A0%80",
            "/public/..%2c/x",
            "/public/..%23/x",
            "/public/..%3f/x",
        ] {
            assert!(!has_one_reading(path), "{path}");
        }
    }

    #[test]
    fn a_public_prefix_means_whole_segments_in_exact_case() {
        let table = [
            ("/public", "/public", true),
            ("/public/", "/public", true),
            ("/public/a", "/public", true),
            ("/publicly", "/public", false),
            ("/Public", "/public", false),
            ("/public", "/public/", false),
            ("/public/a", "/public/", true),
            ("/a", "/", true),
        ];
        for (path, prefix, below) in table {
            assert_eq!(is_below(path, prefix), below, "{path} {prefix}");
            let any_case = below || path == "/Public";
            assert_eq!(is_below_in_any_case(path, prefix), any_case, "{path} {prefix}");
        }
    }
}
