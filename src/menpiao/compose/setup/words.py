"""What the technician is told and asked, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["zh", "en"]


def language_of(environment: Mapping[str, str]) -> Language:
    """The language of a terminal: Chinese unless its locale, or what it can show, says English.

    The bare console of Linux has no Chinese characters.
    """
    if environment.get("TERM") == "linux":
        return "en"
    named = next((environment[key] for key in _LOCALE if environment.get(key)), "")
    return "en" if named.lower().startswith("en") else "zh"


def word(key: str, language: Language, **values: object) -> str:
    """A text with its values filled in."""
    zh, en = WORDS[key]
    return (zh if language == "zh" else en).format(**values)


_LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")

WORDS: Final[dict[str, tuple[str, str]]] = {
    # the course of things
    "title": ("门票 · 检票通道安装", "menpiao · setting up a lane"),
    "stop_any_time": (
        "回车取括号中的默认值，Ctrl-C 随时退出（退出则不改动配置文件）。",
        "Enter takes the default in brackets; Ctrl-C ends at any time and changes no file.",
    ),
    "old_file": (
        "已有配置文件 {path}：未更换的设置保留。",
        "There is a configuration, {path}: what is not set anew stays.",
    ),
    "old_file_bad": (
        "已有配置文件不能使用，将重新建立（原文件保留备份）：{error}",
        "The configuration there cannot be used and is made anew (a backup is kept): {error}",
    ),
    "scanning": (
        "正在查找设备：{count} 处，只询问，不打印、不动闸……",
        "Looking for devices: {count} places; asking only, nothing prints or moves …",
    ),
    "scan_again": ("再查找一次？", "Look again?"),
    "progress": ("  [{done}/{count}] {place}：{what}", "  [{done}/{count}] {place}: {what}"),
    "nothing_there": ("没有", "nothing"),
    "nothing_known": ("无应答", "no answer"),
    "nonsense": (
        "有应答但无法识别（{heard} 字节）",
        "something answers, and it is nothing known ({heard} bytes)",
    ),
    "found_head": ("查找结果：", "Found:"),
    "found_none": (
        "没有找到设备。检查供电和接线后可再查找，或手工输入地址。",
        "No device was found. Check power and cables and look again, or type an address.",
    ),
    "found": ("{part}  {where}  〔{sure}〕{how}", "{part}  {where}  [{sure}] {how}"),
    "found_trouble": ("{found}；注意：{trouble}", "{found}; attention: {trouble}"),
    "found_free": ("未识别的串口  {where}  {title}", "unrecognised port  {where}  {title}"),
    "found_closed": ("看不到  {where}  {why}", "not looked at  {where}  {why}"),
    "sure_3": ("确定", "certain"),
    "sure_2": ("很可能", "likely"),
    "sure_1": ("可能", "possible"),
    "closed_absent": ("不存在或连接不上", "is not there, or does not connect"),
    "closed_busy": (
        "被其他程序占用（先停止检票程序：systemctl stop menpiao-gate@…）",
        "is used by another program (stop the lane first: systemctl stop menpiao-gate@…)",
    ),
    "closed_denied": (
        "没有权限（把用户加入 dialout、lp、input 组后重新登录）",
        "no permission (add the user to the groups dialout, lp, input and log in again)",
    ),
    "closed_lost": ("查看时断开", "was lost while being looked at"),
    "closed_stuck": ("不接收数据", "takes no bytes"),
    "closed_unknown": ("连接得上，但无法识别", "connects, and is nothing known"),
    # how something was recognised
    "how_sam": ("安全模块应答，编号 {sam_id}", "a safe module answered, number {sam_id}"),
    "how_status": ("应答 ESC/POS 状态询问", "answered the status questions of ESC/POS"),
    "how_printer_port": (
        "9100 端口可连接，但不应答",
        "connects on a printer's port and does not answer",
    ),
    "how_usb_file": ("系统识别为 USB 打印机", "the system has it as a USB printer"),
    "how_descriptor": ("按 USB 描述符", "by its USB descriptor"),
    "how_modbus": ("应答 Modbus 读输入", "answered the Modbus question for its inputs"),
    "how_counters": ("应答人数查询：{zh}", "answered with its counters: {en}"),
    "how_relay_chip": (
        "无应答，芯片 CH340，LCUS 继电器常用",
        "silent, with the chip CH340 that LCUS relays have",
    ),
    "how_named": ("设备名称：{title}", "calls itself {title}"),
    "how_keyboard": (
        "键盘类设备（也可能就是键盘）：{title}",
        "types (it may be a keyboard indeed): {title}",
    ),
    "how_heard": ("扫到了码", "a code came from it"),
    "how_typed": ("手工输入", "typed by hand"),
    # parts
    "part_reader": ("身份证阅读器", "ID-card reader"),
    "part_printer": ("小票打印机", "slip printer"),
    "part_scanner": ("扫码器", "scanner"),
    "part_barrier": ("闸机", "barrier"),
    "part_led": ("LED 屏", "LED line"),
    "part_head": ("—— {part} ——", "—— {part} ——"),
    # choosing
    "yes_or_no": ("请输入 y 或 n。", "Please answer y or n."),
    "not_an_option": ("没有 {answer} 这一项。", "There is no {answer}."),
    "choose": ("选择{part}", "Which {part}"),
    "keep_old": ("保留原设置：{where}", "keep what the file has: {where}"),
    "type_address": ("手工输入地址", "type an address"),
    "listen_all": (
        "在 {count} 个未识别的串口上等一个码",
        "wait for a code on the {count} unrecognised ports",
    ),
    "skip": ("不接（跳过）", "none (skip)"),
    "address_reader": (
        "地址：/dev/… 串口，usb，主机:端口，listen:端口（转换器呼入），厂家库 /…/xxx.so",
        "Address: /dev/… (serial), usb, HOST:PORT, listen:PORT (it calls us), a library /…/x.so",
    ),
    "address_printer": (
        "地址：主机 或 主机:端口（默认 9100），/dev/… 串口，/dev/usb/lp0，usb，file:/路径",
        "Address: HOST or HOST:PORT (9100), /dev/… (serial), /dev/usb/lp0, usb, file:/PATH",
    ),
    "address_scanner": (
        "地址：/dev/… 串口，/dev/input/… 键盘，主机:端口，listen:端口",
        "Address: /dev/… (serial), /dev/input/… (types), HOST:PORT, listen:PORT",
    ),
    "address_barrier": (
        "地址：/dev/… 串口，或 主机:端口",
        "Address: /dev/… (serial), or HOST:PORT",
    ),
    "address_led": (
        "地址：/dev/… 串口，主机:端口，listen:端口",
        "Address: /dev/… (serial), HOST:PORT, listen:PORT",
    ),
    "address_bad": ("看不懂这个地址：{text}", "That is no address: {text}"),
    "address_unfit": ("{part}不能这样连接：{text}", "A {part} is not reached like that: {text}"),
    "which_driver": ("选择驱动", "Which driver"),
    "which_profile": ("选择型号", "Which make"),
    "which_rate": ("波特率", "Rate in baud"),
    "never_on_device": (
        "（此驱动尚未在真实设备上试过）",
        "(this driver has not been tried on a real device)",
    ),
    # trying
    "assumed": ("未试（--yes）。", "Not tried (--yes)."),
    "try_failed": ("不能使用：{why}", "It cannot be used: {why}"),
    "after_failure": ("怎么办", "What now"),
    "again": ("再试一次", "try again"),
    "other": ("换一个设备、驱动或地址", "choose another device, driver or address"),
    "keep_untested": ("仍然采用（未通过试验）", "take it all the same (not proven)"),
    "lay_card": (
        "请在 {where} 上放一张身份证（{wait} 秒内；回车跳过试验）……",
        "Please lay an ID card on {where} (within {wait} s; Enter leaves the trial out) …",
    ),
    "card_read": ("读到：{name} {number}（{kind}）", "Read: {name} {number} ({kind})"),
    "card_again": ("没读好，请重放。", "It was not read well: please lay it again."),
    "card_none": ("没有读到证件。", "No card was read."),
    "card_right": ("是这张证件吗？", "Is that the card?"),
    "reader_ready": ("阅读器就绪，安全模块 {sam_id}", "The reader is ready, safe module {sam_id}"),
    "show_code": (
        "请扫一个码，试印小票上的最好（{wait} 秒内；回车跳过）……",
        "Please scan a code, best the one on the test slip (within {wait} s; Enter: none) …",
    ),
    "code_read": (
        "{where}（{baud}）：读到 {size} 个字符，{what}",
        "{where} ({baud}): {size} characters, {what}",
    ),
    "code_ours": ("正是试印小票上的码", "the very code of the test slip"),
    "code_passport": ("护照机读码", "the machine readable zone of a passport"),
    "code_other": ("开头“{start}”", "beginning with “{start}”"),
    "code_noise": (
        "{where}：有数据但看不懂，换波特率 {baud}，请再扫一次……",
        "{where}: something came that cannot be read; now at {baud} baud: please scan again …",
    ),
    "code_none": ("没有收到码。", "No code came."),
    "keyboard_taken": (
        "试验期间此设备独占：若它就是您正在用的键盘，请等 {wait} 秒。",
        "It is taken from everybody during the trial: should it be your keyboard, wait {wait} s.",
    ),
    "another_scanner": (
        "还有扫码器或护照阅读器吗？",
        "Is there another scanner or passport reader?",
    ),
    "printing": ("正在打印试验小票……", "Printing a test slip …"),
    "print_unknown": (
        "已送出；此打印机不报告自己的状态。",
        "Handed over; this printer says nothing about itself.",
    ),
    "print_done": ("打印机报告完成。", "The printer says that it is done."),
    "slip_right": (
        "小票上的中文、生僻字“䶮 㛃 𠮷”和二维码都对吗？",
        "Are the Chinese, the rare characters “䶮 㛃 𠮷” and the QR code all right?",
    ),
    "barrier_ready": ("闸机板就绪。", "The board is ready."),
    "pulse": (
        "将开闸一次。请确认通道内没有人。现在开闸？",
        "The barrier will be opened once. See that nobody stands in it. Open now?",
    ),
    "pulse_opened": ("控制板已确认。", "The board has acknowledged."),
    "pulse_unknown": (
        "命令已发出（此板不应答）。",
        "The order was sent (this board says nothing).",
    ),
    "pulse_failed": ("控制板没有执行。", "The board did not do it."),
    "walk": (
        "请从通道走过一次（{wait} 秒内；回车跳过）……",
        "Please walk through once (within {wait} s; Enter leaves it out) …",
    ),
    "walked": ("看到有人通过。", "Somebody was seen to pass."),
    "walked_not": (
        "没有看到通过：请检查通行信号的接线。",
        "Nobody was seen: check the wiring of the passage signal.",
    ),
    "did_it_open": ("闸机打开了吗？", "Did it open?"),
    "not_pulsed": (
        "没有试开的闸机不写入配置。",
        "A barrier that nobody saw open is not written down.",
    ),
    "direction": ("这里的通行方向", "Which way do people walk here"),
    "direction_in": ("入口", "in"),
    "direction_out": ("出口", "out"),
    "direction_both": ("双向", "both"),
    "led_shown": ("已发送“{text}”。", "“{text}” was sent."),
    "led_right": ("屏上显示正确吗？", "Does the line show it?"),
    "no_scan_for_led": (
        "LED 屏不应答，查找不到：有的话请输入地址。",
        "LED lines say nothing and cannot be found: type the address if there is one.",
    ),
    # troubles of devices, by their codes
    "port_absent": ("端口不存在或连接不上", "the port is not there, or does not connect"),
    "port_busy": ("端口被其他程序占用", "the port is used by another program"),
    "port_denied": ("没有端口权限", "no permission for the port"),
    "port_lost": ("连接断开", "the connection was lost"),
    "port_unavailable": ("打不开打印机端口", "the printer's port cannot be opened"),
    "silent": ("没有应答", "it does not answer"),
    "self_test": ("安全模块自检失败", "the safe module failed its self-test"),
    "not_authorised": ("安全模块未授权", "the safe module is not authorised"),
    "link": ("应答总是损坏，检查线缆", "its answers are damaged: check the cable"),
    "refused": ("控制板拒绝：型号或地址不对", "the board refuses: wrong model or address"),
    "paper_out": ("缺纸", "out of paper"),
    "cover_open": ("上盖打开", "the cover is open"),
    "cutter_error": ("切刀故障", "the knife is stuck"),
    "device_error": ("打印机故障", "the printer reports an error"),
    "too_hot": ("打印头过热", "the print head is too hot"),
    "file_unwritable": ("文件写不进去", "the file cannot be written"),
    "no_answers": ("这种连接没有应答", "nothing can answer on this way"),
    "unreachable": ("连接不上", "it cannot be reached"),
    "connection_lost": ("连接中断", "the connection was lost"),
    "time_out": ("超时", "it took too long"),
    "code_too_large": ("二维码太大", "the code is too large for the paper"),
    # enrolment
    "enrol_head": ("—— 登记到票务中心 ——", "—— enrolment at the centre ——"),
    "enrolled_already": (
        "本机已登记，设备号 {device}。",
        "This computer is enrolled as device {device}.",
    ),
    "enrol_anew": ("重新登记？", "Enrol again?"),
    "centre": ("票务中心地址（https://…）", "Address of the centre (https://…)"),
    "centre_bad": (
        "地址以 https:// 或 http:// 开头。",
        "An address begins with https:// or http://.",
    ),
    "authority": (
        "私有证书机构的 PEM 文件（没有则回车）",
        "PEM file of a private certificate authority (Enter: none)",
    ),
    "code": (
        "一次性登记码（管理后台生成；回车以后再登记）",
        "One-time code (made in the console; Enter: enrol later)",
    ),
    "enrol_failed": ("没有登记：{error}", "Not enrolled: {error}"),
    "enrolled": (
        "已登记：{site}，设备号 {device}，{gates}",
        "Enrolled: {site}, device {device}, {gates}",
    ),
    "which_gate": ("本通道是哪个检票口", "Which gate is this lane"),
    "gate_number": ("检票口编号（管理后台可查）", "The gate's number (the console shows it)"),
    "not_a_number": ("请输入正整数。", "Please give a whole number above 0."),
    # the end
    "written": ("已写入 {path}", "Written: {path}"),
    "backup": ("原文件保留为 {path}", "What was there is kept as {path}"),
    "checked": ("配置已由检票程序的读取部分验证。", "The lane's own loader accepts it."),
    "check_failed": ("配置不能使用，未改动文件：{error}", "Unfit, and no file changed: {error}"),
    "lane_unfit": ("配置已写入，但通道还不能启动：{error}", "Written, but no lane yet: {error}"),
    "summary": ("本通道：", "This lane:"),
    "summary_line": ("  {part}  {where}  {state}", "  {part}  {where}  {state}"),
    "state_proven": ("试验通过", "tried and right"),
    "state_unproven": ("未经试验", "not tried"),
    "state_none": ("没有", "none"),
    "state_old": ("沿用原设置", "as the file had it"),
    "reader_missing": (
        "没有阅读器：配置中先写 {port}，接好后重新运行安装。",
        "No reader: the file names {port}; connect one and set up again.",
    ),
    "enrol_next": ("还要登记：\n  {command}", "Still to do, enrol:\n  {command}"),
    "run_next": ("下一步：\n  {command}", "Next:\n  {command}"),
    "root_owned": (
        "本机没有用户 {user}；建立后请执行\n  chown -R {user} {path} {folder}",
        "There is no user {user} here; once there is\n  chown -R {user} {path} {folder}",
    ),
    "stopped": ("已退出，配置文件未改动。", "Ended; no configuration was changed."),
    "stopped_enrolled": (
        "本机已登记：再次运行安装时，一小时内可用同一登记码。",
        "This computer is enrolled: run it again, with the same code within the hour.",
    ),
    "input_ended": (
        "没有人回答了：配置文件未改动。",
        "Nobody answers any more: no configuration was changed.",
    ),
    # what is printed and shown
    "slip_title": ("试验小票", "TEST SLIP"),
    "slip_rare": ("生僻字：䶮 㛃 𠮷 犇", "Rare: 䶮 㛃 𠮷 犇"),
}
