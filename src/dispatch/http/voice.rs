//! Calls in TwiML (Twilio's references "Gather" and "Say"): whoever answers is asked to press a key, and only then the words with the passcode
//! are fetched from us, so that no mailbox records them. Until then they travel in the URL they are fetched from, sealed.

use serde::{Deserialize, Serialize};

use super::answer::is_reference;
use super::callback::{Call, Callbacks};
use crate::base::{Secret, Time};
use crate::config::transmitter::Encoder;
use crate::dispatch::{Message, Purpose};

/// What is said after the key press.
#[derive(Serialize, Deserialize)]
struct Words {
    language: String,
    text: String,
    expires: Time,
}

/// The part of the path under which the words are fetched.
const SAY: &str = "say";

/// The script of a call: what introduces it (the message's subject), and where to go after a key press. Nothing of the passcode.
pub(in crate::dispatch) fn asking(callbacks: &Callbacks, transmitter: &str, message: &Message) -> Secret<String> {
    let language = locale(message.language.tag());
    let words = Words { language: language.clone(), text: message.text.expose().clone(), expires: message.expires };
    let plain = Secret::new(serde_json::to_vec(&words).unwrap_or_default());
    drop(Secret::new(words.text));
    let sealed = callbacks.seal(transmitter, plain.expose());
    let action = xml(&format!("{}/{SAY}?words={sealed}", callbacks.url(transmitter)));
    // What holds no passcode may be said at once; the key press says that somebody heard it.
    let greeting = if message.purpose == Purpose::Passcode { &message.subject } else { message.text.expose() };
    let (language, greeting) = (xml(&language), xml(greeting));
    // Without a key press the call just ends.
    Secret::new(format!(
        "<Response><Gather input=\"dtmf\" numDigits=\"1\" finishOnKey=\"\" timeout=\"10\" method=\"POST\" action=\"{action}\">\
         <Say language=\"{language}\" loop=\"2\">{greeting}</Say></Gather><Hangup/></Response>"
    ))
}

/// A call that goes on: what it says now, and its name where somebody has pressed a key and hears the passcode. Nothing where the words
/// are not ours.
pub(in crate::dispatch) fn called(
    callbacks: &Callbacks,
    transmitter: &str,
    call: &Call<'_>,
    now: Time,
) -> Option<(Secret<String>, Option<String>)> {
    if call.rest != SAY {
        return None;
    }
    let sealed = parameter(call.query.as_bytes(), "words")?;
    let plain = callbacks.open(transmitter, &sealed)?;
    let words: Words = serde_json::from_slice(plain.expose()).ok()?;
    let text = Secret::new(words.text);
    let pressed = parameter(call.body, "Digits").is_some_and(|digits| !digits.is_empty());
    if words.expires <= now || !pressed {
        return Some((Secret::new("<Response><Hangup/></Response>".to_owned()), None));
    }
    let say = Secret::new(format!("<Say language=\"{}\">{}</Say>", xml(&words.language), xml(text.expose())));
    let script = format!("<Response>{0}<Pause length=\"1\"/>{0}<Hangup/></Response>", say.expose());
    Some((Secret::new(script), parameter(call.body, "CallSid").filter(|name| is_reference(name))))
}

fn xml(text: &str) -> String {
    Encoder::Xml.encode(text)
}

fn parameter(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Voices are chosen by language and region.
fn locale(tag: &str) -> String {
    match tag {
        "en" => "en-GB",
        "de" => "de-DE",
        "da" => "da-DK",
        "sv" => "sv-SE",
        "nb" | "no" => "nb-NO",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::{Channel, Keys, Language, UserId};

    const NOW: Time = Time::from_millis(1_700_000_000_000);

    fn callbacks() -> Callbacks {
        let key = SealKey { id: "k1".into(), secret: Secret::new(vec![1; 32]) };
        Callbacks::new("receipt.example.com", None, Keys::new(vec![key]).unwrap())
    }

    fn message() -> Message {
        Message {
            id: "m1".into(),
            channel: Channel::Voice,
            purpose: Purpose::Passcode,
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            to: "+4512345678".into(),
            subject: "A code for <mail> & more: press any key.".into(),
            text: Secret::new("Your code is 4, 8, 2, 9, 1, 3.".into()),
            passcode: Secret::new("482913".into()),
            user: UserId::new("people", "anna"),
            expires: NOW.plus(Duration::from_secs(300)),
        }
    }

    #[test]
    fn the_code_is_said_after_a_key_press_and_not_before() {
        let asked = asking(&callbacks(), "phone", &message());
        let asked = asked.expose();
        assert!(!asked.contains("482913") && !asked.contains("4, 8") && asked.contains("&lt;mail&gt; &amp; more"), "{asked}");
        let action = asked.split_once("action=\"").unwrap().1.split_once('"').unwrap().0;
        let (path, query) = action.split_once('?').unwrap();
        assert!(path.ends_with("/say") && !query.contains('&'), "{action}");
        let call = |query, body| Call { rest: "say", query, content_type: None, signature: None, body };
        let pressed = call(query, b"CallSid=CA1&Digits=5".as_slice());
        let (script, heard) = called(&callbacks(), "phone", &pressed, NOW).unwrap();
        assert_eq!(script.expose().matches("4, 8, 2, 9, 1, 3").count(), 2);
        assert!(script.expose().contains("language=\"en-GB\"") && heard.as_deref() == Some("CA1"));
        for (body, at) in
            [(&b"CallSid=CA1"[..], NOW), (b"CallSid=CA1&Digits=", NOW), (b"Digits=1", NOW.plus(Duration::from_secs(300)))]
        {
            let (script, heard) = called(&callbacks(), "phone", &call(query, body), at).unwrap();
            assert!(script.expose() == "<Response><Hangup/></Response>" && heard.is_none());
        }
    }

    #[test]
    fn what_is_no_secret_is_said_at_once() {
        let text = Secret::new("This is a test.".to_owned());
        let test = Message { purpose: Purpose::Test, text, passcode: Secret::new(String::new()), ..message() };
        let asked = asking(&callbacks(), "phone", &test);
        assert!(asked.expose().contains("loop=\"2\">This is a test.</Say></Gather>"), "{}", asked.expose());
    }

    #[test]
    fn words_that_are_not_ours_are_not_said() {
        let asked = asking(&callbacks(), "phone", &message());
        let query = asked.expose().split_once("/say?").unwrap().1.split_once('"').unwrap().0.to_owned();
        let call = |rest, query| Call { rest, query, content_type: None, signature: None, body: b"CallSid=CA1&Digits=5" };
        assert!(called(&callbacks(), "phone", &call("say", &query), NOW).is_some());
        assert!(called(&callbacks(), "other", &call("say", &query), NOW).is_none());
        assert!(called(&callbacks(), "phone", &call("sing", &query), NOW).is_none());
        assert!(called(&callbacks(), "phone", &call("say", "words=AAAA"), NOW).is_none());
        assert!(called(&callbacks(), "phone", &call("say", ""), NOW).is_none());
    }
}
