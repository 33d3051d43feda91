//! `kind = "http"`, `"voice"` and `"push"` of `[[transmitter]]`: an HTTP gateway, by preset or written out. A preset is a file of the
//! same keys; what the operator writes goes before it.

use std::path::PathBuf;
use std::time::Duration;

use super::encoder::Encoder;
use super::http_answer::{Answers, Report};
use super::http_gateway::Gateway;
pub use super::http_parts::Auth;
use super::http_parts::{CONTENT_TYPES, auth, encoder, headers, template, url};
use super::template::{Condition, Slot, Template};
use crate::base::{Channel, Secret};
use crate::config::document::{Field, Section, Shape};

/// `kind = "http"`, `"voice"` and `"push"`: the request that a gateway takes, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Http {
    /// `GET`, `POST` or `PUT`. Default: POST.
    pub method: String,
    /// May hold placeholders, encoded for a URL.
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub body: Option<Body>,
    pub auth: Auth,
    pub answers: Answers,
    /// How the provider says what became of a message; nothing where it does not.
    pub report: Option<Report>,
    /// PEM; instead of the system's CAs.
    pub ca: Option<PathBuf>,
    /// For the whole exchange. Default: 10 s.
    pub timeout: Duration,
    pub named: Named,
}

/// The body of a request to a gateway.
#[derive(Clone, Debug)]
pub struct Body {
    /// Decides the encoder: `application/json`, `application/x-www-form-urlencoded`, `text/xml`, `application/xml`, `text/plain`.
    pub content_type: String,
    pub encoder: Encoder,
    pub template: Template,
}

/// What placeholders stand for that belong to the transmitter. The secrets are never logged.
#[derive(Clone, Debug, Default)]
pub struct Named {
    pub sender: Option<String>,
    pub service: Option<String>,
    /// Default: `user`.
    pub account: Option<String>,
    pub user: Option<String>,
    pub password: Option<Secret<String>>,
    pub api_key: Option<Secret<String>>,
    pub api_secret: Option<Secret<String>>,
}

impl Named {
    /// Whether a condition holds that depends on nothing but this.
    pub fn holds(&self, condition: Condition) -> Option<bool> {
        match condition {
            Condition::Sender => Some(self.sender.is_some()),
            Condition::Service => Some(self.service.is_some()),
            Condition::ApiKey => Some(self.api_key.is_some()),
            Condition::User => Some(self.user.is_some()),
            Condition::Flash | Condition::Unicode | Condition::Ascii | Condition::Resent | Condition::ReceiptUrl => None,
        }
    }

    /// What the operator wrote for a placeholder that stands for a key.
    pub(in crate::config) fn value(&self, slot: Slot) -> Option<&str> {
        let secret = match slot {
            Slot::Password => &self.password,
            Slot::ApiKey => &self.api_key,
            Slot::ApiSecret => &self.api_secret,
            _ => &None,
        };
        match slot {
            Slot::Sender => self.sender.as_deref(),
            Slot::Service => self.service.as_deref(),
            Slot::Account => self.account.as_deref(),
            Slot::User => self.user.as_deref(),
            _ => secret.as_ref().map(|secret| secret.expose().as_str()),
        }
    }

    fn read(gateway: &Gateway<'_, '_>) -> Self {
        let text = |key| gateway.section.optional(key).and_then(Field::text).map(str::to_owned);
        let secret = |key| gateway.section.optional(key).and_then(Field::secret);
        let user = text("user");
        Self {
            sender: text("sender"),
            service: text("service"),
            account: text("account").or_else(|| user.clone()),
            user,
            password: secret("password"),
            api_key: secret("api_key"),
            api_secret: secret("api_secret"),
        }
    }

    pub(in crate::config) fn knows(&self, slot: Slot) -> Option<(&'static str, bool)> {
        Some(match slot {
            Slot::Sender => ("sender", self.sender.is_some()),
            Slot::Service => ("service", self.service.is_some()),
            Slot::Account => ("account", self.account.is_some()),
            Slot::User => ("user", self.user.is_some()),
            Slot::Password => ("password", self.password.is_some()),
            Slot::ApiKey => ("api_key", self.api_key.is_some()),
            Slot::ApiSecret => ("api_secret", self.api_secret.is_some()),
            _ => return None,
        })
    }
}

impl Http {
    /// Whether a call says what it fetches from us.
    pub(in crate::config) fn fetches_words(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.template.uses(Slot::Twiml))
    }

    pub(in crate::config) fn read(section: &Section<'_>, channel: Channel) -> Option<Self> {
        if section.lacks_preset() {
            // Without the preset nobody knows what the operator need not write.
            for key in KEYS {
                section.own(key);
            }
            return None;
        }
        Gateway { section, channel }.read()
    }
}

const KEYS: [&str; 21] = [
    "server",
    "method",
    "url",
    "headers",
    "auth",
    "body",
    "content_type",
    "success",
    "failures",
    "reference",
    "report",
    "reports",
    "sender",
    "service",
    "account",
    "user",
    "password",
    "api_key",
    "api_secret",
    "ca",
    "timeout",
];

impl Gateway<'_, '_> {
    pub(in crate::config) fn read(&self) -> Option<Http> {
        let methods = [("POST", "POST"), ("PUT", "PUT"), ("GET", "GET")];
        let method = self.section.or("method", "POST", |field| field.choice(&methods, &[]));
        let url = self.url();
        let headers = self.section.optional("headers").and_then(Field::section).map(|table| headers(&table)).unwrap_or_default();
        let body = self.body();
        if let Some(field) = self.section.own("body").filter(|_| method == "GET") {
            field.key_problem("a GET request takes no `body`");
        }
        let seconds = Duration::from_secs(1)..=Duration::from_secs(120);
        let auth_field = self.section.optional("auth");
        let mut http = Http {
            method: method.to_owned(),
            headers,
            body: body.filter(|_| method != "GET"),
            auth: auth_field.and_then(auth).unwrap_or_default(),
            answers: Answers::read(self),
            report: self.section.optional("report").and_then(Field::section).and_then(Report::read),
            ca: self.section.optional("ca").and_then(Field::path),
            timeout: self.section.or("timeout", Duration::from_secs(10), |field| field.duration(seconds)),
            named: Named::read(self),
            url: url?,
        };
        if !self.reports(&http) {
            http.report = None;
        }
        self.check_slots(&http);
        self.check_keys(&http);
        self.try_templates(&http);
        Some(http)
    }

    /// A preset for servers of the operator's own has a path alone, and `server` in front of it.
    fn url(&self) -> Option<Template> {
        let server = self.section.optional("server");
        match self.section.optional("url") {
            Some(path) if self.section.own("url").is_none() && path.text().is_some_and(|text| text.starts_with('/')) => {
                let (scheme, host, port) = server.or_else(|| self.section.required("server"))?.server(&["https", "http"])?;
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                url(server?, &format!("{scheme}://{host}{port}{}", path.text()?))
            }
            // The preset's address counts as there; only without both is the operator asked for one.
            written => {
                if let Some(server) = server {
                    server.key_problem("`server` is only for presets without an address of their own; use `url` here");
                }
                let field = written.or_else(|| self.section.required("url"))?;
                url(field, field.text()?)
            }
        }
    }

    fn body(&self) -> Option<Body> {
        let kind_field = self.section.optional("content_type");
        let content_type = kind_field.map_or(Some("application/json"), Field::text)?;
        if let Some(field) = kind_field {
            field.takes(vec![Shape::Words(CONTENT_TYPES.iter().map(|(name, _)| *name).collect()), Shape::Text(None)]);
        }
        let encoder = encoder(content_type);
        if let (None, Some(field)) = (encoder, kind_field) {
            let known = CONTENT_TYPES.map(|(name, _)| name).join(", ");
            field.problem(format!("`content_type`: expected one of {known}, or a type that ends in +json or +xml"));
        }
        let (field, encoder) = (self.section.optional("body")?, encoder?);
        let template = template(field, field.lines()?)?;
        Some(Body { content_type: content_type.to_owned(), encoder, template })
    }

    /// Whether reports will come: the provider is told with each message where to, or the operator says so. Who waits for a report that
    /// nobody sends tells people that their code did not arrive.
    fn reports(&self, http: &Http) -> bool {
        let field = self.section.optional("reports");
        if let Some(own) = self.section.own("report").filter(|_| http.answers.reference.is_none()) {
            own.key_problem(
                "`report` without `reference`, which names the gateway's message id: no report could be matched to a message",
            );
        }
        if let Some(field) = field.filter(|_| http.report.is_none()) {
            field.key_problem("`reports` without `report`, which says how they are read");
        }
        let told = http.url.uses(Slot::ReceiptUrl) || http.body.as_ref().is_some_and(|body| body.template.uses(Slot::ReceiptUrl));
        field.and_then(Field::boolean).unwrap_or(told || self.section.own("report").is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Kind, Then};
    use super::*;
    use crate::config::{Config, parse};

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");
    const WRITTEN: &str = "kind = \"http\"\nurl = \"https://a.example/{{to_digits}}/{{text}}\"";

    /// The rule that uses the transmitter is not what is looked at.
    fn read(section: &str) -> Result<Config, Vec<String>> {
        let more = format!("name = \"gateway\"\n{section}\n[[transmitter]]\nname = \"screen\"");
        let text = MINIMAL.replacen("name = \"screen\"", &more, 1);
        parse(&text, Path::new("/"), &|_| None).map_err(|problems| problems.into_iter().map(|problem| problem.message).collect())
    }

    fn http(section: &str) -> Http {
        match read(section).unwrap_or_else(|problems| panic!("{section}: {problems:?}")).transmitters[0].kind.clone() {
            Kind::Http(http) | Kind::Voice(http) | Kind::Push(http) => *http,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_gateway_needs_is_asked_for_in_words() {
        let table: [(String, &str); 22] = [
            (format!("{WRITTEN}\nauth = \"basic\""), "`user` is missing: the gateway needs it to authenticate Doorward"),
            (format!("{WRITTEN}\nauth = \"bearer\""), "`api_key` is missing"),
            (format!("{WRITTEN}\nauth = {{ hmac = \"X-S\" }}"), "`api_secret` is missing"),
            (format!("{WRITTEN}\nauth = \"digest\""), "found \"digest\""),
            (format!("{WRITTEN}\nauth = {{ }}"), "`auth`: give either `header` or `hmac`"),
            (format!("{WRITTEN}\nauth = {{ header = \"a b\" }}"), "`a b` is not a header name"),
            (format!("{WRITTEN}\nserver = \"https://b.example\""), "`server` is only for presets"),
            (format!("{WRITTEN}\nfailures = [{{ then = \"later\" }}]"), "would match every answer"),
            (format!("{WRITTEN}\nfailures = [{{ status = [500] }}]"), "lacks `then`"),
            (format!("{WRITTEN}\nfailures = [{{ status = [500], then = \"late\" }}]"), "did you mean `later`?"),
            (format!("{WRITTEN}\nsuccess = {{ json = {{ status = [0] }} }}"), "expected places in JSON"),
            (format!("{WRITTEN}\nreference = {{ body = \"ID\" }}"), "needs a capture group"),
            (format!("{WRITTEN}\nreference = {{ json = \"id\" }}"), "expected a place in JSON"),
            (format!("{WRITTEN}\nreference = {{ json = \"/id\", body = \"(a)\" }}"), "give either `body` or `json`"),
            (format!("{WRITTEN}\nreports = true"), "`reports` without `report`"),
            (WRITTEN.replace("a.example", "169.254.169.254"), "no gateway has this address"),
            (WRITTEN.replace("{{text}}", "{{text}}#x"), "placeholders only after the host"),
            (WRITTEN.replace("{{text}}", "{{twiml}}"), "{{twiml}} belongs to a call"),
            ("kind = \"push\"\npreset = \"ntfy\"".to_owned(), "lacks `server`"),
            ("kind = \"push\"\npreset = \"ntfy\"\nserver = \"http://push.example\"".to_owned(), "unencrypted"),
            ("kind = \"push\"\nurl = \"https://a.example/{{text}}\"".to_owned(), "{{topic}}: messages would have no recipient"),
            ("kind = \"http\"\npreset = \"ntfy\"".to_owned(), "`preset`: expected"),
        ];
        for (section, expected) in table {
            let problems = read(&section).expect_err(&section);
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{section}: {problems:?}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let json = "json = { \"/a/*/b\" = [\"x\", 7] }";
        let read = http(&format!(
            "{WRITTEN}\nsuccess = {{ {json} }}\nfailures = [{{ {json}, status = [\"5xx\"], then = \"refused\" }}]"
        ));
        assert_eq!(read.answers.success.json, [("/a/*/b".to_owned(), vec!["x".to_owned(), "7".to_owned()])]);
        assert_eq!((read.answers.success.status.len(), read.answers.failures[0].when.status.len()), (100, 100));
        assert_eq!(read.answers.failures[0].then, Then::Refused);
        let hmac = http(&format!("{WRITTEN}\nauth = {{ hmac = \"X-S\", prefix = \"v1=\" }}\napi_secret = \"s\""));
        assert_eq!(hmac.auth, Auth::Hmac { header: "X-S".into(), prefix: "v1=".into() });
        let push = http("kind = \"push\"\npreset = \"gotify\"\nserver = \"https://[2001:db8::1]:8443\"");
        assert_eq!(push.url.filled("", true), "https://[2001:db8::1]:8443/message");
    }

    #[test]
    fn reports_are_expected_where_somebody_was_told_to_send_them() {
        let cm = "kind = \"http\"\npreset = \"cm\"\napi_key = \"k\"\nsender = \"s\"";
        let vonage = "kind = \"http\"\npreset = \"vonage\"\napi_key = \"k\"\napi_secret = \"s\"\nsender = \"s\"";
        let own =
            "reference = { json = \"/id\" }\nreport = { reference = \"id\", status = \"s\", delivered = [\"d\"], failed = [4] }";
        for (section, expected) in [
            (cm.to_owned(), false),
            (format!("{cm}\nreports = true"), true),
            (vonage.to_owned(), true),
            (format!("{vonage}\nreports = false"), false),
            (format!("{WRITTEN}\n{own}"), true),
            (WRITTEN.to_owned(), false),
        ] {
            assert_eq!(http(&section).report.is_some(), expected, "{section}");
        }
    }

    #[test]
    fn an_accounts_name_is_the_users_where_it_is_not_written() {
        let twilio = "kind = \"http\"\npreset = \"twilio\"\nuser = \"AC1\"\npassword = \"p\"\nservice = \"MG1\"";
        assert_eq!(http(twilio).named.account.as_deref(), Some("AC1"));
        assert_eq!(http(&format!("{twilio}\naccount = \"AC2\"")).named.account.as_deref(), Some("AC2"));
        let nobody = read(&twilio.replace("service = \"MG1\"", "")).unwrap_err();
        assert_eq!(nobody, ["`sender` is missing: the placeholder {{sender}} stands for it"]);
    }
}
