"""Django's backend for MySQL and MariaDB with our driver, names that are compared exactly, and bounded waiting."""
