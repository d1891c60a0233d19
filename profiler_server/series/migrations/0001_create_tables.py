from django.db import migrations

from profiler_server.series.statements import SQL


class Migration(migrations.Migration):

    initial = True

    dependencies = [("catalog", "0001_create_tables")]

    operations = [migrations.RunSQL(SQL["create_tables"], SQL["drop_tables"])]
