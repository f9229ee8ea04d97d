import tests.production.test_on_mariadb as m
def test_mine(mariadb, tmp_path):
    import json, os, subprocess, sys
    environment = {**os.environ, "GANETIMGR_TEST_DATABASE": json.dumps(mariadb.settings()), "GANETIMGR_TEST_DRIVER": "pymysql", "GANETIMGR_TEST_VAR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--create-db", "--ds", "tests.production.settings"]
    done = subprocess.run([*command, "tests/production/on_mariadb.py", *(f"tests/accounts/test_{n}.py" for n in ("feed","locks_of_accounts"))], cwd=m.ROOT, env=environment, capture_output=True, text=True, timeout=500)
    print(done.stdout[-5000:]); assert 0
