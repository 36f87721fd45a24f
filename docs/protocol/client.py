"""Leases a port for the service `web` of the current directory, and prints the number."""
import json, os, pwd, socket, struct, sys

def send(message):
    payload = json.dumps(message).encode()
    daemon.sendall(struct.pack(">I", len(payload)) + payload)

def receive():
    length, = struct.unpack(">I", stream.read(4))
    return json.loads(stream.read(length))

home = os.environ.get("PORTUS_HOME") or pwd.getpwuid(os.getuid()).pw_dir + "/.local/state/portus"
daemon = socket.socket(socket.AF_UNIX)
daemon.connect(sys.argv[1] if len(sys.argv) > 1 else home + "/portus.sock")
stream = daemon.makefile("rb")
send({"protocol": 1})
if "refused" in (greeting := receive()):
    sys.exit("{message} ({hint})".format(**greeting["refused"]))
worktree = os.path.realpath(".")
key = {"project": os.path.basename(worktree), "worktree": worktree, "service": "web"}
send({"id": 1, "call": {"request": {"asks": [{"key": key}]}}})
outcome = receive()["reply"]["outcome"]
if "refused" in outcome:
    sys.exit("{message} ({hint})".format(**outcome["refused"]))
print(outcome["ok"]["leases"]["leases"][0]["port"])
