"""Reads metrics in the OpenMetrics text format from standard input, as Prometheus' own library does, and prints every sample as JSON:
[name, labels, value]. Fails on anything that the library refuses, and on a name that belongs to two families."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
names = [family.name for family in families]
assert len(names) == len(set(names)), names
assert all(family.documentation for family in families), [family.name for family in families if not family.documentation]
json.dump([[sample.name, sample.labels, sample.value] for family in families for sample in family.samples], sys.stdout)
