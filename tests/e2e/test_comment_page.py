"""The comment as GitHub shows it: nothing of others becomes an element, and nothing runs off a narrow screen.

With SLUICE_PICTURES=DIRECTORY it writes pictures of what it looked at.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from e2e.browser import browser, find_browser
from e2e.github_page import elements, github_html, page
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.report import factory
from unit.report.test_markdown import hostile, small
from unit.report.test_neutral import HOSTILE, texts
from unit.report.test_rendered import STILL, change, environment, found, part
from unit.report.test_rendered import hostile as hostile_rendering

from sluice.report.comment import to_comment
from sluice.report.markdown import to_markdown

RUN = "https://github.com/acme/app/actions/runs/1234567890"
OWN = frozenset((
    "p", "br", "strong", "code", "pre", "span", "sub", "ul", "ol", "li", "h4", "table", "thead", "tbody", "tr",
    "th", "td", "details", "summary", "blockquote", "div", "a",
))  # fmt: skip
PICTURES = os.environ.get("SLUICE_PICTURES")
WIDTHS = (360, 1012)
PROBE = """(() => {
  const right = document.querySelector('.comment').getBoundingClientRect().right;
  const wide = [...document.querySelectorAll('.body *')].filter(one =>
    !one.closest('pre, table') && one.getBoundingClientRect().right > right + 1);
  return {
    page: document.documentElement.scrollWidth, window: innerWidth, wide: wide.map(one => one.outerHTML.slice(0, 200)),
    links: [...document.querySelectorAll('a')].map(one => one.href), pictures: document.images.length,
    active: document.querySelectorAll('script, iframe, form, input, video, object, style:not(head style)').length,
    words: document.body.innerText.length,
  };
})()"""


def foreign(rendered: str) -> list[str]:
    """Elements that a comment of ours never has, and links elsewhere than to the run."""
    found = [name for name in elements(rendered) if name.removeprefix("/") not in OWN]
    return found + [part for part in rendered.split("<a ")[1:] if not part.startswith(f'href="{RUN}')]


def comment(kind: str, **options: object) -> str:
    """Return a comment with two earlier heads and a note."""
    previous = None
    for number, earlier in enumerate(("fail", "inconclusive")):
        previous = to_comment(
            replace(factory.ALL[earlier](), head_commit=f"{number:x}abc".ljust(40, "0")), previous=previous, run_url=RUN
        )
    return to_comment(factory.ALL[kind](), previous=previous, run_url=RUN, **options)


def released(name: str = "staging", **changes: object):
    """An environment with a change of a prompt, of a model's argument and of infra."""
    long = (
        "Answer the question from the passages below, in one full sentence, and name every passage that you used. " * 3
    )
    prompt = part("@@ messages @@", " - content: |-", "-    Answer the question.", f"+    {long}", "     Be kind.")
    argument = part("@@ data @@", "-512", "+1024").model_copy(update={"place": "MAX_TOTAL_TOKENS"})
    image = f"          image: registry.example/tgi@sha256:{'c' * 64}"
    deployment = part("@@ spec.template.spec.containers @@", f"-{image}", f"+{image[:-1]}d", "       name: engine")
    objects = (
        found(prompt, name="prompt-bundle-h5gh5f8bt9", before="prompt-bundle-h2b8h6t6hg"),
        found(argument, name="engine-portal-small-b9c8d7f6g5", before="engine-portal-small-h2b8h6t6hg"),
        found(deployment.model_copy(update={"place": ""}), kind="Deployment", name="model-portal-small", before=None),
        found(part("+kind: Service").model_copy(update={"place": ""}), change="added", kind="Service", before=None),
        found(change="changed", kind="Secret", name="token", before=None).model_copy(update={"parts": ()}),
    )
    words = (
        "support-answer: its messages, inputs or output changed",
        "portal-small: max_total_tokens from 512 to 1024",
    )
    values = {
        "changes": words,
        "gpus": ("nvidia.com/gpu: 1 before, 2 during the update, 1 after; 1 declared",),
        "restarts": ("Deployment model-portal-small",),
        "refusals": ("the environment declares 1 nvidia.com/gpu, and the update needs 2",),
        "objects": objects,
        **changes,
    }
    return environment(name, **values)


@pytest.mark.parametrize("kind", factory.ALL)
def test_every_verdict_is_made_of_our_own_elements(kind):
    rendered = github_html(comment(kind, note="Stale: this judged 9f8e7d6, and the head is abcdef0 now."))
    assert foreign(rendered) == []
    assert rendered.count("<details>") == rendered.count("</details>")
    assert '<div class="alert note">' in rendered
    assert rendered.lstrip().removeprefix("<!--").find("<p>") >= 0


@settings(max_examples=60, deadline=None)
@given(texts, st.sampled_from(["pass", "fail", "inconclusive", "invalid", "first"]))
def test_nothing_of_others_becomes_an_element(text, kind):
    judgement = replace(hostile(text, small(kind)), head_commit="1" * 40)
    previous = to_comment(judgement, run_url=RUN, note=text)
    later = replace(judgement, head_commit="2" * 40)
    for source in (to_comment(later, previous=previous, run_url=RUN, note=text), to_markdown(judgement)):
        rendered = github_html(source)
        assert foreign(rendered) == []
        assert rendered.count("<details>") == rendered.count("</details>") == source.count("\n</details>")


@settings(max_examples=60, deadline=None)
@given(texts)
def test_nothing_of_a_rendering_becomes_an_element(text):
    source = comment("pass", rendered=hostile_rendering(text))
    rendered = github_html(source)
    assert foreign(rendered) == []
    assert rendered.count("<details>") == rendered.count("</details>") == source.count("\n</details>")


def test_the_page_would_show_a_foreign_element():
    """The renderer finds what the reports must not let through."""
    for text in ("@octocat", "#12", "acme/app#1", "GH-7", "deadbeef1", "https://evil.example", "www.evil.example"):
        assert foreign(github_html(text)), text
    for text in ("![i](https://x/y.png)", "<img src=x>", "[l](javascript:alert(1))", ":tada:", "$x$", "- [ ] task"):
        assert foreign(github_html(text)), text
    assert "details" not in elements(github_html("```\n<details>\n```"))


def shown() -> dict[str, str]:
    """The comments that are looked at, by name; the last holds every hostile text at once and one without blanks."""
    everything = " ".join(HOSTILE) + " " + "W" * 3_000 + "\U0001f4a5" * 300
    return {
        "fail": comment("fail", note="Stale: this judged 9f8e7d6, and the head is abcdef0 now."),
        "inconclusive": comment("inconclusive"),
        "invalid": comment("invalid"),
        "pass": comment("pass"),
        "rendered": comment("pass", rendered=change(released("production", refusals=()), released(), STILL)),
        "rendered-hostile": comment("pass", rendered=hostile_rendering(everything)),
        "hostile": to_comment(hostile(everything, small("fail")), run_url=RUN, note=everything),
    }


async def look(program: str) -> list[str]:
    """Show every comment at each width in light and dark, closed and open; return what is wrong."""
    wrong = []
    async with browser(program) as tab:
        for name, source in shown().items():
            for width in WIDTHS:
                for dark in (False, True):
                    place = f"{name}-{width}-{'dark' if dark else 'light'}"
                    await tab.show(page(source), width=width, dark=dark)
                    await picture(tab, place)
                    await tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                    wrong += [f"{place}: {problem}" for problem in problems(await tab.evaluate(PROBE), width)]
                    if not dark:
                        await picture(tab, f"{place}-open")
        wrong += [url for url in tab.requests if not url.startswith(("about:", "data:"))]
    return wrong


async def picture(tab, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        await tab.picture(Path(PICTURES) / f"{name}.png")


def problems(found: dict, width: int) -> list[str]:
    told = [] if found["page"] <= found["window"] == width else [f"the page is {found['page']} of {width} wide"]
    told += [f"runs off: {one}" for one in found["wide"]]
    told += [f"links to {link}" for link in found["links"] if not link.startswith(RUN)]
    told += ["has pictures or active elements"] if found["pictures"] or found["active"] else []
    return told if found["words"] > 200 else [*told, "is empty"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_browser_shows_it_whole_on_narrow_and_wide_screens():
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium here")
    assert asyncio.run(look(program)) == []
