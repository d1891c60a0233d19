from django.db import migrations

from profiler_server.profiles.statements import SQL


class Migration(migrations.Migration):

    dependencies = [("profiles", "0001_create_tables")]

    operations = [migrations.RunSQL(SQL["add_base"], SQL["drop_base"])]
