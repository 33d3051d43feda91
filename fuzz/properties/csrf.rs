//! The `csrf` field: what was not sealed never opens, what was sealed opens for its own form, browser and hour alone.

use std::fmt::Debug;

use doorward::base::keys::SealKey;
use doorward::base::{Keys, Language, Secret, Time};
use doorward::web::csrf::{Field, Opened, open, seal};
use doorward::web::page::login::Carried as Login;
use doorward::web::page::logout::Carried as Logout;
use doorward::web::page::passcode::Carried as Passcode;

const BROWSER: &str = "browser";
const NOW: Time = Time::from_millis(1_700_000_000_000);

/// The input is a posted field; then what a field carries, and where and how it is damaged.
pub fn holds(data: &[u8]) {
    let keys = Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) }]).expect("a key");
    let text = String::from_utf8_lossy(data).into_owned();
    assert_eq!(open::<Login>(&keys, BROWSER, &text, NOW), Opened::Foreign);
    assert_eq!(open::<Passcode>(&keys, BROWSER, &text, NOW), Opened::Foreign);
    assert_eq!(open::<Logout>(&keys, BROWSER, &text, NOW), Opened::Foreign);

    let login = Login {
        application: text.as_str().into(),
        host: "a.example".into(),
        back: text.clone(),
        language: Language::ENGLISH,
        chosen: data.len().is_multiple_of(2),
    };
    let field = round_trip(&keys, &login, data);
    assert_eq!(open::<Passcode>(&keys, BROWSER, &field, NOW), Opened::Foreign);
    let field = round_trip(&keys, &Passcode { flow: text.clone() }, data);
    assert_eq!(open::<Logout>(&keys, BROWSER, &field, NOW), Opened::Foreign);
    let field = round_trip(&keys, &Logout { host: text.as_str().into() }, data);
    assert_eq!(open::<Login>(&keys, BROWSER, &field, NOW), Opened::Foreign);
}

fn round_trip<T: Field + Clone + PartialEq + Debug>(keys: &Keys, value: &T, data: &[u8]) -> String {
    let field = seal(keys, BROWSER, value.clone(), NOW);
    assert_eq!(open(keys, BROWSER, &field, NOW), Opened::Fresh(value.clone()));
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(open(keys, BROWSER, &field, NOW.plus(hour)), Opened::Stale(value.clone()));
    let other = String::from_utf8_lossy(data);
    if other != BROWSER {
        assert_eq!(open::<T>(keys, &other, &field, NOW), Opened::Foreign, "another browser's");
    }

    let mut damaged = field.clone().into_bytes();
    let place = data.iter().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte))) % damaged.len();
    damaged[place] = data.first().copied().unwrap_or_default() & 0x7f;
    let damaged = String::from_utf8(damaged).expect("ASCII");
    if damaged != field {
        assert_eq!(open::<T>(keys, BROWSER, &damaged, NOW), Opened::Foreign, "byte {place}");
    }
    assert_eq!(open::<T>(keys, BROWSER, &field[..place], NOW), Opened::Foreign, "cut at {place}");
    field
}
