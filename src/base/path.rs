//! The path is judged once: what two servers could read differently is refused, everything else is matched and forwarded byte
//! for byte. Nobody compares a form that is not the one that is forwarded.

/// Why a path is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Ambiguous {
    #[error("the path does not begin with a slash")]
    NoSlash,
    #[error("the path holds a control character, a blank, a backslash or something that is not ASCII")]
    Character,
    #[error("the path holds an escape that is none, or one for a slash, a backslash or a control character")]
    Escape,
    #[error("the path holds an empty segment")]
    EmptySegment,
    #[error("the path holds a dot segment")]
    DotSegment,
}

/// Judges a path without its query.
pub fn judge(path: &str) -> Result<(), Ambiguous> {
    let Some(rest) = path.strip_prefix('/') else { return Err(Ambiguous::NoSlash) };
    if is_plain(rest) {
        return Ok(());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#') {
        return Err(Ambiguous::Character);
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
            None | Some(b'/' | b'\\' | 0..=0x1f | 0x7f) => return Err(Ambiguous::Escape),
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
            ("/a%2fb", Ambiguous::Escape),
            ("/a%2Fb", Ambiguous::Escape),
            ("/a%5cb", Ambiguous::Escape),
            ("/a%00b", Ambiguous::Escape),
            ("/a%0d%0ab", Ambiguous::Escape),
            ("/a%7f", Ambiguous::Escape),
            ("/a%", Ambiguous::Escape),
            ("/a%2", Ambiguous::Escape),
            ("/a%zz", Ambiguous::Escape),
            ("/a%+1", Ambiguous::Escape),
            ("/a\\b", Ambiguous::Character),
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
