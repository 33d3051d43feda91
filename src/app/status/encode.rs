//! The node's figures in the text format of OpenMetrics 1.0, for Prometheus. Every label is a name of the configuration or a word of ours:
//! no client can make a new series.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Status;
use crate::app::reload::Outcome;
use crate::base::Time;
use crate::dispatch::{Traffic, TransmitterView};

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
pub(super) const fn number(count: usize) -> f64 {
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
        self.encode_readiness(&mut encoder)?;
        self.encode_records(&mut encoder)?;
        self.encode_reload(&mut encoder)?;
        self.encode_clients(&mut encoder)?;
        self.encode_certificates(&mut encoder)?;
        self.encode_transmitters(&mut encoder)?;
        self.encode_attempts(&mut encoder)
    }
}

/// A gauge without labels.
pub(super) fn gauge(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: f64) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn yes(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

impl Status {
    fn encode_readiness(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        gauge(encoder, "ready", "1 where people can sign in, 0 where not", yes(self.readiness.is_ready()))?;
        let mut family = encoder.encode_descriptor("directory_up", "1 where it answers", None, MetricType::Gauge)?;
        for directory in &self.readiness.directories {
            let labels = [("directory", directory.name.as_str())];
            ConstGauge::new(yes(directory.why.is_none())).encode(family.encode_family(&labels)?)?;
        }
        let help = "1 where the server of the application is held to be well";
        let mut family = encoder.encode_descriptor("upstream_up", help, None, MetricType::Gauge)?;
        for server in &self.servers {
            let labels = [("application", server.application.as_str()), ("server", server.server.as_str())];
            ConstGauge::new(yes(server.is_up)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_records(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        gauge(encoder, "store_writable", "1 where records and journal can be written", yes(self.readiness.store.is_none()))?;
        let Some(room) = self.room else { return Ok(()) };
        gauge(encoder, "store_bytes", "Records and journal on the disk", whole(room.used))?;
        gauge(encoder, "store_disk_free_bytes", "What may still be written beside them", whole(room.free))?;
        gauge(encoder, "store_disk_bytes", "The disk that they are on", whole(room.total))
    }

    fn encode_reload(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(last) = &self.last_reload else { return Ok(()) };
        let at = last.at.since(Time::default()).as_secs_f64();
        gauge(encoder, "reload_seconds", "When the configuration was read again last, since 1970", at)?;
        let is_good = matches!(last.outcome, Outcome::Reloaded { .. });
        gauge(encoder, "reload_success", "1 where that took effect, 0 where the node runs with the one before", yes(is_good))
    }

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
