//! The password that a flow must remember until it is changed: sealed under the browser's cookie and the flow's id together, so that
//! neither a copy of the records nor Doorward's own keys open it.

use data_encoding::BASE64URL_NOPAD;

use crate::base::keys::SealKey;
use crate::base::{Keys, Secret};

/// Nothing where it cannot be sealed: then it is not kept.
pub(in crate::auth) fn seal(browser: &Secret<String>, flow: &str, password: &Secret<String>) -> Option<String> {
    Some(BASE64URL_NOPAD.encode(&keys(browser, flow)?.seal(PURPOSE, flow.as_bytes(), password.expose().as_bytes())))
}

pub(in crate::auth) fn open(browser: &Secret<String>, flow: &str, sealed: &str) -> Option<Secret<String>> {
    let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
    let plain = keys(browser, flow)?.open(PURPOSE, flow.as_bytes(), &sealed)?;
    String::from_utf8(plain).ok().map(Secret::new)
}

const PURPOSE: &str = "flow password";

/// A cookie that is shorter than a key seals nothing.
fn keys(browser: &Secret<String>, flow: &str) -> Option<Keys> {
    let mut secret = Secret::new(Vec::with_capacity(browser.expose().len() + flow.len() + 1));
    secret.with(|secret| {
        secret.extend_from_slice(browser.expose().as_bytes());
        secret.push(0);
        secret.extend_from_slice(flow.as_bytes());
    });
    (browser.expose().len() >= 32).then(|| Keys::new(vec![SealKey { id: "flow".to_owned(), secret }]).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn only_the_same_cookie_and_flow_open_it() {
        let (mine, other) = (secret(&"a".repeat(43)), secret(&"b".repeat(43)));
        let sealed = seal(&mine, "flow1", &secret("wonderland")).unwrap();
        assert!(!sealed.contains("wonderland"));
        assert_eq!(open(&mine, "flow1", &sealed), Some(secret("wonderland")));
        assert_eq!(open(&other, "flow1", &sealed), None);
        assert_eq!(open(&mine, "flow2", &sealed), None);
        assert_eq!(open(&mine, "flow1", &sealed[..20]), None);
        assert_eq!(seal(&secret("short"), "flow1", &secret("wonderland")), None);
    }
}
