//! `[metrics]`: figures for Prometheus. Left out, there are none.

use std::net::SocketAddr;

use crate::config::document::Section;

/// `[metrics]`: where Prometheus reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metrics {
    /// Plain HTTP; whoever reaches it may read the figures.
    pub listen: SocketAddr,
}

impl Metrics {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let listen = section.required("listen").and_then(|field| field.socket());
        section.finish();
        Some(Self { listen: listen? })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{messages, parsed, with};

    #[test]
    fn metrics_have_an_address_of_their_own() {
        let text = |keys: &str| with("[[listener]]", &format!("[metrics]\n{keys}\n[[listener]]"));
        let config = parsed(&text("listen = \"127.0.0.1:9464\"")).unwrap();
        assert_eq!(config.metrics.unwrap().listen.port(), 9464);
        assert!(parsed(&text("")).unwrap_err()[0].contains("lacks `listen`"));
        assert!(messages(&text("listen = \"nine\""))[0].contains("listen"));
    }
}
