"""XMP packets as XML trees: safe parsing of hostile packets, and access to properties.

RDF can write the same property as an attribute or as an element, and a structure as attributes, nested elements or a
nested description. The functions here treat all forms alike. Everything else in the packet stays unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.dom.minidom import Attr, Comment, Document, Element, Node, ProcessingInstruction, Text, parseString
from xml.parsers.expat import ExpatError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMLNS = "http://www.w3.org/2000/xmlns/"
_XML = "http://www.w3.org/XML/1998/namespace"
_CONTAINERS = ("Alt", "Bag", "Seq")
_MAX_SIZE = 64 << 20  # bytes; depth maps inside XMP have some megabytes
_MAX_TAGS = 100_000
_MAX_DEPTH = 100

Property = Attr | Element
Name = tuple[str, str]  # namespace and local name


class DamagedXmpError(ValueError):
    """The packet is not well-formed XMP, or parsing it would take too much time or memory."""


def parse(packet: bytes) -> Document:
    """Parses a packet.

    Raises:
        DamagedXmpError: it is not XML with an ``rdf:RDF`` element; it declares a document type, which XMP never needs
            and which can make a small packet expand without end; or it is too large or too deep.
    """
    if len(packet) > _MAX_SIZE:
        raise DamagedXmpError(f"{len(packet):,} bytes, more than {_MAX_SIZE:,}")
    text = _decode(packet)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DamagedXmpError("it declares a document type")
    if text.count("<") > 2 * _MAX_TAGS:
        raise DamagedXmpError(f"more than {_MAX_TAGS:,} elements")
    try:
        document = parseString(text.encode())
    except (ExpatError, ValueError) as error:
        raise DamagedXmpError(f"not well-formed ({error})") from None
    _check_depth(document)
    find_rdf(document)
    return document


def _decode(packet: bytes) -> str:
    encodings = {b"\xef\xbb": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le"}
    encodings[b"\0<"] = "utf-16-be"
    try:
        text = packet.decode(encodings.get(packet[:2], "utf-8"))
    except UnicodeDecodeError:
        raise DamagedXmpError("not valid Unicode") from None
    text = text.strip("\0 \t\r\n\ufeff")
    return re.sub(r"^<\?xml\s.*?\?>", "", text, count=1, flags=re.DOTALL)  # it names the old encoding


def _check_depth(document: Document) -> None:
    level: list[Node] = [document]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in node.childNodes]
        if not level:
            return
    raise DamagedXmpError(f"more than {_MAX_DEPTH} levels deep")


def serialise(document: Document) -> bytes:
    """The packet of a tree."""
    parts: list[str] = []
    for node in document.childNodes:
        _write(node, parts)
    return "".join(parts).encode()


def _write(node: Node, parts: list[str]) -> None:
    if isinstance(node, Element):
        attributes = (f' {name}="{_escape(value, quote=True)}"' for name, value in node.attributes.items())
        parts.append(f"<{node.tagName}{''.join(attributes)}")
        if node.childNodes:
            parts.append(">")
            for child in node.childNodes:
                _write(child, parts)
            parts.append(f"</{node.tagName}>")
        else:
            parts.append("/>")
    elif isinstance(node, Text):
        parts.append(_escape(node.data))
    elif isinstance(node, ProcessingInstruction):
        parts.append(f"<?{node.target} {node.data}?>")
    elif isinstance(node, Comment):
        parts.append(f"<!--{node.data}-->")


def _escape(text: str, *, quote: bool = False) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    # a parser would turn white space inside an attribute into blanks
    return text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;") if quote else text


def find_rdf(document: Document) -> Element:
    """The ``rdf:RDF`` element.

    Raises:
        DamagedXmpError: there is none.
    """
    found = document.getElementsByTagNameNS(RDF, "RDF")
    if not found:
        raise DamagedXmpError("no rdf:RDF element")
    rdf: Element = found[0]
    return rdf


def get_name(node: Property) -> Name:
    """Namespace and local name of a property."""
    return node.namespaceURI or "", node.localName or ""


def list_properties(document: Document) -> list[Property]:
    """All properties of the picture, whichever form they have."""
    return [p for description in _child_elements(find_rdf(document)) for p in _list_own(description)]


def list_fields(node: Property) -> list[Property]:
    """The fields of a structure; none where the property is a plain value."""
    if isinstance(node, Attr):
        return []
    fields: list[Property] = []
    for own in _list_own(node):
        if isinstance(own, Element) and get_name(own) == (RDF, "Description"):
            fields += _list_own(own)
        else:
            fields.append(own)
    return fields


def find_field(node: Property, local_name: str) -> Property | None:
    """A field of a structure by its local name; structures have all their fields in one namespace."""
    return next((field for field in list_fields(node) if field.localName == local_name), None)


def list_items(node: Property) -> list[Element]:
    """The items of an array."""
    if isinstance(node, Attr):
        return []
    containers = [c for c in _child_elements(node) if c.namespaceURI == RDF and c.localName in _CONTAINERS]
    return [item for container in containers for item in _child_elements(container) if get_name(item) == (RDF, "li")]


def _list_own(element: Element) -> list[Property]:
    attributes = [element.attributes.item(index) for index in range(element.attributes.length)]
    named = [a for a in attributes if isinstance(a, Attr) and a.namespaceURI not in (None, RDF, XMLNS, _XML)]
    return [*named, *_child_elements(element)]


def _child_elements(element: Element) -> Iterator[Element]:
    return (child for child in element.childNodes if isinstance(child, Element))


def get_text(node: Property) -> str:
    """The value of a plain property."""
    if isinstance(node, Attr):
        return str(node.value)
    return "".join(child.data for child in node.childNodes if isinstance(child, Text))


def set_text(node: Property, text: str) -> None:
    """Overwrites the value of a plain property."""
    if isinstance(node, Attr):
        node.value = text
        return
    while node.firstChild is not None:
        node.removeChild(node.firstChild)
    value = Text()
    value.data = text
    value.ownerDocument = node.ownerDocument
    node.appendChild(value)


def remove(node: Property) -> None:
    """Takes a property out of its tree."""
    if isinstance(node, Attr):
        if node.ownerElement is not None:
            node.ownerElement.removeAttributeNode(node)
    elif node.parentNode is not None:
        node.parentNode.removeChild(node)
