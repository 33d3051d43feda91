//! Posted forms: small, each field once, and every value is what was posted.

use doorward::web::form::{FormError, MOST_BYTES, parameter, read};
use doorward::web::page::{login, passcode};

pub fn holds(data: &[u8]) {
    let fields = data.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).count();
    let (login, passcode) = (read::<login::Form>(data), read::<passcode::Form>(data));
    for error in [login.as_ref().err(), passcode.as_ref().err()].into_iter().flatten() {
        match error {
            FormError::TooLarge => assert!(data.len() > MOST_BYTES),
            FormError::TooMany => assert!(fields > 16, "{fields}"),
            FormError::Twice => assert!(fields >= 2),
        }
    }
    if let (Ok(login), Ok(passcode)) = (login, passcode) {
        assert!(data.len() <= MOST_BYTES && fields <= 16, "{} bytes, {fields} fields", data.len());
        assert_eq!(login.csrf, passcode.csrf);
        let values = [&login.username, login.password.expose(), passcode.passcode.expose(), &login.csrf, &passcode.act];
        // A byte that is no UTF-8 becomes a character of three.
        assert!(values.iter().map(|value| value.len()).sum::<usize>() <= 3 * data.len());
        // What was read, posted again, reads the same.
        let again: Vec<String> = ["username", "password", "passcode", "csrf", "act"]
            .iter()
            .zip(values)
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let again = again.join("&");
        if again.len() <= MOST_BYTES {
            let login: login::Form = read(again.as_bytes()).expect("a form");
            let passcode: passcode::Form = read(again.as_bytes()).expect("a form");
            let read = [&login.username, login.password.expose(), passcode.passcode.expose(), &login.csrf, &passcode.act];
            assert_eq!(read, values);
        }
    }
    if let Ok(query) = std::str::from_utf8(data)
        && let Some(value) = parameter(Some(query), "back")
    {
        assert_eq!(parameter(Some(&format!("{query}&back=")), "back"), None, "twice is none");
        assert!(value.len() <= 3 * query.len());
    }
}

fn encoded(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
