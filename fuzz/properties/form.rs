//! Posted forms: small, each field once, and every value is what was posted.

use doorward::web::form::{Form, FormError, MOST_BYTES, parameter};

pub fn holds(data: &[u8]) {
    let fields = data.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).count();
    match Form::parse(data) {
        Ok(form) => {
            assert!(data.len() <= MOST_BYTES && fields <= 16, "{} bytes, {fields} fields", data.len());
            let values = [&form.username, form.password.expose(), form.passcode.expose(), &form.csrf, &form.act];
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
                let again = Form::parse(again.as_bytes()).expect("a form");
                let read = [&again.username, again.password.expose(), again.passcode.expose(), &again.csrf, &again.act];
                assert_eq!(read, values);
            }
        }
        Err(FormError::TooLarge) => assert!(data.len() > MOST_BYTES),
        Err(FormError::TooMany) => assert!(fields > 16, "{fields}"),
        Err(FormError::Twice) => assert!(fields >= 2),
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
