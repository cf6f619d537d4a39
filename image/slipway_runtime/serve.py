"""The program `serve`: gunicorn with threads around the application.

Exit codes: 0 stopped by SIGTERM after the requests in flight, 2 a setting is unusable, 4 the model cannot be loaded.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from collections.abc import Mapping

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from . import log
from .app import Application, Limits
from .handler import Handler, load_handler
from .settings import ServeSettings, SettingsError, serve_settings
from .worker import Worker

WAITING_PER_SLOT = 8
SPARE_THREADS = 4  # /ping must find a thread while predictions take all the others


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn with our settings. It reads neither command line nor GUNICORN_CMD_ARGS."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        # One byte that master and workers share: whether any worker has ever loaded the model.
        self._loaded = mmap.mmap(-1, 1)
        super().__init__()

    def load_config(self) -> None:
        """Hand our settings to gunicorn."""
        for name, value in gunicorn_options(self._settings).items():
            self.cfg.set(name, value)
        self.cfg.set("child_exit", self._worker_left)

    def load(self) -> Application:
        """Return the application; runs in each worker, after the fork: libgomp does not survive a fork once used."""
        settings = self._settings
        limits = Limits(
            slots=settings.threads,
            waiting=settings.threads * WAITING_PER_SLOT,
            max_bytes=settings.max_request_bytes,
            seconds=settings.limit_s,
        )
        return Application(
            self._load_model,
            limits,
            on_failure=_leave_unloaded,
            on_stuck=_leave_stuck,
            release=settings.release,
        )

    def _load_model(self) -> Handler:
        handler = load_handler(self._settings.model_package, self._settings.model_dir)
        self._loaded[0] = 1
        return handler

    def _worker_left(self, arbiter: Arbiter, _: object) -> None:
        # Native code can end the process while it loads (abort, out of memory). Started anew it would do so for ever.
        if not self._loaded[0] and arbiter.LISTENERS:
            log.write("error", "load", reason="the model ended its process while it loaded")
            raise HaltServer("The model cannot be loaded.", Arbiter.APP_LOAD_ERROR)


def gunicorn_options(settings: ServeSettings) -> dict[str, object]:
    """Return gunicorn's settings (https://docs.gunicorn.org/en/stable/settings.html)."""
    user = {"user": settings.run_as[0], "group": settings.run_as[1]} if settings.run_as else {}
    return {
        **user,
        "bind": f"unix:{settings.socket}" if settings.socket else f"{settings.host}:{settings.port}",
        "workers": settings.workers,
        "worker_class": Worker,
        "threads": settings.threads * (1 + WAITING_PER_SLOT) + SPARE_THREADS,
        # The heartbeat is the main thread's: it stops only when native code holds the interpreter lock.
        "timeout": int(settings.limit_s) + 30,
        "graceful_timeout": settings.grace_s,
        "keepalive": 75,  # longer than a caller's pause between requests: SageMaker reuses connections
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108 - heartbeat only
        "control_socket_disable": True,
        "accesslog": None,
        "logconfig_dict": _logging(),
    }


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run until SIGTERM or SIGINT. Returns 2 for an unusable setting; gunicorn ends the process otherwise."""
    # One prediction is one thread's work; the workers are what uses the processors.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        settings = serve_settings(environ)
    except SettingsError as error:
        log.write("error", "settings", reason=str(error))
        return 2
    if not settings.model_dir.is_dir():
        log.write("error", "load", reason=f"the model folder {settings.model_dir} does not exist")
        return Arbiter.APP_LOAD_ERROR  # type: ignore[no-any-return]
    log.write("info", "start", port=settings.port, workers=settings.workers, model_dir=str(settings.model_dir))
    Server(settings).run()
    return 0


def _leave_unloaded(error: BaseException) -> None:
    log.write("error", "load", reason=log.describe(error), traceback=log.trace(error))
    sys.stderr.flush()
    # This exit code makes gunicorn's arbiter stop everything instead of starting the worker again for ever.
    os._exit(Arbiter.APP_LOAD_ERROR)


def _leave_stuck() -> None:
    log.write("error", "stuck", reason="every prediction of this worker hangs; the worker is started anew")
    # Half a second lets the last caller have its answer.
    timer = threading.Timer(0.5, os._exit, args=(1,))
    timer.daemon = True
    timer.start()


def _logging() -> dict[str, object]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": log.JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
    }
