//! Which country a phone number belongs to (ITU-T E.164 country codes, with the areas that several countries share told apart), and the
//! range that it is counted with.

use serde::{Deserialize, Serialize};

/// Of ISO 3166-1: `DK`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Country(&'static str);

impl Country {
    /// By its two capital letters; nothing where no phone number can be in it.
    pub fn named(code: &str) -> Option<Self> {
        TABLE.iter().find(|(_, country)| *country == code).map(|(_, country)| Self(country))
    }

    /// Of a number like `+4512345678`; nothing where its code is no country's (satellites, international networks) or not known.
    pub fn of_number(number: &str) -> Option<Self> {
        let digits = number.strip_prefix('+')?;
        // The longest code that the number begins with.
        let lengths = (1..=LONGEST.min(digits.len())).rev();
        lengths.filter_map(|length| find(digits.get(..length)?)).next()
    }

    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl From<Country> for &'static str {
    fn from(country: Country) -> Self {
        country.0
    }
}

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::named(&code).ok_or("not a country")
    }
}

/// The range of a number: its country code and the four digits after it, which is what somebody who earns by calls and messages rents.
pub fn range(number: &str) -> &str {
    let length = match number.as_bytes() {
        [b'+', b'1' | b'7', ..] => 1,
        [b'+', first, second, ..] if find(&String::from_utf8_lossy(&[*first, *second])).is_some() => 2,
        _ => 3,
    };
    number.get(..1 + length + RANGE_DIGITS).unwrap_or(number)
}

fn find(digits: &str) -> Option<Country> {
    let place = TABLE.binary_search_by_key(&digits, |(code, _)| code).ok()?;
    TABLE.get(place).map(|(_, country)| Country(country))
}

const RANGE_DIGITS: usize = 4;
const LONGEST: usize = 7;

/// Sorted by code. Of codes that stand for several countries the areas of the smaller ones: North American Numbering Plan, Russia and
/// Kazakhstan, the United Kingdom with Jersey, Guernsey and the Isle of Man, and some islands.
#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    ("1", "US"), ("1204", "CA"), ("1226", "CA"), ("1236", "CA"), ("1242", "BS"), ("1246", "BB"), ("1249", "CA"), ("1250", "CA"),
    ("1257", "CA"), ("1263", "CA"), ("1264", "AI"), ("1268", "AG"), ("1284", "VG"), ("1289", "CA"), ("1306", "CA"),
    ("1340", "VI"), ("1343", "CA"), ("1345", "KY"), ("1354", "CA"), ("1365", "CA"), ("1367", "CA"), ("1368", "CA"),
    ("1382", "CA"), ("1387", "CA"), ("1403", "CA"), ("1416", "CA"), ("1418", "CA"), ("1428", "CA"), ("1431", "CA"),
    ("1437", "CA"), ("1438", "CA"), ("1441", "BM"), ("1450", "CA"), ("1460", "CA"), ("1468", "CA"), ("1473", "GD"),
    ("1474", "CA"), ("1506", "CA"), ("1514", "CA"), ("1519", "CA"), ("1537", "CA"), ("1548", "CA"), ("1568", "CA"),
    ("1579", "CA"), ("1581", "CA"), ("1584", "CA"), ("1587", "CA"), ("1604", "CA"), ("1613", "CA"), ("1639", "CA"),
    ("1647", "CA"), ("1649", "TC"), ("1658", "JM"), ("1664", "MS"), ("1670", "MP"), ("1671", "GU"), ("1672", "CA"),
    ("1683", "CA"), ("1684", "AS"), ("1705", "CA"), ("1709", "CA"), ("1721", "SX"), ("1742", "CA"), ("1753", "CA"),
    ("1758", "LC"), ("1767", "DM"), ("1778", "CA"), ("1780", "CA"), ("1782", "CA"), ("1784", "VC"), ("1787", "PR"),
    ("1807", "CA"), ("1809", "DO"), ("1819", "CA"), ("1825", "CA"), ("1829", "DO"), ("1849", "DO"), ("1867", "CA"),
    ("1868", "TT"), ("1869", "KN"), ("1873", "CA"), ("1876", "JM"), ("1879", "CA"), ("1902", "CA"), ("1905", "CA"),
    ("1939", "PR"), ("1942", "CA"), ("20", "EG"), ("211", "SS"), ("212", "MA"), ("213", "DZ"), ("216", "TN"), ("218", "LY"),
    ("220", "GM"), ("221", "SN"), ("222", "MR"), ("223", "ML"), ("224", "GN"), ("225", "CI"), ("226", "BF"), ("227", "NE"),
    ("228", "TG"), ("229", "BJ"), ("230", "MU"), ("231", "LR"), ("232", "SL"), ("233", "GH"), ("234", "NG"), ("235", "TD"),
    ("236", "CF"), ("237", "CM"), ("238", "CV"), ("239", "ST"), ("240", "GQ"), ("241", "GA"), ("242", "CG"), ("243", "CD"),
    ("244", "AO"), ("245", "GW"), ("246", "IO"), ("247", "SH"), ("248", "SC"), ("249", "SD"), ("250", "RW"), ("251", "ET"),
    ("252", "SO"), ("253", "DJ"), ("254", "KE"), ("255", "TZ"), ("256", "UG"), ("257", "BI"), ("258", "MZ"), ("260", "ZM"),
    ("261", "MG"), ("262", "RE"), ("262269", "YT"), ("262639", "YT"), ("263", "ZW"), ("264", "NA"), ("265", "MW"), ("266", "LS"),
    ("267", "BW"), ("268", "SZ"), ("269", "KM"), ("27", "ZA"), ("290", "SH"), ("291", "ER"), ("297", "AW"), ("298", "FO"),
    ("299", "GL"), ("30", "GR"), ("31", "NL"), ("32", "BE"), ("33", "FR"), ("34", "ES"), ("350", "GI"), ("351", "PT"),
    ("352", "LU"), ("353", "IE"), ("354", "IS"), ("355", "AL"), ("356", "MT"), ("357", "CY"), ("358", "FI"), ("35818", "AX"),
    ("359", "BG"), ("36", "HU"), ("370", "LT"), ("371", "LV"), ("372", "EE"), ("373", "MD"), ("374", "AM"), ("375", "BY"),
    ("376", "AD"), ("377", "MC"), ("378", "SM"), ("379", "VA"), ("380", "UA"), ("381", "RS"), ("382", "ME"), ("383", "XK"),
    ("385", "HR"), ("386", "SI"), ("387", "BA"), ("389", "MK"), ("39", "IT"), ("3906698", "VA"), ("40", "RO"), ("41", "CH"),
    ("420", "CZ"), ("421", "SK"), ("423", "LI"), ("43", "AT"), ("44", "GB"), ("441481", "GG"), ("441534", "JE"), ("441624", "IM"),
    ("4474576", "IM"), ("447509", "JE"), ("447524", "IM"), ("447624", "IM"), ("4477003", "JE"), ("4477007", "JE"),
    ("4477008", "JE"), ("447781", "GG"), ("447797", "JE"), ("447829", "JE"), ("447839", "GG"), ("4479111", "GG"),
    ("4479117", "GG"), ("447924", "IM"), ("447937", "JE"), ("45", "DK"), ("46", "SE"), ("47", "NO"), ("4779", "SJ"), ("48", "PL"),
    ("49", "DE"), ("500", "FK"), ("501", "BZ"), ("502", "GT"), ("503", "SV"), ("504", "HN"), ("505", "NI"), ("506", "CR"),
    ("507", "PA"), ("508", "PM"), ("509", "HT"), ("51", "PE"), ("52", "MX"), ("53", "CU"), ("54", "AR"), ("55", "BR"),
    ("56", "CL"), ("57", "CO"), ("58", "VE"), ("590", "GP"), ("591", "BO"), ("592", "GY"), ("593", "EC"), ("594", "GF"),
    ("595", "PY"), ("596", "MQ"), ("597", "SR"), ("598", "UY"), ("599", "CW"), ("5993", "BQ"), ("5994", "BQ"), ("5997", "BQ"),
    ("60", "MY"), ("61", "AU"), ("6189162", "CC"), ("6189164", "CX"), ("62", "ID"), ("63", "PH"), ("64", "NZ"), ("65", "SG"),
    ("66", "TH"), ("670", "TL"), ("672", "NF"), ("6721", "AQ"), ("673", "BN"), ("674", "NR"), ("675", "PG"), ("676", "TO"),
    ("677", "SB"), ("678", "VU"), ("679", "FJ"), ("680", "PW"), ("681", "WF"), ("682", "CK"), ("683", "NU"), ("685", "WS"),
    ("686", "KI"), ("687", "NC"), ("688", "TV"), ("689", "PF"), ("690", "TK"), ("691", "FM"), ("692", "MH"), ("7", "RU"),
    ("76", "KZ"), ("77", "KZ"), ("81", "JP"), ("82", "KR"), ("84", "VN"), ("850", "KP"), ("852", "HK"), ("853", "MO"),
    ("855", "KH"), ("856", "LA"), ("86", "CN"), ("880", "BD"), ("886", "TW"), ("90", "TR"), ("91", "IN"), ("92", "PK"),
    ("93", "AF"), ("94", "LK"), ("95", "MM"), ("960", "MV"), ("961", "LB"), ("962", "JO"), ("963", "SY"), ("964", "IQ"),
    ("965", "KW"), ("966", "SA"), ("967", "YE"), ("968", "OM"), ("970", "PS"), ("971", "AE"), ("972", "IL"), ("973", "BH"),
    ("974", "QA"), ("975", "BT"), ("976", "MN"), ("977", "NP"), ("98", "IR"), ("992", "TJ"), ("993", "TM"), ("994", "AZ"),
    ("995", "GE"), ("996", "KG"), ("998", "UZ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_holds_no_code_twice() {
        assert!(TABLE.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(TABLE.iter().all(|(code, _)| code.len() <= LONGEST));
        assert!(TABLE.iter().all(|(_, country)| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())));
    }

    #[test]
    fn a_number_belongs_to_the_country_of_its_longest_code() {
        for (number, country) in [
            ("+4512345678", "DK"),
            ("+46701234567", "SE"),
            ("+12125550100", "US"),
            ("+14165550100", "CA"),
            ("+18765550100", "JM"),
            ("+17875550100", "PR"),
            ("+79161234567", "RU"),
            ("+77011234567", "KZ"),
            ("+447400123456", "GB"),
            ("+447797123456", "JE"),
            ("+441481123456", "GG"),
            ("+447624123456", "IM"),
            ("+358401234567", "FI"),
            ("+35818123456", "AX"),
            ("+390669812345", "VA"),
            ("+393471234567", "IT"),
            ("+4779123456", "SJ"),
            ("+38344123456", "XK"),
        ] {
            assert_eq!(Country::of_number(number).map(Country::code), Some(country), "{number}");
        }
        for number in ["+88212345678", "+8005551234", "+870123456789", "4512345678", "+", "", "+0123456789"] {
            assert_eq!(Country::of_number(number), None, "{number}");
        }
    }

    #[test]
    fn a_country_is_named_by_two_capital_letters() {
        assert_eq!(Country::named("DK"), Country::of_number("+4512345678"));
        for code in ["dk", "DNK", "", "ZZ", "Denmark", "UK"] {
            assert_eq!(Country::named(code), None, "{code}");
        }
    }

    #[test]
    fn a_range_is_the_country_code_and_four_digits() {
        for (number, expected) in [
            ("+4512345678", "+451234"),
            ("+12125550100", "+12125"),
            ("+358401234567", "+3584012"),
            ("+79161234567", "+79161"),
            ("+88212345678", "+8821234"),
            ("+45", "+45"),
        ] {
            assert_eq!(range(number), expected);
        }
    }
}
