//! How the node is right now: for `doorward status`, and for Prometheus in the text format of its own making.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

use super::certificates::{CertificateView, Certificates};
use crate::auth::OperatorApi;
use crate::base::{Clock, Time};
use crate::dispatch::{Dispatcher, Traffic, TransmitterView};

/// What is asked for it.
#[derive(Clone)]
pub struct Watch {
    pub operators: OperatorApi,
    pub dispatcher: Dispatcher,
    pub clock: Clock,
    pub started: Time,
    pub certificates: Certificates,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub started: Time,
    pub now: Time,
    pub sessions: usize,
    /// Messages that this node has under way.
    pub messages: usize,
    pub transmitters: Vec<TransmitterView>,
    pub certificates: Vec<CertificateView>,
}

impl Watch {
    pub fn status(&self) -> Status {
        let now = self.clock.now();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            now,
            sessions: self.operators.session_count(),
            messages: self.dispatcher.under_way(),
            transmitters: self.dispatcher.transmitters(),
            certificates: self.certificates.views(now),
        }
    }
}

impl Status {
    /// In the text format of OpenMetrics 1.0.
    pub fn to_metrics(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("doorward");
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures beyond 2^53 are not met")]
const fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "figures beyond 2^53 are not met")]
const fn whole(count: u64) -> f64 {
    count as f64
}

impl Collector for Status {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let started = self.started.since(Time::default()).as_secs_f64();
        for (name, help, value) in [
            ("start_time_seconds", "When the node started, since 1970", started),
            ("sessions", "Live sessions", number(self.sessions)),
            ("messages_under_way", "Messages that this node is sending", number(self.messages)),
        ] {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let mut family = encoder.encode_descriptor("build", "The version that runs", None, MetricType::Gauge)?;
        ConstGauge::new(1.0).encode(family.encode_family(&[("version", self.version.as_str())])?)?;
        self.encode_certificates(&mut encoder)?;
        self.encode_transmitters(&mut encoder)?;
        self.encode_attempts(&mut encoder)
    }
}

impl Status {
    fn encode_certificates(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        let help = "Until when the certificate is good, since 1970";
        let mut family = encoder.encode_descriptor("certificate_expires_seconds", help, None, MetricType::Gauge)?;
        for view in &self.certificates {
            let labels = [("purpose", view.purpose.word()), ("of", view.of.as_str()), ("source", view.source.as_str())];
            let until = view.until.since(Time::default()).as_secs_f64();
            ConstGauge::new(until).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_transmitters(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        type Value = fn(&TransmitterView) -> Option<f64>;
        let gauges: [(&str, &str, Value); 3] = [
            ("transmitter_in_service", "1 where it sends, 0 where it cannot for now", |view| {
                Some(if view.is_in_service() { 1.0 } else { 0.0 })
            }),
            ("transmitter_busy", "Hand-overs under way or waiting for a place", |view| Some(number(view.busy))),
            ("transmitter_backlog_seconds", "How long one more message would wait before it leaves", |view| {
                view.backlog.map(|backlog| backlog.as_secs_f64())
            }),
        ];
        for (name, help, value) in gauges {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for view in &self.transmitters {
                let Some(value) = value(view) else { continue };
                ConstGauge::new(value).encode(family.encode_family(&[("transmitter", view.name.as_str())])?)?;
            }
        }
        let names = self.transmitters.iter().flat_map(|view| view.figures.numbers.iter().map(|(name, _)| name.as_str()));
        for name in names.collect::<std::collections::BTreeSet<_>>() {
            // What only ever grows; the encoder adds the ending of such names itself.
            let counted = name.strip_suffix("_total");
            let kind = if counted.is_some() { MetricType::Counter } else { MetricType::Gauge };
            let own = format!("transmitter_{}", counted.unwrap_or(name));
            let mut family = encoder.encode_descriptor(&own, "As the transmitter says", None, kind)?;
            for view in &self.transmitters {
                let Some((_, value)) = view.figures.numbers.iter().find(|(known, _)| known == name) else { continue };
                let labels = [("transmitter", view.name.as_str())];
                let metric = family.encode_family(&labels)?;
                match kind {
                    MetricType::Counter => ConstCounter::new(*value).encode(metric)?,
                    _ => ConstGauge::new(*value).encode(metric)?,
                }
            }
        }
        Ok(())
    }

    fn encode_attempts(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut family = encoder.encode_descriptor("attempts", "Attempts to send, by outcome", None, MetricType::Counter)?;
        for view in &self.transmitters {
            for (outcome, count) in &view.tally.outcomes {
                let labels = [("transmitter", view.name.as_str()), ("outcome", outcome.as_str())];
                ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family =
            encoder.encode_descriptor("reports", "What was reported of messages later", None, MetricType::Counter)?;
        for view in &self.transmitters {
            for (report, count) in &view.tally.reports {
                let labels = [("transmitter", view.name.as_str()), ("report", report.as_str())];
                ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
            }
        }
        type Counted = fn(&Traffic) -> f64;
        let counters: [(&str, &str, Counted); 2] = [
            ("sent", "Messages taken over, text messages by their parts", |traffic| whole(traffic.messages)),
            ("cost", "What they cost, in the money of `price`", |traffic| whole(traffic.cost) / 1e6),
        ];
        for (name, help, value) in counters {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for view in &self.transmitters {
                for (country, traffic) in &view.tally.routes {
                    let labels = [("transmitter", view.name.as_str()), ("country", country.as_str())];
                    ConstCounter::new(value(traffic)).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let mut family = encoder.encode_descriptor("attempt_seconds", "Time taken by attempts", None, MetricType::Counter)?;
        for view in &self.transmitters {
            let labels = [("transmitter", view.name.as_str())];
            ConstCounter::new(view.tally.seconds).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
