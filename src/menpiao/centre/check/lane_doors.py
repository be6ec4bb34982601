"""The check server's doors for lanes besides asks, version 1."""

from menpiao.centre.check.device_scheme import BASE, DEVICE, DEVICE_REFUSED
from menpiao.centre.doors.table import Door
from menpiao.domain.reasons import Reason
from menpiao.wire.bundle import Manifest
from menpiao.wire.check import FoundTickets, Search, SignIn, StaffKnown, Undo, Undone
from menpiao.wire.fleet import Lines, LinesKept
from menpiao.wire.lane import (
    ContentHeaders,
    ContentPath,
    DayPath,
    Passages,
    Recorded,
    Report,
    Reported,
)

OCTETS = "application/octet-stream"
_LONGEST_REPORT = 512 * 1024
_STAFF = (*DEVICE_REFUSED, Reason.NOT_PERMITTED)

BUNDLE = Door(
    name="bundle",
    method="GET",
    path=f"{BASE}/bundles/{{day}}",
    zh="某日的离线数据包清单（昨天、今天、明天），由中心签名",
    en="The manifest of a day's bundle (yesterday, today, tomorrow), signed by the centre",
    auth=DEVICE,
    path_values=DayPath,
    answer=Manifest,
    refuses=(*DEVICE_REFUSED, Reason.BAD_REQUEST),
)
CONTENT = Door(
    name="bundle_content",
    method="GET",
    path=f"{BASE}/bundles/{{day}}/{{horizon}}",
    zh="数据包内容（zlib），可用 Range 续传；已更换时请重取清单",
    en="A bundle's content (zlib), resumable by Range; once replaced, ask for the manifest again",
    auth=DEVICE,
    path_values=ContentPath,
    headers=ContentHeaders,
    answer=bytes,
    media=OCTETS,
    refuses=(*DEVICE_REFUSED, Reason.NO_SUCH_ADDRESS),
    others={206: bytes},
)
REPORTS = Door(
    name="report",
    method="POST",
    path=f"{BASE}/reports",
    zh="上报脱网期间的验票；每个 nonce 只计一次，冲突单独标明",
    en="Scans decided without the centre; a nonce counts once, conflicts are named",
    auth=DEVICE,
    body=Report,
    longest=_LONGEST_REPORT,
    answer=Reported,
    refuses=DEVICE_REFUSED,
)
PASSAGES = Door(
    name="passages",
    method="POST",
    path=f"{BASE}/passages",
    zh="上报闸机的开闸与通行；序号重复不重复记录",
    en="What barriers did and counted; a sequence again records nothing",
    auth=DEVICE,
    body=Passages,
    longest=_LONGEST_REPORT,
    answer=Recorded,
    refuses=_STAFF,
)
UNDOS = Door(
    name="undo",
    method="POST",
    path=f"{BASE}/undos",
    zh="撤销一次验票：本机 15 分钟内，主管不限",
    en="Take an admission back: by its lane within 15 minutes, by a supervisor later",
    auth=DEVICE,
    body=Undo,
    answer=Undone,
    refuses=(
        *_STAFF,
        Reason.TOKEN_REUSED,
        Reason.UNDO_TOO_LATE,
        Reason.UNDO_NOT_POSSIBLE,
    ),
)
STAFF = Door(
    name="staff",
    method="POST",
    path=f"{BASE}/staff",
    zh="核对员工的工号与密码；错误五次，该工号在此设备停一分钟",
    en="Verify a badge and its PIN; five wrong ones pause that badge at this device for a minute",
    auth=DEVICE,
    body=SignIn,
    answer=StaffKnown,
    refuses=(*_STAFF, Reason.RATE_LIMITED),
)
SEARCHES = Door(
    name="search",
    method="POST",
    path=f"{BASE}/searches",
    zh="员工按订单号或手机尾号查找今日门票",
    en="Staff look up tickets of today by order number or the end of a telephone",
    auth=DEVICE,
    body=Search,
    answer=FoundTickets,
    refuses=_STAFF,
)
LOGS = Door(
    name="logs",
    method="POST",
    path=f"{BASE}/logs",
    zh="按中心要求上报最近的日志行（不含证件号）",
    en="The last log lines, when the centre has asked for them; without document numbers",
    auth=DEVICE,
    body=Lines,
    longest=4 * 1024 * 1024,
    answer=LinesKept,
    refuses=(*_STAFF, Reason.BAD_REQUEST),
)
LANE_DOORS = (BUNDLE, CONTENT, REPORTS, PASSAGES, UNDOS, STAFF, SEARCHES, LOGS)
