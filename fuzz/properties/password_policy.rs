//! The control of a password policy: what is read is what stands there, and nothing shorter reads the same.

use doorward::directory::ldap_client::password_policy::parse;

pub fn holds(data: &[u8]) {
    let Some(said) = parse(data) else { return };
    assert!(said.seconds_left.is_none() || said.grace_left.is_none(), "one warning at most");
    for end in 0..data.len() {
        assert!(parse(&data[..end]).is_none(), "cut at {end} it is still one");
    }
    assert!(parse(&[data, &[0]].concat()).is_none(), "something may follow it");
}
