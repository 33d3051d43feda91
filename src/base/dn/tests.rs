//! Spellings of distinguished names, equal and not.

use super::*;

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_spelling_of_a_name_is_that_name() {
    let table: [(&str, &[&str]); 5] = [
        (
            "cn=admins,ou=groups,dc=corp,dc=example",
            &[
                "CN=Admins, OU=Groups, DC=Corp, DC=Example",
                " cn = admins ,\tou = groups , dc = corp , dc = example ",
                "2.5.4.3=admins,OID.2.5.4.11=groups,0.9.2342.19200300.100.1.25=corp,dc=example",
                "commonName=admins,organizationalUnitName=groups,domainComponent=corp,DC=example",
                "cn=\\61dmins,ou=groups,dc=corp,dc=example",
                "cn=\"admins\";ou=groups;dc=corp;dc=example",
                "cn=#0C0661646D696E73,ou=groups,dc=corp,dc=example",
                "cn=ad\u{ad}mins\u{200b},ou=groups,dc=corp,dc=example",
                "cn=ａｄｍｉｎｓ,ou=groups,dc=corp,dc=example",
            ],
        ),
        (
            "cn=Meyer\\, Müller \\+ Co\\\\KG,o=x",
            &[
                "cn=Meyer\\2C Müller \\2B Co\\5cKG,o=x",
                "cn=\"Meyer, Müller + Co\\\\KG\",o=x",
                "cn=meyer\\,  mu\u{308}ller   \\+ co\\5CKG,o=x",
                "cn=Meyer\\, M\\c3\\bcller \\+ Co\\\\KG,o=x",
                "cn=\\ Meyer\\, Müller \\+ Co\\\\KG\\ ,o=x",
            ],
        ),
        ("cn=a+uid=b,o=x", &["uid=b+cn=a,o=x", "userid=B + commonName=A , o=x", "cn=a+uid=b+cn=A,o=x"]),
        ("cn=Straße ΣΑΣ,o=x", &["cn=STRASSE σας,o=x", "cn=strasse σασ,o=x"]),
        ("cn=a=b#c,o=x", &["cn=a\\=b\\#c,o=x", "cn=a=b\\23c,O=X"]),
    ];
    for (name, spellings) in table {
        for spelling in spellings {
            assert_eq!(dn(spelling), dn(name), "{spelling}");
            assert!(dn(spelling).is_within(&dn(name)), "{spelling}");
        }
        assert_eq!(dn(&dn(name).to_string()), dn(name));
    }
}

#[test]
fn other_names_are_other_names() {
    let name = dn("cn=admins,ou=groups,dc=corp,dc=example");
    for other in [
        "cn=admin,ou=groups,dc=corp,dc=example",
        "ou=admins,ou=groups,dc=corp,dc=example",
        "cn=admins,dc=corp,dc=example",
        "cn=admins,ou=groups,dc=example,dc=corp",
        "cn=admins\\,ou=groups,dc=corp,dc=example",
        "cn=ad mins,ou=groups,dc=corp,dc=example",
        "cn=admins+uid=x,ou=groups,dc=corp,dc=example",
        "cn=admıns,ou=groups,dc=corp,dc=example",
    ] {
        assert_ne!(dn(other), name, "{other}");
    }
}

#[test]
fn it_is_written_as_every_server_reads_it() {
    let table = [
        (" commonName = Admins , 2.5.4.11=Groups ", "cn=Admins,ou=Groups"),
        ("CN=a\\2Cb\\20,O=\"c;d\"", "cn=a\\,b\\ ,o=c\\;d"),
        ("cn=mu\u{308}ller", "cn=müller"),
        ("cn=\\#1\\00", "cn=\\#1\\00"),
        ("1.2.3.4=x,vendorName=y", "1.2.3.4=x,vendorname=y"),
        ("cn=", "cn="),
    ];
    for (text, expected) in table {
        assert_eq!(dn(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_lies_below_a_base_is_within_it() {
    let base = dn("dc=corp, DC=example");
    for (text, expected) in [
        ("cn=a,ou=b,dc=Corp,dc=example", true),
        ("dc=corp,dc=example", true),
        ("dc=sub,dc=corp,dc=example", true),
        ("dc=example", false),
        ("cn=a,dc=notcorp,dc=example", false),
        ("cn=x\\,dc=corp,dc=example", false),
    ] {
        assert_eq!(dn(text).is_within(&base), expected, "{text}");
    }
}

#[test]
fn the_root_is_the_domain_or_the_last_part() {
    for (text, expected) in [
        ("ou=people,dc=example,dc=test", "dc=example,dc=test"),
        ("ou=people, domainComponent=example, 0.9.2342.19200300.100.1.25=test", "dc=example,dc=test"),
        ("dc=example,ou=x,o=Example", "o=Example"),
        ("ou=people,o=Example\\, Inc", "o=Example\\, Inc"),
        ("dc=far,ou=people,dc=test", "dc=test"),
        ("dc=test", "dc=test"),
    ] {
        assert_eq!(dn(text).root(), dn(expected), "{text}");
    }
}

#[test]
fn what_is_no_name_is_refused_with_its_reason() {
    let long = format!("cn={}", "x".repeat(8192));
    let table = [
        ("", DnError::Empty),
        (" \t", DnError::Empty),
        ("admins", DnError::NoValue),
        ("cn=a,", DnError::NoValue),
        ("cn=a,,dc=b", DnError::NoValue),
        ("cn=a,b", DnError::NoValue),
        ("c n=a", DnError::Attribute("c n".into())),
        ("=a", DnError::Attribute(String::new())),
        ("2=a", DnError::Attribute("2".into())),
        ("2.5..4=a", DnError::Attribute("2.5..4".into())),
        ("cn=a\\", DnError::Escape),
        ("cn=a\\zb", DnError::Escape),
        ("cn=a\\2", DnError::Escape),
        ("cn=\"a", DnError::Quote),
        ("cn=\"a\"b", DnError::Quote),
        ("cn=#0c", DnError::Hexadecimal),
        ("cn=#0c0261", DnError::Hexadecimal),
        ("cn=#zz", DnError::Hexadecimal),
        ("cn=#020101", DnError::Hexadecimal),
        ("cn=\\ff", DnError::NotText),
        (&long, DnError::Long),
    ];
    for (text, expected) in table {
        assert_eq!(Dn::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn text_is_compared_as_directories_do() {
    for (one, other) in [
        ("  Vpn   Users ", "vpn users"),
        ("vpn\u{a0}users", "VPN USERS"),
        ("gru\u{308}n", "GRÜN"),
        ("ﬁn", "FIN"),
        ("a\u{200d}b", "ab"),
    ] {
        assert_eq!(text::prepared(one), text::prepared(other), "{one}");
    }
    assert_eq!(text::composed(&text::decomposed("Grün")), "Grün");
}
