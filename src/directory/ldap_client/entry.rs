//! What an LDAP entry holds.

use data_encoding::HEXLOWER;
use ldap3::SearchEntry;

/// Every value that is text, at most [`MOST`].
pub(in crate::directory) fn all(entry: &SearchEntry, attribute: &str) -> Vec<String> {
    let values = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, values)| values);
    values.into_iter().flatten().take(MOST).cloned().collect()
}

/// Every value, byte for byte.
pub(in crate::directory) fn bytes<'a>(entry: &'a SearchEntry, attribute: &str) -> impl Iterator<Item = &'a [u8]> {
    let text = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, values)| values);
    let bytes = entry.bin_attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, values)| values);
    bytes.into_iter().flatten().map(Vec::as_slice).chain(text.into_iter().flatten().map(String::as_bytes))
}

/// The first value that is not blank.
pub(in crate::directory) fn first(entry: &SearchEntry, attribute: &str) -> Option<String> {
    all(entry, attribute).into_iter().map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
}

/// The id as text; bytes that are none (objectGUID) as hexadecimal digits. The same bytes always give the same id.
pub(in crate::directory) fn id(entry: &SearchEntry, attribute: &str) -> Option<String> {
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let bytes =
        entry.bin_attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).and_then(|(_, values)| values.first());
    let text = all(entry, attribute).into_iter().next();
    let id = match (bytes, text) {
        // Always, or the few that happen to look like text would have another form.
        (None, Some(text)) if attribute.eq_ignore_ascii_case("objectGUID") => hex(text.as_bytes()),
        (Some(bytes), _) => hex(bytes),
        (None, Some(text)) if text.chars().any(char::is_control) => hex(text.as_bytes()),
        (None, text) => text?,
    };
    (!id.is_empty()).then_some(id)
}

/// Values of one attribute that are read; more are left out. Applications are told so many groups; rules ask for those that they name.
pub(in crate::directory) const MOST: usize = 5000;
