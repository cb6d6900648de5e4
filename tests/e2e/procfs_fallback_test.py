#!/usr/bin/env python3
"""Where eBPF and netlink are refused, /proc/net tells the same."""
import harness
import values_test
from privileges import deny_bpf, deny_netlink


def deny_both():
    deny_bpf()
    deny_netlink()


class ProcfsFallbackTest(values_test.ValuesTest):
    prepare = deny_both
    sees_bound_only = False

    def check_queue_limit(self, port, limit):
        """/proc/net/tcp does not tell the limit of an accept queue: absent, not zero."""
        self.assertEqual(self.metrics.all("socket_listen_queue_limit", netns="host", port=port), {})

    def test_says_so(self):
        features = [dict(key) for key in self.metrics.all("socket_exporter_feature_info")]
        self.assertTrue(any("netlink" in str(feature).lower() or "inet_diag" in str(feature)
                            for feature in features), features)


if __name__ == "__main__":
    harness.main()
