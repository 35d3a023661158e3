from zoneinfo import ZoneInfo

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import ExtractDay
from django.db.models.lookups import Exact


class Migration(migrations.Migration):
    """A month's review begins with the month: one of a few days would stand in its place for good.

    Those that were begun so before are left as they are.
    """

    dependencies = [("medical_audit", "0037_a_word_is_no_proof")]
    operations = [
        AddConstraintNotValid(
            "accessreview",
            models.CheckConstraint(
                condition=Q(interim=True) | Q(Exact(ExtractDay("since", tzinfo=ZoneInfo("Asia/Tokyo")), 1)),
                name="review_of_a_whole_month",
            ),
        ),
    ]
