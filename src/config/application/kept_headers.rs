//! `keep_headers`: names of request fields that an application needs though a client may say what it likes in them.

use http::header::HeaderName;

use crate::base::header_claims::{Claim, claim, folded, is_plain};
use crate::config::document::Field;

/// Names that go on to the application though others like them are dropped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeptHeaders(Vec<HeaderName>);

impl KeptHeaders {
    /// Whether this field goes on. What says from where a request comes is kept only `through_proxy`: in requests that a trusted proxy
    /// sent, which is to write it.
    pub fn keeps(&self, name: &HeaderName, through_proxy: bool) -> bool {
        self.0.contains(name) && (through_proxy || claim(name.as_str()).is_none())
    }

    /// The names among them that say from where a request comes, and so go on from a trusted proxy alone.
    pub(in crate::config) fn of_proxies(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().filter(|name| claim(name.as_str()).is_some())
    }

    pub(in crate::config) fn read(list: Field<'_>) -> Option<Self> {
        Some(Self(list.list()?.into_iter().filter_map(kept).collect()))
    }
}

fn kept(field: Field<'_>) -> Option<HeaderName> {
    let written = field.text()?;
    let key = field.key;
    if written.contains('*') {
        field.problem(format!("`{key}`: `*` is not a pattern here: write each name"));
        return None;
    }
    let Ok(name) = HeaderName::from_bytes(written.as_bytes()) else {
        field.problem(format!("`{key}`: `{}` is not a header field name", written.escape_debug()));
        return None;
    };
    let folded = folded(name.as_str());
    let why_not = match claim(&folded) {
        _ if is_ours(&folded) => Some("is written or acted on by Doorward itself".to_owned()),
        _ if !is_plain(written) && is_standard(&folded) => Some("may be read as an HTTP header".to_owned()),
        _ if written.to_ascii_lowercase().starts_with("$ws") => Some("says who the user is (WebSphere)".to_owned()),
        Some(Claim::Client) if is_plain(written) => None,
        Some(claim) if claim.is_nobodys() => {
            Some(format!("says {}, which an application must not take from a client", claim.says()))
        }
        Some(claim) => Some(format!("says {}; those who are signed in may send it anyway", claim.says())),
        None if is_plain(written) => Some("is never dropped, so it needs no entry".to_owned()),
        None => None,
    };
    if let Some(why) = why_not {
        field.problem(format!("`{key}`: `{written}` {why}"));
        return None;
    }
    Some(name)
}

/// Fields of the connection, of the framing, and those that Doorward writes (`-` for every character that is no letter or digit).
fn is_ours(folded: &str) -> bool {
    let exact = [
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-forwarded",
    ];
    exact.contains(&folded) || ["x-forwarded-", "x-doorward-"].iter().any(|prefix| folded.starts_with(prefix))
}

/// Fields that every application believes in.
fn is_standard(folded: &str) -> bool {
    let exact = ["authorization", "content-type", "content-encoding", "content-range", "origin", "referer", "set-cookie"];
    exact.contains(&folded) || folded.starts_with("sec-")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::parse;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    fn problems(name: &str) -> Vec<String> {
        let text = MINIMAL.replacen("[[application]]", &format!("[[application]]\nkeep_headers = [\"{name}\"]"), 1);
        assert_ne!(text, MINIMAL);
        let read = parse(&text, Path::new("/"), &|_| None);
        read.err().into_iter().flatten().map(|problem| problem.message).collect()
    }

    #[test]
    fn what_would_move_a_path_or_an_identity_is_never_kept() {
        for name in ["X_Tenant", "x.y", "X-FORMS_BASED_AUTH_ACCEPTED", "CF-Connecting-IP", "True-Client-IP", "$x"] {
            assert_eq!(problems(name), [""; 0], "{name}");
        }
        for (name, why) in [
            ("SCRIPT_NAME", "which path is meant"),
            ("X-Script-Name", "which path is meant"),
            ("SM_USER", "who somebody is"),
            ("REMOTE_USER", "who somebody is"),
            ("X-Http-Method-Override", "may send it anyway"),
            ("x_forwarded_for", "Doorward itself"),
            ("X-Forwarded-Proto", "Doorward itself"),
            ("content_length", "Doorward itself"),
            ("Cookie", "Doorward itself"),
            ("Authorization", "needs no entry"),
            ("content_type", "may be read as an HTTP header"),
            ("$WSRU", "who the user is"),
            ("PHP_AUTH_USER", "who somebody is"),
            ("X_Tenant*", "not a pattern"),
            ("CF_Connecting_IP", "says where"),
            ("X-Mine", "needs no entry"),
            ("a b", "not a header field name"),
        ] {
            let problems = problems(name);
            assert!(problems.len() == 1 && problems[0].contains(why), "{name}: {problems:?}");
        }
    }
}
