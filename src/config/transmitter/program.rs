//! `kind = "program"` of `[[transmitter]]`: a program of the operator's own that sends text messages. Never a shell; the text goes
//! to its standard input, because arguments are seen by everybody on the machine.

use std::path::PathBuf;
use std::time::Duration;

use super::template::{Piece, Slot, Template};
use crate::base::Secret;
use crate::config::document::{Field, Section};

/// `kind = "program"`: a program of the operator that sends.
#[derive(Clone, Debug)]
pub struct Program {
    /// An absolute path.
    pub program: PathBuf,
    /// Each is one argument, whatever a placeholder stands for.
    pub arguments: Vec<Template>,
    /// Besides `PATH`, and `LC_ALL=C.UTF-8` where nothing here names the locale. Default: none.
    pub environment: Vec<(String, Secret<String>)>,
    /// Then it is killed, with everything that it started. Default: 10 s.
    pub timeout: Duration,
}

impl Program {
    pub(in crate::config) fn read(section: &Section<'_>) -> Option<Self> {
        let command = section.required("command").and_then(command);
        let environment = section.optional("environment").and_then(Field::section).map(|table| environment(&table));
        let seconds = Duration::from_secs(1)..=Duration::from_secs(120);
        let timeout = section.or("timeout", Duration::from_secs(10), |field| field.duration(seconds));
        let (program, arguments) = command?;
        Some(Self { program, arguments, environment: environment.unwrap_or_default(), timeout })
    }
}

fn command(field: Field<'_>) -> Option<(PathBuf, Vec<Template>)> {
    let words = field.some(|entry| entry.text().map(|text| (entry, text)))?;
    let ((first, program), arguments) = words.split_first()?;
    if !program.starts_with('/') || program.contains("{{") {
        first.problem("expected `command` to begin with the absolute path of a program, like \"/usr/local/bin/send\"");
        return None;
    }
    let arguments = arguments.iter().map(|(entry, text)| argument(*entry, text));
    Some((PathBuf::from(program), arguments.collect::<Option<_>>()?))
}

fn argument(field: Field<'_>, text: &str) -> Option<Template> {
    let template = Template::parse(text).map_err(|why| field.problem(format!("`command`: {why}"))).ok()?;
    let fits = |piece: &Piece| match piece {
        Piece::Text(_) => true,
        Piece::Slot(slot) => SEEN_BY_ALL.contains(slot),
        Piece::When { .. } => false,
    };
    if !template.0.iter().all(fits) {
        field.problem(
            "`command` may hold {{to_e164}}, {{to_digits}}, {{to_00}}, {{to_national}}, {{ref}}, {{language}} and {{ttl_s}} alone: \
             every user of the machine can see arguments; the text comes on standard input",
        );
        return None;
    }
    Some(template)
}

const SEEN_BY_ALL: [Slot; 7] =
    [Slot::ToE164, Slot::ToDigits, Slot::To00, Slot::ToNational, Slot::Reference, Slot::Language, Slot::TtlSeconds];

fn environment(table: &Section<'_>) -> Vec<(String, Secret<String>)> {
    let entry = |field: Field<'_>| {
        let fits = !field.key.is_empty() && field.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !fits {
            field.key_problem("expected an environment variable's name: letters, digits and `_`");
            return None;
        }
        let value = field.secret()?;
        if value.expose().contains('\0') {
            field.problem(format!("`{}` holds a NUL", field.key));
            return None;
        }
        Some((field.key.to_owned(), value))
    };
    table.entries().into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Kind;
    use crate::config::parse;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    fn with(section: &str) -> Result<Kind, String> {
        let text = MINIMAL.replacen("kind = \"console\"", section, 1);
        match parse(&text, Path::new("/"), &|_| None) {
            Ok(config) => Ok(config.transmitters[0].kind.clone()),
            Err(problems) => Err(problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")),
        }
    }

    #[test]
    fn a_command_shows_nothing_secret_and_is_no_shells() {
        let good =
            "kind = \"program\"\ncommand = [\"/bin/send\", \"--to={{to_e164}}\", \"{{ref}}\"]\nenvironment = { KEY = \"k\" }";
        let Ok(Kind::Program(program)) = with(good) else { panic!("not read") };
        assert_eq!((program.program.as_path(), program.arguments.len()), (Path::new("/bin/send"), 2));
        let command = |words: &str| format!("kind = \"program\"\ncommand = [{words}]");
        for (section, expected) in [
            ("kind = \"program\"".to_owned(), "lacks `command`"),
            (command(""), "must not be empty"),
            (command("\"send\""), "to begin with the absolute path"),
            (command("\"/bin/{{to_e164}}\""), "to begin with the absolute path"),
            (command("\"/bin/send\", \"{{text}}\""), "every user of the machine can see arguments"),
            (command("\"/bin/send\", \"{{code}}\""), "every user of the machine can see arguments"),
            (command("\"/bin/send\", \"{{#flash}}-f{{/flash}}\""), "every user of the machine can see arguments"),
            (command("\"/bin/send\", \"{{to}}\""), "unknown placeholder"),
            (format!("{}\nenvironment = {{ \"A=B\" = \"c\" }}", command("\"/bin/send\"")), "letters, digits and `_`"),
        ] {
            let problems = with(&section).expect_err(&section);
            assert!(problems.contains(expected), "{section}: {problems}");
        }
    }

    #[test]
    fn a_relay_that_makes_text_messages_is_named_by_a_number() {
        let relay = "kind = \"smtp\"\nserver = \"127.0.0.1\"\nfrom = \"a@b.example\"\nsms_to = ";
        assert!(
            matches!(with(&format!("{relay}\"{{{{to_digits}}}}@sms.example\"")), Ok(Kind::Smtp(smtp)) if smtp.sms_to.is_some())
        );
        for bad in [
            "{{text}}@sms.example",
            "me@sms.example",
            "{{to_digits}}",
            "{{to_digits}} @sms.example",
            "{{to_digits}}@a b",
            "{{user}}{{to_digits}}@a.b",
        ] {
            let problems = with(&format!("{relay}\"{bad}\"")).expect_err(bad);
            assert!(problems.contains("with no placeholders but the number"), "{bad}: {problems}");
        }
    }

    #[test]
    fn a_rule_sends_where_its_channel_leads() {
        let rule = "channel = \"sms\", to = \"mobile\"";
        for (written, fits) in [
            ("channel = \"voice\", to = \"second_mobile\"", true),
            ("channel = \"push\", to = \"push\"", true),
            ("channel = \"mail\", to = \"mail\"", true),
            ("channel = \"voice\", to = \"mail\"", false),
            ("channel = \"push\", to = \"mobile\"", false),
            ("channel = \"sms\", to = \"push\"", false),
        ] {
            assert_eq!(parse(&MINIMAL.replace(rule, written), Path::new("/"), &|_| None).is_ok(), fits, "{written}");
        }
    }
}
