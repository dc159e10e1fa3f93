"""Every link of a page to a file of the tree, or to a heading, has what it leads to.

Seen to fail on: a figure that was not drawn; a heading that is called otherwise.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def anchors(page):
    """Of a page's headings, as GitHub and others make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Links(unittest.TestCase):
    def test_links_lead_somewhere(self):
        count = 0
        for page in PAGES:
            for target in re.findall(r"\]\(([^()\s]+)\)", page.read_text(encoding="utf-8")):
                if re.match("[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                place = (page.parent / path).resolve() if path else page
                with self.subTest(page=str(page.relative_to(ROOT)), target=target):
                    self.assertTrue(place.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(place))
                count += 1
        self.assertGreater(count, 50)


if __name__ == "__main__":
    unittest.main()
