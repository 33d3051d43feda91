//! `kind = "modem"` of `[[transmitter]]`: a GSM or CDMA modem on a serial line or behind a converter on the network.

use std::path::PathBuf;

use crate::base::Secret;
use crate::config::document::{Field, Kind, Section, scalar};

/// `kind = "modem"`: a GSM modem and its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Modem {
    pub port: Port,
    /// Four to eight digits. Entered once; never again after the SIM has refused it.
    pub sim_pin: Option<Secret<String>>,
    /// The network's service centre, `+` and digits; absent: the SIM's.
    pub smsc: Option<String>,
    /// Default: PDU.
    pub mode: Mode,
    /// Whether the network is asked what became of each message. Default: yes.
    pub reports: bool,
}

/// Where the modem is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Port {
    /// Bits per second; default: 115200.
    Serial { path: PathBuf, baud: u32 },
    /// A converter that passes bytes through.
    Tcp { host: String, port: u16 },
    /// A converter that is told the line's speed (RFC 2217).
    Rfc2217 { host: String, port: u16, baud: u32 },
}

/// `mode` of a modem: how messages are handed to it (3GPP TS 27.005).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Pdu,
    /// For modems without PDU mode, CDMA most of all: plain letters, one part.
    Text,
}

const BAUD: u32 = 115_200;

impl Modem {
    pub(in crate::config) fn read(section: &Section<'_>) -> Option<Self> {
        let baud_field = section.optional("baud");
        let baud = section.or("baud", BAUD, |field| field.number(300..=4_000_000));
        let port_field = section.required("port");
        let port = port_field.and_then(|field| port(field, baud));
        if let Some((field, port)) = port_field.zip(port.as_ref()) {
            field.context.define(Kind::Modem, &place(port), field.at());
        }
        if let (Some(field), Some(Port::Tcp { .. })) = (baud_field, &port) {
            field.key_problem("`baud` has no effect: with tcp:// the converter sets the speed of the line");
        }
        let modes = [("pdu", Mode::Pdu), ("text", Mode::Text)];
        let modem = Self {
            port: port?,
            sim_pin: section.optional("sim_pin").and_then(pin),
            smsc: section.optional("smsc").and_then(centre),
            mode: section.or("mode", Mode::Pdu, |field| field.choice(&modes, &[])),
            reports: section.or("reports", true, Field::boolean),
        };
        Some(modem)
    }
}

/// Two ways of one converter's port are one place.
fn place(port: &Port) -> String {
    match port {
        Port::Serial { path, .. } => path.display().to_string(),
        Port::Tcp { host, port } | Port::Rfc2217 { host, port, .. } => format!("{}:{port}", host.to_ascii_lowercase()),
    }
}

fn port(field: Field<'_>, baud: u32) -> Option<Port> {
    let text = field.text()?;
    let Some((scheme, _)) = text.split_once("://") else {
        return field.path().map(|path| Port::Serial { path, baud });
    };
    match scalar::server(text, &["tcp", "rfc2217"]) {
        Some(("tcp", host, Some(port))) => Some(Port::Tcp { host: host.to_owned(), port }),
        Some((_, host, Some(port))) => Some(Port::Rfc2217 { host: host.to_owned(), port, baud }),
        _ => {
            let scheme: String = scheme.chars().take(32).collect();
            field.problem(format!(
                "`port`: expected a device like \"/dev/ttyUSB0\", or tcp://host:port or rfc2217://host:port, found {scheme:?}"
            ));
            None
        }
    }
}

fn pin(field: Field<'_>) -> Option<Secret<String>> {
    let pin = field.secret()?;
    let fits = (4..=8).contains(&pin.expose().len()) && pin.expose().bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        field.problem("`sim_pin`: expected four to eight digits");
    }
    fits.then_some(pin)
}

fn centre(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (4..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        field.problem("`smsc`: expected the service centre's number with + and the country's code, like \"+4540390999\"");
    }
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::transmitter::Kind;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    fn read(keys: &str) -> Result<Modem, Vec<String>> {
        let text = MINIMAL.replace("kind = \"console\"", &format!("kind = \"modem\"\n{keys}"));
        let parsed = crate::config::parse(&text, Path::new("/etc/doorward"), &|_| None);
        let config = parsed.map_err(|problems| problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>())?;
        match config.transmitters.into_iter().next().unwrap().kind {
            Kind::Modem(modem) => Ok(modem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_modem_is_a_device_or_a_converter() {
        let modem = read("port = \"/dev/ttyUSB0\"").unwrap();
        let port = Port::Serial { path: "/dev/ttyUSB0".into(), baud: 115_200 };
        assert_eq!(modem, Modem { port, sim_pin: None, smsc: None, mode: Mode::Pdu, reports: true });
        let table = [
            ("port = \"tcp://moxa.example:4001\"", Port::Tcp { host: "moxa.example".into(), port: 4001 }),
            ("port = \"rfc2217://[::1]:4001\"\nbaud = 9600", Port::Rfc2217 { host: "::1".into(), port: 4001, baud: 9600 }),
        ];
        for (keys, port) in table {
            assert_eq!(read(keys).unwrap().port, port, "{keys}");
        }
        let all = "port = \"modem\"\nsim_pin = \"0042\"\nsmsc = \"+4540390999\"\nmode = \"text\"\nreports = false\nbaud = 9600";
        let modem = read(all).unwrap();
        assert_eq!(modem.port, Port::Serial { path: "/etc/doorward/modem".into(), baud: 9600 });
        assert_eq!(modem.sim_pin.unwrap().expose(), "0042");
        assert_eq!((modem.smsc.as_deref(), modem.mode, modem.reports), (Some("+4540390999"), Mode::Text, false));
    }

    #[test]
    fn two_transmitters_are_not_one_modem() {
        let second = "port = \"tcp://a:1\"\n\n[[transmitter]]\nname = \"other\"\nkind = \"modem\"\nport = \"rfc2217://A:1\"";
        let problems = read(second).unwrap_err();
        assert!(problems.len() == 1 && problems[0].starts_with("a modem at `a:1` is there already, in line "), "{problems:?}");
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let table = [
            ("", "[[transmitter]] lacks `port`"),
            ("port = \"tcp://moxa.example\"", "`port`: expected a device like"),
            ("port = \"telnet://moxa.example:23\"", "`port`: expected a device like"),
            ("port = \"tcp://a:1\"\nbaud = 9600", "`baud` has no effect"),
            ("port = \"m\"\nbaud = 1", "`baud`: expected a whole number"),
            ("port = \"m\"\nsim_pin = \"12\"", "`sim_pin`: expected four to eight digits"),
            ("port = \"m\"\nsim_pin = \"12\\\"34\"", "`sim_pin`: expected four to eight digits"),
            ("port = \"m\"\nsmsc = \"40390999\"", "`smsc`: expected the service centre's number"),
            ("port = \"m\"\nmode = \"pud\"", "`mode`: expected"),
        ];
        for (keys, words) in table {
            let problems = read(keys).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with(words), "{keys}: {problems:?}");
        }
    }
}
