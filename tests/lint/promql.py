"""Reads as much of PromQL as our rules and dashboards use, and says which labels a result has."""
import re
from typing import NamedTuple

TOKEN = re.compile(r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])|NaN(?![\w:]))
  | (?P<duration>(?:\d+(?:ms|[smhdwy]))+)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<name>[a-zA-Z_:][\w:]*)
  | (?P<symbol>==|!=|>=|<=|=~|!~|[-+*/%^<>=(){}\[\],])
)""", re.VERBOSE)
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk"}
COUNTER_FUNCTIONS = {"rate", "increase"}
PER_SECOND = {"rate", "deriv"}
RANGE_FUNCTIONS = COUNTER_FUNCTIONS | {"min_over_time", "max_over_time", "count_over_time", "predict_linear", "deriv"}
OTHER_FUNCTIONS = {"histogram_quantile", "label_replace", "absent", "time", "clamp_min", "clamp_max", "vector"}
# Good to look at, but not to be told of: what they find changes, or is not said.
FOR_DASHBOARDS = {"topk", "vector", "aggregation of all"}
PRECEDENCE = [{"or"}, {"and", "unless"}, {"==", "!=", ">", "<", ">=", "<="}, {"+", "-"}, {"*", "/"}]
COMPARISONS = PRECEDENCE[2]


class Selector(NamedTuple):
    metric: str
    matchers: list  # of (label, operator, value)
    function: str  # that it is the argument of, or ""


class Metric(NamedTuple):
    labels: frozenset
    counter: bool
    ratio: bool = False


class Result(NamedTuple):
    labels: frozenset  # None: a number, which has none and matches all
    ratio: bool = False  # of two equal units
    per_second: bool = False


class Wrong(Exception):
    pass


class Expression:
    """A parsed expression: `.result`, `.selectors` and `.functions`."""

    def __init__(self, text, metric_of, target_labels):
        self._tokens = [(m.lastgroup, m.group(m.lastgroup)) for m in TOKEN.finditer(text)]
        if "".join(value for _, value in self._tokens) != re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", text):
            raise Wrong("cannot be read")
        self._metric_of, self._target_labels = metric_of, frozenset(target_labels)
        self.selectors, self.functions = [], set()
        self.result = self._binary(0)
        if self._tokens:
            raise Wrong(f"cannot be read from {self._tokens[0][1]} on")

    def _peek(self):
        return self._tokens[0][1] if self._tokens else ""

    def _take(self, *wanted):
        if self._peek() not in wanted:
            raise Wrong(f"{self._peek() or 'the end'} instead of {' or '.join(wanted)}")
        return self._tokens.pop(0)[1]

    def _take_if(self, *wanted):
        return self._take(*wanted) if self._peek() in wanted else ""

    def _list(self, read):
        items = []
        self._take("(")
        while not self._take_if(")"):
            items.append(read())
            if self._peek() != ")":
                self._take(",")
        return items

    def _label_list(self):
        return frozenset(self._list(lambda: self._tokens.pop(0)[1]))

    def _binary(self, level):
        if level == len(PRECEDENCE):
            return self._unary()
        left = self._binary(level + 1)
        while operator := self._take_if(*PRECEDENCE[level]):
            self._take_if("bool")
            matching = self._take_if("on", "ignoring")
            labels = self._label_list() if matching else frozenset()
            if many := self._take_if("group_left"):
                self._label_list() if self._peek() == "(" else None
            left = self._joined(operator, left, self._binary(level + 1), matching, labels, many)
        return left

    def _joined(self, operator, left, right, matching, labels, many):
        if left.labels is None or right.labels is None:
            kept = left if right.labels is None else right
            return kept if operator in COMPARISONS else kept._replace(ratio=False)
        own = [side.labels - self._target_labels for side in (left, right)]
        if matching == "on":
            missing = labels - self._target_labels - (own[0] & own[1])
            if missing:
                raise Wrong(f"{operator} on labels that one side lacks: {sorted(missing)}")
        elif own[0] - labels != own[1] - labels and operator != "or":
            raise Wrong(f"{operator} never matches: {sorted(own[0] ^ own[1])} on one side only")
        if matching == "on" and operator not in PRECEDENCE[0] | PRECEDENCE[1] and not many and own[0] - labels:
            raise Wrong(f"{operator} may find many on the left: {sorted(own[0] - labels)}")
        if operator == "or":
            return Result(left.labels | right.labels, left.ratio and right.ratio)
        alike = left.per_second == right.per_second
        return Result(left.labels, operator == "/" and alike or left.ratio and operator not in "*/", left.per_second and operator != "/")

    def _unary(self):
        kind, value = self._tokens.pop(0) if self._tokens else ("", "the end")
        if value == "(":
            inner = self._binary(0)
            self._take(")")
            return inner
        if kind == "number":
            return Result(None)
        if kind != "name":
            raise Wrong(f"{value} is out of place")
        if value in AGGREGATIONS:
            return self._aggregation(value)
        return self._call(value) if self._peek() == "(" else self._selector(value, "")

    def _aggregation(self, name):
        how = self._take_if("by", "without")
        labels = self._label_list() if how else frozenset()
        if name == "topk" or not how:
            self.functions.add("topk" if name == "topk" else "aggregation of all")
        self._take("(")
        if name == "topk":
            self._tokens.pop(0)
            self._take(",")
        inner = self._binary(0)
        self._take(")")
        if missing := labels - inner.labels - self._target_labels:
            raise Wrong(f"{how} labels that do not exist: {sorted(missing)}")
        if name == "topk":
            return inner
        return inner._replace(labels=inner.labels - labels if how == "without" else labels)

    def _call(self, function):
        if function not in RANGE_FUNCTIONS | OTHER_FUNCTIONS:
            raise Wrong(f"{function} is not used here")
        self.functions.add(function)
        arguments = self._list(lambda: self._argument(function))
        series = next((a for a in arguments if isinstance(a, Result) and a.labels is not None), Result(None))
        if function == "histogram_quantile":
            if "le" not in series.labels:
                raise Wrong("histogram_quantile without the label le")
            return Result(series.labels - {"le"})
        if function == "label_replace":
            return series._replace(labels=series.labels | {arguments[1]})
        if function == "vector":
            return Result(frozenset())
        if function == "absent":
            return Result(frozenset(label for label, how, _ in self.selectors[-1].matchers if how == "="))
        return series._replace(ratio=series.ratio and function not in ("count_over_time", "deriv"),
                               per_second=series.per_second or function in PER_SECOND)

    def _argument(self, function):
        if self._tokens[0][0] == "string":
            return self._tokens.pop(0)[1].strip('"')
        if self._tokens[0][0] == "name" and self._tokens[1][1] in ("{", "[") and function in RANGE_FUNCTIONS:
            return self._selector(self._tokens.pop(0)[1], function)
        return self._binary(0)

    def _selector(self, name, function):
        matchers = []
        if self._take_if("{"):
            while not self._take_if("}"):
                label, how = self._tokens.pop(0)[1], self._take("=", "!=", "=~", "!~")
                matchers.append((label, how, self._tokens.pop(0)[1].strip('"')))
                self._take_if(",")
        if self._take_if("["):
            self._tokens.pop(0)
            self._take("]")
        if self._take_if("offset"):
            self._tokens.pop(0)
        metric = self._metric_of(name)
        if metric is None:
            raise Wrong(f"{name} is no metric of ours")
        if missing := {label for label, _, _ in matchers} - metric.labels - self._target_labels:
            raise Wrong(f"{name} has no label {sorted(missing)}")
        if metric.counter and function not in COUNTER_FUNCTIONS:
            raise Wrong(f"{name} is a counter, taken without rate()")
        if function in COUNTER_FUNCTIONS and not metric.counter:
            raise Wrong(f"{function}() of {name}, which is no counter")
        self.selectors.append(Selector(name, matchers, function))
        return Result(metric.labels | self._target_labels, metric.ratio)
