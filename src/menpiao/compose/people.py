"""The first person of a fresh installation: an administrator who can make everybody else."""

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


class UserError(ValueError):
    """A name or a password that cannot be taken; the message says why."""


def make_administrator(name: str, password: str) -> bool:
    """Let this person into the console with every right; True when the name is new.

    A name that exists gets the new password and is let in again: the way back when nobody
    remembers theirs.

    Raises:
        UserError: the name or the password is not acceptable.
    """
    user = User.objects.filter(username=name).first()
    fresh = user is None
    if user is None:
        user = User(username=name)
    try:
        validate_password(password, user)
        user.set_password(password)
        user.is_staff = user.is_superuser = user.is_active = True
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise UserError(" ".join(error.messages)) from error
    user.save()
    return fresh
