"""The check server's doors for machines, version 1 (patent part 701)."""

from menpiao.centre.check.board_doors import BOARD
from menpiao.centre.check.device_scheme import BASE, DEVICE, DEVICE_REFUSED
from menpiao.centre.check.lane_doors import LANE_DOORS
from menpiao.centre.doors.table import Door, Link, Table
from menpiao.domain.reasons import Reason
from menpiao.wire.check import (
    LINK_SUBPROTOCOL,
    Answer,
    Ask,
    Challenge,
    Enrolled,
    Enrolment,
    Proof,
    Session,
)
from menpiao.wire.fleet import KeyRoll, KeyRolled
from menpiao.wire.link import LinkDown, LinkUp

LONGEST_MESSAGE = 4096
LONGEST_FRAME = 16 * 1024
UNSUPPORTED_DATA = 1003
TOO_BIG = 1009
BAD_GREETING = 4400
NOT_ALLOWED = 4401
SILENT = 4408


ENROL = Door(
    name="enrol",
    method="POST",
    path=f"{BASE}/devices",
    zh="用一次性登记码登记设备公钥；同码同钥重复提交得到同一编号",
    en="Enrol a device's key for a one-time code; the same code and key give the same place again",
    body=Enrolment,
    longest=LONGEST_MESSAGE,
    answer=Enrolled,
    status=201,
    refuses=(Reason.NOT_PERMITTED,),
)
CHALLENGE = Door(
    name="challenge",
    method="POST",
    path=f"{BASE}/challenges",
    zh="取一个待签名的挑战",
    en="A challenge to sign",
    answer=Challenge,
)
SESSION = Door(
    name="session",
    method="POST",
    path=f"{BASE}/sessions",
    zh="用签名换取会话令牌",
    en="A session token for a signed challenge",
    body=Proof,
    longest=LONGEST_MESSAGE,
    answer=Session,
    refuses=DEVICE_REFUSED,
)
ADMISSION = Door(
    name="admission",
    method="POST",
    path=f"{BASE}/admissions",
    zh="持此证件者可否通行；同一 nonce 重复询问得到同一答复",
    en="May the holder of this document pass? The same nonce again gets the same answer",
    auth=DEVICE,
    body=Ask,
    longest=LONGEST_MESSAGE,
    answer=Answer,
    refuses=(*DEVICE_REFUSED, Reason.NOT_PERMITTED, Reason.TOKEN_REUSED),
)
LINK = Link(
    name="link",
    path=f"{BASE}/link",
    zh="闸机长连接：先收 hello，回 proof，收 welcome 后即可询问",
    en="A gate's persistent link: hello, proof, welcome, then asks and answers as they come",
    subprotocol=LINK_SUBPROTOCOL,
    up=LinkUp,
    down=LinkDown,
    longest=LONGEST_FRAME,
    closes={
        UNSUPPORTED_DATA: ("收到二进制帧", "a binary frame came"),
        1007: ("文本帧不是 UTF-8", "a text frame is not UTF-8"),
        TOO_BIG: ("消息过长", "a message is too long"),
        1012: ("服务器正在停止，请稍后重连", "the server is stopping: connect again"),
        BAD_GREETING: (
            "第一条消息不是 proof，或 10 秒内未到",
            "the first message is no proof, or did not come within 10 s",
        ),
        NOT_ALLOWED: ("设备未登记、已停用或签名不符", "device unknown or revoked, or not proved"),
        SILENT: ("心跳超时", "silent for four heart-beats"),
    },
)

KEYS = Door(
    name="roll_key",
    method="POST",
    path=f"{BASE}/keys",
    zh="更换设备密钥：旧钥与新钥各签一次，立即生效；重复提交结果相同",
    en="Roll a device's key, signed by both; it holds at once, and a repeat changes nothing",
    body=KeyRoll,
    longest=LONGEST_MESSAGE,
    answer=KeyRolled,
    refuses=(*DEVICE_REFUSED, Reason.BAD_REQUEST, Reason.NOT_PERMITTED),
)

TABLE = Table(
    server="check",
    base=BASE,
    zh="检票服务器（701）：设备登记、会话、检票",
    en="Check server (701): enrolment, sessions, admissions",
    doors=(ENROL, CHALLENGE, SESSION, ADMISSION, KEYS, *LANE_DOORS, BOARD),
    links=(LINK,),
)
