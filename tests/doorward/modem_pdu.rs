//! What our messages say, by decoders nobody here wrote: the PyPI packages smspdudecoder and python-messaging.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use doorward::dispatch::sms::pdu::Submit;
use doorward::dispatch::sms::recipient::Recipient;
use serde_json::json;

use crate::properties::Choices;
use crate::support::script;

/// Letters that are dear (extension), plain, of other alphabets, and of two units.
const LETTERS: [&str; 4] = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 @£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà",
    "^{}\\[~]|€",
    "жнещшяабв`çšžğ日本語אבג",
    "😀🎉🔑",
];

/// From which of them letters are drawn.
const MIXES: [&[usize]; 6] = [&[0], &[0, 0, 0, 0, 1], &[0, 1], &[0, 2], &[2], &[0, 2, 3]];

fn line(to: &str, text: &str, flash: bool, report: bool, reference: u8) -> String {
    let recipient = Recipient::parse(to).unwrap();
    let validity = Duration::from_secs(300);
    let submit = Submit { to: &recipient, text, flash, replaces: false, validity, report, reference };
    let pdus: Vec<String> = submit.parts().unwrap().iter().map(|part| part.pdu.expose().clone()).collect();
    json!({ "to": to, "text": text, "flash": flash, "report": report, "pdus": pdus }).to_string()
}

fn random(choices: &mut Choices) -> String {
    let mix = MIXES[choices.below(MIXES.len())];
    let alphabets: Vec<Vec<char>> = mix.iter().map(|place| LETTERS[*place].chars().collect()).collect();
    let length = match choices.below(4) {
        0 => choices.below(20),
        // About where one part becomes two, and two become three.
        1 => [58, 63, 125, 130, 145, 150, 295, 300][choices.below(8)] + choices.below(14),
        _ => choices.below(360),
    };
    let letter = |choices: &mut Choices| {
        let alphabet = &alphabets[choices.below(alphabets.len())];
        alphabet[choices.below(alphabet.len())]
    };
    let text: String = (0..length.max(1)).map(|_| letter(choices)).collect();
    let digits = 4 + choices.below(12);
    let number: String = (0..digits).map(|_| char::from(b'1' + u8::try_from(choices.below(9)).unwrap())).collect();
    let reference = u8::try_from(choices.below(256)).unwrap();
    line(&format!("+{number}"), &text, choices.below(2) == 0, choices.below(2) == 0, reference)
}

#[test]
fn our_messages_are_read_as_they_were_written_by_independent_decoders() {
    let Some(mut command) = script::environment("tests/peers/decode_pdu.py") else { return };
    let long = std::env::var_os("DOORWARD_LONG").is_some();
    let count = if long { 100_000 } else { 2_000 };
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let published = [
            ("+46708251358", "hellohello", false, false),
            ("+4512345678", "Code 482913", true, true),
            ("+4512345678", "Kode æ€", true, false),
        ];
        let published = published.map(|(to, text, flash, report)| line(to, text, flash, report, 0x42));
        let random = (0..count).map(|seed| random(&mut Choices(seed)));
        for line in published.into_iter().chain(random) {
            // Who ended says why.
            if writeln!(stdin, "{line}").is_err() {
                return;
            }
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.trim(), format!("{} messages read as they were written", count + 3));
    println!("{}", said.trim());
}
