//! What the fuzz targets look for, on inputs that are the same every day: pieces of what the parsers know, put together and damaged by a
//! small generator. `cargo fuzz` looks further, by coverage and by the clock.

#[path = "../../fuzz/properties/accept_encoding.rs"]
mod accept_encoding;
#[path = "../../fuzz/properties/acme_token.rs"]
mod acme_token;
#[path = "../../fuzz/properties/callback.rs"]
mod callback;
#[path = "../../fuzz/properties/client_address.rs"]
mod client_address;
#[path = "../../fuzz/properties/config.rs"]
mod config;
#[path = "../../fuzz/properties/cookie.rs"]
mod cookie;
#[path = "../../fuzz/properties/cross_site_form.rs"]
mod cross_site_form;
#[path = "../../fuzz/properties/csrf.rs"]
mod csrf;
#[path = "../../fuzz/properties/descriptor.rs"]
mod descriptor;
#[path = "../../fuzz/properties/form.rs"]
mod form;
#[path = "../../fuzz/properties/group.rs"]
mod group;
#[path = "../../fuzz/properties/language.rs"]
mod language;
#[path = "../../fuzz/properties/length.rs"]
mod length;
#[path = "../../fuzz/properties/metadata.rs"]
mod metadata;
#[path = "../../fuzz/properties/modem_lines.rs"]
mod modem_lines;
#[path = "../../fuzz/properties/name.rs"]
mod name;
#[path = "../../fuzz/properties/number.rs"]
mod number;
#[path = "../../fuzz/properties/passcode.rs"]
mod passcode;
#[path = "../../fuzz/properties/password_policy.rs"]
mod password_policy;
#[path = "../../fuzz/properties/path.rs"]
mod path;
#[path = "../../fuzz/properties/proxy_header.rs"]
mod proxy_header;
#[path = "../../fuzz/properties/rewrite.rs"]
mod rewrite;
#[path = "../../fuzz/properties/smtp_reply.rs"]
mod smtp_reply;
#[path = "../../fuzz/properties/status_report.rs"]
mod status_report;
#[path = "../../fuzz/properties/subcode.rs"]
mod subcode;
#[path = "../../fuzz/properties/web_socket_frames.rs"]
mod web_socket_frames;

const INPUTS: u64 = 20_000;

/// SplitMix64 (Steele, Lea, Flood 2014): good enough to choose inputs, and the same everywhere.
pub struct Choices(pub u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// Up to `most` pieces in a row, now and then a stray byte among them.
    fn input(&mut self, pieces: &[&str], most: usize) -> Vec<u8> {
        let mut input = Vec::new();
        for _ in 0..=self.below(most) {
            if self.below(8) == 0 {
                input.push(self.next().to_le_bytes()[0]);
            } else {
                input.extend_from_slice(pieces[self.below(pieces.len())].as_bytes());
            }
        }
        input
    }
}

/// Says which input broke it: the panic's own words are printed before.
fn holds_for_all(inputs: u64, make: impl Fn(&mut Choices) -> Vec<u8>, holds: impl Fn(&[u8])) {
    for seed in 0..inputs {
        let input = make(&mut Choices(seed));
        let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| holds(&input)));
        assert!(held.is_ok(), "seed {seed}: {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn no_member_passes_a_rule_for_others_however_the_group_is_spelled() {
    let pieces = [
        "cn", "=", "a", ",", "\\2C", "\\", "#", "0c01", "\"", "+", ";", " ", "2.5.4.3", "dc=x", "ü", "u\u{308}", "\u{ad}", "OID.",
    ];
    let random = |choices: &mut Choices| (0..64).map(|_| choices.next().to_le_bytes()[0]).collect();
    holds_for_all(INPUTS, random, group::holds);
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 12), group::holds);
}

#[test]
fn a_report_says_what_became_of_messages_and_nothing_else() {
    let pieces = [
        "id",
        "status",
        "why",
        "m",
        "=",
        "&",
        "%",
        "%0a",
        "+",
        "delivered",
        "FAILED",
        "failed",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\"id\":\"a1\"",
        "\"status\":\"failed\"",
        "id=a1&status=delivered",
        "application/json",
        "\u{e9}",
        "\0",
        "7",
        "null",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 24), callback::holds);
}

#[test]
fn a_cookie_is_found_alone_and_ours_reach_no_application() {
    let pieces = [
        "__Host-doorward",
        "__Host-doorward-flow",
        "__Host-doorward-known",
        "__hOST-dOORWARD",
        "=",
        ";",
        "; ",
        " ",
        "\t",
        "\n",
        ",",
        "\"",
        "a",
        "a=1",
        "k1.",
        ".",
        "AAAA",
        "\u{e9}",
        "__Host-",
        "$Path=/",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 16), cookie::holds);
}

#[test]
fn a_csrf_field_opens_as_it_was_sealed_or_not_at_all() {
    let pieces = ["AmsxAA", "k1", "A", "_", "-", "=", "+", "browser", "\u{e9}", "\"", "\\", "{\"at\":0}", "\0"];
    holds_for_all(INPUTS / 4, |choices| choices.input(&pieces, 12), csrf::holds);
}

#[test]
fn an_accepted_path_reads_in_one_way() {
    let pieces = [
        "/", "/", "/", "a", "b", ".", "..", "%2e", "%2E", "%2f", "%5c", "%25", "%00", "%", "%2", ";", ";x=1", "\\", "?", "#",
        " ", "\n", "\u{fc}", "%c3%bc", "public", "Public",
    ];
    let make = |choices: &mut Choices| [b"/".to_vec(), choices.input(&pieces, 10)].concat();
    holds_for_all(5 * INPUTS, make, path::holds);
}

#[test]
fn a_token_of_an_acme_client_names_one_file_and_nothing_else() {
    let pieces = [
        "/.well-known/acme-challenge/",
        "/.well-known/",
        "/",
        "..",
        ".",
        "%2e%2e",
        "%2f",
        "A",
        "z9",
        "-",
        "_",
        "=",
        "+",
        "\\",
        "\0",
        "\u{fc}",
        "\u{ff21}",
        "?",
        "a-token-of-43-letters-as-authorities-send-it",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 6), acme_token::holds);
    for length in 120..140 {
        acme_token::holds("a".repeat(length).as_bytes());
    }
}

#[test]
fn frames_of_a_web_socket_are_told_apart_however_they_are_cut() {
    let pieces = ["\u{0}", "\u{1}", "\u{2}", "\u{9}", "}", "~", "\u{7f}", "\u{81}", "\u{89}", "\u{fe}", "\u{ff}", "text"];
    let random = |choices: &mut Choices| (0..choices.below(300)).map(|_| choices.next().to_le_bytes()[0]).collect();
    holds_for_all(INPUTS, random, web_socket_frames::holds);
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 40), web_socket_frames::holds);
}

#[test]
fn a_form_of_another_site_is_repeated_byte_for_byte() {
    let pieces = [
        "SAMLResponse",
        "RelayState",
        "=",
        "=",
        "&",
        "&",
        "&a=1",
        "+",
        "%",
        "%2B",
        "%c3%bc",
        "%fc",
        "%80",
        "%81",
        "%00",
        "x",
        "\u{fc}",
    ];
    let make = |choices: &mut Choices| {
        let input = choices.input(&pieces, 40);
        // Now and then with about as many fields as a form may have.
        if choices.below(50) == 0 { [input, b"&a=1".repeat(90 + choices.below(20))].concat() } else { input }
    };
    holds_for_all(INPUTS, make, cross_site_form::holds);
}

#[test]
fn a_coding_is_sent_where_it_is_wanted() {
    let pieces = [
        "gzip", "GZIP", "x-gzip", "br", "identity", "*", ";", "q=", "Q=", "0", "1", ".", "0.5", "-", "NaN", ",", ",", " ", "\t",
        "\n", "\u{fc}",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 12), accept_encoding::holds);
}

#[test]
fn a_form_is_read_as_it_was_posted() {
    let pieces = [
        "username", "password", "passcode", "csrf", "act", "=", "=", "&", "&", "+", "%", "%41", "%c3%bc", "%ff", "%00", "x",
        "back",
    ];
    let make = |choices: &mut Choices| {
        let input = choices.input(&pieces, 60);
        // Now and then about as long as a form may be.
        if choices.below(500) == 0 { input.repeat(17_000 / input.len() + 1)[..16_380 + choices.below(8)].to_vec() } else { input }
    };
    holds_for_all(INPUTS, make, form::holds);
}

/// The example with a few places cut out, doubled or overwritten.
#[test]
fn any_text_is_a_configuration_or_is_told_why_not() {
    let example = include_str!("../../doorward.example.toml").as_bytes();
    let pieces = [
        "[", "]", "[[", "\"", "'", "=", "{", "}", ",", "\n", "#", "true", "-1", "30s", "name", "[node]\n", "\u{feff}", "1e9",
        "{{",
    ];
    let make = |choices: &mut Choices| {
        let mut text = example.to_vec();
        for _ in 0..=choices.below(3) {
            let from = choices.below(text.len());
            let to = (from + choices.below(40)).min(text.len());
            let instead = choices.input(&pieces, 3);
            text.splice(from..to, instead);
        }
        text.truncate(if choices.below(10) == 0 { choices.below(text.len()) } else { text.len() });
        text
    };
    holds_for_all(INPUTS / 10, make, config::holds);
    holds_for_all(INPUTS / 10, |choices| choices.input(&pieces, 30), config::holds);
}

#[test]
fn a_name_never_leaves_its_place_in_the_filter() {
    let pieces = [
        "a",
        "*",
        "(",
        ")",
        "\\",
        "\\2a",
        "\0",
        "&",
        "|",
        "!",
        "=",
        "uid",
        "\u{fc}",
        " ",
        "CORP\\",
        "@corp.example",
        "\n",
        "\u{200b}",
        "\u{ad}",
        "u\u{308}",
        "\u{ff3c}",
        "\u{ff20}",
        "\u{ff21}",
        "\u{ff88}",
        "\u{ff9e}",
        "\u{3000}",
        "\u{df}",
        "\u{130}",
        "\u{1e9e}",
        "\u{3a3}",
        "\u{fb01}",
        "\u{ffe3}",
        "\u{34f}",
        "\u{1100}",
        "\u{1161}",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 12), name::holds);
}

#[test]
fn one_passcode_at_most_is_read_from_what_was_typed() {
    let pieces = [
        "482913",
        "482",
        "913",
        "135790",
        "bokadu",
        "47",
        "bokadu47",
        "BDFGH",
        "bdf",
        "gh",
        " ",
        " ",
        "-",
        "\n",
        "#",
        "@mail.example.com ",
        "Your code is ",
        ".",
        "\u{200b}",
        "\u{ad}",
        "\u{feff}",
        "\u{20e3}",
        "\u{661}",
        "\u{ff11}",
        "\u{1d7ce}",
        "\u{130}",
        "\u{e9}",
        "\u{2460}",
        "\u{2013}",
        "\u{201c}",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 12), passcode::holds);
}

#[test]
fn a_refused_bind_tells_a_reason_where_one_is_written() {
    let pieces = [
        "AcceptSecurityContext error, data ",
        "data ",
        "533",
        "52e",
        "773",
        "0",
        "f",
        ", v4563",
        "\0",
        " ",
        ",",
        "-",
        "+",
        "x",
        "80090308: LdapErr: DSID-0C09044E, comment: ",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 8), subcode::holds);
}

#[test]
fn a_number_is_e164_or_none() {
    let pieces = [
        "+",
        "00",
        "0",
        "(0)",
        "1",
        "45",
        "12 34",
        "-",
        ".",
        "/",
        "(",
        ")",
        "\u{a0}",
        "\u{202a}",
        "\u{661}",
        "x",
        ";",
        "@",
        "345678",
        "8",
        "06",
        "15",
        "011",
        "810",
        "2125550147",
        "171",
        "[0]",
        "~",
    ];
    holds_for_all(5 * INPUTS, |choices| choices.input(&pieces, 10), number::holds);
}

#[test]
fn only_offered_languages_are_spoken() {
    let pieces =
        ["de", "en", "fr", "DE", "-AT", ",", ", ", ";q=", ";", "0", "1", ".", "0.5", "nan", "inf", "-", "_", "*", "\n", "1e-9"];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 12), language::holds);
}

#[test]
fn a_body_has_one_length_in_one_spelling() {
    let pieces = [
        "0",
        "1",
        "10",
        "010",
        "18446744073709551615",
        "18446744073709551616",
        ",",
        ", ",
        " ",
        "\t",
        "+",
        "-",
        "\n",
        "x",
        "10\n10",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 6), length::holds);
}

#[test]
fn what_a_stranger_writes_left_of_a_proxy_changes_nothing() {
    let pieces = [
        "192.0.2.1",
        "10.0.0.2",
        "2001:db8::1",
        "::1",
        "[",
        "]",
        ":",
        ":80",
        ",",
        ", ",
        ";",
        "\"",
        "\\",
        "\\\"",
        "for=",
        "For=\"",
        "host=\"a\"",
        "proto=https",
        "unknown",
        "_x",
        "\n",
        "\t",
        "=",
        "\u{e9}",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 20), client_address::holds);
    holds_for_all(20, |choices| choices.input(&pieces, 20).repeat(500), client_address::holds);
}

#[test]
fn a_proxy_header_ends_where_it_ends() {
    let pieces = [
        "TCP4",
        "TCP6",
        "UNKNOWN",
        " ",
        " ",
        " ",
        "192.0.2.7",
        "2001:db8::7",
        "::ffff:192.0.2.7",
        "1",
        "65535",
        "443",
        "0",
        "\r\n",
        "\r",
        "\n",
        "+",
        "\0",
        "\u{e9}",
    ];
    let blocks = ["\u{11}", "!", " ", "\0", "\u{c}", "$", "1", "\u{7f}", "192.0.2.7..", "\0\u{c}"];
    let make = |choices: &mut Choices| match choices.below(4) {
        0 => [b"PROXY ".to_vec(), choices.input(&pieces, 12)].concat(),
        1 => format!(
            "PROXY TCP4 192.0.{}.7 10.0.0.1 {} 443\r{}",
            choices.below(300),
            choices.below(70_000),
            ["\n", "\n\n", "", " "][choices.below(4)]
        )
        .into_bytes(),
        2 => [b"\r\n\r\n\0\r\nQUIT\n".to_vec(), choices.input(&blocks, 30)].concat(),
        _ => {
            let family = [0x00, 0x11, 0x12, 0x21, 0x31, 0x41][choices.below(6)];
            let (claimed, real) = (choices.below(60).to_le_bytes()[0], choices.below(80));
            let head = [0x20 + choices.below(3).to_le_bytes()[0], family, choices.below(20).to_le_bytes()[0] / 18 * 16, claimed];
            [&b"\r\n\r\n\0\r\nQUIT\n"[..], &head, &vec![choices.next().to_le_bytes()[0]; real]].concat()
        }
    };
    holds_for_all(5 * INPUTS, make, proxy_header::holds);
}

#[test]
fn a_rewritten_name_leads_where_the_other_one_led() {
    let pieces = [
        "http:",
        "https:",
        "HTTP:",
        "//",
        "/",
        "\\",
        "inner.example",
        "Inner.Example",
        "mail.example.com",
        "evil.example",
        ":80",
        ":443",
        ":8080",
        ":8443",
        ":",
        "@",
        ".",
        "?",
        "#",
        "%2f",
        "%00",
        " ",
        "\t",
        "\n",
        "\n",
        "[",
        "]",
        "::1",
        "5;",
        "url=",
        "'",
        "\"",
        ";",
        "Domain=",
        "domain = .",
        "a=1",
        "Path=/",
        "\u{fc}",
        "xn--",
        ",",
    ];
    let starts = ["", "", "http://inner.example", "https://mail.example.com:8443", "5; url=http://inner.example", "a=1; Domain="];
    let make = |choices: &mut Choices| {
        let start = starts[choices.below(starts.len())].as_bytes().to_vec();
        [start, choices.input(&pieces, 8)].concat()
    };
    holds_for_all(5 * INPUTS, make, rewrite::holds);
}

#[test]
fn a_security_descriptor_of_any_bytes_is_read_or_refused() {
    let pieces = [
        "\u{1}\0\u{4}\0\0\0\0\0\0\0\0\0\0\0\0\0\u{14}\0\0\0",
        "\u{4}\0\u{24}\0\u{1}\0\0\0",
        "\u{4}\0\u{7f}\0\u{2}\0\0\0",
        "\0\0\u{14}\0\u{20}\0\0\0",
        "\u{5}\0\u{28}\0\u{30}\0\0\0\u{1}\0\0\0",
        "\u{6}\0\u{28}\0\u{20}\0\0\0\u{3}\0\0\0",
        "\u{1}\u{1}\0\0\0\0\0\u{5}\n\0\0\0",
        "\u{1}\u{2}\0\0\0\0\0\u{5}\u{20}\0\0\0\u{20}\u{2}\0\0",
        "0123456789abcdef",
        "\0\0\0\0",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 8), descriptor::holds);
}

#[test]
fn replication_metadata_is_read_whole_or_not_at_all() {
    let entry = "\u{29}\0\u{15}\0\u{1}\0\0\0\u{4f}\u{3a}\u{13}\u{21}\u{3}\0\0\u{0}0123456789abcdef0123456789abcdef";
    let heads = [0, 1, 2, 3].map(|count: u8| format!("\u{1}\0\0\0\0\0\0\0{}\0\0\0\0\0\0\0", char::from(count)));
    let pieces: Vec<&str> = heads.iter().map(String::as_str).chain([entry, entry, entry, "\0"]).collect();
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 5), metadata::holds);
}

#[test]
fn a_password_policys_control_is_read_whole_or_not_at_all() {
    let pieces = ["0\u{3}", "0\u{5}", "0\u{0}", "\u{1}", "\u{0}", "\u{2}", "\u{7f}"];
    let make = |choices: &mut Choices| {
        let number = vec![choices.next().to_le_bytes()[0]; choices.below(6)];
        let error = vec![choices.next().to_le_bytes()[0]; choices.below(3)];
        let part = |tag: u8, contents: &[u8]| [&[tag, u8::try_from(contents.len()).unwrap()], contents].concat();
        let warning = part(0xa0, &part(0x80 + choices.below(3).to_le_bytes()[0], &number));
        let error = part(0x81, &error);
        let whole = match choices.below(5) {
            0 => part(0x30, &warning),
            1 => part(0x30, &error),
            2 | 3 => part(0x30, &[warning, error].concat()),
            _ => return choices.input(&pieces, 5),
        };
        match choices.below(4) {
            0 => whole[..choices.below(whole.len())].to_vec(),
            _ => whole,
        }
    };
    holds_for_all(INPUTS, make, password_policy::holds);
}

#[test]
fn a_status_report_is_read_whole_or_not_at_all() {
    let pieces =
        ["6,", "23,", "\"+4512345678\"", ",145,", "\"26/11/22,11:34:45+04\"", ",", "0", "70", "+", "-1", "256", "\"", " "];
    let make = |choices: &mut Choices| {
        if choices.below(2) == 0 {
            return choices.input(&pieces, 12);
        }
        let mut report =
            b"\0\x06\x17\x0a\x91\x54\x21\x43\x65\x87\x62\x11\x22\x11\x43\x54\x80\x62\x11\x22\x11\x43\x65\x80\0".to_vec();
        for _ in 0..choices.below(4) {
            let place = choices.below(report.len());
            report[place] = choices.next().to_le_bytes()[0];
        }
        report.truncate(if choices.below(3) == 0 { choices.below(report.len()) } else { report.len() });
        report
    };
    holds_for_all(INPUTS, make, status_report::holds);
}

#[test]
fn what_a_modem_says_is_the_same_in_any_pieces() {
    let pieces = [
        "\r\n",
        "\r",
        "\n",
        "OK",
        "ERROR",
        "+CMS ERROR: ",
        "+CME ERROR: ",
        "500",
        "99999",
        ">",
        "> ",
        "+CDS: 25",
        "0011",
        "\0",
        "\u{1a}",
        "\u{1b}",
        " ",
        "AT",
        "incorrect password",
    ];
    let telnet: [&[u8]; 8] = [
        &[255, 251, 1],
        &[255, 253, 44],
        &[255, 250],
        &[255, 240],
        &[255, 255],
        &[255],
        &[255, 241],
        &[255, 250, 44, 101, 1, 255, 240],
    ];
    let make = |choices: &mut Choices| {
        let mut said = choices.input(&pieces, 12);
        if choices.below(3) == 0 {
            said.extend_from_slice(telnet[choices.below(telnet.len())]);
            said.extend(choices.input(&pieces, 3));
        }
        if choices.below(500) == 0 { said.repeat(300) } else { said }
    };
    holds_for_all(INPUTS, make, modem_lines::holds);
}

#[test]
fn a_relays_answer_is_read_whole_or_not_at_all() {
    let pieces = [
        "220 ",
        "250-",
        "250 ",
        "250",
        "354 ",
        "421 ",
        "450 ",
        "550 ",
        "550-",
        "5.1.1 ",
        "5.7.1 ",
        "(#5.1.1)",
        "4.2.0 ",
        "user unknown",
        "mailbox full",
        "Relay access denied",
        "relay recipient table",
        "<anna@example.test>",
        "https://x/?p=NoSuchUser",
        "AUTH=PLAIN",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "\u{1b}[31m",
        "ü",
        "-",
        " ",
        "\t",
    ];
    holds_for_all(INPUTS, |choices| choices.input(&pieces, 16), smtp_reply::holds);
}
