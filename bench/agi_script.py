"""What a call centre runs today: an AGI script, started for each call, that asks Redis and answers in a variable.

It is leaner than those one meets: no AGI library and no Redis client, whose imports alone take longer than all of this.
"""

import socket
import sys


def main(host: str, port: str, number: str) -> None:
    """Read AGI's header, ask, and set BLOCKED to Redis's 0 or 1."""
    while sys.stdin.readline().strip():
        pass
    with socket.create_connection((host, int(port)), 1) as redis:
        redis.sendall(f"SISMEMBER suppressed {number}\r\n".encode())
        answer = redis.recv(64)
    print(f"SET VARIABLE BLOCKED {answer.decode().strip(':').strip()}", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
