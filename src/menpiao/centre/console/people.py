"""People of the house: what they may do, and the badge and PIN that prove it at a lane."""

import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console.base import Page
from menpiao.domain.pin import SALT_OCTETS, hash_pin
from menpiao.storage.database.models import Staff

if TYPE_CHECKING:
    _Form = forms.ModelForm[Staff]
    _Accounts = UserAdmin[User]
else:
    _Form, _Accounts = forms.ModelForm, UserAdmin

_LEAST, _MOST = 6, 12
"""Digits of a PIN; the message that carries it allows no more."""
_RISING = "01234567890123456789"


def _is_guessed_first(pin: str) -> bool:
    """One digit over and over, or a run up or down."""
    return len(set(pin)) == 1 or pin in _RISING or pin[::-1] in _RISING


def _pin_field(label: Any, help_text: Any = "") -> forms.CharField:
    # A browser neither fills in nor keeps it, and it is never sent back to one.
    attributes = {"autocomplete": "new-password", "inputmode": "numeric", "class": "vTextField"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        widget=forms.PasswordInput(attributes, render_value=False),
        validators=[
            RegexValidator(rf"\A[0-9]{{{_LEAST},{_MOST}}}\Z", _("密码为六至十二位数字。")),
        ],
    )


class StaffForm(_Form):
    """A person's place; the PIN goes in and never comes out."""

    badge = forms.CharField(
        label=_("工号"),
        required=False,
        max_length=12,
        validators=[RegexValidator(r"\A[0-9A-Za-z\-]+\Z", _("工号只含字母、数字和连字符。"))],
        help_text=_("在闸机处与密码一起输入；同一景区内不重复。留空则不能在闸机处操作。"),
    )
    pin = _pin_field(_("新闸机密码"), _("六至十二位数字；留空则不变。保存后无人能再看到。"))
    pin_again = _pin_field(_("再次输入密码"))
    clear_pin = forms.BooleanField(label=_("清除闸机密码"), required=False)

    class Meta:
        model = Staff
        fields = ("user", "site", "role", "badge")

    def clean(self) -> dict[str, Any]:
        """A PIN is typed twice the same, is not the first to be guessed, and has a badge."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        pin, again = data.get("pin", ""), data.get("pin_again", "")
        if "pin" in self.errors or "pin_again" in self.errors:
            return data
        if pin != again:
            self.add_error("pin_again", _("两次输入的密码不同。"))
        elif pin and data.get("clear_pin"):
            self.add_error("clear_pin", _("设置新密码与清除密码只能选一项。"))
        elif pin and _is_guessed_first(pin):
            self.add_error("pin", _("密码太容易被猜到，请换一个。"))
        elif pin and not data.get("badge") and "badge" not in self.errors:
            self.add_error("badge", _("设置闸机密码前请填写工号。"))
        return data

    def save(self, commit: bool = True) -> Staff:  # noqa: FBT001, FBT002 - Django's shape
        """Keep the PIN's hash; without a badge there is nothing it could prove."""
        data = self.cleaned_data
        if data["pin"]:
            self.instance.pin_hash = hash_pin(data["pin"], secrets.token_bytes(SALT_OCTETS))
        elif data["clear_pin"] or not data["badge"]:
            self.instance.pin_hash = ""
        saved: Staff = super().save(commit=commit)
        return saved


class StaffAdmin(Page):
    """People of the house and what they may do."""

    form = StaffForm
    list_display = ("user", "site", "role", "badge", "has_pin")
    list_filter = ("site", "role")
    search_fields = ("user__username", "badge")
    autocomplete_fields = ("user",)
    fieldsets: ClassVar = [
        (None, {"fields": ("user", "site", "role")}),
        (_("闸机处操作"), {"fields": ("badge", "has_pin", "pin", "pin_again", "clear_pin")}),
    ]
    readonly_fields = ("has_pin",)

    @admin.display(boolean=True, description=_("已设闸机密码"))
    def has_pin(self, person: Staff) -> bool:
        """Whether there is one: all that anybody can see of it."""
        return bool(person.pin_hash)


class AccountAdmin(_Accounts):
    """Accounts. Who may only choose one is shown nothing of its password, nor a way to set it."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the password where it cannot be changed."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return sets
        return [
            (name, {**of, "fields": [one for one in of["fields"] if one != "password"]})
            for name, of in sets
        ]
