//! What people write, and which number it is. Every region is held against the PyPI package phonenumbers in
//! `tests/doorward/number_plans.rs`.

use super::*;

/// Written at home, its prefix, and the number.
type Row = (&'static str, &'static str, &'static str);

fn all_are_read(table: &[Row]) {
    for (typed, prefix, expected) in table {
        let prefix = Some(*prefix).filter(|prefix| !prefix.is_empty());
        assert_eq!(normalise(typed, prefix).as_deref(), Ok(*expected), "{typed} {prefix:?}");
    }
}

#[test]
fn what_people_type_becomes_e164() {
    all_are_read(&[
        ("+45 12 34 56 78", "", "+4512345678"),
        ("0045-12.34.56.78", "", "+4512345678"),
        ("12 34 56 78", "+45", "+4512345678"),
        ("(030) 123456-78", "+49", "+493012345678"),
        ("+44 (0)20 7946 0958", "", "+442079460958"),
        ("0171/2345678", "+49", "+491712345678"),
        ("\u{202a}+45\u{a0}12345678\u{202c}", "", "+4512345678"),
        ("+45\u{2212}12\u{ad}34\u{ff0d}56~78", "", "+4512345678"),
        ("(+45) 12 34 56 78", "+1", "+4512345678"),
        ("+683 4002", "", "+6834002"),
    ]);
}

#[test]
fn a_trunk_prefix_is_dropped_as_its_country_has_it() {
    all_are_read(&[
        ("1 (212) 555-0147", "+1", "+12125550147"),
        ("(212) 555-0147", "+1", "+12125550147"),
        ("12125550147", "+1", "+12125550147"),
        ("8 (916) 123-45-67", "+7", "+79161234567"),
        ("8 701 123 45 67", "+7", "+77011234567"),
        ("06 20 123 4567", "+36", "+36201234567"),
        ("20/123-4567", "+36", "+36201234567"),
        ("07 01 23 45 67", "+225", "+2250701234567"),
        ("06 6982 1234", "+39", "+390669821234"),
        ("347 1234567", "+39", "+393471234567"),
        ("171 2345678", "+49", "+491712345678"),
        ("0501 123 456", "+48", "+48501123456"),
        ("011 15-2345-6789", "+54", "+5491123456789"),
        ("0 15 21 91234 5678", "+55", "+5521912345678"),
        ("021 91234-5678", "+55", "+5521912345678"),
        ("044 55 1234 5678", "+52", "+525512345678"),
    ]);
}

#[test]
fn a_trunk_prefix_behind_a_country_code_is_dropped_too() {
    all_are_read(&[
        ("+49 (0171) 2345678", "", "+491712345678"),
        ("+49 0171 2345678", "+45", "+491712345678"),
        ("0049 (0)171 2345678", "", "+491712345678"),
        ("+44 (07911) 123456", "", "+447911123456"),
        ("+44-0-7911-123456", "", "+447911123456"),
        ("+44 [0]7911 123456", "", "+447911123456"),
        ("+7 (8) 916 123 45 67", "", "+79161234567"),
        ("+7 8 916 123 45 67", "", "+79161234567"),
        ("+36 (06) 20 123 4567", "", "+36201234567"),
        ("+36 06 20 123 4567", "", "+36201234567"),
        ("+1 (1) 212 555 0147", "", "+12125550147"),
        ("+45 (0)12345678", "", "+4512345678"),
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("+54 11 15 2345 6789", "", "+5491123456789"),
        // There the 0 belongs to the number.
        ("+39 (0)6 69812345", "", "+390669812345"),
        ("+225 (07) 01 23 45 67", "", "+2250701234567"),
    ]);
}

#[test]
fn what_is_dialled_to_get_abroad_is_that_of_the_country() {
    all_are_read(&[
        ("011 45 20 12 34 56", "+1", "+4520123456"),
        ("011 1 212 555 0147", "+1", "+12125550147"),
        ("8~10 49 171 2345678", "+7", "+491712345678"),
        ("8-10-49-0171-2345678", "+7", "+491712345678"),
        ("0011 45 20123456", "+61", "+4520123456"),
        ("010 45 20123456", "+81", "+4520123456"),
        ("001 45 20123456", "+66", "+4520123456"),
        ("0055 11 91234-5678", "+55", "+5511912345678"),
        // Written everywhere.
        ("0045 20 12 34 56", "+1", "+4520123456"),
        ("0045 20 12 34 56", "+81", "+4520123456"),
        // The plus sign was left away.
        ("45 12 34 56 78", "+45", "+4512345678"),
        ("7 916 123-45-67", "+7", "+79161234567"),
    ]);
}

#[test]
fn a_smaller_country_within_a_code_may_be_the_prefix() {
    all_are_read(&[
        ("365-0147", "+1242", "+12423650147"),
        ("242 365 0147", "+1242", "+12423650147"),
        ("1 (212) 555-0147", "+1242", "+12125550147"),
        ("365 0147", "+1809", "+18093650147"),
        ("01624 612345", "+441624", "+441624612345"),
    ]);
}

#[test]
fn what_can_be_two_numbers_or_none_is_refused() {
    let table = [
        ("+39 (0)331 1234567", "", NumberError::Doubt),
        ("0347 1234567", "+39", NumberError::Doubt),
        ("491712345678", "+49", NumberError::Doubt),
        ("555-0147", "+1", NumberError::NotNational),
        ("2345678", "+49", NumberError::NotNational),
        ("15 2345-6789", "+54", NumberError::NotNational),
        ("91234-5678", "+55", NumberError::NotNational),
        ("0171 234 5678", "+1", NumberError::NotNational),
        ("8 916 123 45 6", "+7", NumberError::NotNational),
        ("112", "+49", NumberError::NotNational),
        ("911", "+1", NumberError::NotNational),
        ("0171 2345678", "", NumberError::NoCountry),
        ("011 45 20123456", "", NumberError::NoCountry),
        ("+1 (012) 555-0147", "", NumberError::Impossible),
        ("+1 212 555 014", "", NumberError::Impossible),
        ("+45 1234 5678 9", "", NumberError::Impossible),
        ("+45 12 (0) 345678", "", NumberError::Impossible),
        ("+49 212 5550147060 11", "", NumberError::Digits(17)),
        ("+999 12345678", "", NumberError::UnknownCountry),
    ];
    for (typed, prefix, expected) in table {
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        assert_eq!(normalise(typed, prefix), Err(expected), "{typed} {prefix:?}");
    }
}

#[test]
fn what_is_no_number_is_refused_with_its_reason() {
    let long = "1".repeat(65);
    let table = [
        ("", Some("+45"), NumberError::Empty),
        (" ()-", Some("+45"), NumberError::Empty),
        ("12345678", None, NumberError::NoCountry),
        ("+1234567", None, NumberError::Digits(7)),
        ("+1234567890123456", None, NumberError::Digits(16)),
        ("+", None, NumberError::Digits(0)),
        ("+012345678", None, NumberError::CountryZero),
        ("00012345678", None, NumberError::CountryZero),
        ("++4512345678", None, NumberError::Odd('+')),
        ("12+345678", Some("+45"), NumberError::Odd('+')),
        ("+4512345678;+4587654321", None, NumberError::Odd(';')),
        ("+4512345678\0", None, NumberError::Odd('\0')),
        ("+45 ١٢٣٤٥٦٧٨", None, NumberError::Odd('١')),
        ("+4512345678x12", None, NumberError::Odd('x')),
        ("none", Some("+45"), NumberError::Odd('n')),
        ("12345678", Some("45"), NumberError::BadPrefix),
        ("12345678", Some("+12345"), NumberError::BadPrefix),
        (&long, None, NumberError::Long),
    ];
    for (typed, prefix, expected) in table {
        assert_eq!(normalise(typed, prefix), Err(expected), "{typed:?}");
    }
}

#[test]
fn the_country_code_can_be_cut_off() {
    for (number, expected) in [
        ("+4512345678", "12345678"),
        ("+15551234567", "5551234567"),
        ("+74951234567", "4951234567"),
        ("+35812345678", "12345678"),
        ("+390612345678", "0612345678"),
        ("+85212345678", "12345678"),
        ("+99912345678", "12345678"),
        ("+", ""),
    ] {
        assert_eq!(national(number), expected, "{number}");
    }
}
