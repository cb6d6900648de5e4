"""Series of samples over time, written as OpenMetrics."""
import math
import random
import statistics

STEP = 30  # seconds
POWERS_OF_2, POWERS_OF_4 = [6.4e-5 * 2 ** i for i in range(22)], [6.4e-5 * 4 ** i for i in range(14)]
SILENCES = [0.1, 1, 5, 10, 20, 29, 31, 45, 59, 61, 80, 98, 102, 180, 238, 242, 298, 302, 348, 352, 600, 1800, 3600, 21600, 86400]
EDGES = {
    "socket_connect_duration_seconds": POWERS_OF_2[:21],
    "socket_response_seconds": POWERS_OF_2[:21],
    "socket_port_search_seconds": POWERS_OF_2[:15],
    "socket_connection_duration_seconds": POWERS_OF_4,
    "socket_close_wait_seconds": POWERS_OF_4,
    "websocket_message_latency_seconds": [6.4e-5 * 2 ** i for i in range(27)],
    "websocket_connection_duration_seconds": SILENCES,
    "websocket_idle_before_close_seconds": SILENCES,
}
NORMAL = statistics.NormalDist()


def through(*points):
    """A function of the minute: straight lines between these points."""
    def at(minute):
        for (begin, a), (end, b) in zip(points, points[1:]):
            if minute <= end:
                return a + (b - a) * max(0, minute - begin) / (end - begin)
        return points[-1][1]
    return at


def burst(begin, end, height, rest=0):
    """A function of the minute that is `height` between two of them."""
    return lambda minute: height if begin <= minute < end else rest


def spread(median, sigma=0.8, weight=1):
    """Times around a median, as a part of a mixture."""
    return median, sigma, weight


class Book:
    """Collects samples of one span of time, by the minute from its begin."""

    def __init__(self, end, minutes, out):
        self.begin, self.out = end - 60 * minutes, out
        self.minutes = [i * STEP / 60 for i in range(minutes * 60 // STEP + 1)]
        self.random = random.Random(7)

    def _write(self, name, labels, values):
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        self.out.writelines(f"{name}{{{text}}} {value:.10g} {self.begin + 60 * minute:.0f}\n"
                            for minute, value in zip(self.minutes, values) if value is not None)

    def _values(self, what, noise):
        at = what if callable(what) else lambda minute: what
        wander = 0.0
        for minute in self.minutes:
            wander = 0.8 * wander + self.random.gauss(0, noise)
            value = at(minute)
            yield value if value is None else value * (1 + wander)

    def gauge(self, name, labels, what, noise=0.0, whole=True):
        self._write(name, labels, [value if value is None or not whole else round(value)
                                   for value in self._values(what, noise)])

    def counter(self, name, labels, per_second, noise=0.0):
        total, values = 0.0, []
        for value in self._values(per_second, noise):
            total += max(0, value) * STEP
            values.append(total)
        self._write(name, labels, values)

    def histogram(self, name, labels, per_second, mixture, noise=0.05):
        """`mixture(minute)` are the parts that times are spread over."""
        edges = EDGES[name]
        totals, mean = [0.0] * (len(edges) + 1), 0.0
        rows, sums = [[] for _ in totals], []
        for minute, rate in zip(self.minutes, self._values(per_second, noise)):
            parts = mixture(minute)
            whole = sum(part[2] for part in parts)
            for i, edge in enumerate([*edges, math.inf]):
                below = 1 if edge == math.inf else sum(
                    weight * NORMAL.cdf(math.log(edge / median) / sigma) for median, sigma, weight in parts) / whole
                totals[i] += max(0, rate) * STEP * below
                rows[i].append(totals[i])
            mean += max(0, rate) * STEP * sum(m * math.exp(s * s / 2) * w for m, s, w in parts) / whole
            sums.append(mean)
        for edge, row in zip([*(f"{edge:.10g}" for edge in edges), "+Inf"], rows):
            self._write(name + "_bucket", labels | {"le": edge}, row)
        self._write(name + "_count", labels, rows[-1])
        self._write(name + "_sum", labels, sums)
