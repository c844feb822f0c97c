"""PidLidPropertyDefinitionStream: which named texts of an item are fields of its User (PropertyDefinition, PropDefV2).

A named property that is written by MAPI is not among an item's UserProperties before this stream defines it. Only text
fields are made here, and nothing is read.
"""

from __future__ import annotations

from dovetail.connector.outlook.binary import u16, u32
from dovetail.connector.outlook.properties import COMMON_SET, Property, PropertyType

FIELD_DEFINITIONS = Property(
    "PidLidPropertyDefinitionStream", COMMON_SET, 0x8540, PropertyType.BINARY, "PropertyDefinition", "MS-OXPROPS"
)
_VERSION_2 = 0x0103
_CUSTOM = 0x45  # PDO_IS_CUSTOM | PDO_PRINT_SAVEAS | PDO_PRINT_SAVEAS_DEF
_VT_BSTR, _TEXT = 8, 0
_NO_TEXTS = bytes(4)  # formula, validation rule, validation text, error


def text_field(name: str) -> bytes:
    """The stream of an item with one field, a text. `name` is ASCII, of at most 254 characters."""
    wide, narrow, length = name.encode("utf-16-le"), name.encode("ascii"), bytes((len(name),))
    first_block = length + wide
    definition = b"".join(
        (
            *(u32(_CUSTOM), u16(_VT_BSTR), u32(0)),
            *(u16(len(name)), wide),
            *(length, narrow),
            *(_NO_TEXTS, u32(_TEXT)),
            *(u32(len(first_block)), first_block, u32(0)),
        )
    )
    return u16(_VERSION_2) + u32(1) + definition
