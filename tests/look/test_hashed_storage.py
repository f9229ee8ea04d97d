"""Sites that run collectstatic get names that change with the content, for whatever a page or a module loads."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command


@pytest.fixture
def collected(settings: Any, tmp_path: Path) -> Path:
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "accounts.staticfiles.HashedStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_modules_import_each_other_by_hashed_names(collected: Path) -> None:
    app = (collected / staticfiles_storage.stored_name("js/app.js")).read_text()
    imported = re.findall(r'import\s*"\./([^"]+)"', app)
    assert len(imported) == (Path("static/js/app.js").read_text().count("import "))
    for name in imported:
        assert re.fullmatch(r"\w+\.[0-9a-f]{12}\.js", name)
        assert (collected / "js" / name).is_file()


def test_a_vendored_file_whose_map_is_missing_is_taken_all_the_same(collected: Path) -> None:
    bootstrap = collected / staticfiles_storage.stored_name("vendor/bootstrap.min.css")
    assert bootstrap.read_text().rstrip().endswith("/*# sourceMappingURL=bootstrap.min.css.map */")
