"""What people send to find out whether a host reaches a database."""

from __future__ import annotations

from django import forms

MESSAGE_MAX = 2000


class DiagnosisForm(forms.Form):
    """host: an EC2 instance, empty for Toban itself; user and password: for one try, kept nowhere; message: a client's own error."""

    host = forms.UUIDField(required=False)
    user = forms.CharField(max_length=128, required=False)
    password = forms.CharField(max_length=200, required=False, strip=False)
    database = forms.CharField(max_length=64, required=False)
    message = forms.CharField(max_length=MESSAGE_MAX, required=False)
