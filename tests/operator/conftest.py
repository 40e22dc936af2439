from tests.registers.conftest import command, redis_url

__all__ = ["command", "redis_url"]
