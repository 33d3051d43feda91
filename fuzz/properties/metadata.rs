//! Replication metadata: it is read whole or not at all, and as many entries come out as the bytes hold.

use doorward::directory::ldap_client::metadata::read;

pub fn holds(data: &[u8]) {
    if let Some(entries) = read(data) {
        assert_eq!(data.len(), 16 + 48 * entries.len());
        assert_eq!(read(&data[..data.len() - 1]), None);
        assert_eq!(read(&[data, &[0]].concat()), None);
    }
}
