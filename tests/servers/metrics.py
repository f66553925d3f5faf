"""TGI's Prometheus metrics: a series appears at its first increment, not before."""

from __future__ import annotations

from collections import defaultdict

DURATION_BUCKETS = [0.0001 * 1.5 ** (exponent + 1) for exponent in range(35)]
DURATIONS = ("", "_validation", "_queue", "_inference", "_mean_time_per_token")


class Metrics:
    """Counters, gauges and histograms with one optional label each."""

    def __init__(self, max_input_tokens: int, max_total_tokens: int) -> None:
        self.counters: dict[tuple[str, str], int] = defaultdict(int)
        self.gauges = {"tgi_queue_size": 0, "tgi_batch_current_size": 0}
        self._observed: dict[str, list[float]] = defaultdict(list)
        share_of_input = [max_input_tokens / 100 * (step + 1) for step in range(100)]
        share_of_total = [max_total_tokens / 100 * (step + 1) for step in range(100)]
        self._buckets = {
            "tgi_request_input_length": share_of_input,
            "tgi_request_generated_tokens": share_of_total,
            "tgi_request_max_new_tokens": share_of_total,
        }

    def count(self, name: str, label: str = "") -> None:
        self.counters[name, label] += 1

    def failure(self, error: str) -> None:
        self.count("tgi_request_failure", f'err="{error}"')

    def observe(self, name: str, value: float) -> None:
        self._observed[name].append(value)

    def served(self, seconds: float, input_length: int, generated: int, max_new_tokens: int) -> None:
        """Record one generation that ended well."""
        self.count("tgi_request_success")
        for kind in DURATIONS:
            self.observe(f"tgi_request{kind}_duration", seconds)
        self.observe("tgi_request_input_length", input_length)
        self.observe("tgi_request_generated_tokens", generated)
        self.observe("tgi_request_max_new_tokens", max_new_tokens)
        for method in ("prefill", "decode"):
            self.count("tgi_batch_inference_count", f'method="{method}"')
            self.count("tgi_batch_inference_success", f'method="{method}"')

    def render(self) -> str:
        """Return the exposition format."""
        lines = []
        for name in sorted({name for name, _ in self.counters}):
            lines.append(f"# TYPE {name} counter")
            for (counter, label), value in sorted(self.counters.items()):
                if counter == name:
                    lines.append(f"{name}{{{label}}} {value}" if label else f"{name} {value}")
        for name, level in self.gauges.items():
            lines += [f"# TYPE {name} gauge", f"{name} {level}"]
        for name, values in sorted(self._observed.items()):
            lines += [f"# TYPE {name} histogram", *self._histogram(name, values)]
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str, values: list[float]) -> list[str]:
        buckets = self._buckets.get(name, DURATION_BUCKETS)
        return [
            *(f'{name}_bucket{{le="{edge:.10g}"}} {sum(value <= edge for value in values)}' for edge in buckets),
            f'{name}_bucket{{le="+Inf"}} {len(values)}',
            f"{name}_sum {sum(values)}",
            f"{name}_count {len(values)}",
        ]
