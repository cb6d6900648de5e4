#!/usr/bin/env python3
"""The status page in a real browser, over real sockets."""
import harness
from clients import ADDRESS, PORT
from status_page_case import READY, PageCase

MOST_BYTES = 40_000  # of the first view, on the wire
PHONE = {"width": 360, "height": 740}


class ContentTest(PageCase):
    def test_it_is_small_and_asks_nobody_else(self):
        self.client().keep(30)
        self.open("all")
        log = self.browser.do("log")
        self.assertLess(log["bytes"], MOST_BYTES)
        self.assertGreater(len(log["requests"]), 5)
        self.assertEqual([url for url in log["requests"] if not url.startswith(self.url)], [])

    def test_it_says_what_runs_out_who_does_it_and_what_to_do(self):
        client = self.client()
        client.keep(20)
        client.request(160)
        self.open()
        self.shows(".verdict .state", "CRITICAL")
        self.shows(".verdict h2", f"{ADDRESS}:{PORT} has 180 of 200 ports in use (90")
        self.shows(".cause", "Connection churn: 160 of 180")
        self.shows(".cause li", "reuse connections")
        self.shows(".cause .note", "nsenter --target")
        level = self.browser.evaluate("document.querySelector('.bar').dataset.level")
        self.assertEqual(level, "red")
        self.assertIn("■ Critical", self.browser.evaluate("document.title"))

    def test_hostile_names_are_text(self):
        names = "<script>a()", "<img onerror=b>"
        for i, name in enumerate(names):
            self.client(name).keep(10 + i)
        for netns in (self.netns, "all"):
            self.open(netns)
            for name in names:
                self.shows("table[aria-label='Processes'] td", name)
        made = self.browser.evaluate("document.querySelectorAll('main img, main script, main [onerror]').length")
        self.assertEqual(made, 0)


class LiveTest(PageCase):
    def test_it_changes_without_being_loaded_again(self):
        client = self.client()
        client.keep(20)
        self.open()
        self.browser.evaluate("globalThis.kept = true")
        self.shows("table[aria-label='Fullest tuples'] td", "10 % calm · 20 of 200")
        client.keep(40)
        self.shows("table[aria-label='Fullest tuples'] td", "30 % calm · 60 of 200")
        self.assertTrue(self.browser.evaluate("globalThis.kept"))
        self.eventually("document.querySelector('.tile .spark path').getAttribute('d').includes('L')", "a graph")

    def test_it_can_be_paused(self):
        client = self.client()
        client.keep(20)
        self.open()
        self.browser.do("click", selector="#pause")
        self.shows("#live", "Paused")
        before = len(self.browser.do("log")["requests"])
        client.keep(20)
        self.shows("#live", "4 s")
        self.assertLessEqual(len(self.browser.do("log")["requests"]), before + 1)  # one may have been under way
        self.browser.do("click", selector="#pause")
        self.shows("table[aria-label='Fullest tuples'] td", "40 of 200")

    def test_it_shows_one_namespace_or_all(self):
        self.client().keep(20)
        self.open("all")
        self.shows("table[aria-label='Namespaces and pods'] td", self.netns)
        self.browser.do("fill", selector="#netns", text=self.netns)
        self.browser.do("press", key="Enter")
        self.eventually("document.querySelector('table[aria-label=\"Namespaces and pods\"]').closest('details').hidden",
                        "one namespace only")
        row, = self.rows("Fullest tuples")
        self.assertIn(f"{ADDRESS}:{PORT}", row[0])
        self.assertIn("netns=", self.browser.evaluate("location.search"))
        self.browser.do("click", selector="#all")
        self.shows("table[aria-label='Namespaces and pods'] td", "host")
        self.browser.do("click", selector=f'table[aria-label="Namespaces and pods"] a[href$="{self.namespace.inode}%5D"]')
        self.eventually("document.getElementById('netns').value !== ''", "the namespace that was clicked")

    def test_it_says_which_namespaces_there_are_and_that_the_exporter_is_gone(self):
        self.open()
        self.browser.do("fill", selector="#netns", text="hots")
        self.browser.do("press", key="Enter")
        self.shows("#trouble", 'There is no network namespace "hots"; did you mean "host"?')
        self.exporter.stop()
        self.shows("#trouble", "Failed to fetch")
        self.shows("#live", "No answer")
        self.assertTrue(self.browser.evaluate(READY))
        self.browser.do("open", url="about:blank")  # what the browser says of the exporter is not the page's fault


class LookTest(PageCase):
    def setUp(self):
        super().setUp()
        self.client().keep(150)

    def background(self):
        return self.browser.evaluate("getComputedStyle(document.body).backgroundColor")

    def test_light_and_dark_follow_the_system_until_somebody_chooses(self):
        self.open(scheme="light")
        light = self.background()
        self.open(scheme="dark")
        dark = self.background()
        self.assertNotEqual(light, dark)
        self.browser.evaluate("""const theme = document.getElementById("theme");
            theme.value = "light"; theme.dispatchEvent(new Event("change"))""")
        self.assertEqual(self.background(), light)
        self.browser.evaluate("globalThis.old = true; location.reload()")
        self.eventually("!globalThis.old && document.readyState === 'complete' && theme.value === 'light'", "the choice again")
        self.assertEqual(self.background(), light)

    def test_axe_has_nothing_against_it(self):
        for scheme in ("light", "dark"):
            with self.subTest(scheme=scheme):
                self.open("all", scheme=scheme)
                self.unfold()
                self.assertEqual(self.browser.do("axe"), [])

    def test_a_phone_has_room_for_it(self):
        for netns in (self.netns, "all"):
            self.open(netns, **PHONE)
            self.shows(".verdict .state", "WARNING")
            self.unfold()
            self.assertEqual(self.browser.evaluate("document.documentElement.scrollWidth"), PHONE["width"])
            self.assertEqual(self.browser.evaluate("""[...document.querySelectorAll("main *")].filter((one) =>
                !one.closest("thead") && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML)"""), [])
        self.assertEqual(self.browser.do("axe"), [])

    def test_a_keyboard_is_enough(self):
        self.open("all")
        self.browser.do("press", key="Home")
        visited = []
        while len(visited) < 20:
            self.browser.do("press", key="Tab")
            visited.append(self.browser.evaluate("""(({ id, className, tagName }) => id || className || tagName)
                (document.activeElement)"""))
            outline = self.browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            self.assertEqual(outline, "solid", visited)
        self.assertEqual(visited[:4], ["skip", "netns", "pause", "theme"])
        self.assertIn("SUMMARY", visited)
        self.assertIn("A", visited)
        cause = "document.querySelector('.cause')"
        self.browser.evaluate(f"{cause}.firstChild.focus()")
        self.assertTrue(self.browser.evaluate(f"{cause}.open"))
        self.browser.do("press", key="Enter")
        self.assertFalse(self.browser.evaluate(f"{cause}.open"))


if __name__ == "__main__":
    harness.main()
