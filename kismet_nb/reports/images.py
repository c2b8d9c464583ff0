"""Embed the images of a report in its page, which loads nothing; other images are left out."""

from __future__ import annotations

import base64
import html
import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from kismet_nb.errors import InvalidInputError

if TYPE_CHECKING:
    import os

__all__ = ["embed_images", "image_address", "read_logo"]

MAX_IMAGE_BYTES = 1_000_000
LOGO_TYPES = {"image/png": "PNG", "image/svg+xml": "SVG"}
IMAGE_TYPES = {**LOGO_TYPES, "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}


def read_logo(path: str | os.PathLike[str]) -> str:
    """Return a logo as a ``data:`` URL.

    The page shows it in an ``<img>``, where a browser runs no scripts of an SVG and loads none of its references.

    Raises
    ------
    InvalidInputError
        The file cannot be read, is larger than 1 MB, or is neither PNG nor SVG.
    """
    try:
        file = Path(path).expanduser()
    except (TypeError, RuntimeError) as error:
        raise InvalidInputError(f"logo must be a file name ({error}).") from None
    address, problem = image_address(file, LOGO_TYPES)
    if problem:
        raise InvalidInputError(f"The logo {file} cannot be used: {problem}.")
    return address


def image_address(file: Path, types: dict[str, str]) -> tuple[str, str]:
    """Return an image as a ``data:`` URL, and the problem with the file; one of the two is empty.

    The type is found from the content, not from the suffix.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_IMAGE_BYTES + 1)
    except (OSError, ValueError) as error:
        return "", (error.strerror if isinstance(error, OSError) else None) or "it cannot be read"
    if len(content) > MAX_IMAGE_BYTES:
        return "", "it is larger than 1 MB"
    media_type = _media_type(content)
    if media_type not in types:
        *others, last = types.values()
        return "", f"it is not an image of type {', '.join(others)} or {last}"
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}", ""


def embed_images(page: str, folder: Path) -> str:
    """Embed images of local files in a page, and replace each other image with the reason why it is left out.

    Parameters
    ----------
    page
        The HTML. Images with a ``data:`` URL stay as they are.
    folder
        The folder of relative paths.

    Warns
    -----
    UserWarning
        An image is left out; the warning has the reason.
    """

    def embed(found: re.Match[str]) -> str:
        tag = found[0]
        source = re.search(r"""\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", tag, re.IGNORECASE)
        name = html.unescape(next((text for text in source.groups() if text is not None), "")) if source else ""
        if source is None or name.startswith("data:"):
            return tag
        address, problem = _local_image(name, folder)
        if problem:
            text = f"The image {name} is left out: {problem}."
            warnings.warn(text, UserWarning, stacklevel=2)
            return f'<span class="left-out">{html.escape(text)}</span>'
        return f'{tag[: source.start()]} src="{address}"{tag[source.end() :]}'

    return re.sub(r"<img\b[^>]*>", embed, page, flags=re.IGNORECASE)


def _local_image(name: str, folder: Path) -> tuple[str, str]:
    try:
        parts = urlsplit(name)
    except ValueError:
        return "", "its address cannot be read"
    is_drive = len(parts.scheme) == 1  # C:\images\chart.png
    if (parts.scheme not in {"", "file"} and not is_drive) or parts.netloc:
        return "", "it is not a file of this computer, and a report loads nothing from elsewhere"
    path = unquote(name if is_drive else parts.path)
    return image_address(folder / path, IMAGE_TYPES)


def _media_type(content: bytes) -> str:
    """Return the type of an image, found from its first bytes or its root element; empty if it is unknown."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        # Only the root element is checked; a browser refuses errors after it.
        _, root = next(ET.iterparse(io.BytesIO(content), ["start"]))  # noqa: S314 - expat limits the size of entities
    except (ET.ParseError, ValueError, LookupError):
        return ""
    return "image/svg+xml" if root.tag == "{http://www.w3.org/2000/svg}svg" else ""
