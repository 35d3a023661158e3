from django.db import migrations

from medical_audit.walls import Erasable


class Migration(migrations.Migration):
    """What an erasure of a person empties."""

    dependencies = [("accounts", "0008_channels"), ("medical_audit", "0019_people")]
    operations = [
        Erasable("noticechoice", {"person_id": ["person_name", "address"]}),
        Erasable("noticedelivery", {"person_id": ["person_name", "address"]}),
        Erasable("channel", {"person_id": ["person_name"]}, named=["confirmed_by_name"]),
        Erasable("dispatch", {}, notes=["body"]),
        Erasable("apitoken", {}, named=["ended_by_name"]),
        Erasable("user", {"id": ["name", "username", "email"]}, everywhere=True),
        Erasable("passkey", {"user_id": ["name"]}, everywhere=True),
    ]
