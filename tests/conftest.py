from gevent import monkey

monkey.patch_all()
import os, uuid, psycopg2, pytest
from hypothesis import settings

settings.register_profile("x", deadline=None)
settings.load_profile("x")


@pytest.fixture
def database_url():
    n = "d" + uuid.uuid4().hex
    c = psycopg2.connect("host=/tmp/pgt user=postgres dbname=postgres")
    c.autocommit = True
    c.cursor().execute("create database " + n)
    yield f"host=/tmp/pgt user=postgres dbname={n}"
    c.cursor().execute(f"drop database {n} with (force)")
    c.close()
