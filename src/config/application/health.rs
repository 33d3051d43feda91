//! `health` of an upstream: how its servers are asked whether they are well.

use std::time::Duration;

use crate::config::document::Field;

/// A path alone, or `{ path, interval, wait, fall, rise, status }`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Asked for with GET; a query may follow.
    pub path: String,
    /// From one question to the next. Default: 5 s.
    pub interval: Duration,
    /// How long an answer may take, from the connection to its head. Default: 2 s; shorter than `interval`.
    pub wait: Duration,
    /// So many bad answers in a row and the server is down. Default: 3.
    pub fall: u32,
    /// So many good ones in a row and it is back. Default: 2.
    pub rise: u32,
    /// Good answers. Default: 200 to 399.
    pub status: Vec<u16>,
}

impl Health {
    fn by(path: String) -> Self {
        let (interval, wait) = (Duration::from_secs(5), Duration::from_secs(2));
        Self { path, interval, wait, fall: 3, rise: 2, status: (200..=399).collect() }
    }

    pub(in crate::config) fn read(field: Field<'_>) -> Option<Self> {
        if !field.value.get_ref().is_table() {
            return path(field).map(Self::by);
        }
        let section = field.section()?;
        let path = section.required("path").and_then(path);
        let default = Self::by(String::new());
        let seconds = |most| Duration::from_secs(1)..=Duration::from_secs(most);
        let health = Self {
            path: path.clone().unwrap_or_default(),
            interval: section.or("interval", default.interval, |field| field.duration(seconds(3_600))),
            wait: section.or("wait", default.wait, |field| field.duration(seconds(60))),
            fall: section.or("fall", default.fall, |field| field.number(1..=100)),
            rise: section.or("rise", default.rise, |field| field.number(1..=100)),
            status: section.or("status", default.status, |list| Some(list.some(Field::statuses)?.concat())),
        };
        if health.wait >= health.interval && section.optional("wait").or_else(|| section.optional("interval")).is_some() {
            section.problem("`wait` is not shorter than `interval`, so checks would overlap");
        }
        section.finish();
        path.map(|_| health)
    }
}

fn path(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\'));
    if !text.starts_with('/') || !plain {
        field.problem(format!("`{}`: expected a path that begins with `/`, or a table {{ path = \"/...\" }}", field.key));
        return None;
    }
    Some(text.to_owned())
}
