//! `kind = "smtp"` of `[[transmitter]]`: a mail relay, or a gateway that makes text messages of mails.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::template::{Piece, Slot, Template};
use crate::base::Secret;
use crate::config::document::{Field, Section, scalar};

/// `kind = "smtp"`: a relay.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// `host:port`.
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// PEM; instead of the system's CAs.
    pub ca: Option<PathBuf>,
    pub user: Option<String>,
    pub password: Option<Secret<String>>,
    /// `Name <address>` or an address.
    pub from: String,
    /// The address that a text message is mailed to, made of a number: then it serves text messages and no mail.
    pub sms_to: Option<Template>,
    /// What EHLO says: a host name, or an address literal like `[192.0.2.1]`. Nothing: the host's full name, else the address of our end.
    pub hello: Option<String>,
}

/// `tls` of a relay: when the conversation is encrypted (RFC 3207, RFC 8314).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmtpTls {
    StartTls,
    Tls,
    /// Only to loopback when a password is set.
    None,
}

impl Smtp {
    pub(in crate::config) fn read(section: &Section<'_>) -> Option<Self> {
        let server = section.required("server").and_then(Field::host_and_port);
        let ways = [("starttls", SmtpTls::StartTls), ("tls", SmtpTls::Tls), ("none", SmtpTls::None)];
        let tls_field = section.optional("tls");
        let tls = section.or("tls", SmtpTls::StartTls, |field| field.choice(&ways, &[]));
        let ca = section.optional("ca").and_then(Field::path);
        let user_field = section.optional("user");
        let user = user_field.and_then(Field::text).map(str::to_owned);
        let password_field = section.optional("password");
        let password = password_field.and_then(Field::secret);
        match (user_field, password_field) {
            (Some(user), None) => user.key_problem("`user` without `password`"),
            (None, Some(password)) => password.key_problem("`password` without `user`"),
            _ => {}
        }
        let from = section.required("from").and_then(from);
        let sms_to = section.optional("sms_to").and_then(sms_to);
        let hello = section.optional("hello").and_then(hello);
        let (host, port) = server?;
        if let Some(field) = tls_field.filter(|_| tls == SmtpTls::None && password_field.is_some() && !scalar::is_loopback(host))
        {
            field.problem("`tls = \"none\"` would send the password unencrypted; it is allowed on loopback only");
        }
        let usual = match tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Tls => 465,
            SmtpTls::None => 25,
        };
        Some(Self {
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(usual),
            tls,
            ca,
            user,
            password,
            from: from?,
            sms_to,
            hello,
        })
    }
}

/// A host name, or an address literal (RFC 5321 sections 4.1.1.1 and 4.1.3).
fn hello(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let fits = match literal {
        Some(inside) => match inside.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => inside.parse::<Ipv4Addr>().is_ok(),
        },
        // An address without brackets is neither, and relays refuse it.
        None => scalar::is_host(text) && text.parse::<Ipv4Addr>().is_err(),
    };
    if !fits {
        field.problem("`hello`: expected a host name like \"gate1.example.com\", or an address like \"[192.0.2.1]\" or \"[IPv6:2001:db8::1]\"");
    }
    fits.then(|| text.to_owned())
}

/// `Name <address>` or an address; what makes no header line is refused.
fn from(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let (name, address) = match text.split_once('<') {
        None => ("", text),
        Some((name, rest)) => (name.trim(), rest.strip_suffix('>').unwrap_or_default()),
    };
    // RFC 5322 section 3.2.3: what is special in an address line must stand in quotes.
    let quoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name_fits = match quoted {
        Some(inside) => !inside.contains(['"', '\\']),
        None => !name.contains(SPECIAL),
    };
    let fits = address.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && scalar::is_host(domain)
            && !address.contains(|letter: char| letter.is_whitespace() || "<>,;".contains(letter))
    });
    if !fits || !name_fits {
        field.problem("`from`: expected an address like \"no-reply@example.com\" or \"Doorward <no-reply@example.com>\"");
    }
    (fits && name_fits).then(|| text.to_owned())
}

const SPECIAL: [char; 11] = ['(', ')', '<', '>', '[', ']', ':', ';', '@', ',', '"'];

/// An address that a number makes whole: `{{to_digits}}@sms.example.com`.
fn sms_to(field: Field<'_>) -> Option<Template> {
    let template = Template::parse(field.text()?).map_err(|why| field.problem(format!("`sms_to`: {why}"))).ok()?;
    let fits = |piece: &Piece| match piece {
        Piece::Text(_) => true,
        Piece::Slot(slot) => NUMBERS.contains(slot),
        Piece::When { .. } => false,
    };
    let address = template.filled("4512345678", false);
    let fits = template.0.iter().all(fits)
        && NUMBERS.iter().any(|slot| template.uses(*slot))
        && address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && scalar::is_host(domain))
        && address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,;\"()\\".contains(&byte));
    if !fits {
        field
            .problem("`sms_to`: expected an address like \"{{to_digits}}@sms.example.com\", with no placeholders but the number");
    }
    fits.then_some(template)
}

const NUMBERS: [Slot; 4] = [Slot::ToE164, Slot::ToDigits, Slot::To00, Slot::ToNational];

#[cfg(test)]
mod tests {
    use crate::config::tests::{messages, parsed, with};
    use crate::config::transmitter::Kind;

    fn relay(hello: &str) -> String {
        let section =
            "[[transmitter]]\nname = \"relay\"\nkind = \"smtp\"\nserver = \"smtp.example.com\"\nfrom = \"a@example.com\"\n";
        with("[[dispatch_policy]]", &format!("{section}hello = {hello:?}\n[[dispatch_policy]]"))
    }

    #[test]
    fn ehlo_says_a_name_or_an_address_in_brackets() {
        for good in ["gate1.example.com", "gate", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
            let config = parsed(&relay(good)).unwrap();
            let said = config.transmitters.iter().find_map(|transmitter| match &transmitter.kind {
                Kind::Smtp(smtp) => Some(smtp.hello.clone()),
                _ => None,
            });
            assert_eq!(said.flatten().as_deref(), Some(good));
        }
        for bad in ["192.0.2.1", "[gate]", "[2001:db8::1]", "[192.0.2.1", "gate 1", "gate\r\nMAIL", "gäte.example", ""] {
            let said = messages(&relay(bad)).join("\n");
            assert!(said.contains("hello"), "{bad:?}: {said}");
        }
    }
}
