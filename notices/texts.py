"""What is said, in each language: short enough for one or two SMS, and safe on a locked screen.

No text and no parameter names a prison, an inmate or a kinship, nor says that there is one: a telephone lies
on the table where others read it (rules U5). Whoever wants to know more signs in. A reply tells date, time,
length and cautions, and where to read the reason of a refusal (rules U6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

# The only things a text may be filled with. `date` is ISO 8601, written out per language.
PARAMS = frozenset({"code", "minutes", "date", "time", "reference", "open", "soon", "late"})


@dataclass(frozen=True, slots=True)
class Text:
    """`subject` for channels that have one; `sms` says it all."""

    subject: str
    sms: str


@dataclass(frozen=True, slots=True)
class Template:
    """`reminder`: may not ring at night (`loud`: may, because it is about the next minutes)."""

    texts: dict[str, Text]
    reminder: bool = False
    loud: bool = False


def _template(
    zh: tuple[str, str], en: tuple[str, str], *, reminder: bool = False, loud: bool = False
) -> Template:
    return Template({"zh": Text(*zh), "en": Text(*en)}, reminder, loud)


TEMPLATES: dict[str, Template] = {
    "code": _template(
        ("验证码", "验证码 {code}，{minutes} 分钟内有效。请勿告诉任何人，工作人员也不会向您索要。"),
        (
            "Your code",
            "Your code is {code}, valid for {minutes} minutes. Tell it to nobody; our staff never ask.",
        ),
    ),
    "welcome": _template(
        ("账号已开通", "您的账号已开通。如非本人操作，请登录后查看“登录设备”。"),
        (
            "Your account is ready",
            "Your account is ready. If this was not you, sign in and look at your devices.",
        ),
    ),
    "relationship-received": _template(
        ("申请已收到", "您的申请已收到，审核有结果后会通知您。"),
        (
            "We have your application",
            "We have your application and will tell you when it is decided.",
        ),
    ),
    "relationship-papers": _template(
        ("请补充材料", "您的申请还缺材料，请登录查看缺什么并补交。审核时间从收到后继续计算。"),
        (
            "More papers are needed",
            "Your application lacks papers. Sign in to read which and to send them; the clock stands still until then.",
        ),
    ),
    "relationship-approved": _template(
        ("申请已通过", "您的申请已通过，现在可以登录预约视频时间。"),
        (
            "Your application was approved",
            "Your application was approved. You can now sign in and book a time.",
        ),
    ),
    "relationship-refused": _template(
        ("申请未通过", "您的申请未通过，原因请登录查看；补充材料后可以再次申请。"),
        (
            "Your application was refused",
            "Your application was refused. Sign in to read why; you can apply again.",
        ),
    ),
    "relationship-ended": _template(
        ("资格有变化", "您的一项申请资格已终止，原因请登录查看。"),
        ("A change to your account", "One of your approvals has ended. Sign in to read why."),
    ),
    "question-answered": _template(
        ("有新的答复", "您提交的一件事项已有答复，当事人可以查看；进展请登录查看。"),
        ("An answer was given", "What you asked for has been answered. Sign in to see how it stands."),
    ),
    "question-carried": _template(
        ("今天还没轮到", "您提交的一件事项今天未能办到，下一次将优先安排；进展请登录查看。"),
        ("Not reached today", "What you asked for was not reached today. It comes first next time."),
    ),
    "gathering-invited": _template(
        ("请您回复一件事", "有人请您参加一次视频谈话，是否参加由您决定；请登录查看并回复。"),
        (
            "You are asked to a talk",
            "You are asked to take part in a talk by video; whether you do is up to you. Sign in to answer.",
        ),
    ),
    "gathering-arranged": _template(
        ("谈话时间已定", "您答应参加的视频谈话已定好时间，请登录查看。"),
        ("Your talk has a time", "The talk by video that you agreed to has a time now. Sign in to see it."),
    ),
    "gathering-written": _template(
        ("谈话结果已写好", "您参加的谈话结果已写好，请登录阅读，并说明是否属实。"),
        (
            "The result is written",
            "The result of the talk you took part in is written. Sign in to read it and say whether it is right.",
        ),
    ),
    "clock-yellow": _template(
        ("事项即将到期", "您处办理的事项 {reference} 将于 {date} {time} 到期，请尽快办理。"),
        (
            "A matter is due soon",
            "Matter {reference} at your desk is due on {date}, {time}. Please see to it.",
        ),
    ),
    "clock-passed": _template(
        ("事项已超期", "您处办理的事项 {reference} 已于 {date} {time} 超期，现已移交上级办理。"),
        (
            "A matter is overdue",
            "Matter {reference} at your desk was due on {date}, {time}. It has been handed up.",
        ),
    ),
    "clock-yours": _template(
        ("超期事项移交", "下级超期的事项 {reference} 已移交您处，请于 {date} {time} 前办结。"),
        (
            "An overdue matter is yours",
            "Overdue matter {reference} was handed up to your desk. It is due on {date}, {time}.",
        ),
    ),
    "clock-handed": _template(
        ("新事项待办", "事项 {reference} 已转到您处，请于 {date} {time} 前办理。"),
        (
            "A matter has come to you",
            "Matter {reference} has come to your desk. It is due on {date}, {time}.",
        ),
    ),
    "digest": _template(
        ("今日待办", "您处在办 {open} 件，其中即将到期 {soon} 件，已超期 {late} 件。请登录查看。"),
        (
            "What is open today",
            "Open at your desk: {open}. Due soon: {soon}. Overdue: {late}. Sign in to see them.",
        ),
    ),
    "calendar-missing": _template(
        ("工作日历未录入", "{date} 起的工作日历尚未录入，期限将无法计算。请尽快录入。"),
        (
            "Working days are missing",
            "The working days from {date} on have not been entered. Deadlines cannot be reckoned. Please see to it.",
        ),
    ),
    "matter-moved": _template(
        ("事项有进展", "您提交的一件事项有新的进展，请登录查看。"),
        ("There is news", "There is news about what you asked for. Sign in to read it."),
    ),
    "booking-requested": _template(
        ("预约已提交", "您的视频预约已提交：{date} {time}，{minutes} 分钟。审核有结果后会通知您。"),
        (
            "Your booking is being checked",
            "We have your video booking: {date}, {time}, {minutes} minutes. We will tell you the decision.",
        ),
    ),
    "booking-approved": _template(
        ("预约已通过", "您的视频预约已通过：{date} {time}，{minutes} 分钟。安排好后会再次通知您。"),
        (
            "Your booking was approved",
            "Your video booking was approved: {date}, {time}, {minutes} minutes. We will confirm it soon.",
        ),
    ),
    "booking-confirmed": _template(
        (
            "预约已确认",
            (
                "视频预约已确认：{date} {time}，{minutes} 分钟，用您自己的手机或电脑即可。提前 15 分钟登录，备好证件，"
                "选择安静、无他人的地方，迟到时间不补。"
            ),
        ),
        (
            "Your booking is confirmed",
            (
                "Your video booking is confirmed: {date}, {time}, {minutes} minutes, on your own phone or "
                "computer. Sign in 15 minutes early, have your document ready, choose a quiet, private place. "
                "Time lost by being late is not given back."
            ),
        ),
    ),
    "booking-refused": _template(
        ("预约未通过", "您 {date} {time} 的视频预约未通过，原因请登录查看；您可以另选时间。"),
        (
            "Your booking was refused",
            "Your video booking of {date}, {time} was refused. Sign in to read why and to pick another.",
        ),
    ),
    "booking-withdrawn": _template(
        ("预约已撤回", "您已撤回 {date} {time} 的视频预约。"),
        ("Your booking was withdrawn", "You withdrew your video booking of {date}, {time}."),
    ),
    "booking-cancelled": _template(
        ("预约已取消", "您 {date} {time} 的视频预约已取消，原因请登录查看；您可以另选时间。"),
        (
            "Your booking was cancelled",
            "Your video booking of {date}, {time} was cancelled. Sign in to read why and to pick another.",
        ),
    ),
    "booking-expired": _template(
        ("预约已过期", "您 {date} {time} 的视频预约未能及时处理，已过期。请登录另选时间。"),
        (
            "Your booking has run out",
            "Your video booking of {date}, {time} was not decided in time. Please sign in and pick another.",
        ),
    ),
    "booking-changed": _template(
        ("预约有变化", "您的视频预约有变化，现为：{date} {time}，{minutes} 分钟。请登录查看。"),
        (
            "Your booking has changed",
            "Your video booking has changed and is now: {date}, {time}, {minutes} minutes. Sign in for more.",
        ),
    ),
    "booking-offer": _template(
        (
            "预约需要改期",
            "您的一次视频预约需要改期，为您保留了 {date} {time}，{minutes} 分钟。请登录查看原因，点一下即可接受。",
        ),
        (
            "Another time is kept for you",
            (
                "A video booking of yours must move. We keep {date}, {time}, {minutes} minutes for you. "
                "Sign in to read why and accept with one tap."
            ),
        ),
    ),
    "booking-invitation": _template(
        (
            "有一次视频邀请",
            "有人希望与您视频：{date} {time}，{minutes} 分钟，已为您保留。请登录查看，点一下即可同意或谢绝。",
        ),
        (
            "Somebody would like to see you by video",
            (
                "Somebody would like to see you by video: {date}, {time}, {minutes} minutes. It is kept for you. "
                "Sign in to say yes or no with one tap."
            ),
        ),
    ),
    "reminder-day": _template(
        (
            "明天的预约",
            "提醒：{date} {time} 有视频预约，{minutes} 分钟。请先做一次设备检测，备好证件。",
        ),
        (
            "Tomorrow's booking",
            (
                "A reminder of your video booking: {date}, {time}, {minutes} minutes. "
                "Please check your device beforehand and have your document ready."
            ),
        ),
        reminder=True,
    ),
    "reminder-2h": _template(
        ("今天的预约", "提醒：{date} {time} 有视频预约，{minutes} 分钟。请给手机充好电，连好网络。"),
        (
            "Today's booking",
            "Your video booking is on {date} at {time}, {minutes} minutes. Charge your phone.",
        ),
        reminder=True,
    ),
    "reminder-15min": _template(
        ("预约即将开始", "您的视频预约 {time} 开始，现在可以登录等候。"),
        (
            "Your booking starts soon",
            "Your video booking starts at {time}. You can sign in and wait now.",
        ),
        reminder=True,
        loud=True,
    ),
}
# Who writes, as Chinese carriers require it of a short message.
_SENDER = {"zh": "【亲桥】", "en": "Kinbridge: "}
_WEEKDAYS = ("一", "二", "三", "四", "五", "六", "日")
_SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def written_out(day: date, language: str) -> str:
    """`11月22日（周日）`, `Sun 22 Nov`."""
    if language == "zh":
        return f"{day.month}月{day.day}日（周{_WEEKDAYS[day.weekday()]}）"
    return f"{_SHORT_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def render(template: str, language: str, params: Mapping[str, str | int]) -> Text:
    """The text in `language` (Chinese for one that we do not have).

    Raises `KeyError` for an unknown template or a missing parameter, `ValueError` for one that is not allowed.
    """
    if strange := set(params) - PARAMS:
        raise ValueError(f"not allowed in a notice: {', '.join(sorted(strange))}")
    texts = TEMPLATES[template].texts
    spoken = language if language in texts else "zh"
    values = dict(params)
    if "date" in values:
        values["date"] = written_out(date.fromisoformat(str(values["date"])), spoken)
    text = texts[spoken]
    return Text(text.subject.format(**values), _SENDER[spoken] + text.sms.format(**values))
