"""The forms of the booking pages: a party of visitors, grown and shrunk without JavaScript."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from menpiao.domain.document import FAULT_TEXTS, TYPE_LABELS, DocumentFault, DocumentType
from menpiao.domain.product import Product
from menpiao.domain.reasons import Reason, Refusal
from menpiao.wire.booking import BookingRequest, Visitor

_NOT_TYPED = frozenset({DocumentType.NETWORK_ID})
_DIGITS = 12
_NOT_THEIRS = frozenset(
    {
        *(Reason.SALE_AT_DESK, Reason.EVIDENCE_NEEDED, Reason.NOT_PERMITTED),
        *(Reason.BUSY, Reason.FAULT, Reason.RATE_LIMITED),
    }
)
"""What no visitor can mend by filling the form in otherwise."""
_FIELDS = ("name", "document_type", "number", "people")


def document_choices(product: Product, *, english: bool) -> list[tuple[str, str]]:
    """The documents a product is sold on, with their names; a network identity cannot be typed."""
    return [
        (kind.value, label.en if english else label.zh)
        for kind, label in TYPE_LABELS.items()
        if kind not in _NOT_TYPED
        and (not product.document_types or kind.value in product.document_types)
    ]


def small_number(text: str) -> int | None:
    """A number as a form's hidden field holds it; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def refusal_text(refusal: Refusal, *, english: bool) -> str:
    """What went wrong and what to do, in one line."""
    words = refusal.wording
    first, then = (words.en, words.en_next) if english else (words.zh, words.zh_next)
    if refusal.reason is Reason.DOCUMENT_INVALID and refusal.detail in set(DocumentFault):
        fault = FAULT_TEXTS[DocumentFault(refusal.detail)]
        return fault.en if english else fault.zh
    if not then:
        return first
    return f"{first}. {then}." if english else f"{first}，{then}"


class VisitorForm(forms.Form):
    """One visitor: what is on the document, and how many people come in on it."""

    name = forms.CharField(max_length=40)
    document_type = forms.ChoiceField()
    number = forms.CharField(max_length=64)
    people = forms.IntegerField(min_value=1, initial=1)

    def __init__(self, product: Product, index: int, *, english: bool, **rest: Any) -> None:
        """A form for the visitor at this place of the party."""
        super().__init__(prefix=f"v{index}", label_suffix="", **rest)
        self.fields["name"].label = _("姓名")
        self.fields["name"].help_text = _("与证件一致")
        self.fields["document_type"].label = _("证件类型")
        self.fields["number"].label = _("证件号码")
        self.fields["people"].label = _("人数（凭此证件入园）")
        kind = self.fields["document_type"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = document_choices(product, english=english)
        people = self.fields["people"]
        people.widget.attrs["max"] = product.people_per_document
        if product.people_per_document == 1:
            people.widget = forms.HiddenInput()
            people.required = False
        for field, attributes in _ATTRIBUTES.items():
            self.fields[field].widget.attrs.update(attributes)


# "section-" keeps a browser from filling every visitor with the same person.
_ATTRIBUTES = {
    "name": {"autocomplete": "off", "autocapitalize": "words", "spellcheck": "false"},
    "number": {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    "people": {"inputmode": "numeric"},
}


class PhoneForm(forms.Form):
    """Who is told about the order."""

    phone = forms.CharField(max_length=20)

    def __init__(self, *arguments: Any, **rest: Any) -> None:
        """The texts are those of the page's language."""
        super().__init__(*arguments, **rest)
        self.label_suffix = ""
        self.fields["phone"].label = _("手机号")
        self.fields["phone"].help_text = _("用于接收通知和查询订单；境外号码以 + 开头")
        self.fields["phone"].widget = forms.TextInput(
            attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}
        )


class Party:
    """The visitors and the telephone of an order that is being put together."""

    def __init__(
        self, product: Product, data: Mapping[str, str] | None, *, english: bool, check: bool
    ) -> None:
        """From posted data; ``check``: whether faults are to be shown."""
        self._product, self._english = product, english
        self.trouble: Refusal | None = None
        self.theirs_to_mend = True
        """Whether what is refused can be put right in this form."""
        if data is None or "count" not in data:
            self.visitors = [VisitorForm(product, 0, english=english)]
            self.phone = PhoneForm()
            return
        count = max(1, min(small_number(data["count"]) or 1, product.people_per_order))
        if check:
            self.visitors = [
                VisitorForm(product, i, english=english, data=data) for i in range(count)
            ]
            self.phone = PhoneForm(data)
        else:
            self._show([_given(data, i) for i in range(count)], data.get("phone", ""))

    def _show(self, people: list[dict[str, str]], phone: str) -> None:
        self.visitors = [
            VisitorForm(self._product, i, english=self._english, initial=p)
            for i, p in enumerate(people)
        ]
        self.phone = PhoneForm(initial={"phone": phone})

    @property
    def may_grow(self) -> bool:
        """Whether one more visitor fits into the order."""
        return len(self.visitors) < self._product.people_per_order

    def remove(self, index: int) -> None:
        """Without the visitor at this place; the last one stays."""
        people = [dict(form.initial) for form in self.visitors]
        if len(people) > 1 and 0 <= index < len(people):
            del people[index]
            self._show(people, self.phone.initial.get("phone", ""))

    def resize(self, wanted: int) -> None:
        """So many visitors: new ones are empty, and the empty ones go first."""
        wanted = max(1, min(wanted, self._product.people_per_order))
        people = [dict(form.initial) for form in self.visitors]
        while len(people) < wanted:
            people.append({})
        while len(people) > wanted:
            empty = [i for i, p in enumerate(people) if not (p.get("name") or p.get("number"))]
            del people[empty[-1] if empty else -1]
        self._show(people, self.phone.initial.get("phone", ""))

    def begin_at_last(self) -> None:
        """Let the browser begin at the visitor who was just added."""
        self.visitors[-1].fields["name"].widget.attrs["autofocus"] = True

    def is_valid(self) -> bool:
        """Whether every field is filled in; the rules are the service's."""
        faulty = [form for form in (*self.visitors, self.phone) if not form.is_valid()]
        return not faulty

    def request(
        self, slot_id: int, token: str, expected_fen: int | None, language: str
    ) -> BookingRequest:
        """The request of a valid party."""
        visitors = [
            Visitor(
                document_type=form.cleaned_data["document_type"],
                number=form.cleaned_data["number"],
                name=form.cleaned_data["name"],
                people=form.cleaned_data["people"] or 1,
            )
            for form in self.visitors
        ]
        return BookingRequest(
            token=token,
            product_id=self._product.id,
            slot_id=slot_id,
            visitors=visitors,
            phone=self.phone.cleaned_data["phone"],
            expected_fen=expected_fen,
            language=language,
        )

    def refuse(self, refusal: Refusal) -> None:
        """Put a refusal beside the field it is about, or above all of them."""
        self.theirs_to_mend = refusal.reason not in _NOT_THEIRS
        match refusal.field.split("."):
            case ["visitors", index, field] if field in _FIELDS and int(index) < len(self.visitors):
                text = refusal_text(refusal, english=self._english)
                form = self.visitors[int(index)]
                hidden = isinstance(form.fields[field].widget, forms.HiddenInput)
                form.add_error("number" if hidden else field, text)
            case ["phone"]:
                self.phone.add_error("phone", refusal_text(refusal, english=self._english))
            case _:
                self.trouble = refusal


def _given(data: Mapping[str, str], index: int) -> dict[str, str]:
    return {field: data.get(f"v{index}-{field}", "") for field in _FIELDS}


class FindForm(forms.Form):
    """What proves that an order is one's own."""

    order_no = forms.CharField(max_length=30)
    phone = forms.CharField(max_length=20)
    last4 = forms.CharField(max_length=4, min_length=4)

    def __init__(self, *arguments: Any, **rest: Any) -> None:
        """The texts are those of the page's language."""
        super().__init__(*arguments, **rest)
        self.label_suffix = ""
        for name, label, attributes in (
            ("order_no", _("订单号"), {"inputmode": "numeric", "autocomplete": "off"}),
            ("phone", _("手机号"), {"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
            ("last4", _("任一游客证件号码后四位"), {"autocomplete": "off", "spellcheck": "false"}),
        ):
            self.fields[name].label = label
            self.fields[name].widget = forms.TextInput(attrs=attributes)
