//! Presets: keys of a section that come from a file of ours and count where the operator wrote none. Any section can have them:
//! read its `preset` here, then put the preset below it.

use toml::Spanned;
use toml::de::DeTable;

use super::context::{Above, Context};
use super::section::Section;

/// The presets of one kind of section by name, each with the text of its file.
pub(in crate::config) type Presets = &'static [(&'static str, &'static str)];

/// What a section's key `preset` means.
pub(in crate::config) enum Preset<'d> {
    /// The section names none.
    Absent,
    /// The section names one that does not exist, which is a problem already. What the operator need not write is unknown.
    Unknown,
    Known(Box<Overlay<'d>>),
}

/// The file of a preset, read.
pub(in crate::config) struct Overlay<'d> {
    context: Context<'d>,
    document: Spanned<DeTable<'d>>,
}

impl<'d> Preset<'d> {
    /// Reads `preset` of a section. Names in `later` are refused as not in this version.
    pub(in crate::config) fn of(section: &Section<'d>, known: Presets, later: &[&'static str]) -> Self {
        let Some(field) = section.optional("preset") else { return Self::Absent };
        let named: Vec<_> = known.iter().map(|preset| (preset.0, preset)).collect();
        let Some((name, text)) = field.choice(&named, later) else { return Self::Unknown };
        let (document, errors) = DeTable::parse_recoverable(text);
        let context = Context::of_preset(Above { context: field.context, at: field.at(), name }, text, &errors);
        Self::Known(Box::new(Overlay { context, document }))
    }

    /// The section with the preset below what the operator wrote.
    pub(in crate::config) fn below<'p>(&'p self, section: Section<'p>) -> Section<'p> {
        match self {
            Self::Absent => section,
            Self::Unknown => section.without_its_preset(),
            Self::Known(overlay) => section.over(&overlay.context, overlay.document.get_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::application::upstream::{HeaderCase, Sticky};
    use crate::config::application::{Application, SignOn};
    use crate::config::document::Problem;

    /// What a preset of an application may hold: single keys, a list, tables within tables.
    const SHOP: &str = "sign_on = \"none\"\npublic = [\"/up\", \"/icons\"]\nlimits = { body = \"1 MiB\", response_wait = \"5m\" }\n\
                        [upstream]\nheader_case = \"title\"\nsticky = \"session\"\nhealth = { path = \"/up\", fall = 7 }\n";
    const BROKEN: &str = "sign_on = \"none\"\n[limits]\nbody = 7\n";
    const PRESETS: Presets = &[("shop", SHOP), ("broken", BROKEN)];

    const NAMED: &str = "name = \"a\"\nhosts = [\"a.example.com\"]\npolicy = \"p\"\n";

    fn read(text: &str) -> (Option<Application>, Vec<Problem>) {
        let environment = |_: &str| None;
        let (document, errors) = DeTable::parse_recoverable(text);
        let context = Context::new(text, Path::new("/etc/doorward"), &environment, &errors);
        let section = Section::new(&context, "[[application]]", 0, document.get_ref());
        let application = Application::read_with(section, PRESETS);
        // No policy is there for the name, which is another test's business.
        let problems = context.finish().into_iter().filter(|problem| !problem.message.starts_with("no [[")).collect();
        (application, problems)
    }

    fn good(keys: &str) -> Application {
        let (application, problems) = read(&format!("{NAMED}{keys}"));
        assert_eq!(problems, [], "{keys}");
        application.unwrap()
    }

    #[test]
    fn a_preset_fills_in_what_the_operator_did_not_write() {
        let shop = good("preset = \"shop\"\nupstream = { servers = [\"http://b\"] }");
        assert_eq!(shop.sign_on, SignOn::None);
        assert_eq!(shop.public, ["/up", "/icons"]);
        assert_eq!((shop.limits.body, shop.limits.response_wait.as_secs()), (1 << 20, 300));
        assert_eq!((shop.upstream.header_case, shop.upstream.sticky), (HeaderCase::Title, Sticky::Session));
        let health = shop.upstream.health.unwrap();
        assert_eq!((health.path.as_str(), health.fall, health.rise), ("/up", 7, 2));
        assert_eq!(shop.upstream.servers.len(), 1);
    }

    /// Keys of `upstream`, `session` and `limits` one by one; lists and every other table as a whole.
    #[test]
    fn what_the_operator_writes_counts_before_the_preset() {
        let shop = good(
            "preset = \"shop\"\nsign_on = \"headers\"\npublic = []\nlimits = { body = \"2 MiB\" }\n\
             [upstream]\nservers = [\"http://b\"]\nheader_case = \"keep\"\nhealth = \"/well\"",
        );
        assert_eq!(shop.sign_on, SignOn::Headers);
        assert!(shop.public.is_empty());
        assert_eq!((shop.limits.body, shop.limits.response_wait.as_secs()), (2 << 20, 300));
        assert_eq!((shop.upstream.header_case, shop.upstream.sticky), (HeaderCase::Keep, Sticky::Session));
        let health = shop.upstream.health.unwrap();
        assert_eq!((health.path.as_str(), health.fall), ("/well", 3));
        let by_word = good("preset = \"shop\"\nsign_on = \"preset\"\nupstream = { servers = [\"http://b\"] }");
        assert_eq!(by_word.sign_on, SignOn::None);
    }

    #[test]
    fn mistakes_are_at_the_operators_line_and_those_of_a_preset_say_so() {
        let servers = "upstream = { servers = [\"http://b\"] }";
        let table = [
            (format!("preset = \"shop\"\n{servers}\nlimits = {{ body = 7 }}"), 6, "`body`: expected a size"),
            (
                format!("preset = \"shop\"\n{servers}\nlimits = {{ bdy = \"1 MiB\" }}"),
                6,
                "unknown key `bdy`; did you mean `body`?",
            ),
            (format!("{servers}\npreset = \"shp\""), 5, "found \"shp\"; did you mean `shop`?"),
            (format!("{servers}\npreset = \"owa\""), 5, "`preset = \"owa\"` is not in this version"),
            (format!("{servers}\npreset = \"broken\""), 5, "in line 3 of the preset \"broken\": `body`: expected a size"),
            ("preset = \"shop\"".to_owned(), 1, "upstream lacks `servers`"),
        ];
        for (keys, line, expected) in table {
            let (_, problems) = read(&format!("{NAMED}{keys}"));
            assert!(problems.len() == 1 && problems[0].line == line, "{keys}: {problems:?}");
            assert!(problems[0].message.contains(expected), "{keys}: {problems:?}");
        }
    }
}
