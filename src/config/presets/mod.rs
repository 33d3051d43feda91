//! The known applications and gateways: a file of keys for each, gateways by the channel that they serve. A new one is a file and a line here.

use crate::base::Channel;
use crate::config::document::Presets;

pub(in crate::config) const APPLICATIONS: Presets = &[("plain", include_str!("plain.toml"))];

pub(in crate::config) const fn of(channel: Channel) -> Presets {
    match channel {
        Channel::Sms => SMS,
        Channel::Voice => VOICE,
        Channel::Push => PUSH,
        Channel::Mail => &[],
    }
}

const SMS: Presets = &[
    ("clickatell", include_str!("clickatell.toml")),
    ("clickatell-classic", include_str!("clickatell-classic.toml")),
    ("twilio", include_str!("twilio.toml")),
    ("vonage", include_str!("vonage.toml")),
    ("cm", include_str!("cm.toml")),
];

const VOICE: Presets = &[("twilio", include_str!("twilio-voice.toml"))];

const PUSH: Presets = &[("ntfy", include_str!("ntfy.toml")), ("gotify", include_str!("gotify.toml"))];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use toml::de::DeTable;

    use super::*;
    use crate::config::document::{Context, Section};
    use crate::config::transmitter::http_gateway::Gateway;

    #[test]
    fn every_preset_is_read_without_a_mistake() {
        for channel in [Channel::Sms, Channel::Voice, Channel::Push] {
            for (name, text) in of(channel) {
                let environment = |_: &str| None;
                let keys =
                    "api_key = \"k\"\napi_secret = \"x\"\nuser = \"u\"\npassword = \"p\"\nsender = \"s\"\naccount = \"a\"\n";
                let server = if text.contains("\nurl = \"/") { "https://push.example" } else { "" };
                let preset = text.replace("\nurl = \"/", &format!("\nurl = \"{server}/"));
                let whole = format!("{keys}{preset}");
                let (table, errors) = DeTable::parse_recoverable(&whole);
                let context = Context::new(&whole, Path::new(""), &environment, &errors);
                {
                    let section = Section::new(&context, "preset", 0, table.get_ref());
                    assert!(Gateway { section: &section, channel }.read().is_some(), "{name}");
                    section.finish();
                }
                assert_eq!(context.finish(), [], "{name}");
                assert!(text.contains("Not tried against"), "{name} says how far it was tried");
            }
        }
    }
}
