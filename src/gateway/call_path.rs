//! What the path of a provider's call names, and what of it no log may show.

/// What the path of a call names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calling<'a> {
    pub transmitter: &'a str,
    pub token: &'a str,
    pub rest: &'a str,
}

impl<'a> Calling<'a> {
    /// Whether or not we gave the path out.
    pub fn of(path: &'a str) -> Option<Self> {
        let (transmitter, rest) = path.strip_prefix(BELOW)?.split_once('/')?;
        let (token, rest) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self { transmitter, token, rest })
    }
}

/// The path less what nobody but the provider may know: for the access log.
pub(super) fn without_token(path: &str) -> &str {
    let Some(rest) = path.strip_prefix(BELOW) else { return path };
    let name = rest.find('/').unwrap_or(rest.len());
    path.get(..BELOW.len() + name).unwrap_or_default()
}

const BELOW: &str = "/.doorward/receipt/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_transmitter_and_token() {
        let found = |path| Calling::of(path).map(|it| (it.transmitter, it.token, it.rest));
        assert_eq!(found("/.doorward/receipt/a/t"), Some(("a", "t", "")));
        assert_eq!(found("/.doorward/receipt/a/t/say"), Some(("a", "t", "say")));
        for path in ["/.doorward/receipt/a", "/.doorward/receipt", "/receipt/a/t", "/"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn no_log_shows_a_token() {
        let table = [
            ("/.doorward/receipt/a/t", "/.doorward/receipt/a"),
            ("/.doorward/receipt/a/t/say", "/.doorward/receipt/a"),
            ("/.doorward/receipt/a", "/.doorward/receipt/a"),
            ("/.doorward/login", "/.doorward/login"),
            ("/x", "/x"),
        ];
        for (path, shown) in table {
            assert_eq!(without_token(path), shown);
        }
    }
}
