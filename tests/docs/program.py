"""The program `goldenbatch` for the pages' shell blocks, forked from one with its imports done.

Imports take most of a short command's time, and the pages run hundreds of commands. Each is a
process of its own still: its arguments, environment, folder, streams, signals and exit code are
those of the caller, who calls it by its name. README is run by the program as it is installed.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SHIM = """#!{python} -ISE
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
socket.send_fds(line, [b"x"], [0, 1, 2])
asked = json.dumps([os.getcwd(), sys.argv[1:], dict(os.environ)]).encode()
line.sendall(len(asked).to_bytes(8, "big") + asked)
answers = line.makefile("r")
pid = int(answers.readline())
for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(one, lambda number, _: os.kill(pid, number))
status = int(answers.readline())
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.WEXITSTATUS(status))
"""

SERVER = '''
import atexit, contextlib, ctypes, gc, importlib, json, os, pkgutil, signal, socket, sys, threading

def die_with_parent():
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)

def read(line, n):
    found = b""
    while len(found) < n:
        found += line.recv(n - len(found)) or sys.exit("the caller is gone")
    return found

def mind(line, child):
    """Tell the caller of a child's end; a caller that dies takes its child along."""
    def watch():
        while line.recv(1):
            pass
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    line.sendall(f"{child}\\n".encode())
    threading.Thread(target=watch, daemon=True).start()
    _, status = os.waitpid(child, 0)
    line.sendall(f"{status}\\n".encode())
    os._exit(0)

def become(line):
    """The process that the caller asked for; returns in it alone."""
    _, streams, _, _ = socket.recv_fds(line, 1, 3)
    folder, arguments, environment = json.loads(read(line, int.from_bytes(read(line, 8), "big")))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if child := os.fork():
        mind(line, child)
    die_with_parent()
    line.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["goldenbatch", *arguments]
    sys.path[:0] = [one for one in environment.get("PYTHONPATH", "").split(os.pathsep) if one]
    importlib.invalidate_caches()

def load(entries):
    for one in entries.values():
        if one.is_group:
            load(one.children() if callable(one.children) else one.children)
        else:
            one.load()

die_with_parent()
import goldenbatch
from goldenbatch.apps.cli import _main, _tree
load(_tree.tree())
# Imported, and nothing run: what has threads of its own does not live through a fork.
own = [one.name for one in pkgutil.walk_packages(goldenbatch.__path__, "goldenbatch.")]
own = [one for one in own if one.split(".")[1] in ("core", "stores", "runtime", "apps")]
others = "pyarrow.parquet pyarrow.compute deltalake duckdb uvicorn dateutil.parser _strptime"
for name in (*own, *others.split()):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
gc.collect()
gc.freeze()  # a collection would copy all pages that are shared
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
door.listen(64)
print("ready", flush=True)
while True:
    line, _ = door.accept()
    if os.fork() == 0:
        door.close()
        become(line)
        break
    line.close()
code = _main.run(sys.argv[1:])
# What an interpreter does at its end, short of taking all modules apart one by one.
threading._shutdown()
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
'''


@functools.cache
def program_folder() -> Path:
    """A folder with a `goldenbatch` in it, for the front of PATH; made once, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gbx-"))
    address = str(folder / "door")
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", SERVER, address], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def end() -> None:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    if server.stdout is None or server.stdout.readline() != "ready\n":
        raise AssertionError("the program for the pages did not start")
    shim = folder / "bin" / "goldenbatch"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(python=sys.executable, address=address), encoding="utf-8")
    shim.chmod(0o755)
    return shim.parent
