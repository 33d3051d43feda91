//! Attributes that names are made of, by every name they have (RFC 4514 section 3, RFC 4519, RFC 4524, RFC 2985).

/// The short name of an attribute that is written by its short name, long name or number, in any case; of one that is not listed here what
/// was written, in lower case.
pub(super) fn short(written: &str) -> String {
    let written = written.to_ascii_lowercase();
    let number = written.strip_prefix("oid.").unwrap_or(&written);
    let known = TABLE.iter().find(|names| names.contains(&number));
    known.and_then(|names| names.first()).map_or(number, |name| *name).to_owned()
}

pub(super) const DOMAIN_COMPONENT: &str = "dc";

/// The first is what a name is written with.
const TABLE: &[&[&str]] = &[
    &["cn", "commonname", "2.5.4.3"],
    &["sn", "surname", "2.5.4.4"],
    &["serialnumber", "2.5.4.5"],
    &["c", "countryname", "2.5.4.6"],
    &["l", "localityname", "2.5.4.7"],
    &["st", "stateorprovincename", "s", "sp", "2.5.4.8"],
    &["street", "streetaddress", "2.5.4.9"],
    &["o", "organizationname", "2.5.4.10"],
    &["ou", "organizationalunitname", "2.5.4.11"],
    &["title", "2.5.4.12"],
    &["description", "2.5.4.13"],
    &["businesscategory", "2.5.4.15"],
    &["postalcode", "2.5.4.17"],
    &["telephonenumber", "2.5.4.20"],
    &["name", "2.5.4.41"],
    &["givenname", "gn", "2.5.4.42"],
    &["initials", "2.5.4.43"],
    &["generationqualifier", "2.5.4.44"],
    &["x500uniqueidentifier", "2.5.4.45"],
    &["dnqualifier", "2.5.4.46"],
    &["uid", "userid", "0.9.2342.19200300.100.1.1"],
    &["mail", "rfc822mailbox", "0.9.2342.19200300.100.1.3"],
    &["host", "0.9.2342.19200300.100.1.9"],
    &[DOMAIN_COMPONENT, "domaincomponent", "0.9.2342.19200300.100.1.25"],
    &["co", "friendlycountryname", "0.9.2342.19200300.100.1.43"],
    &["email", "emailaddress", "e", "pkcs9email", "1.2.840.113549.1.9.1"],
    &["employeenumber", "2.16.840.1.113730.3.1.3"],
    &["gidnumber", "1.3.6.1.1.1.1.1"],
    &["samaccountname", "1.2.840.113556.1.4.221"],
    &["objectguid", "1.2.840.113556.1.4.2"],
];
