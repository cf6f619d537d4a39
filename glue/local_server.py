"""Serves a model on this machine with the image's own program `serve`, behind a real nginx or alone.

Two processes: nginx, which callers reach, and `serve` (gunicorn) on a socket in a folder of its own. Either one's end
ends both. SIGTERM and SIGINT stop in order: nginx refuses new callers and finishes requests, then `serve` stops; both
have a time limit. The children end when this process is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import grp
import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from glue.errors import SlipwayError, UsageError
from glue.oci.build import check_model

SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin"  # where nginx lies, though not on everybody's PATH
CANNOT_LOAD = 4
MAX_REQUEST_BYTES = 25 * 1024 * 1024
LIMIT_S, GRACE_S = 60, 25
_POLL_S = 0.1
_KILL_AFTER_S = 10
_SOCKET_BYTES = 107
_SCRATCH = "slipway-serve-"


@dataclass(frozen=True)
class Serving:
    """What to serve and how. `nginx` None: `serve` itself listens on host and port.

    `command` starts `serve` in `environ`; limits in bytes and seconds are the same on both ways.
    """

    command: Sequence[str]
    environ: Mapping[str, str]
    model_dir: Path
    host: str = "127.0.0.1"
    port: int = 8080
    nginx: Path | None = None
    template: Path | None = None
    max_request_bytes: int = MAX_REQUEST_BYTES
    limit_s: int = LIMIT_S
    grace_s: int = GRACE_S


def of_checkout(
    root: Path,
    model: str,
    environ: Mapping[str, str],
    *,
    model_dir: Path,
    nginx: Path | None,
    host: str,
    port: int,
    max_bytes: int,
    limit: int,
    grace: int,
) -> Serving:
    """Return how to serve `models/<model>` of a checkout. Raises UsageError when there is no such model."""
    check_model(model, root)
    own = {"PYTHONPATH": str(root), "SLIPWAY_MODEL_PACKAGE": f"models.{model}"}
    return Serving(
        command=(sys.executable, str(root / "image" / "bin" / "serve")),
        environ={name: value for name, value in environ.items() if not name.startswith("SM_")} | own,
        model_dir=model_dir,
        host=host,
        port=port,
        nginx=nginx,
        template=root / "image" / "nginx.conf",
        max_request_bytes=max_bytes,
        limit_s=limit,
        grace_s=grace,
    )


def find_nginx(environ: Mapping[str, str], *, tools: Path) -> Path:
    """Return nginx: the one that NGINX names, else one on PATH, else the one in `tools`.

    Raises UsageError that says how to get one.
    """
    named = environ.get("NGINX") or "nginx"
    path = f"{environ.get('PATH', '')}:{SYSTEM_PROGRAMS}"
    found = shutil.which(named, path=path)
    if found is None and "NGINX" not in environ and (tools / "nginx").is_file():
        found = str(tools / "nginx")
    if found is None:
        raise UsageError(
            f"there is no {named} on this machine",
            remedy="Install it (Debian: apt-get install nginx-light), name it in NGINX, or serve --without-nginx.",
        )
    return Path(found)


def serve(serving: Serving, folder: Path, *, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, with `folder` for socket and settings; returns after a stop in order.

    Runs in the main thread.

    Raises UsageError when the port is taken or the folder does not exist; SlipwayError when the model cannot be loaded,
    or one of the programs ends by itself. Their own words are on stderr.
    """
    if not serving.model_dir.is_dir():
        raise UsageError(f"there is no folder {serving.model_dir} with a model")
    _refuse_taken(serving.host, serving.port)
    say(f"serving on http://{serving.host}:{serving.port}")
    with _told_by_signals() as stop:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            processes["serve"] = _start(serving.command, _environment(serving, folder))
            if serving.nginx:
                processes["nginx"] = _start(_nginx_command(serving, folder), dict(serving.environ))
            _watch(processes, stop, ready=lambda: _is_ready(serving, folder), say=say)
        finally:
            say("stopping")
            _stop(processes, serving.grace_s)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a model archive, as SageMaker does, but nothing outside the folder. Raises UsageError when it is none."""
    try:
        folder.mkdir(exist_ok=True)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise UsageError(f"{archive} is no model archive: {error}") from error
    for path in (folder, *folder.rglob("*")):  # workers may be another user
        path.chmod(0o755 if path.is_dir() else 0o644)


def nginx_config(serving: Serving, folder: Path, *, root: bool) -> str:
    """Return nginx's settings for a folder of its own. As root its workers become `nobody`."""
    if serving.template is None:
        raise ValueError("nginx needs its template")
    user = ""
    if root:
        nobody = pwd.getpwnam("nobody")
        user = f"user nobody {grp.getgrgid(nobody.pw_gid).gr_name};"
    return Template(serving.template.read_text(encoding="utf-8")).substitute(
        user=user,
        socket=_socket(folder),
        listen=f"[{serving.host}]:{serving.port}" if ":" in serving.host else f"{serving.host}:{serving.port}",
        max_request_bytes=serving.max_request_bytes,
        answer_s=serving.limit_s + 5,
        grace_s=serving.grace_s,
    )


def _environment(serving: Serving, folder: Path) -> dict[str, str]:
    own = {
        "SM_MODEL_DIR": str(serving.model_dir.resolve()),
        "SLIPWAY_MAX_REQUEST_BYTES": str(serving.max_request_bytes),
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(serving.limit_s),
        "SLIPWAY_GRACE": str(serving.grace_s),
    }
    if serving.nginx:
        return {**serving.environ, **own, "SLIPWAY_BIND_SOCKET": str(_socket(folder))}
    return {**serving.environ, **own, "SLIPWAY_BIND_HOST": serving.host, "SAGEMAKER_BIND_TO_PORT": str(serving.port)}


def _nginx_command(serving: Serving, folder: Path) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(nginx_config(serving, folder, root=os.geteuid() == 0), encoding="utf-8")
    # -e: before it has read its settings, nginx would write to the system's log, which needs root
    return [str(serving.nginx), "-p", f"{folder}/", "-c", str(config), "-e", "stderr"]


def _watch(
    processes: Mapping[str, subprocess.Popen[bytes]],
    stop: threading.Event,
    *,
    ready: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Return when told to stop. Raises SlipwayError when one of the processes ends before."""
    told = False
    while not stop.wait(_POLL_S):
        for name, process in processes.items():
            _refuse_ended(name, process.poll())
        if not told and ready():
            told = True
            say("ready: /ping and /invocations answer")


def _refuse_ended(name: str, code: int | None) -> None:
    if code == CANNOT_LOAD and name == "serve":
        raise SlipwayError("the model cannot be loaded", remedy="The line with event load above says why.")
    if code is not None:
        raise SlipwayError(f"{name} ended by itself with code {code}", remedy="Its own words are above.")


def _is_ready(serving: Serving, folder: Path) -> bool:
    if serving.nginx and not _socket(folder).exists():  # nginx would tell each time that there is none
        return False
    connection = http.client.HTTPConnection(serving.host, serving.port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(processes: Mapping[str, subprocess.Popen[bytes]], grace_s: int) -> None:
    """End nginx, then `serve`: each as it ends in order, and by force beyond the limit."""
    for name, graceful in (("nginx", signal.SIGQUIT), ("serve", signal.SIGTERM)):
        process = processes.get(name)
        if process is None:
            continue
        try:
            process.send_signal(graceful)  # does nothing once it has ended
            process.wait(grace_s + _KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            pass  # by force, below
        with contextlib.suppress(ProcessLookupError):  # also workers whose master was killed
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A group of its own: Ctrl-C on a terminal is for us alone, who stop the others in order.
    try:
        return subprocess.Popen(
            list(command), env=dict(environ), stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has no other thread yet
        )  # fmt: skip
    except OSError as error:
        raise SlipwayError(f"{command[0]} cannot be started: {error.strerror}") from error


def _end_with_parent() -> None:
    # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html: SIGTERM when the parent is gone. Other systems
    # than Linux leave the children of a killed parent.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{host}:{port} cannot be used: {reason}", remedy="Give another --port.") from error


def _socket(folder: Path) -> Path:
    return folder / "serve.sock"


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a temporary folder, which other users may pass through but not list; those of killed calls are removed."""
    short = len(os.fsencode(tempfile.gettempdir())) < _SOCKET_BYTES - 50
    parent = Path(tempfile.gettempdir() if short else "/tmp")  # noqa: S108 - a name of our own is made in it
    for left in parent.glob(f"{_SCRATCH}*"):
        if not _alive(left.name.removeprefix(_SCRATCH).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-", dir=parent) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def _alive(pid: str) -> bool:
    """Tell whether a process is there; what is no number is not ours to judge."""
    if not pid.isdecimal() or len(pid) > 9:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _told_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
