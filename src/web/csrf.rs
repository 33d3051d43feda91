//! The `csrf` field: what a form has to bring back, sealed for one use and bound to one browser by its cookie. Good for an
//! hour. A form of another site, of another browser or of another page cannot carry one that opens.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::base::{Keys, Time};

/// A form's own kind of field; a field of one form does not open for another.
pub trait Field: Serialize + for<'de> Deserialize<'de> {
    const PURPOSE: &'static str;
}

/// What a field turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened<T> {
    Fresh(T),
    /// Ours, but older than an hour: good for finding the way back, for nothing else.
    Stale(T),
    /// Not one that we gave to this browser for this form.
    Foreign,
}

impl<T> Opened<T> {
    /// What it carries, if it is good for what the form does.
    pub fn fresh(self) -> Option<T> {
        match self {
            Self::Fresh(value) => Some(value),
            Self::Stale(_) | Self::Foreign => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    at: Time,
    value: T,
}

const LIFE: Duration = Duration::from_secs(3600);

/// The field for a form that is shown now, in base64url. `bound` is the value of the cookie that the form goes with.
pub fn seal<T: Field>(keys: &Keys, bound: &str, value: T, now: Time) -> String {
    let plain = serde_json::to_vec(&Sealed { at: now, value }).unwrap_or_default();
    BASE64URL_NOPAD.encode(&keys.seal(T::PURPOSE, bound.as_bytes(), &plain))
}

/// What came back in `field`, with the cookie `bound`. Anything that [`seal`] did not make for this kind of form and this cookie is foreign.
pub fn open<T: Field>(keys: &Keys, bound: &str, field: &str, now: Time) -> Opened<T> {
    let sealed = BASE64URL_NOPAD.decode(field.as_bytes()).ok();
    let plain = sealed.and_then(|sealed| keys.open(T::PURPOSE, bound.as_bytes(), &sealed));
    let opened: Option<Sealed<T>> = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
    match opened {
        None => Opened::Foreign,
        Some(opened) if now.since(opened.at) >= LIFE => Opened::Stale(opened.value),
        Some(opened) => Opened::Fresh(opened.value),
    }
}

/// Whether [`open`] would give a fresh one.
pub fn is_fresh<T: Field>(keys: &Keys, bound: &str, field: &str, now: Time) -> bool {
    open::<T>(keys, bound, field, now).fresh().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::base::keys::SealKey;
    use crate::web::page::logout::Carried as Logout;
    use crate::web::page::passcode::Carried as Passcode;

    #[test]
    fn a_field_opens_in_its_own_browser_and_form_within_the_hour() {
        let keys = Keys::new(vec![SealKey { id: "k".into(), secret: Secret::new(vec![7; 32]) }]).unwrap();
        let (start, later) = (Time::from_millis(0), |seconds: u64| Time::from_millis(seconds * 1000));
        let field = seal(&keys, "browser", Passcode { flow: "f".into() }, start);
        let carried = Passcode { flow: "f".into() };
        assert_eq!(open(&keys, "browser", &field, later(3599)), Opened::Fresh(carried.clone()));
        assert_eq!(open(&keys, "browser", &field, later(3600)), Opened::Stale(carried));
        assert_eq!(open::<Passcode>(&keys, "another", &field, later(1)), Opened::Foreign);
        assert_eq!(open::<Logout>(&keys, "browser", &field, later(1)), Opened::Foreign);
        for foreign in ["", "AAAA", "?", &field[1..]] {
            assert_eq!(open::<Passcode>(&keys, "browser", foreign, later(1)), Opened::Foreign, "{foreign}");
        }
    }
}
