//! What clients do and how long they wait for it, as metrics.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::Status;
use super::encode::{gauge, number};
use crate::base::timings::{BOUNDS, TimingCounts};

impl Status {
    pub(super) fn encode_clients(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        gauge(encoder, "connections", "Open connections of clients", number(self.connections))?;
        gauge(encoder, "journal_late_events", "Events that could not be journaled yet", number(self.late_events))?;
        let help = "Connections that were dropped, by the cap that they met";
        let mut family = encoder.encode_descriptor("connections_refused", help, None, MetricType::Counter)?;
        for refused in &self.refused {
            let caps = [("in_all", refused.in_all), ("per_address", refused.per_address), ("core_queue", refused.core_queue)];
            for (cap, count) in caps {
                let labels = [("listener", refused.listener.as_str()), ("cap", cap)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        self.encode_sign_ins(encoder)?;
        self.encode_requests(encoder)?;
        let directories = self.timings.directories.iter().map(|(name, counts)| (name.as_str(), counts));
        let help = "How long a directory took to answer";
        histogram(encoder, ("directory_answer_seconds", help), "directory", directories)?;
        let store = self.timings.store.iter().map(|(name, counts)| (name.as_str(), counts));
        histogram(encoder, ("store_answer_seconds", "How long records and journal took to answer"), "operation", store)
    }

    fn encode_sign_ins(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        let help = "Sign-ins that succeeded, and steps of sign-ins that were refused";
        let mut family = encoder.encode_descriptor("sign_ins", help, None, MetricType::Counter)?;
        for it in &self.sign_ins {
            let labels = [
                ("application", it.application.as_str()),
                ("outcome", it.outcome.as_str()),
                ("step", it.step.as_str()),
                ("reason", it.reason.as_str()),
            ];
            ConstCounter::new(it.count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn encode_requests(&self, encoder: &mut DescriptorEncoder) -> Result<(), fmt::Error> {
        let help = "Requests for an application, and for our pages on its hosts";
        let mut family = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for it in &self.requests {
            let labels = [("application", it.application.as_str())];
            ConstCounter::new(it.requests).encode(family.encode_family(&labels)?)?;
        }
        let help = "Their answers, by the class of the status";
        let mut family = encoder.encode_descriptor("answers", help, None, MetricType::Counter)?;
        for it in &self.requests {
            for (class, count) in CLASSES.iter().zip(&it.answers) {
                let labels = [("application", it.application.as_str()), ("status", class)];
                ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
            }
        }
        let upstreams = self.requests.iter().map(|it| (it.application.as_str(), &it.first_head));
        let help = "From a request to the head of the application's answer";
        histogram(encoder, ("upstream_first_header_seconds", help), "application", upstreams)
    }
}

/// One histogram for each value of the label, in seconds.
#[expect(clippy::cast_precision_loss, reason = "figures beyond 2^53 are not met")]
fn histogram<'a>(
    encoder: &mut DescriptorEncoder,
    (name, help): (&str, &str),
    label: &str,
    each: impl Iterator<Item = (&'a str, &'a TimingCounts)>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (value, counts) in each {
        let ends = BOUNDS.iter().map(|bound| *bound as f64 / 1e3).chain([f64::INFINITY]);
        let ranges: Vec<(f64, u64)> = ends.zip(counts.ranges).collect();
        let (sum, labels) = (counts.millis as f64 / 1e3, [(label, value)]);
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, counts.count(), &ranges, None)?;
    }
    Ok(())
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
