"""Images of a report are embedded, or left out with the reason."""

import base64
import re
from pathlib import Path

import nbformat
import pytest

import kismet_nb as kn
from kismet_nb.reports.images import read_logo
from kismet_nb.reports.page import Branding, render_page

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = b"""<?xml version="1.0"?><!-- a logo --><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"""


def page_of(source, **options):
    """Return the page of a notebook with one Markdown cell."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    return render_page(book, **options)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a chart.png", PNG, "image/png"),
        ("logo.svg", SVG, "image/svg+xml"),
        ("photo.jpg", b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        ("moving.gif", b"GIF89arest", "image/gif"),
        ("small.webp", b"RIFF\0\0\0\0WEBPrest", "image/webp"),
    ],
)
def test_an_image_of_a_local_file_is_embedded(name, content, media_type):
    """Markdown and HTML have its path relative to the notebook; the page has its bytes."""
    Path("images").mkdir()
    Path("images", name).write_bytes(content)
    address = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
    page = page_of(f"![it](images/{name.replace(' ', '%20')})\n\n<img width='9' src='images/{name}'>", folder=Path())

    assert [address, address] == re.findall('src="([^"]*)"', page)
    assert "<script" not in page


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nowhere.png", "No such file or directory"),
        ("table.png", "it is not an image of type PNG, SVG, JPEG, GIF or WebP"),
        ("large.png", "it is larger than 1 MB"),
        ("https://example.org/x.png", "a report loads nothing from elsewhere"),
        ("//example.org/x.png", "a report loads nothing from elsewhere"),
    ],
)
def test_another_image_is_left_out_and_the_reason_is_in_its_place(address, why):
    """The page has the reason for the reader, and the author of the report gets a warning."""
    Path("table.png").write_bytes(b"id,email\n")
    Path("large.png").write_bytes(PNG + bytes(1_000_000))
    with pytest.warns(UserWarning, match=why):
        page = page_of(f"![it]({address})", folder=Path())

    assert f"The image {address} is left out: " in page
    assert why in page
    assert "<img" not in page


def test_an_image_without_a_file_stays():
    """An image with a data: URL is in the page already."""
    assert 'src="data:image/png;base64,AAAA"' in page_of('<img alt="it" src="data:image/png;base64,AAAA">')


@pytest.mark.parametrize(("content", "media_type"), [(PNG, "image/png"), (SVG, "image/svg+xml")])
def test_a_logo_is_shown_in_an_img(content, media_type):
    """In an <img>, scripts of an SVG do not run. The name of the organization is beside it as escaped text."""
    Path("logo.any").write_bytes(content)
    branding = Branding(organization="Clinic <A> & Sons", logo=read_logo("logo.any"))
    page = page_of("# Numbers", branding=branding)

    address = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
    assert f'<img class="logo" src="{address}" alt="Clinic &lt;A&gt; &amp; Sons">' in page
    assert "<span>Clinic &lt;A&gt; &amp; Sons</span>" in page
    assert "<title>Numbers – Clinic &lt;A&gt; &amp; Sons</title>" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("logo.gif", b"GIF89arest", "The logo logo.gif cannot be used: it is not an image of type PNG or SVG"),
        ("logo.svg", b"<html><svg></svg></html>", "logo.svg cannot be used: it is not an image of type PNG or SVG"),
        ("large.png", PNG + bytes(1_000_000), "large.png cannot be used: it is larger than 1 MB"),
    ],
)
def test_another_logo_is_refused(name, content, why):
    """The message names the file. Nothing is fetched and nothing is written."""
    Path(name).write_bytes(content)
    with pytest.raises(kn.InvalidInputError, match=why):
        kn.report("r.html", demo=True, logo=name)

    assert not Path("r.html").exists()


def test_a_title_replaces_only_the_first_heading():
    """It is plain text. If the notebook has no heading, the title is added."""
    page = page_of("# Numbers of *May*\n\n# More", branding=Branding(title="Our <month> \\1"))

    assert "<title>Our &lt;month&gt; \\1</title>" in page
    assert "Numbers of" not in page
    assert 2 == page.count("<h1")
    assert "<h1>Our month</h1>" in page_of("text", branding=Branding(title="Our month"))
