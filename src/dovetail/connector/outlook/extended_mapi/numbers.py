"""The numbers of MAPI, as pywin32 takes them (MAPIDefS.h, MAPITags.h).

Property tags are positive, whatever their highest bit. Flags are read as a signed long of 32 bits: MAPI_UNICODE is
negative. Constants that pywin32 exports in some versions only are all spelled out here.
"""

from __future__ import annotations

from dovetail.connector.outlook.properties import Property, PropertyType

ERROR_TYPE = 0x000A
TYPE_MASK = 0xFFFF
NO_ID = 0  # of a named property that the store has never heard of: its tag is that of an error

# MAPIInitialize and MAPILogonEx
INIT_VERSION, MULTITHREAD_NOTIFICATIONS = 0, 1
EXTENDED, USE_DEFAULT, NO_MAIL, NEW_SESSION = 0x20, 0x40, 0x8000, 0x2
UNICODE = -0x80000000

# opening, creating, saving
NO_DIALOG, BEST_ACCESS, MODIFY, CREATE = 0x1, 0x10, 0x1, 0x2
KEEP_OPEN_READWRITE = 0x2
MESSAGE_MOVE = 0x1
PARTIAL_COMPLETION = 263808  # a success: something could not be done

# restrictions
AND, OR, NOT, CONTENT, PROPERTY, EXIST = 0, 1, 2, 3, 4, 8
LESS, GREATER, EQUAL = 0, 2, 4
PREFIX_IGNORING_CASE = 0x10002

# rights in PR_ACCESS, traits of stores and folders
MAY_MODIFY, MAY_READ, MAY_DELETE, MAY_CREATE_CONTENTS = 0x1, 0x2, 0x4, 0x10
STORE_MODIFY_OK, STORE_READ_ONLY = 0x8, 0x2
SEARCH_FOLDER = 2
ATTACHED_MESSAGE = 5

# notifications
TABLE_MODIFIED = 0x100

# Of messages, folders and stores, beside those in `properties`.
NAME = 0x3001001F
DEFAULT_STORE = 0x3400000B
STORE_PROVIDER = 0x34140102
STORE_SUPPORT = 0x340D0003
SUBTREE, WASTEBASKET = 0x35E00102, 0x35E30102
DATA_FILE_PATH = 0x6700001F
CONTENT_COUNT, FOLDER_TYPE = 0x36020003, 0x36010003
PARENT = 0x0E090102
LONG_TERM_ID = 0x66700102
ATTACHMENT_NUMBER, ATTACHMENT_METHOD, ATTACHED_OBJECT = 0x0E210003, 0x37050003, 0x3701000D

BODY = Property("PidTagBody", None, 0x1000, PropertyType.STRING, "", "MS-OXCMSG")
MESSAGE_FLAGS = Property("PidTagMessageFlags", None, 0x0E07, PropertyType.INTEGER, "flags", "MS-OXCMSG")
MESSAGE_READ = 0x1
PUBLIC_PROVIDER = bytes.fromhex("78B2FA70AFF711CD9BC800AA002FC45A")


def with_id(number: int, kind: int) -> int:
    return number << 16 | kind


def is_error(tag: int) -> bool:
    return tag & TYPE_MASK == ERROR_TYPE
