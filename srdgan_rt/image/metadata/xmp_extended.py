"""Extended XMP in JPEG files: packets above 64 kB are divided into a main packet and an extension."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from xml.dom.minidom import Document, Element

from srdgan_rt.image.metadata.xmp import (
    XMLNS,
    DamagedXmpError,
    Property,
    find_rdf,
    get_name,
    get_text,
    list_properties,
    parse,
    remove,
    serialise,
)

_NOTE = "http://ns.adobe.com/xmp/note/"
_REFERENCE = (_NOTE, "HasExtendedXMP")
_MAX_PROPERTIES = 10_000  # dividing more would take minutes


def merge(packet: bytes, extensions: Mapping[str, bytes]) -> bytes:
    """Puts an extension back into its main packet.

    Args:
        packet: the main packet.
        extensions: complete extensions by their GUID, 32 hexadecimal digits in upper case.

    Returns:
        One packet; the main packet unchanged where it names no extension, or one that is missing.

    Raises:
        DamagedXmpError: one of the two cannot be parsed.
    """
    document = parse(packet)
    reference = next((node for node in list_properties(document) if get_name(node) == _REFERENCE), None)
    extension = None if reference is None else extensions.get(get_text(reference).strip().upper())
    if reference is None or extension is None:
        return packet
    remove(reference)
    _append(document, parse(extension))
    return serialise(document)


def _append(document: Document, extension: Document) -> None:
    """Adds the properties of another tree that the first one does not have."""
    known = {get_name(node) for node in list_properties(document)}
    for node in list_properties(extension):
        if get_name(node) in known:
            remove(node)
    rdf = find_rdf(document)
    inherited = _list_namespaces(find_rdf(extension))
    for description in [child for child in find_rdf(extension).childNodes if isinstance(child, Element)]:
        for name, uri in inherited.items():
            if not description.hasAttribute(name):
                description.setAttributeNS(XMLNS, name, uri)
        rdf.appendChild(document.importNode(description, True))


def _list_namespaces(element: Element) -> dict[str, str]:
    """The namespace declarations that hold inside an element: attribute names to URIs."""
    found: dict[str, str] = {}
    node: object = element
    while isinstance(node, Element):
        found = {n: v for n, v in node.attributes.items() if n == "xmlns" or n.startswith("xmlns:")} | found
        node = node.parentNode
    return found


def split(packet: bytes, max_size: int) -> tuple[bytes, bytes | None, str]:
    """Divides a packet so that its main part has at most ``max_size`` bytes.

    Returns:
        The main packet, the extension (None where none is needed) and the extension's GUID.

    Raises:
        DamagedXmpError: the packet cannot be parsed, or has too many properties or none.
    """
    if len(packet) <= max_size:
        return packet, None, ""
    main, extension = parse(packet), parse(packet)
    moved: set[int] = set()
    sizes = [_measure(node) for node in list_properties(main)]
    if len(sizes) > _MAX_PROPERTIES:
        raise DamagedXmpError(f"more than {_MAX_PROPERTIES:,} properties")
    excess = len(serialise(main)) + 200 - max_size  # the reference to the extension takes about 150 bytes
    for index in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        if excess <= 0:
            break
        moved.add(index)
        excess -= sizes[index]
    _remove_properties(main, moved)
    _remove_properties(extension, set(range(len(sizes))) - moved)
    for child in list(extension.childNodes):
        if child is not extension.documentElement:  # an extension has no wrapper
            extension.removeChild(child)
    extended = serialise(extension)
    guid = hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()
    description = next((child for child in find_rdf(main).childNodes if isinstance(child, Element)), None)
    if description is None:
        raise DamagedXmpError("no properties, yet too large")
    description.setAttributeNS(XMLNS, "xmlns:xmpNote", _NOTE)
    description.setAttributeNS(_NOTE, "xmpNote:HasExtendedXMP", guid)
    return serialise(main), extended, guid


def _measure(node: Property) -> int:
    return len(node.toxml().encode()) if isinstance(node, Element) else len(node.name) + len(node.value) + 4


def _remove_properties(document: Document, indices: set[int]) -> None:
    properties = list_properties(document)
    for index in indices:
        remove(properties[index])
