//! Names of request fields by which some server believes its proxy: what path was meant, from where and by whom a request came. What a
//! client writes there is a claim of its own, so none of them goes on.
//!
//! A name is taken for another one where `-` and `_` mean the same (RFC 3875 section 4.1.18, WSGI, PHP), so names with anything but
//! letters, digits and `-` are no way around this table: they are dropped too, whatever they say.

mod table;

pub use table::TABLE;

/// What a field may say that a client must not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// Which path, or which part of it belongs to the server rather than to the application.
    Path,
    /// Which host and port.
    Host,
    /// The client it came from: address, country, scheme, TLS.
    Client,
    /// The person who sent it.
    Identity,
    /// Which files may be sent in answer.
    File,
    /// Another method than the one in front. Those who signed in may say it.
    Method,
    /// Another place that the request is about besides its path. Those who signed in may say it.
    Target,
}

impl Claim {
    /// What it says of the request, in words.
    pub fn says(self) -> &'static str {
        match self {
            Self::Path => "which path is meant",
            Self::Host => "which host is meant",
            Self::Client => "where a request comes from",
            Self::Identity => "who somebody is",
            Self::File => "which files may be sent",
            Self::Method => "which method is meant",
            Self::Target => "which other place is meant",
        }
    }

    /// Whether everybody's is dropped, and not strangers' alone.
    pub const fn is_nobodys(self) -> bool {
        !matches!(self, Self::Method | Self::Target)
    }
}

/// What a field of this name claims to some server; in lower case, and only letters, digits and `-` (see [`is_plain`]).
pub fn claim(name: &str) -> Option<Claim> {
    let bytes = name.as_bytes();
    let (bucket, first) = match bytes {
        [b'x', b'-', first, ..] => (&OF_X, first),
        [first, ..] => (&OF_OTHERS, first),
        [] => return None,
    };
    let (begin, end) = bucket.get(usize::from(first.wrapping_sub(b'a'))).copied()?;
    if begin == end || LEFT_ALONE.contains(&name) {
        return None;
    }
    let rows = TABLE.get(begin..end)?;
    rows.iter().find(|row| row.means(name)).map(|row| row.1)
}

/// Whether a name is spelled so that no server takes it for another one.
pub fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A name as servers read it that make one variable of all spellings: in lower case, everything but letters and digits as `-`.
pub fn folded(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).collect()
}

/// A name, or with `*` at its end all that begin so; what it claims; who believes it.
#[derive(Debug)]
pub struct Row(pub &'static str, pub Claim, pub &'static str);

impl Row {
    fn means(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.0 == name,
        }
    }
}

/// What belongs to the families below and is said by people's own programs: Exchange ActiveSync ([MS-ASHTTP] 2.2.1.1.2.5), Office, Outlook
/// and Skype, Windows' sign-in, clients of Azure's storage, and Next.js in browsers.
const LEFT_ALONE: [&str; 19] = [
    "x-ms-policykey",
    "x-ms-cookieuri-requested",
    "x-ms-client-application",
    "x-ms-client-request-id",
    "x-ms-client-version",
    "x-ms-return-client-request-id",
    "x-ms-useragent",
    "x-ms-refreshtokencredential",
    "x-ms-devicecredential",
    "x-ms-namespace",
    "x-ms-sdk-instance",
    "x-ms-origin",
    "x-ms-date",
    "x-ms-version",
    "x-ms-range",
    "x-ms-lease-id",
    "x-ms-blob-type",
    "x-ms-copy-action",
    "x-middleware-prefetch",
];

/// Where the rows that begin with a letter lie in the table: from, and up to.
type Buckets = [(usize, usize); 26];

const OF_OTHERS: Buckets = buckets(false);
const OF_X: Buckets = buckets(true);

#[expect(clippy::indexing_slicing, reason = "worked out while it is compiled, which fails where an index is wrong")]
const fn buckets(of_x: bool) -> Buckets {
    let mut buckets = [(0, 0); 26];
    let mut row = 0;
    while row < TABLE.len() {
        let name = TABLE[row].0.as_bytes();
        let is_of_x = name.len() > 2 && name[0] == b'x' && name[1] == b'-';
        if is_of_x == of_x {
            let letter = (if of_x { name[2] } else { name[0] } - b'a') as usize;
            if buckets[letter].1 == 0 {
                buckets[letter].0 = row;
            }
            buckets[letter].1 = row + 1;
        }
        row += 1;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_found_by_its_name_and_stands_in_its_place() {
        for row in TABLE {
            let name = row.0.strip_suffix('*').map_or(row.0.to_owned(), |prefix| format!("{prefix}0"));
            assert_eq!(claim(&name), Some(row.1), "{row:?}");
            assert!(is_plain(row.0.trim_end_matches('*')) && folded(&name) == name && !row.2.is_empty(), "{row:?}");
        }
        // The rows of a letter lie together.
        let letters: Vec<_> = TABLE.iter().map(|row| row.0.split_at(if row.0.starts_with("x-") { 3 } else { 1 }).0).collect();
        assert!(letters.is_sorted(), "{letters:?}");
    }

    #[test]
    fn the_operators_page_names_each() {
        let page = include_str!("../../../docs/security.md");
        let lacking: Vec<_> = TABLE.iter().map(|row| row.0).filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert_eq!(lacking, [""; 0]);
    }

    #[test]
    fn what_browsers_and_programs_say_claims_nothing() {
        for name in [
            "accept",
            "cookie",
            "dnt",
            "host",
            "if-match",
            "if-none-match",
            "origin",
            "priority",
            "range",
            "referer",
            "save-data",
            "sec-ch-ua",
            "sec-ch-ua-platform",
            "sec-fetch-site",
            "service-worker",
            "te",
            "user-agent",
            "via",
            "x-csrf-token",
            "x-requested-with",
            "x-user-agent",
            "x-user-id",
            "x-auth-token",
            "x-api-key",
            "x-request-id",
            "x-correlation-id",
            "traceparent",
            "translate",
            "depth",
            "overwrite",
            "if",
            "lock-token",
            "timeout",
            "soapaction",
            "x-anchormailbox",
            "x-ms-policykey",
            "ms-asprotocolversion",
            "x-owa-canary",
            "x-owa-actionname",
            "msexchecpcanary",
            "x-clientid",
            "x-citrix-isusinghttps",
            "csrf-token",
            "x-xsrf-token",
            "x-gitlab-token",
            "x-grafana-org-id",
            "x-nextjs-data",
            "x-amz-date",
            "x-amz-content-sha256",
            "x-goog-api-key",
            "hx-request",
            "oc-checksum",
            "ocs-apirequest",
            "slug",
            "",
            "x-",
            "-",
            "x-\u{fc}",
        ] {
            assert_eq!(claim(name), None, "{name}");
        }
    }

    #[test]
    fn spellings_that_servers_take_for_one_are_one() {
        for (name, expected) in [("SCRIPT_NAME", "script-name"), ("X.Forwarded_For", "x-forwarded-for"), ("$WSRU", "-wsru")] {
            assert_eq!(folded(name), expected);
            assert!(!is_plain(name));
        }
        assert!(is_plain("X-Forwarded-For2") && is_plain(""));
    }
}
