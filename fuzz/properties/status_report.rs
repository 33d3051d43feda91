//! Status reports of any bytes, in PDU and in text mode: read or not, and what was read is what a command and a log may hold.

use doorward::dispatch::sms::report::{Outcome, StatusReport, sender};

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let hexadecimal: String = data.iter().map(|octet| format!("{octet:02X}")).collect();
    for report in [StatusReport::from_pdu(&text), StatusReport::from_pdu(&hexadecimal), StatusReport::from_text(&text)] {
        let Some(report) = report else { continue };
        check_number(&report.recipient);
        assert_eq!(report.outcome == Outcome::Delivered, matches!(report.status, 0 | 2), "{report:?}");
        assert!(report.words().is_ascii(), "{report:?}");
    }
    // What follows a whole report changes nothing of it.
    if let Some(report) = StatusReport::from_pdu(&hexadecimal) {
        assert_eq!(StatusReport::from_pdu(&format!("{hexadecimal}00")), Some(report));
    }
    sender(&hexadecimal).iter().for_each(|number| check_number(number));
}

fn check_number(number: &str) {
    let digits = number.strip_prefix('+').unwrap_or(number);
    assert!(digits.len() <= 20 && digits.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit() || byte == b'+'));
}
